from odoo import models

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
