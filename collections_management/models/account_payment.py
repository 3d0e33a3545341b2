from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    # payments that make no entry before the bank has them
    _collection_in_process_idx = models.Index(
        "(partner_id) WHERE state = 'in_process' AND move_id IS NULL"
    )
