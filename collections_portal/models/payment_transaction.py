from odoo import fields, models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    collection_order = fields.Json(
        readonly=True,
        copy=False,
        help="What the customer chose to pay on the collections page: rows of item, amount that is "
        "settled of it, and discount for paying early, in the transaction's currency.",
    )

    def _create_payment(self, **extra_create_values):
        """Override of ``account_payment``: book the discounts that the order was given."""
        self.ensure_one()
        if discounts := self.env["collection.portal.order"]._prepare_discounts(self):
            extra_create_values["write_off_line_vals"] = discounts
        return super()._create_payment(**extra_create_values)
