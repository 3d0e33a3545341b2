import tempfile

from werkzeug.wsgi import wrap_file

from odoo.exceptions import AccessError
from odoo.http import content_disposition, request

from ..models.collection_statement import XLSX


def check_may_export():
    """Refuse those who may not export data.

    :raises AccessError: telling whom to ask
    """
    if not request.env.user.has_group("base.group_allow_export"):
        raise AccessError(
            request.env._("You may not export data; ask your administrator for that right.")
        )


def stream_workbook(name, write):
    """Return the answer that streams a workbook.

    :param str name: of the file
    :param write: function that writes the workbook into the binary file it is given
    """
    # the response closes the file, and so removes it, when it is sent
    file = tempfile.TemporaryFile()  # noqa: SIM115
    write(file)
    size = file.tell()
    file.seek(0)
    return request.make_response(
        wrap_file(request.httprequest.environ, file),
        headers=[
            ("Content-Type", XLSX),
            ("Content-Length", size),
            ("Content-Disposition", content_disposition(name)),
        ],
    )
