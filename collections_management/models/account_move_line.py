from odoo import fields, models

# The same text in the index and in every query: PostgreSQL takes a partial index only when the
# query's condition implies the index's.
OPEN_LINE = (
    "{0}parent_state = 'posted' AND {0}reconciled IS NOT TRUE "
    "AND ({0}amount_residual <> 0 OR {0}amount_residual_currency <> 0)"
)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    _collection_open_idx = models.Index(
        "(partner_id, account_id, date_maturity) WHERE " + OPEN_LINE.format("")
    )
    _collection_due_idx = models.Index(
        "(COALESCE(date_maturity, date), id) WHERE " + OPEN_LINE.format("")
    )

    # ------------------------------------------------------------
    # What can be agreed on
    # ------------------------------------------------------------

    def _get_collection_name(self):
        """Return what people call the item: its invoice's number."""
        self.ensure_one()
        return self.move_name or self.name or self.env._("Item %s", self.id)

    def _get_collection_due(self):
        """Return the day on which the item is due."""
        self.ensure_one()
        return self.date_maturity or self.date

    def _get_collection_refusal(self):
        """Return why nothing can be agreed with a customer about this item; falsy: it can.

        Hook: a bridge adds reasons of its own.
        """
        self.ensure_one()
        item = self._get_collection_name()
        if self.parent_state != "posted":
            return self.env._("%s is not posted: there is nothing to agree on yet. Post it.", item)
        if self.account_id.account_type != "asset_receivable":
            return self.env._("%s is no debt of a customer: choose an invoice.", item)
        if self.reconciled or not self.amount_residual_currency:
            return self.env._("%s is paid already: leave it out.", item)
        if self.amount_residual_currency < 0:
            return self.env._("%s is in the customer's favour: leave it out.", item)
        if not self.partner_id:
            return self.env._("%s has no customer: set the customer on the journal item.", item)
        return False

    def _get_collection_overdue(self):
        """Return which of these items are overdue; none: all of them."""
        today = fields.Date.context_today(self)
        return self.filtered(lambda line: line._get_collection_due() < today) or self

    def _get_collection_whole_invoices(self):
        """Return these items with the other open instalments of their invoices.

        Items of journal entries stay alone: an opening entry holds many debts.
        """
        invoices = self.filtered(lambda line: line.display_type == "payment_term").move_id
        return self | invoices._get_collection_open_lines()

    def _reconcile_post_hook(self, data):
        """Override of ``account``: agreements about what was paid are looked at again at once."""
        result = super()._reconcile_post_hook(data)
        self.env["collection.agreement"]._follow_lines(self.ids)
        return result
