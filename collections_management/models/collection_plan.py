from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from .instalments import MOST_INSTALMENTS

STATES = [
    ("proposed", "Proposed"),
    ("active", "Active"),
    ("done", "Done"),
    ("settled", "Settled otherwise"),
    ("breached", "Breached"),
    ("expired", "Expired"),
    ("replaced", "Replaced"),
    ("cancelled", "Cancelled"),
]
OPEN = ("proposed", "active")

ACCEPT_METHODS = [
    ("oral", "By phone or in person"),
    ("paper", "Signed on paper"),
    ("portal", "On the portal"),
]


class CollectionPlan(models.Model):
    """A payment plan: the debt of some invoices in instalments. Of one instalment: an extension.

    It is a schedule beside the invoices, whose due dates stay. What is reconciled with them pays
    the instalments, the oldest first. A proposal holds its invoices until it expires.
    """

    _name = "collection.plan"
    _description = "Payment Plan"
    _inherit = ["collection.agreement"]

    amount = fields.Monetary(string="Total", help="The debt that the plan is about.")
    state = fields.Selection(STATES, default="proposed")
    line_ids = fields.One2many("collection.plan.line", "plan_id", string="Instalments", copy=False)
    is_extension = fields.Boolean(
        string="Extension",
        compute="_compute_schedule",
        store=True,
        help="A single new date for the whole debt.",
    )
    instalment_count = fields.Integer(
        string="Number of Instalments", compute="_compute_schedule", store=True, aggregator=False
    )
    first_date = fields.Date(string="First Instalment", compute="_compute_schedule", store=True)
    last_date = fields.Date(string="Last Instalment", compute="_compute_schedule", store=True)
    next_line_id = fields.Many2one("collection.plan.line", compute="_compute_next_line")
    next_date = fields.Date(compute="_compute_schedule", store=True, index="btree_not_null")
    next_amount = fields.Monetary(compute="_compute_next_line", aggregator=False)
    discount_amount = fields.Monetary(
        string="Discount",
        aggregator=False,
        help="Granted when the plan is fulfilled: the instalments are so much less than the total.",
    )
    to_pay_amount = fields.Monetary(
        string="To Pay",
        compute="_compute_to_pay_amount",
        aggregator=False,
        help="The total less the discount: the sum of the instalments.",
    )
    remaining_amount = fields.Monetary(
        string="Remaining", compute="_compute_remaining_amount", aggregator=False
    )
    valid_until = fields.Date(
        string="Proposal Valid Until",
        compute="_compute_terms",
        store=True,
        readonly=False,
        precompute=True,
        help="A proposal that is not accepted until then expires, and its invoices are claimed again.",
    )
    breach_days = fields.Integer(
        string="Days of Grace",
        compute="_compute_terms",
        store=True,
        precompute=True,
        help="An instalment that is later than this breaks the plan. As the company's setting was "
        "when the plan was registered.",
    )
    tolerance_percent = fields.Float(
        string="Tolerance (%)",
        compute="_compute_terms",
        store=True,
        precompute=True,
        help="So much less than an instalment is taken for paid.",
    )
    in_doubt = fields.Boolean(
        string="Paid, to Allocate",
        readonly=True,
        copy=False,
        help="The customer has money that is not allocated yet and may pay what seems late.",
    )
    proposed_on = fields.Date(
        readonly=True, copy=False, help="When the proposal was sent to the customer."
    )
    accept_method = fields.Selection(ACCEPT_METHODS, string="Agreed", readonly=True, copy=False)
    signed_by = fields.Char(readonly=True, copy=False)
    signed_on = fields.Datetime(readonly=True, copy=False)
    signature = fields.Binary(readonly=True, copy=False, attachment=True)
    previous_id = fields.Many2one(
        "collection.plan",
        string="Previous Plan",
        readonly=True,
        index="btree_not_null",
        copy=False,
        ondelete="set null",
        check_company=True,
    )
    refund_ids = fields.Many2many(
        "account.move",
        "collection_plan_refund_rel",
        "plan_id",
        "move_id",
        string="Credit Notes",
        readonly=True,
        copy=False,
        help="What was prepared for the discount.",
    )
    file_name = fields.Char(
        compute="_compute_file_name", help="What the agreement is called as a file."
    )
    refunds_made = fields.Boolean(
        readonly=True,
        copy=False,
        help="The credit notes were prepared; who deletes one means it.",
    )
    promises_before = fields.Json(
        readonly=True,
        copy=False,
        help="The promises that it took the place of, as they were: they live again if nothing comes "
        "of the proposal.",
    )
    explanation = fields.Char(compute="_compute_explanation")

    _customer_state_idx = models.Index("(customer_id, state)")
    _discount_not_negative = models.Constraint(
        "CHECK(discount_amount IS NULL OR discount_amount >= 0)",
        "The discount of a payment plan can't be negative.",
    )

    # ------------------------------------------------------------
    # What every agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_open_states(self):
        return OPEN

    @api.model
    def _get_final_states(self):
        return ("expired", "replaced", "cancelled")

    @api.model
    def _get_hold_kind(self):
        return "in_plan"

    @api.model
    def _get_sequence_prefix(self):
        return "PL/%(year)s/"

    @api.model
    def _get_register_model(self):
        """Extensions and offers have dialogs of their own: ``collection_extension``, ``_offer``."""
        if self.env.context.get("collection_extension"):
            return "collection.register.extension"
        if self.env.context.get("collection_offer"):
            return "collection.register.offer"
        return "collection.register.plan"

    @api.model
    def _get_agreed_fields(self):
        return super()._get_agreed_fields() | {"discount_amount", "line_ids"}

    @api.model
    def _get_system_fields(self):
        return super()._get_system_fields() | {
            "accept_method",
            "breach_days",
            "in_doubt",
            "previous_id",
            "promises_before",
            "proposed_on",
            "refund_ids",
            "refunds_made",
            "signature",
            "signed_by",
            "signed_on",
            "tolerance_percent",
        }

    @api.model
    def _get_compatible_kinds(self):
        """Override: a promise gives way to a plan."""
        return [*super()._get_compatible_kinds(), "promised"]

    def _get_hold_until_sql(self):
        """A proposal holds until it expires, a plan until it ends."""
        return SQL(
            "CASE WHEN agreement.state = 'proposed' AND agreement.valid_until >= %s "
            "THEN agreement.valid_until END",
            self._get_today(),
        )

    def _get_hold_sentence(self):
        self.ensure_one()
        _ = self.env._
        values = {
            "plan": self.number,
            "date": format_date(self.env, self.next_date),
            "amount": self.currency_id.format(self.next_amount),
        }
        if self.state == "proposed":
            return _(
                "A payment plan was proposed (%(plan)s); it waits for the customer until %(until)s.",
                until=format_date(self.env, self.valid_until),
                **values,
            )
        if self.is_extension:
            return _(
                "The due date was extended: %(amount)s is due on %(date)s (%(plan)s).", **values
            )
        return _(
            "In a payment plan: the next instalment of %(amount)s is due on %(date)s (%(plan)s).",
            **values,
        )

    # ------------------------------------------------------------
    # Fields
    # ------------------------------------------------------------

    @api.depends("company_id", "date")
    def _compute_terms(self):
        """As the company's settings are when the plan is registered: later changes judge nobody."""
        for plan in self:
            company = plan.company_id
            plan.breach_days = company.collection_plan_days
            plan.tolerance_percent = company.collection_promise_percent
            day = plan.date or fields.Date.context_today(plan)
            plan.valid_until = plan.valid_until or (
                day + timedelta(days=company.collection_plan_valid_days)
            )

    @api.depends("line_ids.date", "line_ids.settled", "discount_amount")
    def _compute_schedule(self):
        for plan in self:
            dates = plan.line_ids.mapped("date")
            left = plan.line_ids.filtered(lambda line: not line.settled).mapped("date")
            plan.instalment_count = len(dates)
            plan.is_extension = len(dates) == 1 and not plan.discount_amount
            plan.first_date = min(dates, default=False)
            plan.last_date = max(dates, default=False)
            plan.next_date = min(left, default=False)

    @api.depends("line_ids.settled", "line_ids.remaining_amount")
    def _compute_next_line(self):
        for plan in self:
            line = plan.line_ids.filtered(lambda line: not line.settled)[:1]
            plan.next_line_id = line
            plan.next_amount = line.remaining_amount

    @api.depends("amount", "discount_amount")
    def _compute_to_pay_amount(self):
        for plan in self:
            plan.to_pay_amount = plan.amount - plan.discount_amount

    @api.depends("line_ids.remaining_amount", "state")
    def _compute_remaining_amount(self):
        for plan in self:
            left = sum(plan.line_ids.mapped("remaining_amount"))
            plan.remaining_amount = left if plan.state in OPEN else 0.0

    @api.depends_context("lang")
    @api.depends(
        "state", "in_doubt", "line_ids.settled", "line_ids.date", "proposed_on", "valid_until"
    )
    def _compute_explanation(self):
        for plan in self:
            plan.explanation = plan._get_explanation()

    def _get_explanation(self):
        """Return the sentence that tells a person where the plan stands, and why."""
        self.ensure_one()
        _ = self.env._
        if self.state == "active":
            return self._get_active_explanation()
        if self.state == "proposed" and not self.proposed_on:
            return _(
                "It was not sent by e-mail yet: send it, or confirm it when the customer has agreed. "
                "Its invoices are not claimed until %s.",
                format_date(self.env, self.valid_until),
            )
        return {
            "proposed": _(
                "It waits for the customer until %s; until then its invoices are not claimed. When "
                "the customer has agreed, confirm it.",
                format_date(self.env, self.valid_until),
            ),
            "done": _("All instalments were paid."),
            "settled": _("Nothing is left to pay, and not all of it by payments."),
            "breached": _(
                "An instalment was not paid within the days of grace; what is still open is claimed "
                "again."
            ),
            "expired": _("The customer did not accept the proposal in time."),
            "replaced": _("A later plan took its place."),
            "cancelled": _("It was cancelled."),
        }.get(self.state, "")

    def _get_active_explanation(self):
        self.ensure_one()
        _ = self.env._
        if self.in_doubt:
            return _(
                "An instalment seems late, but the customer has money that is not allocated yet: "
                "accounting was asked to allocate it."
            )
        today = fields.Date.context_today(self)
        line = self.next_line_id
        values = {
            "date": format_date(self.env, line.date),
            "amount": self.currency_id.format(line.remaining_amount),
            "breach": format_date(self.env, line.breach_date),
        }
        if not line or line.date >= today:
            return _("The next instalment, %(amount)s, is due on %(date)s.", **values)
        if line.breach_date < today:
            return self.company_id.sudo()._get_stale_bank_text() or _("The next run judges it.")
        return _(
            "The instalment of %(date)s is late: %(amount)s is missing. If it is not there until "
            "%(breach)s, the plan is breached.",
            **values,
        )

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    @api.model
    def _make(self, lines, amounts=None, *, schedules=None, discounts=None, **values):
        """Override: one plan for each currency, each with its own instalments.

        :param dict schedules: by res.currency: list of (date, amount) in order of time
        :param dict discounts: by res.currency: amount that is let off when the plan is fulfilled
        """
        lines = lines._get_collection_whole_invoices()
        self._get_customer(lines)
        amounts, schedules, discounts = amounts or {}, schedules or {}, discounts or {}
        plans = self.browse()
        for currency, group in lines.grouped("currency_id").items():
            plans |= super()._make(
                group,
                amounts,
                line_ids=[
                    Command.create({"number": number, "date": date, "amount": amount})
                    for number, (date, amount) in enumerate(schedules.get(currency, []), start=1)
                ],
                discount_amount=discounts.get(currency, 0.0),
                **values,
            )
        return plans

    @api.model
    def _get_default_amount(self, lines):
        """Override of ``collection.agreement``: all that is open."""
        return sum(lines.mapped("amount_residual_currency"))

    @api.model
    def _extend(self, lines, date, **values):
        """Extend the due date of some items: agreed at once, one plan for each currency.

        :param lines: account.move.line
        :param datetime.date date: when the whole is due now
        :return: the plans, active
        """
        lines = lines._get_collection_whole_invoices()
        schedules = {
            currency: [(date, sum(group.mapped("amount_residual_currency")))]
            for currency, group in lines.grouped("currency_id").items()
        }
        plans = self._make(lines, schedules=schedules, **values)
        plans._confirm("oral")
        return plans

    @api.model
    def _get_default_amount(self, lines):
        """Override: a plan is about all that is open."""
        return sum(lines.mapped("amount_residual_currency"))

    def _begin(self):
        """Override: check the instalments, within the scheme's limits; take the place of earlier ones."""
        self._check_discount()
        self._check_schedule()
        self._check_limits()
        self._replace_earlier()
        self._replace_promises()
        super()._begin()

    def _check_schedule(self):
        """Refuse instalments that are none, out of order, or don't add up.

        :raises UserError: naming the instalment, the rule and the way out
        """
        for plan in self:
            if reason := plan._get_schedule_refusal():
                raise UserError(reason)

    def _get_schedule_refusal(self):
        """Return why the instalments can't be agreed; falsy: they can."""
        self.ensure_one()
        _, currency, lines = self.env._, self.currency_id, self.line_ids
        customer = self.partner_id.display_name
        if not lines:
            return _(
                "%s: a plan needs at least one instalment: give the number of instalments and the "
                "first date.",
                customer,
            )
        if len(lines) > MOST_INSTALMENTS:
            return _(
                "%(customer)s: %(count)s instalments are more than the %(most)s that a plan can "
                "have: choose fewer.",
                customer=customer,
                count=len(lines),
                most=MOST_INSTALMENTS,
            )
        before = self.date
        for number, line in enumerate(lines, start=1):
            values = {
                "customer": customer,
                "number": number,
                "date": format_date(self.env, line.date),
                "amount": currency.format(line.amount),
                "before": format_date(self.env, before),
            }
            if currency.compare_amounts(line.amount, 0) <= 0:
                return _(
                    "%(customer)s: instalment %(number)s would be of %(amount)s. Write an amount "
                    "above zero, or remove it.",
                    **values,
                )
            if line.date < self.date:
                return _(
                    "%(customer)s: instalment %(number)s would be due on %(date)s, which has passed: "
                    "choose today or a later day.",
                    **values,
                )
            if line.date < before:
                return _(
                    "%(customer)s: instalment %(number)s (%(date)s) would be due before the one "
                    "ahead of it (%(before)s): put the instalments in the order of their dates.",
                    **values,
                )
            before = line.date
        return self._get_sum_refusal()

    def _get_sum_refusal(self):
        """Return why the sum of the instalments can't be agreed; falsy: it can."""
        self.ensure_one()
        currency, total = self.currency_id, sum(self.line_ids.mapped("amount"))
        if not currency.compare_amounts(total, self.to_pay_amount):
            return False
        return self.env._(
            "%(customer)s: the instalments add up to %(sum)s, and %(to_pay)s is to be paid "
            "(difference: %(difference)s). Change the instalments or the total.",
            customer=self.partner_id.display_name,
            sum=currency.format(total),
            to_pay=currency.format(self.to_pay_amount),
            difference=currency.format(total - self.to_pay_amount),
        )

    def _check_discount(self):
        """Refuse a discount that is as much as the debt, or on a part of it only."""
        for plan in self.filtered("discount_amount"):
            currency = plan.currency_id
            # sudo: branches share their customers
            owed = sum(plan.sudo().move_line_ids.mapped("amount_residual_currency"))
            values = {
                "customer": plan.partner_id.display_name,
                "discount": currency.format(plan.discount_amount),
                "amount": currency.format(plan.amount),
                "owed": currency.format(owed),
            }
            if currency.compare_amounts(plan.discount_amount, plan.amount) >= 0:
                raise UserError(
                    self.env._(
                        "%(customer)s: a discount of %(discount)s leaves nothing of %(amount)s to be "
                        "paid. Lower the discount.",
                        **values,
                    )
                )
            if currency.compare_amounts(plan.amount, owed):
                raise UserError(
                    self.env._(
                        "%(customer)s: a discount settles the whole debt, so the total has to be the "
                        "%(owed)s that the invoices are open for, not %(amount)s. Change the total, "
                        "or leave the discount out.",
                        **values,
                    )
                )

    def _check_limits(self):
        """Refuse a collector's plan that goes beyond what the customer's scheme allows."""
        user = self.env.user
        if user._is_superuser() or user.has_group(
            "collections_management.group_collection_supervisor"
        ):
            return
        for plan in self:
            if reason := plan._get_limit_refusal(plan.customer_id.strategy_id):
                raise UserError(reason)

    def _get_limit_refusal(self, strategy):
        """Return why a supervisor has to register the plan; falsy: a collector may.

        :param strategy: collection.strategy of the customer
        """
        self.ensure_one()
        _, currency = self.env._, self.currency_id
        most, days = strategy.plan_instalments, strategy.plan_days
        down = self.to_pay_amount * strategy.plan_down_percent / 100
        allowed = self.amount * strategy.plan_discount_percent / 100
        values = {
            "customer": self.partner_id.display_name,
            "scheme": strategy.name,
            "count": self.instalment_count,
            "most": most,
            "days": days,
            "date": format_date(self.env, self.last_date),
            "first": currency.format(self.line_ids[:1].amount),
            "down": currency.format(down),
            "percent": f"{strategy.plan_down_percent:g}",
            "discount": currency.format(self.discount_amount),
            "allowed": currency.format(allowed),
        }
        if most and self.instalment_count > most:
            return _(
                "%(customer)s: a plan of %(count)s instalments, and scheme “%(scheme)s” allows "
                "%(most)s: agree on fewer, or ask your supervisor to register it.",
                **values,
            )
        if days and self.last_date > self.date + timedelta(days=days):
            return _(
                "%(customer)s: the last instalment would be due on %(date)s, and scheme “%(scheme)s” "
                "allows plans of at most %(days)s days: agree on earlier dates, or ask your "
                "supervisor to register it.",
                **values,
            )
        if (
            down
            and not self.is_extension
            and currency.compare_amounts(self.line_ids[:1].amount, down) < 0
        ):
            return _(
                "%(customer)s: the first payment would be %(first)s, and scheme “%(scheme)s” asks "
                "for %(down)s (%(percent)s %%): agree on a higher down payment, or ask your "
                "supervisor to register it.",
                **values,
            )
        if currency.compare_amounts(self.discount_amount, allowed) > 0:
            return _(
                "%(customer)s: a discount of %(discount)s, and scheme “%(scheme)s” lets a collector "
                "grant %(allowed)s: lower it, or ask your supervisor to register the plan.",
                **values,
            )
        return False

    def _replace_earlier(self):
        """Take the place of open plans about the same items, and link with the last ones."""
        earlier = self.search([("move_line_ids", "in", self.move_line_ids.ids)], order="id desc")
        for plan in self:
            before = (earlier - self).filtered(
                lambda old, plan=plan: (
                    old.move_line_ids & plan.move_line_ids and old.state != "cancelled"
                )
            )
            plan.previous_id = before[:1]
            for old in before.filtered(lambda old: old.state in OPEN):
                plan._replace(old)

    def _replace_promises(self):
        """Take the place of open promises about the same items; what is left out stays promised."""
        promises = self.env["collection.promise"]._get_open_about(self.move_line_ids)
        for plan in self:
            given = promises.filtered(
                lambda promise, plan=plan: promise.move_line_ids & plan.move_line_ids
            )
            if given:
                plan.promises_before = {**(plan.promises_before or {}), **given._remember()}
            given._give_way(plan, self.env._("A payment plan takes its place: %s.", plan.number))

    def _give_promises_back(self):
        """Let the promises live again that these proposals took the place of: nothing came of them.

        Where their day has passed meanwhile, they are judged.
        """
        for plan in self.filtered("promises_before"):
            self.env["collection.promise"]._bring_back(
                plan.promises_before,
                self.env._("It counts again: nothing came of payment plan %s.", plan.number),
            )
            plan.promises_before = False

    def _replace(self, old):
        """Take the place of an open plan.

        :raises UserError: when it leaves out some of its invoices
        """
        self.ensure_one()
        rest = (old.move_line_ids - self.move_line_ids).filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        )
        if rest:
            raise UserError(
                self.env._(
                    "%(item)s is in %(plan)s. A new plan takes its place only with all its invoices: "
                    "add %(rest)s, or cancel %(plan)s first.",
                    item=(old.move_line_ids & self.move_line_ids)[:1]._get_collection_name(),
                    plan=old.number,
                    rest=", ".join({line._get_collection_name(): 1 for line in rest}),
                )
            )
        if old.state == "proposed":
            self.promises_before = old.promises_before
        old._close("replaced")
        old._log(self.env._("Replaced by %s.", self.number))

    def _close(self, state):
        """Override: the promises that a proposal took the place of live again."""
        proposals = self.filtered(lambda plan: plan.state == "proposed")
        super()._close(state)
        if state == "cancelled":
            proposals._give_promises_back()

    @api.ondelete(at_uninstall=False)
    def _unlink_give_promises_back(self):
        # sudo: promises may be a colleague's
        self.sudo().filtered(lambda plan: plan.state == "proposed")._give_promises_back()

    # ------------------------------------------------------------
    # Proposed, accepted
    # ------------------------------------------------------------

    def _is_offer(self):
        """Tell whether the plan is a discount for one payment by a date, of what is due or not yet."""
        self.ensure_one()
        return self.instalment_count == 1 and self.discount_amount > 0

    def _confirm(self, method, **values):
        """The customer has agreed: the instalments count from now on.

        :param str method: one of ``ACCEPT_METHODS``
        :param values: who signed, when, and the signature
        :raises UserError: when it is no longer a proposal
        """
        for plan in self:
            if plan.state != "proposed":
                states = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(plan)s is in state “%(state)s”: only a proposed plan can be accepted. "
                        "Register a new one.",
                        plan=plan.number,
                        state=states[plan.state],
                    )
                )
            if plan.valid_until < plan._get_today():
                raise UserError(
                    self.env._(
                        "%(plan)s was valid until %(date)s: register a new plan.",
                        plan=plan.number,
                        date=format_date(self.env, plan.valid_until),
                    )
                )
        # sudo: states and signatures are the system's
        plans = self.sudo()
        plans.write({"state": "active", "accept_method": method, **values})
        methods = dict(self._fields["accept_method"]._description_selection(self.env))
        plans._log(self.env._("Agreed: %s.", methods[method]))
        plans._align_holds()
        plans._judge()

    def _accept(self, name, signature=None):
        """Accept the proposal on the portal.

        :param str name: who accepts it for the customer
        :param signature: image as the portal's signature gives it (base64)
        :raises UserError: when there is no name, or it is no longer a proposal
        """
        self.ensure_one()
        if not (name or "").strip():
            raise UserError(
                self.env._("%s: write the name of the person who accepts the plan.", self.number)
            )
        self._confirm(
            "portal",
            signed_by=name.strip(),
            signed_on=fields.Datetime.now(),
            signature=signature,
        )
        self._log(self.env._("Accepted on the portal by %s.", name.strip()))

    # ------------------------------------------------------------
    # Sending the agreement
    # ------------------------------------------------------------

    def _get_recipient(self):
        """Return the contact of the customer that plans are written to."""
        self.ensure_one()
        return self.customer_id._get_recipient()

    def _get_customer_lang(self):
        """Return the language in which the customer reads the agreement."""
        self.ensure_one()
        return self.customer_id._get_lang(self._get_recipient())

    def _get_page_url(self, contact=None):
        """Hook: return where a contact sees the plan, and can accept it; falsy: nowhere.

        :param contact: res.partner; default: whom plans are written to
        """
        return False

    def _get_greeting(self):
        """Return the salutation of the message, in the language of the context."""
        self.ensure_one()
        return self.env["collection.notice"]._greet(self._get_recipient())

    @api.depends("number", "customer_id")
    def _compute_file_name(self):
        for plan in self:
            worded = plan.with_context(lang=plan._get_customer_lang())
            number = plan.number and plan.number.replace("/", "-")
            plan.file_name = worded.env._("Payment plan %s", number)

    def _message_get_default_recipients(self, with_cc=False, all_tos=False):
        """Override of ``mail``: plans are written to the customer's contact for payments."""
        recipients = super()._message_get_default_recipients(with_cc=with_cc, all_tos=all_tos)
        for plan in self:
            recipients[plan.id] = {
                "partner_ids": plan._get_recipient().ids,
                "email_to": "",
                "email_cc": "",
            }
        return recipients

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Override of ``mail``: answers come to our own address, as those to notices."""
        addresses = super()._notify_get_reply_to_batch(defaults=defaults, author_ids=author_ids)
        for plan in self:
            # sudo: whoever writes need not have rights on companies
            address = plan.sudo().company_id._get_collection_address()
            if address:
                addresses[plan.id] = self._notify_get_reply_to_formatted_email(
                    address, author_id=(author_ids or {}).get(plan.id)
                )
        return addresses

    def message_post(self, **kwargs):
        """Override of ``mail``: keep when the agreement was sent to the customer."""
        message = super().message_post(**kwargs)
        if self.env.context.get("collection_plan_sent"):
            # sudo: when it was proposed is the system's
            self.sudo().filtered(
                lambda plan: not plan.proposed_on
            ).proposed_on = fields.Date.context_today(self)
        return message

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_send(self):
        """Open the message to the customer, with the agreement as PDF."""
        self.ensure_one()
        self.check_access("write")
        template = self.env.ref(
            "collections_management.mail_template_plan", raise_if_not_found=False
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send by E-mail"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": self._name,
                "default_res_ids": self.ids,
                "default_template_id": template.id if template else False,
                "default_composition_mode": "comment",
                "default_email_layout_xmlid": "collections_management.mail_layout",
                "collection_plan_sent": True,
                "force_email": True,
            },
        }

    def action_confirm(self):
        """The customer has agreed by phone or in person."""
        self.check_access("write")
        self._confirm("oral")

    def action_confirm_paper(self):
        """The customer has signed the agreement on paper."""
        self.check_access("write")
        self._confirm("paper", signed_on=fields.Datetime.now())

    def action_renegotiate(self):
        """Open the dialog for a plan that takes the place of this one."""
        self.ensure_one()
        return self._open_register(self.move_line_ids.filtered(lambda line: not line.reconciled))

    def action_open_refunds(self):
        """Open the credit notes that were prepared for the discount."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account.action_move_out_refund_type"
        )
        return dict(
            action,
            domain=[("id", "in", self.refund_ids.ids)],
            context={"default_move_type": "out_refund"},
        )
