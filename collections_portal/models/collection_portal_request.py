import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import email_normalize, format_date

from odoo.addons.collections_management.models.instalments import (
    MOST_INSTALMENTS,
    divide,
    get_dates,
)

_logger = logging.getLogger(__name__)

KINDS = [
    ("promise", "Promise to pay"),
    ("paid", "Payment reported"),
    ("dispute", "Dispute"),
    ("plan", "Request for a payment plan"),
    ("not_received", "Invoice not received"),
    ("details", "New contact data"),
]
# What a customer may change of its contact data, each with its name.
DETAILS = ("email", "phone", "lang", "channel", "electronic")
# They hold claims: a second one about the same item waits for the collector.
HOLDING = ("promise", "paid", "dispute", "plan")
# They end by themselves unless a collector confirms them.
EXPIRING = ("paid", "dispute")
# Ways in which Odoo sends invoices that are no electronic ones.
PAPER = (False, "manual", "snailmail")
SYSTEM_FIELDS = {
    "agreement",
    "attachment_ids",
    "closed_by_id",
    "contact_id",
    "customer_id",
    "data",
    "date",
    "key",
    "kind",
    "move_line_ids",
    "note",
    "reason",
    "state",
}
TASK = "collections_portal.activity_type_portal_request"


class CollectionPortalRequest(models.Model):
    """What a customer did on the portal: it becomes the same records that a collector makes.

    What may not happen by itself (a second hold on the same item, what the scheme doesn't allow)
    waits for the collector, so nothing that a customer says is lost.
    """

    _name = "collection.portal.request"
    _description = "Portal Request"
    _order = "id desc"
    _rec_name = "partner_id"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _check_company_auto = True

    customer_id = fields.Many2one(
        "collection.customer",
        string="Customer File",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    partner_id = fields.Many2one(
        related="customer_id.partner_id", string="Customer", store=True, index=True
    )
    company_id = fields.Many2one(related="customer_id.company_id", store=True, index=True)
    collector_id = fields.Many2one(related="customer_id.collector_id", store=True, index=True)
    contact_id = fields.Many2one("res.partner", string="Asked By", readonly=True, index=True)
    kind = fields.Selection(KINDS, required=True, readonly=True)
    key = fields.Char(readonly=True, help="Of the form that was sent: sent twice, it counts once.")
    date = fields.Date(
        string="Asked On", required=True, readonly=True, default=fields.Date.context_today
    )
    move_line_ids = fields.Many2many("account.move.line", string="Items", readonly=True)
    move_ids = fields.Many2many("account.move", string="Invoices", compute="_compute_move_ids")
    data = fields.Json(readonly=True, help="What the form said, as the kind of request needs it.")
    note = fields.Text(string="Comment", readonly=True)
    changes = fields.Text(
        compute="_compute_changes",
        help="Contact data as they were, and as the customer wants them.",
    )
    attachment_ids = fields.Many2many("ir.attachment", string="Files", readonly=True)
    summary = fields.Char(compute="_compute_summary")
    state = fields.Selection(
        [
            ("waiting", "To confirm"),
            ("done", "Done by itself"),
            ("accepted", "Confirmed"),
            ("refused", "Refused"),
            ("expired", "Expired"),
        ],
        required=True,
        readonly=True,
        index=True,
        default="waiting",
    )
    reason = fields.Char(readonly=True, help="Why it waits for a collector.")
    agreement = fields.Reference(
        selection="_get_agreements", readonly=True, string="Became", help="What was made of it."
    )
    closed_by_id = fields.Many2one("res.users", readonly=True)

    _key_unique = models.UniqueIndex("(customer_id, key) WHERE key IS NOT NULL")

    @api.model
    def _get_agreements(self):
        return self.env["collection.hold"]._get_origins()

    def write(self, vals):
        """Override of ``base``: what a customer asked for, and what became of it, nobody writes."""
        if not self.env.su and (kept := SYSTEM_FIELDS & vals.keys()):
            raise AccessError(
                self.env._(
                    "What customers asked for on the portal is kept as it was (%s): confirm or refuse "
                    "it by its buttons.",
                    ", ".join(sorted(kept)),
                )
            )
        return super().write(vals)

    @api.depends("move_line_ids.move_id")
    def _compute_move_ids(self):
        for request in self:
            request.move_ids = request.move_line_ids.move_id

    @api.depends_context("lang")
    @api.depends("kind", "data", "note")
    def _compute_summary(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for request in self:
            parts = [kinds.get(request.kind, "")]
            data = request.data or {}
            if data.get("date"):
                parts.append(format_date(self.env, data["date"]))
            if request.move_line_ids:
                parts.append(
                    ", ".join(
                        sorted({line._get_collection_name() for line in request.move_line_ids})
                    )
                )
            request.summary = " · ".join(filter(None, parts))

    @api.depends_context("lang")
    @api.depends("kind", "data")
    def _compute_changes(self):
        for request in self:
            request.changes = "\n".join(request._get_change_texts())

    def _get_change_texts(self):
        """Return a line for each of the contact data that changes."""
        self.ensure_one()
        if self.kind != "details":
            return []
        names = self._get_detail_names()
        return [
            self.env._(
                "%(name)s: %(after)s (before: %(before)s)",
                name=names[name],
                after=self._get_detail_text(name, after),
                before=self._get_detail_text(name, before) or self.env._("none"),
            )
            for name, (before, after) in (self.data or {}).items()
            if name in DETAILS
        ]

    @api.model
    def _get_detail_names(self):
        return {
            "email": self.env._("E-mail"),
            "phone": self.env._("Phone"),
            "lang": self.env._("Language"),
            "channel": self.env._("How we write to you"),
            "electronic": self.env._("Invoices by e-mail instead of on paper"),
        }

    @api.model
    def _get_detail_text(self, name, value):
        if name == "channel":
            # sudo: names of a catalogue
            return self.env["collection.channel"].sudo().browse(value or []).exists().name
        if name == "lang":
            return dict(self.env["res.lang"].get_installed()).get(value, value)
        if name == "electronic":
            return self.env._("Yes") if value else self.env._("No")
        return value

    # ------------------------------------------------------------
    # From the portal
    # ------------------------------------------------------------

    @api.model
    def _submit(self, customer, contact, kind, lines, key, data=None, note=None, files=()):
        """Take what a customer asks for on the portal, and do it at once if that is allowed.

        :param customer: collection.customer
        :param contact: res.partner who asks
        :param str kind: one of ``KINDS``
        :param lines: account.move.line, checked: they are the customer's open debts
        :param str key: of the form; one that was sent already gives the request of then
        :param dict data: what the form said; dates as text
        :param files: values of ir.attachment
        :return: the request
        :raises UserError: for the customer to read
        """
        # superuser: a customer has no rights on our records; what they may do is decided here
        requests = self.with_user(SUPERUSER_ID).with_context(
            lang=contact.lang or self.env.lang, mail_create_nosubscribe=True
        )
        customer = customer.with_env(requests.env)
        customer._take_portal_turn()
        if known := requests.search(
            [("customer_id", "=", customer.id), ("key", "=", key)], limit=1
        ):
            return known
        requests._check_allowed(customer, kind, lines, data or {}, note)
        request = requests.create(
            {
                "customer_id": customer.id,
                "contact_id": contact.id,
                "kind": kind,
                "key": key,
                "move_line_ids": [(6, 0, lines.ids)],
                "data": data or {},
                "note": note,
            }
        )
        request._keep_files(files)
        if reason := request._get_waiting_reason():
            request._wait(reason)
        else:
            request._try()
        request._tell_collector()
        request._confirm_to_customer()
        return request

    @api.model
    def _check_allowed(self, customer, kind, lines, data, note):
        """Refuse what makes no sense, in words for the customer.

        :raises UserError:
        """
        if kind != "details" and not lines:
            raise UserError(self.env._("Please choose at least one invoice."))
        check = getattr(self, f"_check_{kind}", None)
        if check:
            check(customer, lines, data, note)

    @api.model
    def _check_promise(self, customer, _lines, data, _note):
        today = customer.company_id._get_collection_today()
        date = fields.Date.to_date(data.get("date"))
        if not date:
            raise UserError(self.env._("Please tell us on which day you will pay."))
        if date < today:
            raise UserError(
                self.env._("%s has passed: please choose today or a later day.", _day(self, date))
            )
        longest = customer.strategy_id.promise_days
        if longest and date > today + timedelta(days=longest):
            raise UserError(
                self.env._(
                    "We can note a payment until %s at the latest. For a later day please write to "
                    "us.",
                    _day(self, today + timedelta(days=longest)),
                )
            )

    @api.model
    def _check_paid(self, customer, _lines, data, _note):
        date = fields.Date.to_date(data.get("date"))
        if not date:
            raise UserError(self.env._("Please tell us on which day you paid."))
        if date > customer.company_id._get_collection_today():
            raise UserError(
                self.env._(
                    "%s is still to come: tell us the day on which you paid, or promise to pay on it.",
                    _day(self, date),
                )
            )

    @api.model
    def _check_dispute(self, _customer, _lines, data, note):
        if not data.get("reason"):
            raise UserError(self.env._("Please choose what is wrong."))
        if not (note or "").strip():
            raise UserError(self.env._("Please tell us in a few words what is wrong."))

    @api.model
    def _check_plan(self, customer, _lines, data, _note):
        strategy, today = customer.strategy_id, customer.company_id._get_collection_today()
        count, date = data.get("count") or 0, fields.Date.to_date(data.get("date"))
        most = strategy.plan_instalments or MOST_INSTALMENTS
        if count < 2:
            raise UserError(
                self.env._("Please tell us in how many instalments you want to pay: 2 or more.")
            )
        if count > most:
            raise UserError(
                self.env._("We can agree on at most %s instalments here: choose fewer.", most)
            )
        if not date or date < today:
            raise UserError(
                self.env._("Please tell us when you pay the first instalment: today or later.")
            )
        last, limit = (
            get_dates(date, "month", count)[-1],
            today + timedelta(days=strategy.plan_days),
        )
        if strategy.plan_days and last > limit:
            raise UserError(
                self.env._(
                    "The last instalment would be on %(last)s, and we can agree on %(limit)s at the "
                    "latest here: choose fewer instalments.",
                    last=_day(self, last),
                    limit=_day(self, limit),
                )
            )

    @api.model
    def _check_details(self, _customer, _lines, data, note):
        if not data and not (note or "").strip():
            raise UserError(self.env._("Nothing was changed."))
        if "email" in data and not email_normalize(data["email"][1]):
            raise UserError(
                self.env._("“%s” is no e-mail address: please check it.", data["email"][1])
            )

    @api.model
    def _get_details(self, customer, contact):
        """Return the contact data as they are: dict by the names of ``DETAILS``.

        How we write, and how invoices come, is the company's: a restricted contact has no say.
        """
        details = {
            "email": contact.email or "",
            "phone": contact.phone or "",
            "lang": contact.lang or "",
        }
        if not contact._is_portal_restricted():
            partner = customer.partner_id.with_company(customer.company_id)
            details["channel"] = customer.channel_id.id
            details["electronic"] = partner.invoice_sending_method not in PAPER
        return details

    def _keep_files(self, files):
        """Keep the files that came along, as the request's own."""
        if files:
            self.attachment_ids = self.env["ir.attachment"].create(
                [dict(file, res_model=self._name, res_id=self.id) for file in files]
            )

    def _get_waiting_reason(self):
        """Return why a collector must look at it first; falsy: it is done at once."""
        self.ensure_one()
        if self.kind not in HOLDING:
            return False
        earlier = self.search(
            [
                ("id", "!=", self.id),
                ("kind", "in", HOLDING),
                ("state", "!=", "refused"),
                ("move_line_ids", "in", self.move_line_ids.ids),
            ],
            limit=1,
        )
        if not earlier:
            return False
        return self.env._(
            "The customer stopped claims on the portal about these invoices before: %s",
            earlier.summary,
        )

    def _try(self):
        """Do it; what is refused waits for the collector, with the reason."""
        self.ensure_one()
        try:
            with self.env.cr.savepoint():
                self._apply()
                self.env.flush_all()
        except (UserError, ValidationError) as error:
            self.env.invalidate_all()
            self._wait(str(error))

    def _wait(self, reason):
        self.write({"state": "waiting", "reason": reason})

    def _apply(self):
        """Make of the request what a collector would make of it."""
        self.ensure_one()
        made = getattr(self, f"_apply_{self.kind}")()
        values = {"state": "done", "reason": False}
        if made:
            made.portal_request_id = self
            values["agreement"] = f"{made._name},{made[:1].id}"
        self.write(values)

    def _apply_promise(self):
        return self.env["collection.promise"]._make(
            self.move_line_ids,
            date_promised=fields.Date.to_date(self.data["date"]),
            note=self.note,
        )

    def _apply_paid(self):
        reports = self.env["collection.reported.payment"]._make(
            self.move_line_ids,
            date_reported=fields.Date.to_date(self.data["date"]),
            means=self.data.get("means") or "transfer",
            reference=self.data.get("reference"),
            note=self.note,
        )
        reports._attach(self._copy_files())
        return reports

    def _apply_dispute(self):
        disputes = self.env["collection.dispute"]._make(
            self.move_line_ids, reason_id=self.data["reason"], note=self.note
        )
        disputes._attach(self._copy_files())
        return disputes

    def _apply_plan(self):
        """Propose the plan that was asked for.

        By itself only within what a collector may agree to, where the scheme says so.

        :raises UserError: why a collector has to look at it
        """
        strategy = self.customer_id.strategy_id
        plans = self.env["collection.plan"]._make(
            self.move_line_ids, schedules=self._get_schedules(), note=self.note
        )
        if self.env.context.get("portal_request_accepted"):
            return plans
        for plan in plans:
            if refusal := plan._get_limit_refusal(strategy):
                raise UserError(refusal)
        if not strategy.portal_plan_at_once:
            raise UserError(
                self.env._("Scheme “%s” wants a collector to confirm plans.", strategy.name)
            )
        return plans

    def _get_schedules(self):
        """Return the instalments that were asked for: dict res.currency -> list of (date, amount)."""
        count, first = self.data["count"], fields.Date.to_date(self.data["date"])
        lines = self.move_line_ids._get_collection_whole_invoices()
        return {
            currency: list(
                zip(
                    get_dates(first, "month", count),
                    divide(sum(group.mapped("amount_residual_currency")), count, currency.round),
                    strict=True,
                )
            )
            for currency, group in lines.grouped("currency_id").items()
        }

    def _copy_files(self):
        """Return copies of the files for the agreement: it keeps its own."""
        return self.env["ir.attachment"].union(*(file.copy() for file in self.attachment_ids))

    def _apply_not_received(self):
        """The invoices are sent again, in the background.

        :raises UserError: why one of them can't be: the collector has to look at it
        """
        moves = self.move_line_ids.move_id
        for move in moves:
            if problem := move._get_send_again_problem():
                raise UserError(
                    self.env._("%(invoice)s: %(problem)s", invoice=move.name, problem=problem)
                )
        moves.action_collection_send_again()

    def _apply_details(self):
        """Change the contact data, once a collector has confirmed it.

        :raises UserError: by itself never: an address decides where invoices go
        """
        if not self.env.context.get("portal_request_accepted"):
            raise UserError(self.env._("An address decides where invoices go: please check it."))
        wanted = {name: after for name, (_before, after) in self.data.items()}
        values = {name: wanted[name] for name in ("email", "phone", "lang") if name in wanted}
        # superuser, as all of the request: collectors need not have rights on contacts
        if values:
            self.contact_id.write(values)
        if "channel" in wanted:
            self.customer_id.channel_id = wanted["channel"]
        if wanted.get("electronic"):
            partner = self.partner_id.with_company(self.company_id)
            partner.invoice_sending_method = "email"

    # ------------------------------------------------------------
    # Telling both sides
    # ------------------------------------------------------------

    def _tell_collector(self):
        """Write it into the conversation, and give the collector a task where there is something to do."""
        self.ensure_one()
        customer = self.customer_id
        lines = [
            self.summary,
            *self._get_change_texts(),
            self.note,
            self.reason and self.env._("It waits: %s", self.reason),
        ]
        customer.message_post(
            body=Markup("<br/>").join(filter(None, lines)),
            author_id=self.contact_id.id,
            attachment_ids=self.attachment_ids.ids,
            message_type="notification",
            subtype_xmlid="mail.mt_note",
        )
        if self.state == "waiting" or self.kind in EXPIRING:
            self.activity_schedule(
                TASK,
                date_deadline=customer.company_id._get_collection_today(),
                summary=self.summary,
                user_id=(
                    customer.collector_id
                    or customer.company_id.collection_supervisor_id
                    or self.env.user
                ).id,
            )

    def _confirm_to_customer(self):
        """Send the customer a confirmation of what was noted."""
        self.ensure_one()
        if not self.contact_id.email:
            return
        # a confirmation is no claim: it goes whatever the scheme or the contact policy says
        self.customer_id.with_context(lang=self.contact_id.lang).message_post_with_source(
            "collections_portal.request_confirmation",
            render_values={"request": self.with_context(lang=self.contact_id.lang)},
            subject=self.env._("We have noted it: %s", self.summary),
            message_type="auto_comment",
            partner_ids=self.contact_id.ids,
            author_id=self.customer_id.company_id.partner_id.id,
            email_layout_xmlid="collections_management.mail_layout",
            subtype_xmlid="mail.mt_comment",
        )

    # ------------------------------------------------------------
    # The collector
    # ------------------------------------------------------------

    def _check_open(self):
        for request in self:
            if request.state not in ("waiting", "done"):
                states = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(request)s is in state “%(state)s” already: there is nothing to confirm.",
                        request=request.summary,
                        state=states[request.state],
                    )
                )

    def action_accept(self):
        """Confirm requests: what waits is done now; what was done by itself no longer expires.

        :raises UserError: naming what can't be done, and why
        """
        self.check_access("write")
        self._check_open()
        for request in self:
            if request.state == "waiting":
                # sudo: the request is the system's; agreements are checked as the collector's
                request.sudo().with_context(portal_request_accepted=True)._apply()
            request.sudo().write(
                {"state": "accepted", "reason": False, "closed_by_id": self.env.user.id}
            )
        self.sudo().activity_unlink([TASK])

    def action_refuse(self):
        """Refuse requests: what they hold is free again. Tell the customer why in the conversation."""
        self.check_access("write")
        self._check_open()
        for request in self.sudo():
            agreement = request.agreement
            if agreement and agreement.state in agreement._get_open_states():
                agreement.action_cancel()
            request.write({"state": "refused", "closed_by_id": self.env.user.id})
        self.sudo().activity_unlink([TASK])

    def action_open_agreement(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.agreement._name,
            "res_id": self.agreement.id,
            "view_mode": "form",
        }

    # ------------------------------------------------------------
    # Every day
    # ------------------------------------------------------------

    @api.model
    def _cron_expire(self):
        """End what customers reported or disputed on the portal and nobody confirmed in time."""
        for company in self.env["res.company"].search([("parent_id", "=", False)]):
            if not company.collection_portal_confirm_days:
                continue
            limit = company._get_collection_today() - timedelta(
                days=company.collection_portal_confirm_days
            )
            for request in self.search(
                [
                    ("company_id", "=", company.id),
                    ("state", "=", "done"),
                    ("kind", "in", EXPIRING),
                    ("date", "<", limit),
                ]
            ):
                try:
                    with self.env.cr.savepoint():
                        request._expire()
                except Exception:  # the others' time is over too
                    _logger.exception("Collections: portal request %s could not end", request.id)
                self.env["ir.cron"]._commit_progress()

    def _expire(self):
        """End one: its items are claimed again, unless the ledger or a colleague did something."""
        self.ensure_one()
        agreement = self.agreement
        if agreement and agreement.state in agreement._get_open_states():
            agreement._close("cancelled")
            agreement._log(
                self.env._("Nobody confirmed in time what the customer said on the portal.")
            )
            self.state = "expired"
        else:
            self.state = "accepted"
        self.activity_unlink([TASK])

    @api.ondelete(at_uninstall=False)
    def _unlink_except_asked(self):
        for request in self:
            raise UserError(
                self.env._(
                    "%s is part of the customer's history and stays: refuse it instead.",
                    request.summary,
                )
            )


def _day(records, date):
    """Return a date as text in the language of whoever reads."""
    return format_date(records.env, date)
