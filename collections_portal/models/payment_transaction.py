from odoo import fields, models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    collection_order = fields.Json(
        string="Order from the Portal",
        readonly=True,
        copy=False,
        help="What the customer chose to pay on the collections page: rows of item, amount that is "
        "settled of it, and discount for paying early, in the transaction's currency.",
    )
