import tempfile

from werkzeug.wsgi import wrap_file

from odoo.http import content_disposition, request

from ..models.collection_statement import XLSX


def check_may_export():
    """Refuse those who may not export data.

    :raises AccessError: telling whom to ask
    """
    request.env["collection.workbook"]._check_may_export()


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
