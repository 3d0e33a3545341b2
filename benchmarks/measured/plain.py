"""What the figures stand beside: plain SQL over the open receivables."""

from odoo.tools import SQL

OPEN_RECEIVABLES = SQL(
    """
    FROM account_move_line line
    JOIN account_account account ON account.id = line.account_id
   WHERE account.account_type = 'asset_receivable'
     AND line.parent_state = 'posted' AND line.reconciled IS NOT TRUE
    """
)
SUM = SQL("SELECT sum(line.amount_residual) %s", OPEN_RECEIVABLES)
SUM_BY_PARTNER = SQL(
    "SELECT line.partner_id, sum(line.amount_residual) %s GROUP BY line.partner_id",
    OPEN_RECEIVABLES,
)
# The same condition as a domain on account.move.line.
DOMAIN = [
    ("account_id.account_type", "=", "asset_receivable"),
    ("parent_state", "=", "posted"),
    ("reconciled", "=", False),
]
