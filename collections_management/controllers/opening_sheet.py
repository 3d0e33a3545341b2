from odoo.http import Controller, request, route

from .workbook import check_may_export, stream_workbook


class OpeningSheet(Controller):
    # not readonly: customers without a file get theirs
    @route("/collections/opening_sheet/<int:company_id>/xlsx", type="http", auth="user")
    def opening_sheet_xlsx(self, company_id):
        """Stream the workbook to fill in: a row per open item of a company and its branches.

        :param int company_id: main company
        :raises AccessError: for those who may not take over work, or don't work in the company
        """
        check_may_export()
        request.env["collection.opening.import"].check_access("create")
        company = request.env["res.company"].browse(company_id)
        workbook = request.env["collection.opening.workbook"]
        workbook.env["collection.opening.sheet"]._in_family(company)  # refuses other companies
        return stream_workbook(
            workbook._get_file_name(company), lambda file: workbook._write_workbook(file, company)
        )
