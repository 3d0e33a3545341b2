import logging
from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)


class CollectionAlarmDay(models.Model):
    """What became of an alarm in a company on a day: whom it is for, and whether they were told.

    The job can be killed at any point and run twice at once: who was told is in the log
    (``collection.alarm.mail``), and the rest is told by the next one.
    """

    _name = "collection.alarm.day"
    _description = "Day of an Alarm"
    _order = "date desc, id desc"
    _rec_name = "alarm_id"

    alarm_id = fields.Many2one(
        "collection.alarm", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    date = fields.Date(required=True, readonly=True)
    state = fields.Selection(
        [("pending", "To be told"), ("done", "Told")], required=True, readonly=True
    )
    seen = fields.Boolean(readonly=True, help="It was looked at: whom it is for is settled.")
    reader_ids = fields.Json(string="Readers", readonly=True, help="Ids of the users it is for.")
    failure = fields.Char(readonly=True, help="Why somebody could not be told; tried again hourly.")

    _once_unique = models.UniqueIndex(
        "(alarm_id, company_id, date)", "An alarm has each day once in a company."
    )
    _pending_idx = models.Index("(date) WHERE state = 'pending'")

    # ------------------------------------------------------------
    # The job
    # ------------------------------------------------------------

    @api.model
    def _cron_send(self):
        """Send the alarms whose hour has come, then the mails that have not left."""
        run = self.env["collection.run"]
        for company in self.env["res.company"].search([("parent_id", "=", False)]):
            try:
                run._in_transaction(self._ask_due, company)
            except Exception:  # the others' readers wait too
                _logger.exception("Collections: alarms of company %s were not seen", company.id)
                self.env.cr.rollback()
            self.env["ir.cron"]._commit_progress()
        self._get_pending()._send()
        self.env["collection.alarm.mail"]._send_mails()

    @api.model
    def _trigger_job(self):
        """Have the job run soon."""
        # sudo: scheduled jobs belong to the system
        self.env.ref("collections_management.ir_cron_collection_alarm").sudo()._trigger()

    @api.model
    def _ask_due(self, company):
        """Have the alarms told whose hour has come in a company, and which had no day yet."""
        alarms = self.env["collection.alarm"].search([("company_id", "in", (False, company.id))])
        working = alarms._get_working_days(company)
        for alarm in alarms:
            if alarm._is_due(company, working):
                self._make(alarm, company)

    @api.model
    def _make(self, alarm, company):
        """Make today's day of an alarm, if there is none; another server may be making it."""
        self.env.execute_query(
            SQL(
                """
                INSERT INTO collection_alarm_day (
                    alarm_id, company_id, date, state, create_uid, write_uid, create_date, write_date)
                VALUES (%(alarm)s, %(company)s, %(date)s, 'pending', %(uid)s, %(uid)s,
                    now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
                ON CONFLICT DO NOTHING
                RETURNING id
                """,
                alarm=alarm.id,
                company=company.id,
                date=company._get_collection_today(),
                uid=self.env.uid,
            )
        )

    @api.model
    def _ask(self, alarm, company):
        """Have an alarm told today, whatever the hour, also to who had nothing to hear before.

        :return: its day
        """
        self._make(alarm, company)
        day = self.search(
            [
                ("alarm_id", "=", alarm.id),
                ("company_id", "=", company.id),
                ("date", "=", company._get_collection_today()),
            ]
        )
        day.write({"state": "pending", "seen": False})
        return day

    @api.model
    def _get_pending(self):
        """Return the days of today that are to be told, in the order of the mail."""
        days = self.search(
            [
                ("state", "=", "pending"),
                ("date", ">=", fields.Date.add(fields.Date.today(), days=-1)),
            ]
        )
        return days.filtered(lambda day: day.date == day.company_id._get_collection_today()).sorted(
            lambda day: (day.alarm_id.sequence, day.alarm_id.id, day.company_id.id)
        )

    @api.model
    def _get_told(self, alarm, company, date):
        """Return the ids of the readers who were told of an alarm on a day."""
        logs = self.env["collection.alarm.mail"].sudo()
        return set(
            logs.search(
                [
                    ("alarm_id", "=", alarm.id),
                    ("company_id", "=", company.id),
                    ("date", "=", date),
                ]
            ).user_id.ids
        )

    # ------------------------------------------------------------
    # Telling
    # ------------------------------------------------------------

    def _send(self):
        """Tell the readers, each in a transaction of its own: one mail with all their sections."""
        cron = self.env["ir.cron"]
        failures = defaultdict(list)
        told = defaultdict(list)
        for day in self:
            for user_id, section in day._collect_safely(failures).items():
                told[user_id].append((day, section))
            cron._commit_progress()
        for user_id, sections in sorted(told.items()):
            user = self.env["res.users"].browse(user_id)
            if cause := self._tell_safely(user, [section for _day, section in sections]):
                for day, _section in sections:
                    failures[day].append(cause)
            if not cron._commit_progress(1):
                self._trigger_job()
                return
        self.env["collection.run"]._in_transaction(self._finish, failures)
        cron._commit_progress()

    def _collect_safely(self, failures):
        """Return what the alarm tells whom; if that fails, keep the cause for the day."""
        self.ensure_one()
        try:
            return self.env["collection.run"]._in_transaction(self._collect)
        except Exception as error:  # the other alarms are told; the next hour tries again
            _logger.exception("Collections: alarm %s could not be made", self.alarm_id.id)
            self.env.cr.rollback()
            failures[self].append(str(error))
            return {}

    def _collect(self):
        """Return what the alarm tells whom; later in the day only those for whom it was first."""
        sections = self.env["collection.alarm.content"]._collect(self.alarm_id, self.company_id)
        if not self.seen:
            self.write({"seen": True, "reader_ids": list(sections)})
        told = self._get_told(self.alarm_id, self.company_id, self.date)
        readers = set(self.reader_ids or []) - told
        return {id_: section for id_, section in sections.items() if id_ in readers}

    @api.model
    def _tell_safely(self, user, sections):
        """Make a reader's mail.

        :return: why it could not be made; falsy: it was
        """
        try:
            self.env["collection.run"]._in_transaction(
                self.env["collection.alarm.mail"]._tell, user, sections
            )
        except Exception as error:  # the other readers are told; the next hour tries again
            _logger.warning("Collections: user %s got no alarms: %s", user.id, error)
            self.env.cr.rollback()
            return str(error)
        return False

    def _finish(self, failures):
        """Note what became of the days."""
        for day in self:
            causes = failures.get(day)
            day.write(
                {
                    "state": "pending" if causes else "done",
                    "failure": "\n".join(dict.fromkeys(causes)) if causes else False,
                }
            )

    @api.autovacuum
    def _gc_old(self):
        """Forget days long past."""
        old = self.search(
            [("date", "<", fields.Date.add(fields.Date.today(), days=-90))], limit=10_000
        )
        old.unlink()
        return len(old), len(old) == 10_000
