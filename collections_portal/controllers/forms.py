"""Reading what the browser sent: nothing of it is trusted."""

import base64
import mimetypes
from datetime import date

from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools.mimetypes import guess_mimetype

MOST_FILES = 5
MOST_BYTES = 10 * 1024 * 1024  # each
MOST_TEXT = 4000  # characters
# What a proof or a photo may be: nothing that a browser would run.
FILE_TYPES = {
    "application/pdf",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/plain",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def get_ids(name):
    """Return the ids that were ticked, without those that are none.

    :rtype: list of int
    """
    values = request.httprequest.values.getlist(name)
    return list(
        dict.fromkeys(int(value) for value in values if value.isdecimal() and len(value) < 10)
    )


def read_amounts(lines, form):
    """Return the amounts that were written beside items: dict id -> float, or None: none were.

    :raises UserError: when one of them is no number
    """
    amounts = {}
    for line in lines:
        text = (form.get(f"amount_{line.id}") or "").strip()
        if not text:
            continue
        amounts[line.id] = read_number(text, line._get_collection_name())
    return amounts


def read_number(text, name):
    """Return a number as people write it in the language of the page: 1,234.50 or 1.234,50.

    :raises UserError: when it is none
    """
    lang = request.env["res.lang"]._lang_get(request.env.lang)
    plain = text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    # number fields send a point, whatever the language
    if plain.count(".") + plain.count(",") > 1 or lang.decimal_point in plain:
        plain = plain.replace(lang.thousands_sep or "", "") if lang.thousands_sep else plain
        plain = plain.replace(lang.decimal_point, ".")
    try:
        number = float(plain)
    except ValueError:
        number = float("nan")
    if not -1e12 < number < 1e12:
        raise UserError(
            request.env._("%(name)s: “%(text)s” is no amount.", name=name, text=text[:30])
        )
    return number


def write_amount(amount, currency):
    """Return an amount as people write it in the language of the page, without its currency."""
    lang = request.env["res.lang"]._lang_get(request.env.lang)
    return lang.format(f"%.{currency.decimal_places}f", amount, grouping=False)


def read_date(text):
    """Return a date as the browser's date field sends it, as text again; falsy: there is none.

    :raises UserError: when it is no date
    """
    if not text:
        return False
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if not day or not 1990 < day.year < 2100:
        raise UserError(request.env._("“%s” is no date.", text[:30]))
    return day.isoformat()


def read_text(text):
    """Return what was written, of a length that people read."""
    return (text or "").strip()[:MOST_TEXT]


def read_files(name="files"):
    """Return the files that came along as values of ir.attachment.

    :raises UserError: when there are too many, or one is too big or of a kind that we don't take
    """
    uploads = [file for file in request.httprequest.files.getlist(name) if file.filename]
    if len(uploads) > MOST_FILES:
        raise UserError(request.env._("Please send at most %s files at a time.", MOST_FILES))
    return [_read_file(upload) for upload in uploads]


def _is_text(content):
    """Tell whether some bytes are words: nothing that cannot be written."""
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _read_file(upload):
    content = upload.stream.read(MOST_BYTES + 1)
    title = upload.filename.replace("/", "-").replace("\\", "-")[-100:]
    if len(content) > MOST_BYTES:
        raise UserError(
            request.env._(
                "“%(file)s” is too big: send files of at most %(size)s MB.",
                file=title,
                size=MOST_BYTES // 1024 // 1024,
            )
        )
    # by its content and by its name: neither may be of a kind that a browser would run
    found = guess_mimetype(content, default="text/plain" if _is_text(content) else "")
    named = mimetypes.guess_type(title)[0]
    if found not in FILE_TYPES or named not in FILE_TYPES:
        raise UserError(
            request.env._(
                "“%s” can't be taken: send a PDF, a picture, a text or an office document.", title
            )
        )
    return {"name": title, "datas": base64.b64encode(content), "mimetype": found, "public": False}
