from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

KEPT_DAYS = 90  # after that the log forgets

# Nobody's absence answers an alarm.
HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply"}


class CollectionAlarmMail(models.Model):
    """What was sent of an alarm to one reader on one day, once: its records and its mail.

    Several of them share a mail: a reader gets one with a section for each alarm.
    """

    _name = "collection.alarm.mail"
    _description = "Alarm Sent"
    _order = "date desc, id desc"
    _rec_name = "alarm_id"

    alarm_id = fields.Many2one(
        "collection.alarm", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    user_id = fields.Many2one(
        "res.users",
        string="Reader",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    date = fields.Date(required=True, readonly=True, index=True)
    name = fields.Char(string="Alarm Name", related="alarm_id.name")
    model = fields.Char(string="What It Lists", readonly=True)
    record_ids = fields.Json(string="Records", readonly=True)
    action = fields.Char(readonly=True)
    count = fields.Integer(string="Listed", readonly=True)
    totals = fields.Char(string="Amounts", readonly=True)
    mail_id = fields.Many2one("mail.mail", readonly=True, index=True, ondelete="set null")
    state = fields.Selection(related="mail_id.state", string="State of the Mail")
    failure = fields.Text(
        related="mail_id.failure_reason",
        string="Mail Failure",
        help="Why its mail could not be sent.",
    )

    # what makes it be sent once, whatever crashes or runs twice
    _once_unique = models.UniqueIndex(
        "(alarm_id, company_id, user_id, date)",
        "This reader was told of this alarm on this day already.",
    )

    # ------------------------------------------------------------
    # Telling
    # ------------------------------------------------------------

    @api.model
    def _tell(self, user, sections):
        """Make one mail of the sections that a reader was not told of today.

        :param user: res.users
        :param list sections: ``Section``
        :return: the mail.mail, not sent yet
        :raises UserError: when the reader has no address
        """
        sections = self._claim(user, sections)
        if not sections:
            return self.env["mail.mail"]
        if not user.email:
            raise UserError(
                self.env._(
                    "%s has no e-mail address, so no alarm can be sent there. Write one into the "
                    "user's settings; until then “My Alarms” shows them.",
                    user.name,
                )
            )
        links = {
            (section.alarm_id, section.company_id): f"/collections/alarm/{log.id}"
            for log, section in sections
        }
        subject, body = self.env["collection.alarm.content"]._render_mail(
            user, [section for _log, section in sections], links
        )
        company = self.env["res.company"].browse(sections[0][1].company_id)
        mail = self.env["mail.mail"].create(self._prepare_mail(user, company, subject, body))
        self.browse(log.id for log, _section in sections).mail_id = mail
        return mail

    @api.model
    def _prepare_mail(self, user, company, subject, body):
        """Hook: the values of a reader's mail."""
        sender = company.email_formatted or self.env.user.email_formatted
        return {
            "subject": subject,
            "body_html": body,
            "recipient_ids": [fields.Command.link(user.partner_id.id)],
            "author_id": company.partner_id.id,
            "email_from": sender,
            "reply_to": sender,
            "headers": repr(HEADERS),
            # the log says whether it left
            "auto_delete": False,
        }

    @api.model
    def _claim(self, user, sections):
        """Log the sections that the reader was not told of; who comes second gets none.

        :return: list of pairs: what was logged, and its ``Section``
        """
        claimed = []
        for section in sections:
            company = self.env["res.company"].browse(section.company_id)
            rows = self.env.execute_query(
                SQL(
                    """
                    INSERT INTO collection_alarm_mail (
                        alarm_id, company_id, user_id, date, model, action, record_ids, count,
                        totals, create_uid, write_uid, create_date, write_date)
                    VALUES (%(alarm)s, %(company)s, %(user)s, %(date)s, %(model)s, %(action)s,
                        to_jsonb(%(ids)s), %(count)s, %(totals)s, %(uid)s, %(uid)s,
                        now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
                    ON CONFLICT DO NOTHING
                    RETURNING id
                    """,
                    alarm=section.alarm_id,
                    company=section.company_id,
                    user=user.id,
                    date=company._get_collection_today(),
                    model=section.model,
                    action=section.action,
                    ids=section.ids,
                    count=len(section.ids),
                    totals=" · ".join(section.totals) or None,
                    uid=self.env.uid,
                )
            )
            claimed += [(self.browse(id_), section) for [id_] in rows]
        return claimed

    # ------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------

    @api.model
    def _send_mails(self):
        """Send today's mails that have not left, also those that failed an hour ago."""
        mails = self.search(
            [
                ("date", ">=", fields.Date.today() - timedelta(days=1)),
                ("mail_id.state", "in", ("outgoing", "exception")),
            ]
        ).mail_id
        mails.filtered(lambda mail: mail.state == "exception").mark_outgoing()
        self.env["ir.cron"]._commit_progress()
        self.env["collection.run"]._send_mails(mails)

    def _may_send(self):
        """Tell whether our mail may leave: nobody else has it in hand, or has sent it."""
        mail = self.mail_id.try_lock_for_update()
        mail.invalidate_recordset(["state"])
        return mail.state == "outgoing"

    # ------------------------------------------------------------
    # For people
    # ------------------------------------------------------------

    def action_open_list(self):
        """Open exactly what was told, of which everybody sees what they may."""
        self.ensure_one()
        log = self.sudo()
        return self.env["collection.alarm"]._open_records(
            log.model, log.record_ids, log.action, name=log.alarm_id.name
        )

    @api.model
    def _open_from_link(self, log_id):
        """Open the list of a mail's link, for its reader or who looks after alarms.

        :param log_id: as it stands in the link
        :raises UserError: when it is not there (any more), or another's
        """
        # whichever of their companies the reader has chosen
        logs = self.with_context(allowed_company_ids=self.env.user.company_ids.ids)
        try:
            log = logs.search([("id", "=", int(log_id))]).with_env(self.env)
        except (TypeError, ValueError):
            log = self.browse()
        if not log:
            raise UserError(
                self.env._(
                    "This list is not yours, or too old: lists are kept for %s days. “My Alarms” "
                    "shows what there is today.",
                    KEPT_DAYS,
                )
            )
        return log.action_open_list()

    @api.autovacuum
    def _gc_old(self):
        """Forget what was sent long ago, with its mails."""
        old = self.search(
            [("date", "<", fields.Date.today() - timedelta(days=KEPT_DAYS))], limit=10_000
        )
        mails = old.mail_id
        old.unlink()
        mails.unlink()
        return len(old), len(old) == 10_000
