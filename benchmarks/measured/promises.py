"""Promises to pay: judging many of them, and what they cost whoever reconciles a payment."""

import statistics
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tools import SQL

from odoo.addons.collections_management.models.account_move_line import AccountMoveLine

from .clock import timed

PROMISES = 10_000
PAIRS = 60


def judge(env, promises=PROMISES):
    """Judge promises of one invoice each, as the daily job does when none was looked at yet.

    Four tenths were paid in time, two tenths in part, for two tenths there is money that is not
    allocated, and for the others there is nothing.

    :return: dict of ``judged``: times, and ``states``: how many promises came to each
    """
    company = env.ref("base.user_admin").company_id
    today = fields.Date.context_today(env.user)
    env["collection.customer"]._create_missing(company)
    made, registering = timed(env, _promise, env, company, today, promises)
    _pay(env, made, today)
    env.cr.commit()
    model = env["collection.promise"]
    _none, judged = timed(env, _judge, model, company)
    states = dict(model._read_group([("id", "in", made.ids)], ["state"], ["__count"]))
    return {"judged": judged, "registering": registering, "states": states}


def _promise(env, company, today, number):
    """Register promises that are late today, one for each of some open invoices."""
    lines = env["account.move.line"].search(
        [("move_name", "like", "BENCH/"), ("account_id.account_type", "=", "asset_receivable")],
        order="id",
        limit=number,
    )
    files = {
        file.partner_id.id: file.id
        for file in env["collection.customer"].search([("company_id", "=", company.id)])
    }
    promises = env["collection.promise"].create(
        [
            {
                "customer_id": files[line.partner_id.id],
                "currency_id": line.currency_id.id,
                "move_line_ids": line.ids,
                "date": today - timedelta(days=20),
                "date_promised": today - timedelta(days=10),
                "amount": line.amount_residual_currency,
            }
            for line in lines
        ]
    )
    env.flush_all()
    return promises


def _pay(env, promises, today):
    """Book a payment for most promises and reconcile some with their invoices, without telling ours."""
    lines = promises.move_line_ids.sorted("id")
    journal = env["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "=", lines.company_id.id)], limit=1
    )
    paid, partly, loose = (lines[number::10] for number in (0, 1, 2))
    paid |= lines[3::10] | lines[4::10] | lines[5::10]
    partly |= lines[6::10]
    loose |= lines[7::10]
    shares = dict.fromkeys(paid, 1) | dict.fromkeys(partly, 0.5) | dict.fromkeys(loose, 1)
    day = today - timedelta(days=12)
    env.cr.execute(
        """
        INSERT INTO account_move (
            name, journal_id, company_id, currency_id, date, state, move_type, auto_post)
        VALUES ('BENCH/MONEY', %s, %s, %s, %s, 'posted', 'entry', 'no') RETURNING id
        """,
        [journal.id, lines.company_id.id, lines.currency_id.id, day],
    )
    [move_id] = env.cr.fetchone()
    env.cr.execute(
        SQL(
            """
            INSERT INTO account_move_line (
                move_id, company_id, currency_id, journal_id, account_id, partner_id, date,
                parent_state, display_type, debit, credit, balance, amount_currency,
                amount_residual, amount_residual_currency, reconciled, ref)
            SELECT %(move)s, invoice.company_id, invoice.currency_id, %(journal)s,
                   invoice.account_id, invoice.partner_id, %(day)s, 'posted', 'product', 0,
                   paid.amount, -paid.amount, -paid.amount, -paid.amount, -paid.amount, FALSE,
                   invoice.id::text
              FROM (VALUES %(paid)s) paid (line_id, amount)
              JOIN account_move_line invoice ON invoice.id = paid.line_id
            """,
            move=move_id,
            journal=journal.id,
            day=day,
            paid=SQL(", ").join(
                SQL("(%s, %s)", line.id, round(line.amount_residual * share, 2))
                for line, share in shares.items()
            ),
        )
    )
    _reconcile(env, move_id, (paid | partly).ids, day)
    env.invalidate_all()


