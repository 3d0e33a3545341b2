from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def _prepare_move_line_default_vals(self, write_off_line_vals=None, force_balance=None):
        """Override of ``account``: a counterpart for each item that the customer chose to pay.

        Reconciled with one line, the money would settle the oldest invoices in full instead of
        what was chosen of each.
        """
        values = super()._prepare_move_line_default_vals(write_off_line_vals, force_balance)
        # sudo: whoever posts the payment need not see the transaction
        transaction = self.payment_transaction_id.sudo()
        if not transaction.collection_order:
            return values
        return self.env["collection.portal.order"]._split_counterpart(transaction, values)

    def action_post(self):
        """Override of ``account``: settle the items that the customer chose, each with its part."""
        result = super().action_post()
        for payment in self:
            # sudo: as above
            transaction = payment.payment_transaction_id.sudo()
            if transaction.collection_order:
                self.env["collection.portal.order"]._settle(transaction, payment)
        return result
