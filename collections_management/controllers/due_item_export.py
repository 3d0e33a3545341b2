import json

from werkzeug.exceptions import BadRequest

from odoo.http import Controller, request, route

from .workbook import check_may_export, stream_workbook


class DueItemExport(Controller):
    @route("/collections/due_items/xlsx", type="http", auth="user", readonly=True)
    def due_items_xlsx(self, domain="[]", context="{}", filters=""):
        """Stream the workbook of open items, as the person may see them.

        :param str domain: JSON domain on ``collection.due.item``
        :param str context: JSON; its companies and language are used
        :param str filters: what the person filtered by, for the head of the sheets
        """
        check_may_export()
        domain, context = self._read_json(domain, list), self._read_json(context, dict)
        request.update_context(
            **{
                name: context[name]
                for name in ("allowed_company_ids", "lang", "tz")
                if name in context
            }
        )
        workbook = request.env["collection.due.item.workbook"]
        return stream_workbook(
            workbook._get_file_name(),
            lambda file: workbook._write_workbook(file, domain, filters),
        )

    def _read_json(self, text, kind):
        """Return what ``text`` holds.

        :raises BadRequest: when that is not JSON of the expected kind
        """
        try:
            value = json.loads(text)
        except ValueError as error:
            raise BadRequest("Not JSON") from error
        if not isinstance(value, kind):
            raise BadRequest(f"Expected a JSON {kind.__name__}")
        return value
