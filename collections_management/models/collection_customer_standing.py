from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

PORTFOLIOS = [
    ("normal", "Normal"),
    ("doubtful", "Doubtful"),
    ("legal", "Legal"),
]


class CollectionCustomerStanding(models.AbstractModel):
    """How a customer stands after actions: suspended or not, and in which portfolio."""

    _name = "collection.customer.standing"
    _description = "Standing of a Customer"

    portfolio = fields.Selection(
        PORTFOLIOS,
        required=True,
        default="normal",
        index=True,
        tracking=True,
        help="What is owed stands here in the ageing. An action that is done may change it.",
    )
    suspended = fields.Boolean(
        tracking=True,
        readonly=True,
        copy=False,
        index=True,
        help="Nothing should be supplied: the service is suspended until somebody lifts it.",
    )
    suspension_reason = fields.Char(readonly=True, copy=False)
    suspension_date = fields.Date(string="Suspended Since", readonly=True, copy=False)
    action_ids = fields.One2many("collection.action", "customer_id", string="Actions")
    action_count = fields.Integer(string="Open Actions", compute="_compute_action_count")

    def _compute_action_count(self):
        actions = self.env["collection.action"]
        counts = dict(
            actions._read_group(
                [
                    ("customer_id", "in", self.ids),
                    "|",
                    ("state", "in", actions._get_open_states()),
                    "&",
                    ("state", "=", "done"),
                    ("keeps_items", "=", True),
                ],
                ["customer_id"],
                ["__count"],
            )
        )
        for customer in self:
            customer.action_count = counts.get(customer, 0)

    def write(self, vals):
        """Override of ``base``: supervisors say how a customer stands."""
        standing = {"portfolio", "suspended", "suspension_reason", "suspension_date"} & set(vals)
        if standing and not self.env.su:
            self._check_supervisor()
        return super().write(vals)

    def _check_supervisor(self):
        if not self.env.user.has_group("collections_management.group_collection_supervisor"):
            raise AccessError(
                self.env._(
                    "Only supervisors suspend a customer, lift that or change the portfolio: ask "
                    "yours to change %(customer)s.",
                    customer=self[:1].partner_id.display_name,
                )
            )

    # ------------------------------------------------------------
    # Suspension
    # ------------------------------------------------------------

    def _suspend(self, reason):
        """Suspend the customers; who is suspended already stays so, for the first reason.

        Hook: a bridge stops what the customer gets.

        :param str reason: for colleagues
        """
        for customer in self.filtered(lambda customer: not customer.suspended):
            customer.write(
                {
                    "suspended": True,
                    "suspension_reason": reason,
                    "suspension_date": customer.company_id._get_collection_today(),
                }
            )

    def _lift_suspension(self, reason):
        """Supply the customers again.

        Hook: a bridge releases what it had stopped.

        :param str reason: for the customers' history
        """
        self.write({"suspended": False, "suspension_reason": False, "suspension_date": False})
        self._message_log_batch(dict.fromkeys(self.ids, reason))

    def action_lift_suspension(self):
        self._check_supervisor()
        for customer in self:
            if not customer.suspended:
                raise UserError(
                    self.env._(
                        "%s is not suspended: there is nothing to lift.",
                        customer.partner_id.display_name,
                    )
                )
        self._lift_suspension(self.env._("Suspension lifted by %s.", self.env.user.name))

    @api.model
    def _lift_suspensions(self, company):
        """Lift the suspension of those who owe nothing overdue any more, where the company wants so.

        :param company: root res.company
        """
        if company.collection_lift_suspension:
            paid = self.search(
                [
                    ("company_id", "=", company.id),
                    ("suspended", "=", True),
                    ("overdue", "<=", 0),
                    ("action_ids", "not any", [("state", "=", "open"), ("effect", "=", "suspend")]),
                ]
            )
            paid._lift_suspension(self.env._("Suspension lifted: nothing is overdue any more."))