def _reconcile(env, move_id, line_ids, day):
    """Reconcile invoices with the money of a move that names them, set-based."""
    env.cr.execute(
        SQL(
            """
            WITH made AS (
                INSERT INTO account_partial_reconcile (
                    debit_move_id, credit_move_id, company_id, debit_currency_id,
                    credit_currency_id, amount, debit_amount_currency, credit_amount_currency,
                    max_date)
                SELECT invoice.id, money.id, invoice.company_id, invoice.currency_id,
                       money.currency_id, money.credit, money.credit, money.credit, %(day)s
                  FROM account_move_line money
                  JOIN account_move_line invoice ON invoice.id = money.ref::int
                 WHERE money.move_id = %(move)s AND invoice.id IN %(lines)s
                RETURNING debit_move_id, credit_move_id, amount
            )
            UPDATE account_move_line line
               SET amount_residual = line.amount_residual - made.amount * sign(line.balance),
                   amount_residual_currency =
                       line.amount_residual_currency - made.amount * sign(line.balance),
                   reconciled = abs(line.amount_residual) = made.amount
              FROM made
             WHERE line.id IN (made.debit_move_id, made.credit_move_id)
            """,
            day=day,
            move=move_id,
            lines=tuple(line_ids),
        )
    )


def _judge(model, company):
    model.with_company(company)._judge_company(company)
    model.env.flush_all()


def reconcile(env):
    """Reconcile payments with invoices, with and without our part of it, in turns.

    :return: dict of ``ours`` and ``bare``: median times, and ``promised``: the same where the invoice
        is promised, so that its promise is judged
    """
    company = env.ref("base.user_admin").company_id
    env = company.with_company(company).env
    for invoice, payment in _pairs(env, 6):  # warms up
        _reconcile_one(env, invoice | payment)
    pairs = _pairs(env, 3 * PAIRS)
    taken = {"ours": [], "bare": [], "promised": []}
    for number in range(PAIRS):
        # each in turn goes first
        for name in sorted(taken, reverse=number % 2):
            invoice, payment = pairs.pop()
            if name == "promised":
                _promise_one(env, invoice)
            taken[name].append(_reconcile_one(env, invoice | payment, bare=name == "bare"))
    return {
        name: {
            key: statistics.median(measure[key] for measure in measures)
            for key in ("seconds", "queries")
        }
        for name, measures in taken.items()
    }


def _promise_one(env, invoice):
    day = fields.Date.context_today(env.user) + timedelta(days=7)
    env["collection.promise"]._make(invoice, date_promised=day)


def _reconcile_one(env, lines, bare=False):
    """Reconcile some items and write it to the database; without our part of it if ``bare``."""

    def reconcile():
        lines.reconcile()
        env.flush_all()

    def without_ours(self, data):
        return super(AccountMoveLine, self)._reconcile_post_hook(data)

    if not bare:
        return timed(env, reconcile)[1]
    with patch.object(AccountMoveLine, "_reconcile_post_hook", without_ours):
        return timed(env, reconcile)[1]


def _pairs(env, number):
    """Return some open invoices, each with a payment of its amount: pairs of journal items."""
    invoices = env["account.move.line"].search(
        [
            ("move_name", "like", "BENCH/"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("reconciled", "=", False),
        ],
        order="id",
        limit=number,
    )
    payments = env["account.payment"].create(
        [
            {
                "amount": line.amount_residual_currency,
                "currency_id": line.currency_id.id,
                "partner_id": line.partner_id.id,
                "payment_type": "inbound",
                "partner_type": "customer",
            }
            for line in invoices
        ]
    )
    payments.action_post()
    credits = payments.move_id.line_ids.filtered(
        lambda item: item.account_id.account_type == "asset_receivable"
    ).grouped("move_id")
    return [
        (line, credits[payment.move_id]) for line, payment in zip(invoices, payments, strict=True)
    ]
