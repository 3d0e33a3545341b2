"""Reported payments: looking for their money among many bank transactions that nobody has looked at."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tools import SQL

from .clock import timed, typical
from .ledger import insert_copies, tidy

TRANSACTIONS = 100_000
REPORTS = 25
# Transactions are of the days since then, and of today.
DAYS = 400


def propose(env, transactions=TRANSACTIONS, reports=REPORTS):
    """Propose money for reported payments: one after the other, as when each is registered, and together.

    :return: dict of ``one`` (median times) and ``together`` (times, as in the daily job), ``transactions``
        among which it was looked for, and how many ``reports`` have proposals
    """
    company = env.ref("base.user_admin").company_id
    env["collection.customer"]._create_missing(company)
    made = _report(env, reports)
    _fill_bank(env, company, transactions)
    one = typical(env, lambda report: report._propose(), list(made))
    made.match_ids.unlink()
    _none, together = timed(env, made._propose)
    return {
        "one": one,
        "together": together,
        "transactions": env["account.bank.statement.line"].search_count(
            [("is_reconciled", "=", False)]
        ),
        "reports": len(made.filtered("match_ids")),
    }


def _report(env, number):
    """Register payments of one invoice each, of customers whose bank accounts are known."""
    lines = env["account.move.line"].search(
        [("move_name", "like", "BENCH/"), ("account_id.account_type", "=", "asset_receivable")],
        order="id",
        limit=number * 40,
    )[::40]
    reports = env["collection.reported.payment"]
    for line in lines:
        line.partner_id.bank_ids = [Command.create({"acc_number": f"ES{line.partner_id.id:022}"})]
        reports |= reports._make(
            line,
            date_reported=fields.Date.context_today(reports) - timedelta(days=line.id % 30),
            reference=f"TRANSFER {line.id}",
        )
    return reports


def _fill_bank(env, company, number):
    """Add transactions as the bank sends them: copies of one that the ORM made, each like an invoice.

    Of four, one is by a customer whom Odoo has found, one names the customer as payer, one names the
    invoice, and one tells the account only. The first of each invoice is of its amount.
    """
    journal = env["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "=", company.id)], limit=1
    )
    # of 1: each amount of the copies is so many times the original's
    original = env["account.bank.statement.line"].create(
        {"journal_id": journal.id, "amount": 1, "payment_ref": "Transaction"}
    )
    env.flush_all()
    env.cr.execute(
        """
        CREATE TEMP TABLE bench_transaction AS
        WITH invoice AS (
            SELECT line.partner_id, line.amount_residual AS amount, line.move_name AS name,
                   partner.name AS payer, row_number() OVER (ORDER BY line.id) - 1 AS number
              FROM account_move_line line
              JOIN account_account account
                ON account.id = line.account_id AND account.account_type = 'asset_receivable'
              JOIN res_partner partner ON partner.id = line.partner_id
             WHERE line.move_name LIKE 'BENCH/%%' AND line.reconciled IS NOT TRUE
        )
        SELECT counter.number, nextval('account_move_id_seq') AS move_id,
               nextval('account_bank_statement_line_id_seq') AS id, %(line)s AS source,
               %(move)s AS source_move, current_date - counter.number * 7919 %% %(days)s AS date,
               invoice.amount + counter.number / total.count AS amount, invoice.partner_id,
               CASE WHEN counter.number %% 4 = 0 THEN invoice.partner_id END AS known_id,
               CASE WHEN counter.number %% 4 = 1 THEN upper(invoice.payer) END AS payer,
               CASE WHEN counter.number %% 4 = 2 THEN 'Payment of ' || invoice.name
                    ELSE 'Transfer ' || counter.number END AS label
          FROM generate_series(0, %(number)s - 1) counter(number)
         CROSS JOIN (SELECT count(*) FROM invoice) total
          JOIN invoice ON invoice.number = counter.number %% total.count
        """,
        {
            "line": original.id,
            "move": original.move_id.id,
            "days": DAYS,
            "number": number,
        },
    )
    _copy_transactions(env)
    env.cr.commit()
    tidy(env)


def _copy_transactions(env):
    """Copy the original with its entry and its journal items for each row of ``bench_transaction``."""
    insert_copies(
        env,
        "account_move",
        SQL("bench_transaction copy ON copy.source_move = original.id"),
        id="copy.move_id",
        name="'BENCHBANK/' || copy.number",
        sequence_prefix="'BENCHBANK/'",
        sequence_number="copy.number",
        date="copy.date",
        partner_id="copy.known_id",
        # the transaction comes after its entry
        statement_line_id="NULL",
    )
    insert_copies(
        env,
        "account_bank_statement_line",
        SQL("bench_transaction copy ON copy.source = original.id"),
        id="copy.id",
        move_id="copy.move_id",
        amount="original.amount * copy.amount",
        amount_residual="original.amount_residual * copy.amount",
        internal_index="to_char(copy.date, 'YYYYMMDD') || substr(original.internal_index, 9, 10) "
        "|| lpad(copy.id::text, 10, '0')",
        payment_ref="copy.label",
        partner_id="copy.known_id",
        partner_name="copy.payer",
        account_number="'ES' || lpad(copy.partner_id::text, 22, '0')",
    )
    amounts = (
        "debit",
        "credit",
        "balance",
        "amount_currency",
        "amount_residual",
        "amount_residual_currency",
    )
    insert_copies(
        env,
        "account_move_line",
        SQL("bench_transaction copy ON copy.source_move = original.move_id"),
        id="nextval('account_move_line_id_seq')",
        move_id="copy.move_id",
        move_name="'BENCHBANK/' || copy.number",
        date="copy.date",
        name="copy.label",
        partner_id="copy.known_id",
        statement_line_id="copy.id",
        **{name: f"original.{name} * copy.amount" for name in amounts},
    )
