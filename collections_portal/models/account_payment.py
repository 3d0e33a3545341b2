from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def _prepare_move_line_default_vals(self, write_off_line_vals=None, force_balance=None):
        """Override of ``account``: a counterpart for each item that the customer chose to pay.

        Reconciled with one line, the money would settle the oldest invoices in full instead of
        what was chosen of each. The discounts for paying early are those of the order: Odoo gives
        one, for the first invoice whose discounted amount is the sum by chance.
        """
        # sudo: whoever posts the payment need not see the transaction
        transaction = self.payment_transaction_id.sudo()
        orders = self.env["collection.portal.order"]
        if transaction.collection_order:
            write_off_line_vals = orders._prepare_discounts(transaction)
        values = super()._prepare_move_line_default_vals(write_off_line_vals, force_balance)
        if transaction.collection_order:
            values = orders._split_counterpart(transaction, values)
        return values

    def action_post(self):
        """Override of ``account``: settle the items that the customer chose, each with its part."""
        result = super().action_post()
        for payment in self:
            # sudo: as above
            transaction = payment.payment_transaction_id.sudo()
            if transaction.collection_order:
                self.env["collection.portal.order"]._settle(transaction, payment)
        return result
