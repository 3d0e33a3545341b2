from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class CollectionArea(models.Model):
    """Who in the company solves disputes of a kind, and in how many working days."""

    _name = "collection.area"
    _description = "Area That Solves Disputes"
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        domain="[('parent_id', '=', False)]",
        help="Empty: the area can be used in every company.",
    )
    responsible_id = fields.Many2one(
        "res.users",
        index="btree_not_null",
        domain="[('share', '=', False)]",
        help="Owns the area's disputes where nobody else does, and is told of those past their "
        "deadline. Needs the right “Dispute Resolver” at least.",
    )
    days = fields.Integer(
        string="Working Days to Solve",
        default=5,
        help="By the company's calendar, from the day on which the area gets the dispute.",
    )
    reason_ids = fields.One2many("collection.dispute.reason", "area_id", string="Reasons")
    open_dispute_count = fields.Integer(
        string="Open Disputes", compute="_compute_open_dispute_count"
    )

    def _compute_open_dispute_count(self):
        counts = dict(
            self.env["collection.dispute"]._read_group(
                [("area_id", "in", self.ids), ("state", "=", "open")], ["area_id"], ["__count"]
            )
        )
        for area in self:
            area.open_dispute_count = counts.get(area, 0)

    @api.constrains("days")
    def _check_days(self):
        for area in self:
            if area.days < 0:
                raise ValidationError(
                    self.env._(
                        "%s: the working days to solve a dispute can't be negative; 0 means the same "
                        "day.",
                        area.name,
                    )
                )

    @api.constrains("responsible_id", "company_id")
    def _check_responsible(self):
        for area in self:
            if problem := self.env["collection.dispute"]._get_solver_problem(
                area.responsible_id, area.company_id
            ):
                raise ValidationError(problem)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for area in self:
            # sudo: a dispute of another company uses it all the same
            disputes = (
                self.env["collection.dispute"].sudo().search_count([("area_id", "=", area.id)])
            )
            reasons = area.sudo().with_context(active_test=False).reason_ids
            if disputes or reasons:
                raise UserError(
                    self.env._(
                        "Area “%(area)s” is used by %(disputes)s disputes and %(reasons)s reasons: "
                        "archive it, and it can no longer be chosen.",
                        area=area.name,
                        disputes=disputes,
                        reasons=len(reasons),
                    )
                )

    def action_open_disputes(self):
        """Open the area's disputes that are not solved yet."""
        self.ensure_one()
        return self.env["collection.dispute"]._open(
            [("area_id", "=", self.id), ("state", "=", "open")]
        )
