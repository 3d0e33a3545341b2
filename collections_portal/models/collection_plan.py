from odoo import api, models

OPEN = ("proposed", "active")


class CollectionPlan(models.Model):
    """The customer's page of a plan, and what is saved by who pays all of it there."""

    _inherit = "collection.plan"

    def _get_customer_url(self):
        """Override: the plan's page, with a token of the contact whom plans are written to."""
        self.ensure_one()
        return self.customer_id._get_portal_url(self._get_recipient(), f"/plans/{self.id}")

    @api.model
    def _find_offers(self, lines):
        """Return the open plans about some items that let off a discount to who pays all now.

        A proposal is accepted by paying it, so it has to be of one payment.
        """
        if not lines:
            return self.browse()
        plans = self.search(
            [
                ("move_line_ids", "in", lines.ids),
                ("state", "in", OPEN),
                ("discount_amount", ">", 0),
            ]
        )
        return plans.filtered(
            lambda plan: (
                plan.state == "active"
                or (plan._is_offer() and plan.valid_until >= plan._get_today())
            )
        )

    def _get_offer_end(self):
        """Return until when the discount is let off."""
        self.ensure_one()
        return self.valid_until if self.state == "proposed" else self.last_date

    def _get_open_items(self):
        """Return the items that are still to be paid."""
        self.ensure_one()
        return self.move_line_ids.filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        )

    def _share_discount(self):
        """Return what is let off of each open item, in proportion: dict id -> amount.

        The last one gets what rounding leaves over.
        """
        self.ensure_one()
        lines, rest = self._get_open_items(), self.discount_amount
        owed = sum(lines.mapped("amount_residual_currency"))
        if self.currency_id.compare_amounts(rest, owed) >= 0:
            return {}
        shares = {}
        for line in lines:
            share = self.discount_amount * line.amount_residual_currency / owed
            shares[line.id] = self.currency_id.round(min(share, rest))
            rest = self.currency_id.round(rest - shares[line.id])
        shares[lines[-1:].id] = self.currency_id.round(shares[lines[-1:].id] + rest)
        return shares
