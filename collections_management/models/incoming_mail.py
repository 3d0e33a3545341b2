"""What a mail that comes in says of itself, and how it is kept within bounds.

Plain functions of the parsed message (``email.message.EmailMessage``): they ask no database.
"""

import re
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import parseaddr

# Subjects of programs that answer in a person's absence and mark their mails in no other way.
AUTOMATIC_SUBJECT = re.compile(
    r"\s*(auto(matic)?[ -]?(reply|response)|out[ -]of( the)?[ -]office|vacation reply|"
    r"respuesta autom[aá]tica|fuera de( la)? oficina|ausente de la oficina|mensaje de ausencia)\b",
    re.IGNORECASE,
)
# Headers that older programs than RFC 3834 set on what nobody wrote.
AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder")
AUTOMATIC_PRECEDENCE = ("auto_reply", "bulk", "junk")
DAEMONS = ("mailer-daemon", "postmaster")
# What a mail that is made anew (see ``read_headers``) keeps of the original's headers.
KEPT_HEADERS = (
    "From",
    "To",
    "Cc",
    "Delivered-To",
    "Return-Path",
    "Subject",
    "Date",
    "Message-Id",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
    *AUTOMATIC_HEADERS,
)
NAME_LENGTH = 120


def is_automatic(message):
    """Tell whether no person wrote a mail: an absence, an acknowledgement, a read receipt.

    The field of RFC 3834, 5 is believed, whatever it says; only where it is missing what other
    programs set is looked at. “Suppress: OOF” asks for no absences and is no sign of one.
    """
    submitted = _get(message, "Auto-Submitted").partition(";")[0].strip()
    if submitted:
        return submitted != "no"
    suppressed = re.split(r"[\s,;]+", _get(message, "X-Auto-Response-Suppress"))
    return bool(
        any(_get(message, name) not in ("", "no") for name in AUTOMATIC_HEADERS)
        or {"all", "autoreply"} & set(suppressed)
        or _get(message, "Precedence") in AUTOMATIC_PRECEDENCE
        # mails that must not be answered leave from nobody
        or _get(message, "Return-Path") == "<>"
        or AUTOMATIC_SUBJECT.match(_get(message, "Subject"))
    )


def _get(message, name):
    return str(message.get(name, "")).strip().lower()


def is_report(message):
    """Tell whether a mail is a mail system's word on the fate of another one."""
    sender = parseaddr(str(message.get("From", "")))[1].partition("@")[0].lower()
    kinds = {part.get_content_type() for part in message.walk()}
    return sender in DAEMONS or bool({"multipart/report", "message/delivery-status"} & kinds)


def get_report(message):
    """Return what a report says of a mail: what became of it, and why.

    :return: pair of ``failed``, ``delayed``, ``delivered``, ``displayed``... (RFC 3464, 2.3.3, and
        RFC 8098) and the mail system's words; without a report in due form: ``failed`` and none
    """
    found = []
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/disposition-notification":
            found.append(("displayed", ""))
        elif kind == "message/delivery-status" and isinstance(part.get_payload(), list):
            found += [
                (
                    str(fields["Action"]).strip().lower(),
                    _get_words(fields, "Diagnostic-Code") or _get_words(fields, "Status"),
                )
                for fields in part.get_payload()
                if fields.get("Action")
            ]
    failed = [report for report in found if report[0] == "failed"]
    return (failed or found or [("failed", "")])[0]


def _get_words(fields, name):
    """Return a field of a report without its type: ``smtp; 550 No such user``."""
    value = " ".join(str(fields.get(name, "")).split())
    return value.partition("; ")[2] or value


def prune(message, most):
    """Leave at most so many parts in a mail, the first ones.

    :return: how many were taken out
    """
    before = sum(1 for _part in message.walk())
    if before <= most:
        return 0
    _prune(message, most)
    return before - sum(1 for _part in message.walk())


