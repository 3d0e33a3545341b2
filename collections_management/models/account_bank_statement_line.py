from odoo import api, models


class AccountBankStatementLine(models.Model):
    _inherit = "account.bank.statement.line"

    # how reported payments are looked for among all transactions that nobody has looked at
    _collection_amount_idx = models.Index(
        "(amount_residual, internal_index) WHERE is_reconciled IS NOT TRUE"
    )
    _collection_partner_idx = models.Index("(partner_id) WHERE is_reconciled IS NOT TRUE")
    _collection_account_idx = models.Index("(account_number) WHERE is_reconciled IS NOT TRUE")

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``account``: what customers reported is looked for in what the bank sends."""
        lines = super().create(vals_list)
        self.env["collection.reported.payment"]._look_soon(lines.company_id.root_id)
        return lines
