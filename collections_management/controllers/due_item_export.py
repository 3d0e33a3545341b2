import json
import tempfile

from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import wrap_file

from odoo.exceptions import AccessError
from odoo.http import Controller, content_disposition, request, route

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class DueItemExport(Controller):
    @route("/collections/due_items/xlsx", type="http", auth="user", readonly=True)
    def due_items_xlsx(self, domain="[]", context="{}", filters=""):
        """Stream the workbook of open items, as the person may see them.

        :param str domain: JSON domain on ``collection.due.item``
        :param str context: JSON; its companies and language are used
        :param str filters: what the person filtered by, for the head of the sheets
        """
        if not request.env.user.has_group("base.group_allow_export"):
            raise AccessError(
                request.env._("You may not export data; ask your administrator for that right.")
            )
        domain, context = self._read_json(domain, list), self._read_json(context, dict)
        request.update_context(
            **{
                name: context[name]
                for name in ("allowed_company_ids", "lang", "tz")
                if name in context
            }
        )
        workbook = request.env["collection.due.item.workbook"]
        # the response closes the file, and so removes it, when it is sent
        file = tempfile.TemporaryFile()  # noqa: SIM115
        workbook._write_workbook(file, domain, filters)
        size = file.tell()
        file.seek(0)
        return request.make_response(
            wrap_file(request.httprequest.environ, file),
            headers=[
                ("Content-Type", XLSX),
                ("Content-Length", size),
                ("Content-Disposition", content_disposition(workbook._get_file_name())),
            ],
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
