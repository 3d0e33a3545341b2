from itertools import pairwise

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache

PHASES = [
    ("issued", "Invoice issued"),
    ("upcoming", "Coming due"),
    ("overdue", "Overdue"),
    ("action", "Action"),
]
# Overdue claims and actions are one ladder, climbed a rung at a time.
LADDERS = {"upcoming": "upcoming", "overdue": "overdue", "action": "overdue"}


class CollectionStep(models.Model):
    _name = "collection.step"
    _description = "Collection Step"
    _order = "strategy_id, phase_order, sequence, id"

    name = fields.Char(required=True, translate=True)
    strategy_id = fields.Many2one(
        "collection.strategy", string="Scheme", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="strategy_id.company_id", store=True, index=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    phase = fields.Selection(PHASES, required=True, default="overdue")
    phase_order = fields.Integer(compute="_compute_phase_order", store=True)
    level = fields.Integer(
        compute="_compute_level",
        store=True,
        help="The rung of the ladder, from 1. Claims and actions share one ladder.",
    )
    days = fields.Integer(
        required=True,
        help="Days after the date below; negative: before it.",
    )
    anchor = fields.Selection(
        [("due", "Due date"), ("invoice", "Invoice date")],
        string="Counted From",
        required=True,
        default="due",
        help="Due date: of the instalment itself.",
    )
    gap_days = fields.Integer(
        string="Gap",
        default=7,
        help="Least days after the step before. So a debt that is imported late starts with the "
        "first claim and climbs from there.",
    )
    window_days = fields.Integer(
        string="Lapses After",
        default=3,
        help="A notice before the due date is not sent later than this many days after its day.",
    )
    repeat_days = fields.Integer(
        string="Repeat Every",
        help="Days after which the claim is said again while the next step has not come. "
        "0: it is said once.",
    )
    is_instalment = fields.Boolean(
        string="For Instalments",
        help="About the instalments of payment plans, by their dates; the other steps are about "
        "invoices that are in no plan. Said once of each instalment.",
    )
    only_returned = fields.Boolean(
        string="Only Returned Debits",
        help="Only for invoices whose direct debit was returned; its days count from the return.",
    )
    urgent = fields.Boolean(
        help="Sent even if the customer had another message in the last days; working days and "
        "hours still count.",
    )
    minimum_amount = fields.Monetary(
        currency_field="currency_id",
        help="Not taken while what the customer owes (overdue less credits, in the company's "
        "currency) is less than this.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    channel_ids = fields.Many2many(
        "collection.channel", string="Channels", domain="[('for_steps', '=', True)]"
    )
    speaks = fields.Boolean(
        compute="_compute_speaks", store=True, help="The customer receives something."
    )
    recipient_role = fields.Selection(
        [("payments", "Payments contact"), ("management", "Management")],
        string="Sent To",
        required=True,
        default="payments",
    )
    template_id = fields.Many2one(
        "mail.template",
        string="Message",
        domain="[('model', '=', 'collection.customer')]",
        ondelete="restrict",
    )
    whatsapp_template_id = fields.Many2one(
        "mail.template",
        string="WhatsApp Message",
        domain="[('model', '=', 'collection.customer')]",
        ondelete="restrict",
        help="The short text that is put into WhatsApp. Empty: the one that is shipped.",
    )
    layout_xmlid = fields.Selection(
        selection="_get_layouts",
        string="Layout",
        required=True,
        default="collections_management.mail_layout",
    )
    attach_invoices = fields.Boolean(
        help="Attach the PDFs of the invoices at this step. Off: the message holds links to them.",
    )
    attach_statement = fields.Boolean()
    responsible_id = fields.Many2one(
        "res.users",
        help="Who does it. Empty: the collector; for an action, whoever its type names.",
    )
    action_type_id = fields.Many2one(
        "collection.action.type",
        string="Action",
        compute="_compute_action_type_id",
        store=True,
        readonly=False,
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="What the step opens for the person responsible.",
    )
    salesperson_days = fields.Integer(
        string="Tell the Salesperson",
        default=2,
        help="Working days before the action begins on which the salesperson is told. 0: never.",
    )
    note = fields.Text(
        string="What to Do",
        translate=True,
        help="Instructions for the person who makes the call or takes the action.",
    )

    _gap_not_negative = models.Constraint(
        "CHECK(gap_days >= 0 AND window_days >= 0 AND repeat_days >= 0)",
        "Gap, lapse and repetition of a step are days from 0 up; they can't be negative.",
    )
    _salesperson_days_not_negative = models.Constraint(
        "CHECK(salesperson_days >= 0)",
        "The days before an action on which the salesperson is told can't be negative.",
    )
    _minimum_not_negative = models.Constraint(
        "CHECK(minimum_amount >= 0)", "The minimum amount of a step can't be negative."
    )

    @api.model
    def _get_layouts(self):
        """Hook: the layouts that a message can be put in, as (xmlid of the view, name)."""
        return [
            ("collections_management.mail_layout", self.env._("Company letterhead")),
            ("mail.mail_notification_light", self.env._("Odoo, light")),
        ]

    @api.depends("phase")
    def _compute_phase_order(self):
        order = {phase: index for index, (phase, _label) in enumerate(PHASES)}
        for step in self:
            step.phase_order = order.get(step.phase, 0)

    @api.depends(
        "strategy_id.step_ids.sequence",
        "strategy_id.step_ids.phase",
        "strategy_id.step_ids.active",
        "strategy_id.step_ids.is_instalment",
    )
    def _compute_level(self):
        for strategy in self.strategy_id:
            rungs = {}
            # an archived step shares the rung below it: who was there goes on with the next
            for step in strategy.with_context(active_test=False).step_ids._in_order():
                ladder = step._get_ladder()
                rungs[ladder] = rungs.get(ladder, 0) + (1 if step.active else 0)
                step.level = rungs[ladder] if step.phase in LADDERS else 0

    @api.depends("phase", "channel_ids.is_message")
    def _compute_speaks(self):
        for step in self:
            step.speaks = step.phase != "action" and any(step.channel_ids.mapped("is_message"))

    @api.depends("phase")
    def _compute_action_type_id(self):
        """Without a choice a person decides what is done."""
        decide = self.env.ref("collections_management.action_type_decide", raise_if_not_found=False)
        for step in self:
            if step.phase != "action":
                step.action_type_id = False
            elif not step.action_type_id:
                step.action_type_id = decide

    @api.depends("company_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for step in self:
            step.currency_id = (step.company_id or self.env.company).currency_id

    @api.model
    def _decide_by_default(self):
        """Give the action steps of a database older than the types the one that leaves the decision."""
        steps = self.with_context(active_test=False).search(
            [("phase", "=", "action"), ("action_type_id", "=", False)]
        )
        steps._compute_action_type_id()

    @api.model
    @ormcache()
    def _have_minimum(self):
        """Tell whether any step has a minimum amount: else the decision asks for no total."""
        # sudo: the decision is the same, whoever looks
        steps = self.sudo().with_context(active_test=False)
        return bool(steps.search_count([("minimum_amount", ">", 0)], limit=1))

    @api.model_create_multi
    def create(self, vals_list):
        steps = super().create(vals_list)
        if any(steps.mapped("minimum_amount")):
            self.env.registry.clear_cache()
        return steps

    def write(self, vals):
        if "minimum_amount" in vals:
            self.env.registry.clear_cache()
        return super().write(vals)

    def _get_ladder(self):
        """Return the ladder that the step is a rung of: instalments have their own."""
        self.ensure_one()
        return LADDERS.get(self.phase), self.is_instalment

    def _in_order(self):
        """Return the steps in the order in which they are taken."""
        return self.sorted(lambda step: (step.phase_order, step.sequence, step._origin.id))

    @api.constrains(
        "action_type_id",
        "phase",
        "days",
        "anchor",
        "sequence",
        "template_id",
        "channel_ids",
        "only_returned",
        "active",
        "is_instalment",
    )
    def _check_step(self):
        for step in self.filtered("active"):
            step._check_days()
            step._check_instalment()
            step._check_channels()
            step._check_action()
        self._check_order()

    @api.constrains("active")
    def _check_last_step(self):
        if self.env.context.get("collection_saving_scheme"):
            return  # the scheme checks it when all its steps are written
        for strategy in self.strategy_id:
            strategy._check_speaks(strategy.step_ids)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_last_step(self):
        if self.env.context.get("collection_saving_scheme"):
            return  # the scheme checks it when all its steps are written
        for strategy in self.strategy_id:
            strategy._check_speaks(strategy.step_ids - self)

    def _check_days(self):
        self.ensure_one()
        if self.phase == "overdue" and self.anchor == "due" and self.days < 0:
            raise ValidationError(
                self.env._(
                    "Step “%(step)s” claims overdue items %(days)s days before they are due: give "
                    "it 0 days or more, or make it a “coming due” step.",
                    step=self.name,
                    days=-self.days,
                )
            )
        if self.phase == "upcoming" and self.anchor == "due" and self.days > 0:
            raise ValidationError(
                self.env._(
                    "Step “%(step)s” announces a due date %(days)s days after it: give it 0 days "
                    "or less, or make it an “overdue” step.",
                    step=self.name,
                    days=self.days,
                )
            )

    def _check_instalment(self):
        self.ensure_one()
        if self.is_instalment and (
            self.phase == "issued" or self.anchor != "due" or self.only_returned
        ):
            raise ValidationError(
                self.env._(
                    "Step “%(step)s” is about instalments of payment plans: it is counted from "
                    "their due date, before or after it, and knows no invoices nor returned debits.",
                    step=self.name,
                )
            )

    def _check_channels(self):
        self.ensure_one()
        if self.phase in ("upcoming", "overdue") and not self.channel_ids:
            raise ValidationError(
                self.env._(
                    "Step “%(step)s” has no channel, so nobody would hear of it: choose e-mail, "
                    "call, letter or WhatsApp.",
                    step=self.name,
                )
            )
        writes = self.channel_ids.filtered(lambda channel: channel.is_message)
        if self.phase != "issued" and writes and not self.template_id:
            raise ValidationError(
                self.env._(
                    "Step “%(step)s” writes by %(channels)s but has no message: choose one.",
                    step=self.name,
                    channels=", ".join(writes.mapped("name")),
                )
            )
        if self.template_id and not self.template_id.active:
            raise ValidationError(
                self.env._(
                    "The message “%(template)s” of step “%(step)s” is archived: unarchive it or "
                    "choose another.",
                    template=self.template_id.name,
                    step=self.name,
                )
            )

    def _check_action(self):
        self.ensure_one()
        # a database older than the types gets them after its steps (_decide_by_default)
        types = self.env["collection.action.type"]
        if self.phase == "action" and not self.action_type_id and types.search_count([], limit=1):
            raise ValidationError(
                self.env._(
                    "Step “%s” takes action, but does not say which: choose the type of action.",
                    self.name,
                )
            )

    def _check_order(self):
        """Refuse steps of one ladder whose days go back: the later one would never wait."""
        for strategy in self.strategy_id:
            steps = strategy.step_ids.filtered(
                lambda step: step.active and step.phase in LADDERS and not step.only_returned
            )
            for ladder in steps.grouped(lambda step: step._get_ladder()).values():
                for before, after in pairwise(ladder._in_order()):
                    after._check_comes_after(before)

    def _check_comes_after(self, before):
        """Check that this step can follow ``before``, the rung below it."""
        self.ensure_one()
        if before.anchor == self.anchor and before.days > self.days:
            raise ValidationError(
                self.env._(
                    "Step “%(after)s” (%(after_days)s days) comes after “%(before)s” "
                    "(%(before_days)s days) in scheme “%(scheme)s”: drag the steps into "
                    "the order of their days, or change the days.",
                    after=self.name,
                    after_days=self.days,
                    before=before.name,
                    before_days=before.days,
                    scheme=self.strategy_id.name,
                )
            )
