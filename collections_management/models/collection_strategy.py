import ast

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import ormcache

MODES = [
    ("simulation", "Simulation"),
    ("approve", "Approve each"),
    ("automatic", "Automatic"),
]


class CollectionStrategy(models.Model):
    """A scheme: which steps are taken with the customers it fits, and how carefully."""

    _name = "collection.strategy"
    _description = "Collection Scheme"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        domain="[('parent_id', '=', False)]",
        help="Empty: the scheme can be used in every company.",
    )
    description = fields.Text(translate=True)
    sends_nothing = fields.Boolean(
        help="Customers of this scheme get no automatic notice; people look after them (VIP).",
    )
    mode = fields.Selection(
        MODES,
        required=True,
        default="automatic",
        help="Simulation: nothing is sent, the open items tell what would be. Approve each: "
        "notices wait for a person. Automatic: they leave by themselves. The more careful of "
        "this and the company's setting counts.",
    )
    is_direct_debit = fields.Boolean(
        string="Direct Debit",
        help="The customers of this scheme pay by direct debit: they are told when they will be "
        "debited, never asked to pay before that.",
    )
    policy_id = fields.Many2one("collection.contact.policy", string="Contact Policy")
    consumer_policy_id = fields.Many2one(
        "collection.contact.policy",
        string="Contact Policy for Consumers",
        help="For customers marked as consumers. Empty: the policy above.",
    )
    promise_limit = fields.Integer(
        string="Promises in a Row",
        default=3,
        help="How many promises in a row about the same invoices a collector may register; then a "
        "supervisor has to. 0: no limit.",
    )
    promise_days = fields.Integer(
        string="Longest Promise",
        default=30,
        help="Days. How far ahead a collector may let a customer promise; further, a supervisor "
        "has to. 0: no limit.",
    )
    gain_note = fields.Text(
        string="What Paying Brings",
        translate=True,
        help="For collectors before a call: what the customer gains by paying.",
    )
    offer_note = fields.Text(
        string="What May Be Offered",
        translate=True,
        help="For collectors while they talk: the alternatives they may offer.",
    )
    claim_undisputed = fields.Boolean(
        string="Claim the Undisputed Rest",
        help="Where only a part of an invoice is disputed, the rest of it is claimed all the same.",
    )
    plan_instalments = fields.Integer(
        string="Most Instalments",
        default=12,
        help="How many instalments a payment plan of a collector may have; more, a supervisor has to "
        "register. 0: no limit.",
    )
    plan_days = fields.Integer(
        string="Longest Plan",
        default=365,
        help="Days. Until when a collector may let the last instalment of a plan, or an extension, "
        "be due; further, a supervisor has to. 0: no limit.",
    )
    plan_down_percent = fields.Float(
        string="Smallest Down Payment",
        help="Percent of what is to be paid that the first payment of a plan has to be; less, a "
        "supervisor has to register.",
    )
    plan_discount_percent = fields.Float(
        string="Largest Discount",
        help="Percent of the debt that a collector may let off when a plan is fulfilled; more, a "
        "supervisor has to. 0: collectors grant none.",
    )
    step_ids = fields.One2many("collection.step", "strategy_id", string="Steps", copy=True)
    rule_ids = fields.One2many("collection.strategy.rule", "strategy_id", string="Rules")
    has_issued_step = fields.Boolean(
        compute="_compute_has_issued_step",
        store=True,
        help="Invoices that were not delivered are sent again, not claimed.",
    )
    customer_count = fields.Integer(compute="_compute_customer_count")

    @api.depends("step_ids.phase", "step_ids.active")
    def _compute_has_issued_step(self):
        for strategy in self:
            strategy.has_issued_step = any(
                step.active and step.phase == "issued" for step in strategy.step_ids
            )

    def _compute_customer_count(self):
        counts = dict(
            self.env["collection.customer"]._read_group(
                [("strategy_id", "in", self.ids)], ["strategy_id"], ["__count"]
            )
        )
        for strategy in self:
            strategy.customer_count = counts.get(strategy, 0)

    @api.constrains("promise_limit", "promise_days")
    def _check_promise_limits(self):
        for strategy in self:
            if strategy.promise_limit < 0 or strategy.promise_days < 0:
                raise ValidationError(
                    self.env._(
                        "Scheme “%(scheme)s”: neither the promises in a row nor the days of the "
                        "longest promise can be negative; 0 means no limit.",
                        scheme=strategy.name,
                    )
                )

    @api.constrains("plan_instalments", "plan_days", "plan_down_percent", "plan_discount_percent")
    def _check_plan_limits(self):
        for strategy in self:
            if (
                strategy.plan_instalments < 0
                or strategy.plan_days < 0
                or not 0 <= strategy.plan_down_percent <= 100
                or not 0 <= strategy.plan_discount_percent < 100
            ):
                raise ValidationError(
                    self.env._(
                        "Scheme “%(scheme)s”: neither the instalments nor the days of a plan can be "
                        "negative (0 means no limit), and its down payment and discount are "
                        "percentages from 0 to 100.",
                        scheme=strategy.name,
                    )
                )

    @api.constrains("step_ids", "sends_nothing")
    def _check_steps(self):
        """A scheme speaks, or says that it doesn't; its steps are climbed in order."""
        for strategy in self:
            strategy._check_speaks(strategy.step_ids)
            strategy.step_ids._check_order()

    def _check_speaks(self, steps):
        """Refuse that a scheme which says something is left with no step.

        :param steps: the scheme's collection.step, archived ones do not count
        """
        self.ensure_one()
        if not self.sends_nothing and not steps.filtered("active"):
            raise ValidationError(
                self.env._(
                    "Scheme “%(scheme)s” has no steps, so its customers would never hear from "
                    "you: add a step, or tick “Sends nothing”.",
                    scheme=self.name,
                )
            )

    @api.model
    @ormcache()
    def _get_partial_schemes(self):
        """Return the ids of the schemes that claim the undisputed rest of an item.

        They are written into the decision's query: where there is none, it asks for nothing more.
        (An id that is gone since does no harm.)
        """
        # sudo: the decision is the same, whoever looks
        schemes = self.sudo().with_context(active_test=False)
        return tuple(schemes.search([("claim_undisputed", "=", True)]).ids)

    @api.model_create_multi
    def create(self, vals_list):
        strategies = super().create(vals_list)
        if any(strategies.mapped("claim_undisputed")):
            self.env.registry.clear_cache()
        # @constrains is not called for a field that is missing from the values
        strategies._check_steps()
        return strategies

    def write(self, vals):
        """Override of ``base``: steps that are replaced are judged when all are there.

        What was to leave by itself waits when each is to be approved.
        """
        if "claim_undisputed" in vals:
            self.env.registry.clear_cache()
        careful = vals.get("mode") == "approve" and self.filtered(
            lambda strategy: strategy.mode != "approve"
        )
        saving = self.with_context(collection_saving_scheme=True)
        result = super(CollectionStrategy, saving).write(vals)
        if careful:
            for kind in self.env["collection.delivery"]._get_kinds():
                kind._ask_approval_again([("strategy_id", "in", careful.ids)])
        return result

    def copy_data(self, default=None):
        return [
            dict(vals, name=self.env._("%s (copy)", strategy.name))
            for strategy, vals in zip(self, super().copy_data(default), strict=True)
        ]

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for strategy in self:
            if strategy.customer_count:
                raise UserError(
                    self.env._(
                        "Scheme “%(scheme)s” is used by %(count)s customers; archive it, or give "
                        "them another scheme first.",
                        scheme=strategy.name,
                        count=strategy.customer_count,
                    )
                )

    def action_open_customers(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_customer_action"
        )
        return dict(action, domain=[("strategy_id", "=", self.id)], context={})


