from odoo import fields, models


class AccountPaymentMethodLine(models.Model):
    _inherit = "account.payment.method.line"

    collection_direct_debit = fields.Boolean(
        string="Direct Debit",
        help="We collect these payments from the customer's bank. Customers who pay like this are "
        "told when they will be debited, and a payment that comes back is a returned debit.",
    )
