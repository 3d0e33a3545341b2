from odoo import api, fields, models
from odoo.exceptions import UserError


class CollectionDisputeReason(models.Model):
    """Why customers dispute invoices, and which area solves that."""

    _name = "collection.dispute.reason"
    _description = "Reason of a Dispute"
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        domain="[('parent_id', '=', False)]",
        help="Empty: the reason can be used in every company.",
    )
    area_id = fields.Many2one(
        "collection.area",
        string="Area",
        index=True,
        ondelete="restrict",
        check_company=True,
        help="Solves disputes with this reason, unless another area is chosen.",
    )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for reason in self:
            # sudo: a dispute of another company uses it all the same
            disputes = (
                self.env["collection.dispute"].sudo().search_count([("reason_id", "=", reason.id)])
            )
            if disputes:
                raise UserError(
                    self.env._(
                        "Reason “%(reason)s” is used by %(disputes)s disputes: archive it, and it "
                        "can no longer be chosen.",
                        reason=reason.name,
                        disputes=disputes,
                    )
                )
