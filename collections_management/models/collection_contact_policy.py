from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache


class CollectionContactPolicy(models.Model):
    """How often, on which days and at what hours customers may be written to."""

    _name = "collection.contact.policy"
    _description = "Contact Policy"
    _inherit = ["collection.closed.days"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True)
    interval_days = fields.Integer(
        string="Days Between Messages",
        default=3,
        help="A customer gets no more than one message in this many days. 0: no limit.",
    )
    calendar_id = fields.Many2one(
        "resource.calendar",
        string="Working Days",
        help="Messages leave only on the working days of this calendar, holidays excluded. "
        "Empty: the company's working hours.",
    )
    hour_from = fields.Float(
        string="From", default=8.0, help="Hour of the day, in the time zone of the calendar."
    )
    hour_to = fields.Float(
        string="To", default=20.0, help="Hour of the day, in the time zone of the calendar."
    )
    channel_id = fields.Many2one(
        "collection.channel",
        string="Only Channel",
        domain="[('is_message', '=', True)]",
        help="Messages of steps go by this channel only, whatever the step says.",
    )

    _interval_not_negative = models.Constraint(
        "CHECK(interval_days >= 0)",
        "The days between two messages can't be negative; 0 means no limit.",
    )

    @api.constrains("hour_from", "hour_to")
    def _check_hours(self):
        for policy in self:
            if not 0 <= policy.hour_from < policy.hour_to <= 24:
                raise ValidationError(
                    self.env._(
                        "The hours of contact policy “%(policy)s” are not in order: the first must "
                        "be before the last, both between 0:00 and 24:00.",
                        policy=policy.name,
                    )
                )

    def _get_calendar(self, company):
        """Return the calendar whose working days count for ``company``."""
        self.ensure_one()
        return self.calendar_id or company.resource_calendar_id

    @api.model
    @ormcache("date")
    def _get_closed(self, date):
        """Return the policies that don't work on ``date``.

        Each calendar is asked once, and again when something changes: every look at an open item
        needs this.

        :return: tuple of pairs of ids: policy and root company
        """
        # sudo: whoever looks at an item sees the same decision; archived ones, as schemes may keep one
        policies = self.sudo().with_context(active_test=False).search([])
        companies = self.env["res.company"].sudo().search([("parent_id", "=", False)])
        working = {}
        closed = []
        for policy in policies:
            for company in companies:
                calendar = policy._get_calendar(company)
                if calendar not in working:
                    working[calendar] = policy._is_working_day(date, company)
                if not working[calendar]:
                    closed.append((policy.id, company.id))
        return tuple(closed)

    def _is_working_day(self, date, company):
        """Tell whether messages may leave on ``date``."""
        self.ensure_one()
        return date in self._get_working_days(self._get_calendar(company), date, date)

    @api.model
    def _get_working_days(self, calendar, first, last):
        """Return on which days a calendar works; without one: from Monday to Friday.

        :param calendar: resource.calendar, may be empty
        :param datetime.date first: the first day looked at
        :param datetime.date last: the last one
        :rtype: set of datetime.date
        """
        if not calendar:
            number = (last - first).days + 1
            days = {first + timedelta(days=later) for later in range(number)}
            return {day for day in days if day.weekday() < 5}
        tz = pytz.timezone(calendar.tz or "UTC")
        start, end = (
            tz.localize(datetime.combine(day, time.min))
            for day in (first, last + timedelta(days=1))
        )
        intervals = calendar._work_intervals_batch(start, end)[False]
        return {begin.date() for begin, _end, _attendance in intervals}

    def _is_open_now(self, company, now=None):
        """Tell whether messages may leave at this moment.

        :param company: res.company whose calendar is the fallback
        :param datetime now: naive UTC; default: now
        """
        self.ensure_one()
        tz = pytz.timezone(self._get_calendar(company).tz or "UTC")
        local = pytz.utc.localize(now or fields.Datetime.now()).astimezone(tz)
        hour = local.hour + local.minute / 60
        return self.hour_from <= hour < self.hour_to and self._is_working_day(local.date(), company)

    def _get_next_opening(self, company, now=None):
        """Return the next moment at which messages may leave (naive UTC).

        Looks two weeks ahead; a calendar that is closed for longer is asked again then.

        :param company: res.company whose calendar is the fallback
        :param datetime now: naive UTC; default: now
        """
        self.ensure_one()
        now = now or fields.Datetime.now()
        tz = pytz.timezone(self._get_calendar(company).tz or "UTC")
        local = pytz.utc.localize(now).astimezone(tz)
        hours, minutes = divmod(round(self.hour_from * 60), 60)
        for days in range(15):
            day = local.date() + timedelta(days=days)
            opening = tz.localize(datetime.combine(day, time(hours, minutes)))
            if opening > local and self._is_working_day(day, company):
                return opening.astimezone(pytz.utc).replace(tzinfo=None)
        return now + timedelta(days=14)
