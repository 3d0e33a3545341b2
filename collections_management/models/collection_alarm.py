from datetime import timedelta

import pytz
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .alarm_list import KINDS, AlarmList
from .user_message import notification

# Longer than any holidays: a day that is closed is made up for on the next one that is not.
LONGEST_CLOSED = 31

# Who can be a reader: role and field. The first ones are told their own records only.
OWN_ROLES = {
    "collector": "to_collector",
    "responsible": "to_responsible",
    "area": "to_area",
    "salesperson": "to_salesperson",
}
WEEKDAYS = [
    ("0", "Monday"),
    ("1", "Tuesday"),
    ("2", "Wednesday"),
    ("3", "Thursday"),
    ("4", "Friday"),
    ("5", "Saturday"),
    ("6", "Sunday"),
]


class CollectionAlarm(models.Model):
    """An internal alarm: what somebody has to look at, told by a mail in the morning.

    A new kind is a value of ``kind`` (``selection_add``), a method ``_get_<kind>`` that returns an
    ``AlarmList``, and a record.
    """

    _name = "collection.alarm"
    _description = "Alarm"
    _inherit = ["mail.thread"]
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True, help="The heading in the mail.")
    sequence = fields.Integer(default=100, help="The order of the sections in the mail.")
    active = fields.Boolean(default=True, tracking=True)
    kind = fields.Selection(KINDS, required=True, tracking=True)
    company_id = fields.Many2one("res.company", index=True, help="Empty: for all companies.")
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    frequency = fields.Selection(
        [
            ("daily", "Every working day"),
            ("weekly", "Every week"),
            ("monthly", "Every month"),
        ],
        required=True,
        default="daily",
        tracking=True,
    )
    weekday = fields.Selection(
        WEEKDAYS,
        required=True,
        default="0",
        help="When nobody works on that day: the next working day.",
    )
    month_day = fields.Integer(
        string="Day of the Month",
        required=True,
        default=1,
        help="In a shorter month: its last day. When nobody works on that day: the next working day.",
    )
    hour = fields.Integer(
        required=True,
        default=8,
        help="Hour of the day, where the company works. What was missed, as when the server stood "
        "still, is made up for later on the same day.",
    )
    threshold = fields.Float(
        compute="_compute_threshold", store=True, readonly=False, precompute=True, tracking=True
    )
    threshold_label = fields.Char(string="Threshold Means", compute="_compute_list")
    to_do = fields.Char(string="What to Do", compute="_compute_list")
    roles = fields.Char(string="Possible Roles", compute="_compute_list")
    schedule = fields.Char(string="When", compute="_compute_schedule")
    readers = fields.Char(compute="_compute_readers")
    to_collector = fields.Boolean(
        string="Collector", help="Each is told of their own customers; nobody's: the supervisor."
    )
    to_responsible = fields.Boolean(
        string="Responsible", help="Each is told of what they are responsible for."
    )
    to_area = fields.Boolean(
        string="Responsible of the Area", help="Each is told of what their area has to solve."
    )
    to_salesperson = fields.Boolean(
        string="Salesperson", help="Each is told of their own customers."
    )
    to_supervisor = fields.Boolean(
        string="Supervisor", help="The company's collections supervisor is told of everything."
    )
    to_accounting = fields.Boolean(
        string="Accounting",
        help="Who allocates payments in the company, else the supervisor, is told of everything.",
    )
    user_ids = fields.Many2many(
        "res.users",
        string="Other Readers",
        domain="[('share', '=', False)]",
        help="They are told of everything that they may see.",
    )
    mail_ids = fields.One2many("collection.alarm.mail", "alarm_id", string="Sent")
    mail_count = fields.Integer(compute="_compute_mail_count")
    failure = fields.Char(
        string="Last Failure",
        compute="_compute_failure",
        help="Why it could not be sent today; it is tried again every hour.",
    )

    _hour_of_day = models.Constraint(
        "CHECK(hour BETWEEN 0 AND 23)", "The hour of an alarm is an hour of the day: from 0 to 23."
    )
    _day_of_month = models.Constraint(
        "CHECK(month_day BETWEEN 1 AND 31)",
        "The day of a monthly alarm is a day of the month: from 1 to 31.",
    )
    _threshold_not_negative = models.Constraint(
        "CHECK(threshold >= 0)", "The threshold of an alarm can't be negative."
    )

    # ------------------------------------------------------------
    # What is told
    # ------------------------------------------------------------

    def _get_list(self, company) -> AlarmList:
        """Return what the alarm tells of in a company: that of its kind.

        :param company: root res.company
        """
        self.ensure_one()
        # sudo: the list is everybody's; what each reader may see of it is asked for afterwards
        alarm = self.sudo().with_company(company)
        return getattr(alarm, f"_get_{self.kind}")(company)

    @api.model
    def _get_companies(self):
        """Return the main companies of the user."""
        return self.env.companies.root_id

    def _get_some_company(self):
        """Return a company to ask for what is the same in all."""
        self.ensure_one()
        return self.company_id or self.env.company.root_id

    @api.depends("kind", "company_id")
    @api.depends_context("company", "lang")
    def _compute_list(self):
        for alarm in self:
            listed = alarm.kind and alarm._get_list(alarm._get_some_company())
            alarm.to_do = listed and listed.to_do
            alarm.threshold_label = listed and listed.threshold
            alarm.roles = listed and ",".join(listed.roles)

    @api.depends("kind")
    def _compute_threshold(self):
        for alarm in self:
            # the list itself may ask for it
            alarm.threshold = 0
            if alarm.kind:
                alarm.threshold = alarm._get_list(alarm._get_some_company()).default

    @api.depends("company_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for alarm in self:
            alarm.currency_id = alarm._get_some_company().currency_id

    @api.constrains("kind", *OWN_ROLES.values())
    def _check_roles(self):
        for alarm in self:
            listed = alarm._get_list(alarm._get_some_company())
            for role, name in OWN_ROLES.items():
                if alarm[name] and role not in listed.roles:
                    raise ValidationError(
                        self.env._(
                            "“%(alarm)s”: what it tells of has no “%(role)s”. Choose other readers.",
                            alarm=alarm.name,
                            role=alarm.fields_get([name], ["string"])[name]["string"],
                        )
                    )

    @api.constrains("active", "user_ids", "to_supervisor", "to_accounting", *OWN_ROLES.values())
    def _check_readers(self):
        for alarm in self:
            if alarm.active and not (alarm.user_ids or alarm._get_role_names()):
                raise ValidationError(
                    self.env._(
                        "“%s” has no readers: choose at least one role or person, or archive it.",
                        alarm.name,
                    )
                )
            if outside := alarm.user_ids.filtered("share"):
                raise ValidationError(
                    self.env._(
                        "%(user)s is no colleague: “%(alarm)s” is for internal users only. Remove "
                        "them from its readers.",
                        user=outside[0].name,
                        alarm=alarm.name,
                    )
                )

    @api.constrains("company_id")
    def _check_main_company(self):
        for alarm in self:
            if alarm.company_id.parent_id:
                raise ValidationError(
                    self.env._(
                        "“%(alarm)s”: %(company)s is a branch. Alarms are the main company's, and "
                        "tell of its branches too: choose %(root)s.",
                        alarm=alarm.name,
                        company=alarm.company_id.name,
                        root=alarm.company_id.root_id.name,
                    )
                )

    # ------------------------------------------------------------
    # When
    # ------------------------------------------------------------

    @api.model
    def _get_working_days(self, company):
        """Return on which of the last days, today included, a company worked."""
        today = company._get_collection_today()
        return company._get_collection_workdays(today - timedelta(days=LONGEST_CLOSED), today)

    def _is_due(self, company, working):
        """Tell whether its hour has come today, in the company's time zone.

        :param set working: as ``_get_working_days``
        """
        self.ensure_one()
        today = company._get_collection_today()
        if today not in working:
            return False
        planned = self._get_planned_day(today)
        missed = (planned + timedelta(days=late) for late in range((today - planned).days))
        return not any(day in working for day in missed) and self._get_hour(company) >= self.hour

    def _get_planned_day(self, today):
        """Return the last day for which the alarm is planned, up to today."""
        if self.frequency == "weekly":
            return today - timedelta(days=(today.weekday() - int(self.weekday)) % 7)
        if self.frequency == "monthly":
            months = [today + relativedelta(months=-ago, day=self.month_day) for ago in (0, 1)]
            return next(day for day in months if day <= today)
        return today

    @api.model
    def _get_hour(self, company):
        """Return which hour it is where the company works."""
        name = company.resource_calendar_id.tz or self.env.user.tz
        tz = pytz.timezone(name if name in pytz.all_timezones_set else "UTC")
        return pytz.utc.localize(fields.Datetime.now()).astimezone(tz).hour

    # ------------------------------------------------------------
    # For people
    # ------------------------------------------------------------

    @api.depends("frequency", "weekday", "month_day", "hour")
    @api.depends_context("lang")
    def _compute_schedule(self):
        weekdays = dict(self._fields["weekday"]._description_selection(self.env))
        for alarm in self:
            _ = alarm.env._
            values = {
                "weekday": weekdays.get(alarm.weekday),
                "day": alarm.month_day,
                "hour": f"{alarm.hour}:00",
            }
            alarm.schedule = {
                "daily": _("Every working day at %(hour)s", **values),
                "weekly": _("Every %(weekday)s at %(hour)s", **values),
                "monthly": _("On day %(day)s of the month at %(hour)s", **values),
            }.get(alarm.frequency)

    def _get_role_names(self):
        """Return the labels of the roles that are readers."""
        self.ensure_one()
        names = [*OWN_ROLES.values(), "to_supervisor", "to_accounting"]
        labels = self.fields_get(names, ["string"])
        return [labels[name]["string"] for name in names if self[name]]

    @api.depends("user_ids", "to_supervisor", "to_accounting", *OWN_ROLES.values())
    @api.depends_context("lang")
    def _compute_readers(self):
        for alarm in self:
            alarm.readers = ", ".join([*alarm._get_role_names(), *alarm.user_ids.mapped("name")])

    def _compute_mail_count(self):
        counts = dict(
            self.env["collection.alarm.mail"]._read_group(
                [("alarm_id", "in", self.ids)], ["alarm_id"], ["__count"]
            )
        )
        for alarm in self:
            alarm.mail_count = counts.get(alarm, 0)

    def _compute_failure(self):
        failed = self.env["collection.alarm.day"].search(
            [("alarm_id", "in", self.ids), ("failure", "!=", False)], order="date, id"
        )
        latest = {day.alarm_id: day for day in failed}
        for alarm in self:
            day = latest.get(alarm)
            today = day and day.company_id._get_collection_today()
            alarm.failure = day and day.date == today and day.failure

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_preview(self):
        """Show what its readers would be told now, without telling them."""
        self.ensure_one()
        return self.env["collection.alarm.preview"]._open(self)

    def action_send_now(self):
        """Have today's mail sent now, whatever the hour: to who has something and was not told yet."""
        self.check_access("write")
        content = self.env["collection.alarm.content"]
        days = self.env["collection.alarm.day"].sudo()
        names = set()
        for alarm in self:
            for company in alarm.company_id or self._get_companies():
                told = days._get_told(alarm, company, company._get_collection_today())
                waiting = set(content._collect(alarm, company)) - told
                if waiting:
                    days |= days._ask(alarm, company)
                    names |= set(self.env["res.users"].sudo().browse(waiting).mapped("name"))
        if not names:
            raise UserError(
                self.env._(
                    "Nothing is sent: nobody among the readers has something to look at that they "
                    "were not told today. The preview shows it."
                )
            )
        days._trigger_job()
        return notification(
            self.env,
            [self.env._("It is being sent to: %s", ", ".join(sorted(names)))],
            kind="success",
        )

    def action_open_mails(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_alarm_mail_action"
        )
        return dict(action, domain=[("alarm_id", "=", self.id)], context={})

    @api.model
    def _open_records(self, model, ids, action, name=None):
        """Return the action that opens a list of records, of which everybody sees what they may.

        :param str model: of the records
        :param list ids: theirs, in the order told
        :param str action: xml id of the window action whose views show them
        :param str name: its heading; default: the action's
        """
        found = self.env["ir.actions.act_window"]._for_xml_id(action)
        if found["res_model"] != model:
            raise ValueError(f"{action} does not show {model}")
        return dict(
            found,
            name=name or found["name"],
            # what the web client shows, where both are there
            display_name=name or found["name"],
            domain=[("id", "in", ids)],
            context={"create": False},
        )
