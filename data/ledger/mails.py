"""The mails with which recent invoices were sent, as they stand in the invoices' conversations."""

from datetime import datetime, time, timedelta

from odoo import Command

MAILED_DAYS = 120  # of older invoices nobody looks up the mail


def log_invoice_mails(env, loaded):
    """Write a message with its notification for each recent invoice that was sent by mail."""
    rows = [
        row
        for row in loaded.ledger.moves
        if row.type == "invoice"
        and row.sent != "no"
        and row.state == "posted"
        and row.day >= -MAILED_DAYS
        and loaded.partners[row.partner].email
    ]
    env["mail.message"].create([_message_values(row, loaded) for row in rows])


def _message_values(row, loaded):
    move, partner = loaded.moves[row.key], loaded.partners[row.partner]
    author = move.invoice_user_id.partner_id
    sent = datetime.combine(loaded.today + timedelta(days=row.day), time(9, row.day % 60))
    subject = f"{move.company_id.name} Factura (Ref {move.name})"
    if not (partner.lang or "").startswith("es"):
        subject = f"{move.company_id.name} Invoice (Ref {move.name})"
    return {
        "model": "account.move",
        "res_id": move.id,
        "record_name": move.name,
        "message_type": "comment",
        "subtype_id": move.env.ref("mail.mt_comment").id,
        "date": sent,
        "author_id": author.id,
        "email_from": author.email_formatted,
        "subject": subject,
        "body": f"<p>{subject}</p>",
        "partner_ids": [Command.set(partner.ids)],
        "notification_ids": [
            Command.create(
                {
                    "res_partner_id": partner.id,
                    "mail_email_address": partner.email,
                    "notification_type": "email",
                    "is_read": True,
                    **_delivery(row),
                }
            )
        ],
    }


def _delivery(row):
    if row.sent == "bounced":
        return {
            "notification_status": "bounce",
            "failure_type": "mail_bounce",
            "failure_reason": "550 5.1.1 The email account that you tried to reach does not exist.",
        }
    return {"notification_status": "sent"}