def _prune(part, left):
    """Leave at most ``left`` parts below and with this one; return how many may follow it."""
    left -= 1
    payload = part.get_payload()
    if isinstance(payload, list):
        kept = []
        for child in payload:
            # a mail that is attached keeps its one part
            if left <= 0 and part.get_content_maintype() == "multipart":
                break
            left = _prune(child, left)
            kept.append(child)
        part.set_payload(kept)
    return left


def bound_files(files, number, size, total):
    """Choose which of a mail's files are kept: the first ones that are within the limits.

    :param files: list of tuples of name and content, and what Odoo's gateway adds
    :param int number: most files
    :param int size: most bytes of one
    :param int total: most bytes of all
    :return: the files kept, with clean names, and those left out: tuples of name, bytes and which
        limit it was (``number``, ``size`` or ``total``)
    """
    kept, left_out, kept_bytes = [], [], 0
    for given_name, content, *rest in files:
        name, count = clean_name(given_name), len(_get_bytes(content))
        limit = (
            (count > size and "size")
            or (len(kept) >= number and "number")
            or (kept_bytes + count > total and "total")
        )
        if limit:
            left_out.append((name, count, limit))
        else:
            kept.append((name, content, *rest))
            kept_bytes += count
    return kept, left_out


def _get_bytes(content):
    """Return what Odoo will store of a part's content: text, bytes or a mail."""
    if isinstance(content, EmailMessage):
        return content.as_bytes()
    if isinstance(content, str):
        return content.encode("utf-8", "replace")
    return content or b""


def clean_name(name):
    """Return a file's name without folders and without what can't be shown.

    >>> clean_name("../../etc/passwd")
    'passwd'
    >>> clean_name("C:\\\\bills\\\\1\\x00.pdf")
    '1.pdf'
    """
    last = re.split(r"[/\\]", str(name or ""))[-1]
    shown = "".join(sign for sign in last if sign.isprintable()).strip()
    if len(shown) > NAME_LENGTH:
        stem, dot, ending = shown.rpartition(".")
        shown = f"{stem[: NAME_LENGTH - 10]}{dot}{ending[:9]}"
    return shown or "attachment"


def read_headers(raw):
    """Return a mail with the headers of another one that can't be read, and nothing else.

    :param bytes raw: the mail as it came
    :rtype: EmailMessage
    """
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(raw)
    mail = EmailMessage(policy=policy.SMTP)
    for name in KEPT_HEADERS:
        value = clean_line(str(headers.get(name, "")))
        # a broken address makes Python's parser stumble in several ways
        with suppress(AttributeError, IndexError, TypeError, ValueError):
            if value:
                mail[name] = value
    mail.set_content("")
    return mail


def rewrite(raw, remark, most):
    """Make a readable mail of one that can't be read: the same headers, its text, itself as a file.

    :param bytes raw: the mail as it came
    :param str remark: for who reads it, before the text
    :param int most: bytes up to which the original is attached
    :rtype: bytes
    """
    mail = read_headers(raw)
    mail.set_content(f"{remark}\n\n{_find_text(raw)}")
    if len(raw) <= most:
        # whoever is sent a mail as a file would have to read it, and stumble again
        mail.add_attachment(
            raw, maintype="application", subtype="octet-stream", filename="original.txt"
        )
    return mail.as_bytes()


def clean_line(text):
    """Return a text on one line, without what can be neither sent nor stored.

    >>> clean_line("Our\x00invoice\\nof May")
    'Our invoice of May'
    """
    readable = text.encode("utf-8", "replace").decode("utf-8", "replace")
    return " ".join("".join(s if s.isprintable() else " " for s in readable).split())


def _find_text(raw):
    """Return the first plain text in a mail, as far as it can be read."""
    try:
        parts = message_from_bytes(raw, policy=policy.compat32).walk()
        text = next(part for part in parts if part.get_content_type() == "text/plain")
        content = text.get_payload(decode=True) or b""
        charset = text.get_content_charset("utf-8")
    except (RecursionError, StopIteration, ValueError):
        return ""
    try:
        found = content.decode(charset, "replace")
    except (LookupError, ValueError):  # no such character set
        found = content.decode("utf-8", "replace")
    return found.replace("\0", "")
