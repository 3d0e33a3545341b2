from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date
from odoo.tools.date_utils import end_of
from odoo.tools.misc import clean_context

from ..models.collection_reported_payment import MEANS
from ..models.user_message import notification

# Besides those that are ticked the dialog shows so many open items, the oldest.
MOST_ITEMS = 80
# Tasks that a contact finishes, when they are due.
FINISHED_TASKS = ("broken_promise", "call_again", "follow_up")


class CollectionRegisterContact(models.TransientModel):
    """What a customer says on the phone, and what the collector needs to know meanwhile.

    Registers the contact with all that follows from its result (``collection.contact._make``).
    """

    _name = "collection.register.contact"
    _description = "Register a Contact"

    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", required=True, readonly=True
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="customer_id.company_id")
    move_line_ids = fields.Many2many(
        "account.move.line", string="Items", help="Ticked at the beginning. Empty: what is overdue."
    )
    channel_id = fields.Many2one(
        "collection.channel",
        required=True,
        domain="[('for_contacts', '=', True)]",
        default=lambda self: self._get_default_channel(),
    )
    direction = fields.Selection(
        [("out", "We contacted them"), ("in", "They contacted us")], default="out"
    )
    person_id = fields.Many2one(
        "res.partner",
        compute="_compute_person_id",
        store=True,
        readonly=False,
        domain="[('commercial_partner_id', '=', partner_id)]",
    )
    phone = fields.Char(compute="_compute_phone")
    result_id = fields.Many2one("collection.contact.result")
    missing_kinds = fields.Json(compute="_compute_missing_kinds")
    kind = fields.Selection(related="result_id.kind")
    explanation = fields.Text(related="result_id.description")
    comment = fields.Text()
    delay_reason_id = fields.Many2one("collection.delay.reason", string="Reason for Delay")
    line_ids = fields.One2many(
        "collection.register.contact.line",
        "register_id",
        string="Open Items",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    has_held = fields.Boolean(compute="_compute_has_held")
    chosen_text = fields.Char(string="Ticked", compute="_compute_chosen_text")
    amount_ids = fields.One2many(
        "collection.register.contact.amount",
        "register_id",
        string="Amounts",
        compute="_compute_amount_ids",
        store=True,
        readonly=False,
    )
    briefing = fields.Html(compute="_compute_briefing", sanitize=False)

    # a promise
    promise_when = fields.Selection(
        [
            ("1", "Tomorrow"),
            ("3", "In 3 days"),
            ("7", "In a week"),
            ("14", "In 2 weeks"),
            ("month", "End of the month"),
        ],
        string="When",
    )
    date_promised = fields.Date(string="Will Pay On")
    # a payment that the customer reports
    date_reported = fields.Date(string="Paid On", default=fields.Date.context_today)
    means = fields.Selection(MEANS, string="Means of Payment", default="transfer")
    reference = fields.Char()
    # a dispute
    dispute_reason_id = fields.Many2one(
        "collection.dispute.reason",
        string="Why",
        domain="[('company_id', 'in', [False, company_id])]",
    )
    area_id = fields.Many2one(
        "collection.area",
        string="Area Responsible",
        compute="_compute_area_id",
        store=True,
        readonly=False,
        domain="[('company_id', 'in', [False, company_id])]",
    )
    owner_id = fields.Many2one(
        "res.users",
        string="Who Solves It",
        compute="_compute_owner_id",
        store=True,
        readonly=False,
        domain="[('share', '=', False)]",
    )
    attachment_ids = fields.Many2many("ir.attachment", string="Files")
    # what is sent
    send = fields.Boolean(
        string="Send the Invoices by E-Mail", compute="_compute_send", store=True, readonly=False
    )
    address_id = fields.Many2one(
        "res.partner",
        string="Send To",
        compute="_compute_address_id",
        store=True,
        readonly=False,
        domain="[('commercial_partner_id', '=', partner_id)]",
    )
    email = fields.Char(
        string="E-Mail",
        compute="_compute_email",
        store=True,
        readonly=False,
        help="Correct it here if the customer gives you another one.",
    )
    sending_text = fields.Char(compute="_compute_sending_text")
    # what is next, and what is done with it
    follow_up_date = fields.Date(
        string="Task On",
        compute="_compute_follow_up_date",
        store=True,
        readonly=False,
        help="When you, or the customer's collector, go on with it. Empty: no task.",
    )
    follow_up_user_id = fields.Many2one(
        "res.users",
        string="Task For",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
    )
    notice_ids = fields.Many2many("collection.notice", string="Notices Done")
    task_ids = fields.Many2many("mail.activity", string="Tasks Done")
    pending_reply_count = fields.Integer(related="customer_id.pending_reply_count")
    close_replies = fields.Boolean(string="Answers the Customer's Reply")

    # ------------------------------------------------------------
    # Defaults
    # ------------------------------------------------------------

    @api.model
    def _get_default_channel(self):
        return self.env["collection.channel"].search([("code", "=", "call")], limit=1)

    @api.model
    def default_get(self, fields):
        """Override of ``base``: what the contact is done with, unless the button says so."""
        values = super().default_get(fields)
        customer = self.env["collection.customer"].browse(values.get("customer_id"))
        if not customer:
            return values
        if "follow_up_user_id" in fields:
            values.setdefault("follow_up_user_id", (customer.collector_id or self.env.user).id)
        if "notice_ids" in fields and not values.get("notice_ids"):
            notices = self._get_waiting_notices(customer, values.get("channel_id"))
            values["notice_ids"] = [Command.set(notices.ids)]
        if "task_ids" in fields and not values.get("task_ids"):
            values["task_ids"] = [Command.set(self._get_due_tasks(customer).ids)]
        return values

    @api.model
    def _get_waiting_notices(self, customer, channel_id):
        """Return the calls, visits... that wait for a person to carry them out by this channel."""
        return self.env["collection.notice"].search(
            [
                ("customer_id", "=", customer.id),
                ("state", "=", "queued"),
                ("channel_id", "=", channel_id),
                ("channel_id.is_manual", "=", True),
            ]
        )

    @api.model
    def _get_due_tasks(self, customer):
        """Return the customer's tasks that a contact finishes: due today or before."""
        types = [f"collections_management.activity_type_{name}" for name in FINISHED_TASKS]
        due = [("date_deadline", "<=", customer.company_id._get_collection_today())]
        return customer.activity_search(types, only_automated=False, additional_domain=due)

    # ------------------------------------------------------------
    # Whom
    # ------------------------------------------------------------

    @api.depends("customer_id")
    def _compute_person_id(self):
        for register in self:
            customer = register.customer_id
            register.person_id = customer and customer._get_recipient(needs="phone")

    @api.depends("person_id", "partner_id")
    def _compute_phone(self):
        for register in self:
            register.phone = register.person_id.phone or register.partner_id.phone

    def _compute_missing_kinds(self):
        self.missing_kinds = self.env["collection.contact.result"]._get_missing_kinds()

    # ------------------------------------------------------------
    # About what
    # ------------------------------------------------------------

    @api.depends("customer_id", "move_line_ids")
    def _compute_line_ids(self):
        for register in self:
            lines, chosen = register._get_items()
            register.line_ids = [
                Command.clear(),
                *(
                    Command.create({"move_line_id": line.id, "chosen": line in chosen})
                    for line in lines
                ),
            ]

    def _get_items(self):
        """Return the open items that the dialog shows, and which of them are ticked."""
        chosen = self.move_line_ids._origin
        items = (
            self.env["collection.due.item"]
            .with_context(collection_facts_only=True)
            .search(
                [("customer_id", "=", self.customer_id.id), ("residual_currency", ">", 0)],
                limit=MOST_ITEMS,
            )
        )
        # an open item has its line's id
        lines = self.env["account.move.line"].browse(items.ids)
        if not chosen:
            held = self._get_held_lines(lines, ("paused", "promised"))
            chosen = ((lines - held) or lines)._get_collection_overdue()
        shown = (lines | chosen).sorted(lambda line: (line._get_collection_due(), line.id))
        return shown, chosen

    @api.model
    def _get_held_lines(self, lines, but):
        """Return which items are held by other kinds of holds than ``but``."""
        held = self.env["collection.hold"].search(
            [("move_line_id", "in", lines.ids), ("open", "=", True), ("kind", "not in", but)]
        )
        return held.move_line_id

    def _get_chosen(self):
        return self.line_ids.filtered("chosen").move_line_id._origin

    @api.depends("line_ids.status")
    def _compute_has_held(self):
        for register in self:
            register.has_held = any(register.line_ids.mapped("status"))

    @api.depends("line_ids.chosen")
    def _compute_chosen_text(self):
        for register in self:
            chosen = register._get_chosen()
            amounts = " + ".join(
                format_amount(self.env, sum(group.mapped("amount_residual_currency")), currency)
                for currency, group in chosen.grouped("currency_id").items()
            )
            register.chosen_text = self.env._(
                "%(count)s of %(all)s: %(amounts)s",
                count=len(chosen),
                all=len(register.line_ids),
                amounts=amounts or "0",
            )

    @api.onchange("result_id")
    def _onchange_result_id(self):
        """Propose other amounts if the result is about other items, and keep what was written."""
        shown = {row.currency_id: row.residual for row in self.amount_ids}
        for currency, group in self._get_amount_lines().grouped("currency_id").items():
            owed = sum(group.mapped("amount_residual_currency"))
            if currency.compare_amounts(owed, shown.get(currency, 0)):
                self._compute_amount_ids()
                break

    @api.depends("line_ids.chosen")
    def _compute_amount_ids(self):
        for register in self:
            register.amount_ids = [
                Command.clear(),
                *(
                    Command.create(
                        {
                            "currency_id": currency.id,
                            "residual": sum(group.mapped("amount_residual_currency")),
                            "amount": sum(group.mapped("amount_residual_currency")),
                        }
                    )
                    for currency, group in register._get_amount_lines()
                    .grouped("currency_id")
                    .items()
                ),
            ]

    def _get_amount_lines(self):
        """Hook: the items whose open amount is proposed: those ticked; whole invoices are disputed."""
        chosen = self._get_chosen()
        return chosen._get_collection_whole_invoices() if self.kind == "dispute" else chosen

    @api.depends("customer_id")
    def _compute_briefing(self):
        for register in self:
            customer = register.customer_id
            lines = register.move_line_ids._origin or register._get_chosen()
            register.briefing = customer and self.env["ir.qweb"]._render(
                "collections_management.contact_briefing",
                self.env["collection.contact.briefing"]._read(customer, lines),
            )

    # ------------------------------------------------------------
    # What follows
    # ------------------------------------------------------------

    @api.onchange("promise_when")
    def _onchange_promise_when(self):
        if not self.promise_when:
            return
        company = self.company_id
        today = company._get_collection_today()
        if self.promise_when == "month":
            self.date_promised = end_of(today, "month")
            return
        # a bank pays on working days: on that day, or on the next one
        before = today + timedelta(days=int(self.promise_when) - 1)
        self.date_promised = company._get_collection_workday(1, before)

    @api.depends("dispute_reason_id")
    def _compute_area_id(self):
        for register in self:
            register.area_id = register.dispute_reason_id.area_id or register.area_id

    @api.depends("area_id")
    def _compute_owner_id(self):
        for register in self:
            register.owner_id = register.area_id.responsible_id or register.customer_id.collector_id

    @api.depends("result_id")
    def _compute_send(self):
        for register in self:
            register.send = register.kind == "not_reached" and bool(register.result_id.template_id)

    @api.depends("result_id", "person_id")
    def _compute_address_id(self):
        """Where invoices go when they are sent again; else who gets the customer's messages."""
        for register in self:
            invoices = register._get_chosen().move_id.partner_id
            if register.kind == "not_received" and invoices:
                register.address_id = invoices[0]
            else:
                register.address_id = register.customer_id and register.customer_id._get_recipient()

    @api.depends("address_id")
    def _compute_email(self):
        for register in self:
            register.email = register.address_id.email

    @api.depends("result_id", "send")
    @api.depends_context("lang", "tz")
    def _compute_sending_text(self):
        for register in self:
            register.sending_text = register._get_sending_text()

    def _get_sending_text(self):
        """Return when what is sent leaves; nothing is sent: False."""
        minutes = self.result_id.send_minutes
        if self.kind == "not_received":
            return self.env._("Odoo sends them once more, in %s minutes.", minutes)
        if not (self.kind == "not_reached" and self.send):
            return False
        mails = self.env["collection.contact.mail"]
        first = mails._get_first_moment(self.customer_id, minutes)
        if first > fields.Datetime.now() + timedelta(minutes=minutes):
            day = fields.Datetime.context_timestamp(self, first).date()
            return self.env._(
                "A consumer who had a message lately: it leaves on %s, as the contact policy says.",
                format_date(self.env, day),
            )
        return self.env._(
            "It leaves in %s minutes, within the hours of the contact policy; until then you can undo "
            "it.",
            minutes,
        )

    @api.depends("result_id")
    def _compute_follow_up_date(self):
        for register in self:
            result = register.result_id
            register.follow_up_date = result and result._get_follow_up_date(register.company_id)

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    def action_register(self):
        """Register the contact and say what came of it."""
        self.ensure_one()
        self._check_amounts()
        # asked before: what is sent now counts as a message
        sending = self.sending_text
        # the dialog's defaults are not the contact's, nor the agreement's
        env = self.env(context=clean_context(self.env.context))
        contact = env["collection.contact"]._make(
            self.customer_id,
            self.result_id,
            self._get_chosen(),
            self._prepare_details(),
            **self._prepare_values(),
        )
        return notification(
            self.env,
            self._get_outcome_sentences(contact, sending),
            title=self.env._("Registered: %s", self.result_id.name),
            kind="success",
            then=self._get_next_action(contact),
        )

    def _check_amounts(self):
        """Refuse an amount that nobody wrote, before something is made."""
        if self.kind in self.env["collection.contact.result"]._get_agreement_models():
            for line in self.amount_ids:
                if line.currency_id.compare_amounts(line.amount, 0) <= 0:
                    raise UserError(
                        self.env._(
                            "%(customer)s: write an amount above zero, at most the %(owed)s that the "
                            "ticked invoices are open for.",
                            customer=self.partner_id.display_name,
                            owed=line.currency_id.format(line.residual),
                        )
                    )

    def _prepare_values(self):
        """Hook: the values of the contact."""
        return {
            "channel_id": self.channel_id.id,
            "direction": self.direction,
            "person_id": self.person_id.id,
            "comment": self.comment,
            "delay_reason_id": self.delay_reason_id.id,
        }

    def _prepare_details(self):
        """Hook: what the result needs, as ``collection.contact._make`` takes it."""
        return {
            "amounts": {line.currency_id: line.amount for line in self.amount_ids},
            "date_promised": self.date_promised,
            "date_reported": self.date_reported,
            "means": self.means,
            "reference": self.reference,
            "reason": self.dispute_reason_id,
            "area": self.area_id,
            "owner": self.owner_id,
            "attachments": self.attachment_ids,
            "send": self.send,
            "address": self.address_id,
            "email": self.email,
            "follow_up_date": self.follow_up_date,
            "follow_up_user": self.follow_up_user_id,
            "notices": self.notice_ids,
            "tasks": self.task_ids,
            "replies": self.close_replies,
        }

    def _get_outcome_sentences(self, contact, sending):
        """Return what followed from the contact, as sentences for the collector.

        :param contact: collection.contact
        :param sending: when what is sent leaves; falsy: nothing is
        """
        sentences = [agreement._get_task_text() for agreement in contact._get_agreements()]
        if sending:
            sentences.append(sending)
        for task in contact.sudo().task_ids:
            sentences.append(
                self.env._(
                    "Task for %(user)s on %(date)s: %(task)s",
                    user=task.user_id.name,
                    date=format_date(self.env, task.date_deadline),
                    task=task.activity_type_id.name,
                )
            )
        return sentences or [self.env._("It stands in the customer's conversation.")]

    def _get_next_action(self, contact):
        """Hook: what opens when the dialog closes: the plan, where the reported money may be."""
        if self.kind == "plan" and contact.move_line_ids and "collection.plan" in self.env:
            return self.env["collection.plan"]._open_register(contact.move_line_ids)
        agreements = contact._get_agreements()
        proposals = self.kind == "reported" and agreements._get_proposals_action()
        return proposals or {"type": "ir.actions.act_window_close"}

    def action_print_preparation(self):
        """Print what the collector should know before the call."""
        return self.customer_id.action_print_preparation()


class CollectionRegisterContactLine(models.TransientModel):
    _name = "collection.register.contact.line"
    _description = "Register a Contact: Open Item"

    register_id = fields.Many2one(
        "collection.register.contact", required=True, index=True, ondelete="cascade"
    )
    move_line_id = fields.Many2one("account.move.line", string="Item", required=True)
    chosen = fields.Boolean(string="✓")
    document = fields.Char(compute="_compute_facts")
    date_due = fields.Date(string="Due Date", compute="_compute_facts")
    days_overdue = fields.Integer(string="Days", compute="_compute_facts")
    currency_id = fields.Many2one(related="move_line_id.currency_id")
    residual = fields.Monetary(
        related="move_line_id.amount_residual_currency", string="Open Amount"
    )
    status = fields.Char(compute="_compute_facts")

    @api.depends("move_line_id")
    def _compute_facts(self):
        today = fields.Date.context_today(self)
        lines = self.move_line_id
        holds = self.env["collection.hold"].search(
            [("move_line_id", "in", lines.ids), ("open", "=", True)]
        )
        kinds = dict(holds._fields["kind"]._description_selection(self.env))
        held = {hold.move_line_id: kinds[hold.kind] for hold in holds}
        for item in self:
            line = item.move_line_id
            item.document = line and line._get_collection_name()
            item.date_due = line and line._get_collection_due()
            item.days_overdue = (today - item.date_due).days if item.date_due else 0
            item.status = held.get(line._origin)


class CollectionRegisterContactAmount(models.TransientModel):
    _name = "collection.register.contact.amount"
    _description = "Register a Contact: Amount in a Currency"

    register_id = fields.Many2one(
        "collection.register.contact", required=True, index=True, ondelete="cascade"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    residual = fields.Monetary(string="Open Amount", readonly=True)
    amount = fields.Monetary(required=True)
