"""Statements of account of everybody, as one Excel workbook."""

import tempfile

from odoo.tools import SQL

from . import plain
from .clock import timed, typical
from .memory import get_peak

REPEAT = 7
# The bare read: the journal items with what a statement shows of them.
ITEMS = SQL(
    """
    SELECT partner.complete_name, move.name, move.invoice_date, line.date_maturity,
           line.currency_id, line.amount_currency, line.amount_residual_currency,
           line.amount_residual
      FROM (SELECT line.* %s) line
      JOIN account_move move ON move.id = line.move_id
      JOIN res_partner partner ON partner.id = line.partner_id
     ORDER BY partner.complete_name, line.currency_id, line.date_maturity, line.id
    """,
    plain.OPEN_RECEIVABLES,
)


def workbook(env, customers=None):
    """Write the workbook of open items, in a process of its own: memory is its greatest size.

    :param int customers: restrict to so many; default: all
    :return: dict of ``ours`` and ``bare`` (times), ``items`` written, ``bytes``, and in MiB
        ``before`` and ``peak``
    """
    env["collection.customer"]._create_missing(env.ref("base.user_admin").company_id)
    user = env.ref("base.user_admin")
    env = env(user=user.id, context={"allowed_company_ids": user.company_id.ids, "lang": "en_US"})
    files = env["collection.customer"].search(
        [("company_id", "=", user.company_id.id)], limit=customers
    )
    _write(env, files[:20])  # warms up
    before = get_peak()
    size, ours = timed(env, _write, env, files)
    peak = get_peak()
    ledger = env["collection.statement.ledger"]
    [(items,)] = env.execute_query(
        SQL("SELECT count(*) FROM (%s) item", ledger._get_open_items_sql(files, None))
    )
    return {
        "ours": ours,
        "bare": typical(env, env.execute_query, [ITEMS] * REPEAT),
        "items": items,
        "bytes": size,
        "before": before,
        "peak": peak,
    }


def _write(env, files):
    """Write the workbook as the route does; return its size."""
    with tempfile.TemporaryFile() as file:
        env["collection.statement.workbook"]._write_workbook(file, files)
        return file.tell()
