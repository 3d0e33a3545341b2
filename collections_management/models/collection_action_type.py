from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

EFFECTS = [
    ("none", "None"),
    ("suspend", "Suspend the customer"),
    ("legal", "Legal portfolio"),
    ("doubtful", "Doubtful portfolio"),
    ("agency", "Handed over to an agency"),
    ("write_off", "Write-off entry"),
]
# What others have in hand afterwards: claims stay stopped until it is paid or taken back.
LASTING = ("legal", "agency", "write_off")


class CollectionActionType(models.Model):
    """What can be done when claims have not helped: whose task it is, and what follows when done."""

    _name = "collection.action.type"
    _description = "Action Type"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        domain="[('parent_id', '=', False)]",
        help="The main company. Empty: every company has it.",
    )
    effect = fields.Selection(
        EFFECTS,
        required=True,
        default="none",
        help="What happens when the action is done. Suspend: the customer is marked as suspended. "
        "Portfolio: the customer goes into it. Agency: to whom and when is noted. Write-off entry: "
        "a draft is made for the accountant.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        domain="[('share', '=', False)]",
        help="Who takes such actions. Empty, or not of the company: the supervisor.",
    )
    days = fields.Integer(string="To Be Done In", default=7, help="Days until its deadline.")
    needs_approval = fields.Boolean(
        string="Supervisor's Approval",
        default=True,
        help="An action waits until a supervisor has approved it; its items are held meanwhile.",
    )
    keeps_items = fields.Boolean(
        string="Items Stay in Action",
        compute="_compute_keeps_items",
        store=True,
        readonly=False,
        help="When it is done others have the items in hand: they are not claimed until they are "
        "paid or somebody takes them back. Off: the scheme goes on with its next step.",
    )
    handler_id = fields.Many2one(
        "res.partner", string="Handed Over To", help="The lawyer or the agency, as it usually is."
    )
    write_off_account_id = fields.Many2one(
        "account.account",
        string="Write-Off Account",
        company_dependent=True,
        domain="[('account_type', 'in', ('expense', 'expense_other', 'expense_direct_cost'))]",
        help="In the current company. Empty: the one of the settings.",
    )
    note = fields.Text(
        string="What to Do", translate=True, help="Instructions for the person responsible."
    )
    action_count = fields.Integer(compute="_compute_action_count")

    _days_not_negative = models.Constraint(
        "CHECK(days >= 0)", "The days until an action's deadline can't be negative."
    )

    @api.depends("effect")
    def _compute_keeps_items(self):
        for action_type in self:
            action_type.keeps_items = action_type.effect in LASTING

    def _compute_action_count(self):
        counts = dict(
            self.env["collection.action"]._read_group(
                [("type_id", "in", self.ids)], ["type_id"], ["__count"]
            )
        )
        for action_type in self:
            action_type.action_count = counts.get(action_type, 0)

    @api.constrains("user_id", "company_id")
    def _check_user(self):
        for action_type in self.filtered("user_id"):
            company = action_type.company_id
            problem = self._get_user_problem(action_type.user_id, company)
            if problem:
                raise ValidationError(problem)

    @api.constrains("active")
    def _check_unused(self):
        archived = self.filtered(lambda action_type: not action_type.active)
        # sudo: schemes of other companies keep it too
        steps = self.env["collection.step"].sudo()
        if step := steps.search([("action_type_id", "in", archived.ids)], limit=1):
            raise ValidationError(
                self.env._(
                    "Step “%(step)s” of scheme “%(scheme)s” opens actions of type “%(type)s”: choose "
                    "another type there before you archive it.",
                    step=step.name,
                    scheme=step.strategy_id.name,
                    type=step.action_type_id.name,
                )
            )

    @api.model
    def _get_user_problem(self, user, company):
        """Return why a person can't be responsible for actions; falsy: they can.

        :param user: res.users
        :param company: root res.company; may be empty: any
        """
        # sudo: rights of another person
        user = user.sudo()
        values = {"user": user.name, "company": company.sudo().name}
        if not user.has_group("collections_management.group_collection_collector"):
            return self.env._(
                "%(user)s has no rights on collections, so nobody would take the action: choose a "
                "collector, or have your administrator make them one.",
                **values,
            )
        if company and company not in user.company_ids.root_id:
            return self.env._(
                "%(user)s does not work in %(company)s: choose somebody who does.", **values
            )
        return False

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: what another company does with it counts too
        actions = self.env["collection.action"].sudo()
        used = actions._read_group([("type_id", "in", self.ids)], ["type_id"], ["__count"])
        for action_type, count in used:
            raise UserError(
                self.env._(
                    "Type “%(type)s” is used by %(count)s actions: archive it, and it can no "
                    "longer be chosen.",
                    type=action_type.name,
                    count=count,
                )
            )

    def _get_responsible(self, company):
        """Return who takes an action of this type in a main company (res.users, may be empty)."""
        # sudo: companies of another person
        user = self.user_id.sudo()
        if user and company in user.company_ids.root_id:
            return self.user_id
        return company.sudo().collection_supervisor_id.sudo(False)

    def _get_write_off_account(self, company):
        """Return the account of losses of a company; may be empty."""
        self.ensure_one()
        company = company.sudo()
        return (
            self.sudo().with_company(company).write_off_account_id
            or self.sudo().with_company(company.root_id).write_off_account_id
            or company.root_id.collection_write_off_account_id
        )

    def action_open_actions(self):
        self.ensure_one()
        return self.env["collection.action"]._open([("type_id", "=", self.id)])