class CollectionRuleMixin(models.AbstractModel):
    """An ordered rule with a domain on the customer's file; the first that fits counts."""

    _name = "collection.rule.mixin"
    _description = "Ordered Rule on Customers"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True, domain="[('parent_id', '=', False)]")
    domain = fields.Char(
        string="Customers",
        default="[]",
        required=True,
        help="Which customers the rule fits. The first rule that fits a customer counts.",
    )

    @api.constrains("domain")
    def _check_domain(self):
        for rule in self:
            try:
                self.env["collection.customer"].sudo().search(rule._get_domain(), limit=1)
            except Exception as error:  # a domain can break in as many ways as there are fields
                raise ValidationError(
                    self.env._(
                        "The filter of rule “%(rule)s” can't be read: %(error)s\nOpen the rule and "
                        "choose the customers again with the filter editor.",
                        rule=rule.name,
                        error=error,
                    )
                ) from error

    def _get_domain(self):
        """Return the rule's domain on ``collection.customer``.

        :raises ValueError: when the text is not a list of conditions
        """
        self.ensure_one()
        try:
            return Domain(ast.literal_eval(self.domain or "[]"))
        except (SyntaxError, ValueError, TypeError) as error:
            raise ValueError(self.env._("it is not a list of conditions")) from error

    @api.model
    def _match(self, customers):
        """Return for each rule, in order, the customers that it is the first to fit.

        A rule that can no longer be read (one of its fields is gone) fits nobody; the
        others go on.

        :param customers: collection.customer of one company
        :return: list of (rule, collection.customer)
        """
        matches = []
        left = customers
        company = customers.company_id
        for rule in self.sudo().search([("company_id", "in", [False, *company.ids])]):
            if not left:
                break
            try:
                domain = Domain("id", "in", left.ids) & rule._get_domain()
                found = left.sudo().with_company(company).search(domain).with_env(left.env)
            except (ValueError, KeyError) as error:
                rule._log_broken(error)
                continue
            matches.append((rule, found))
            left -= found
        return matches

    def _log_broken(self, error):
        """Hook: a rule could not be read. The message tells the administrator which."""
        self.env["ir.logging"].sudo().create(
            {
                "name": self._name,
                "type": "server",
                "level": "WARNING",
                "dbname": self.env.cr.dbname,
                "message": f"Rule {self.name} ({self.id}) is skipped: {error}",
                "path": "collections_management",
                "func": "_match",
                "line": "0",
            }
        )


class CollectionStrategyRule(models.Model):
    _name = "collection.strategy.rule"
    _inherit = "collection.rule.mixin"
    _description = "Scheme Assignment Rule"
    _order = "sequence, id"

    strategy_id = fields.Many2one(
        "collection.strategy", string="Scheme", required=True, index=True, ondelete="cascade"
    )


class CollectionCollectorRule(models.Model):
    _name = "collection.collector.rule"
    _inherit = "collection.rule.mixin"
    _description = "Collector Assignment Rule"
    _order = "sequence, id"

    user_id = fields.Many2one("res.users", string="Collector", required=True)
