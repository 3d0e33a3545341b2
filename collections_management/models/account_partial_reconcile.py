from odoo import models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    def unlink(self):
        """Override of ``account``: an item that comes back open begins a new round of claims.

        Agreements about it are looked at again. (What is reconciled, they follow in
        ``account.move.line._reconcile_post_hook``, when differences of exchange rates are booked.)
        """
        agreed = self.debit_move_id.ids
        paid = self.debit_move_id.filtered(
            lambda line: line.reconciled and line.account_id.account_type == "asset_receivable"
        )
        returned = self.filtered(
            lambda partial: partial.debit_move_id in paid and partial._is_returned_debit()
        ).debit_move_id
        result = super().unlink()
        # sudo: whoever may undo a reconciliation need not have rights on collections
        Round = self.env["collection.round"].sudo()
        reopened = paid.exists().filtered(lambda line: not line.reconciled)
        Round._begin(reopened & returned, "returned_debit")
        Round._begin(reopened - returned, "reopened")
        self.env["collection.agreement"]._follow_lines(agreed)
        return result

    def _is_returned_debit(self):
        """Tell whether undoing this reconciliation means that a direct debit came back.

        So it is when the money came by a payment whose method is marked as direct debit.
        Hook: a bridge to a bank's return files can know better.
        """
        self.ensure_one()
        return any(
            payment.payment_method_line_id.collection_direct_debit
            for payment in self.credit_move_id.move_id.sudo().origin_payment_id
        )
