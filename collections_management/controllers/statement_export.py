from werkzeug.exceptions import NotFound

from odoo.http import Controller, request, route

from .workbook import check_may_export, stream_workbook


class StatementExport(Controller):
    @route("/collections/statements/<int:wizard_id>.xlsx", type="http", auth="user")
    def statements_xlsx(self, wizard_id):
        """Stream the workbook of statements that the person has just chosen.

        :param int wizard_id: of the person's own ``collection.statement.wizard``
        """
        check_may_export()
        wizard = request.env["collection.statement.wizard"].search([("id", "=", wizard_id)])
        if not wizard:
            raise NotFound
        return stream_workbook(f"{wizard.display_name}.xlsx", wizard._write_workbook)
