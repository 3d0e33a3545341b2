"""Documents through Odoo's ORM: real posting, real payments, real reconciliation."""

from collections import defaultdict
from contextlib import contextmanager

from odoo import Command

BATCH = 200  # moves created and posted at once

ANALYZE = "ANALYZE account_move, account_move_line, account_payment, account_partial_reconcile"


@contextmanager
def steady_plans(env):
    """Have joins done in the order in which they are written, while there are few payments.

    Odoo looks for the payments of invoices by joining lines "on debit or credit". Where the
    statistics are those of empty tables, as in tests, PostgreSQL starts at the wrong end and
    takes minutes for a few hundred lines; the order written is never bad for few payments.
    """
    env.cr.execute("SELECT count(*) FROM account_payment")
    few = env.cr.fetchone()[0] < 500
    if few:
        env.cr.execute("SET LOCAL join_collapse_limit = 1")
    yield
    if few:
        env.cr.execute("SET LOCAL join_collapse_limit TO DEFAULT")


class OrmLoader:
    """Loads moves and payments of a ledger as a user's clicks would."""

    def __init__(self, masters, index, claims, step):
        self.masters = masters
        self.env = masters.env
        self.index = index
        self.claims = claims
        self.step = step
        self.moves = {}
        self.payments = {}

    # Invoices, credit notes, opening entries -----------------------------------------------

    def load_moves(self, rows, names):
        """Create and post ``rows``; ``names`` are their numbers by key."""
        done = 0
        refunds = [row for row in rows if row.type == "refund"]  # they need their invoices
        for group in ([row for row in rows if row.type != "refund"], refunds):
            group.sort(key=lambda row: (row.day, row.key))
            for start in range(0, len(group), BATCH):
                batch = group[start : start + BATCH]
                self._load_batch(batch, names)
                done += len(batch)
                self.step(f"{done} of {len(rows)} moves posted")

    def _load_batch(self, rows, names):
        groups = defaultdict(list)
        for row in rows:
            groups[row.company].append(row)
        for company_key, group in groups.items():
            company = self.masters.companies[company_key]
            Move = self.env["account.move"].with_company(company)
            moves = Move.create([self._move_values(row, names.get(row.key)) for row in group])
            self.moves.update(zip([row.key for row in group], moves, strict=True))
            self._pick(moves, group, "posted").action_post()
            self._pick(moves, group, "cancel").button_cancel()
        for row in rows:
            self.claims.add(row.key, self._receivable_lines(row, self.moves[row.key]))

    def _analyze(self):
        """Let PostgreSQL know the rows of this transaction."""
        self.env.flush_all()
        self.env.cr.execute(ANALYZE)

    def _pick(self, moves, rows, state):
        return moves.browse(
            [move.id for move, row in zip(moves, rows, strict=True) if row.state == state]
        )

    def _move_values(self, row, name):
        values = {
            "move_type": {"invoice": "out_invoice", "refund": "out_refund"}.get(row.type, "entry"),
            "company_id": self.masters.companies[row.company].id,
            "journal_id": self.masters.journal(row.company, self.journal_kind(row)).id,
            "date": self.masters.date(row.day),
            "ref": row.ref,
        }
        if name and row.state == "posted":
            values["name"] = name
        if row.type == "entry":
            return {**values, "line_ids": self._entry_lines(row)}
        origin = self.moves.get(row.origin)
        if origin:
            values.update(reversed_entry_id=origin.id, ref=f"Rectifica {origin.name}")
        return {
            **values,
            "partner_id": self.masters.partners[row.partner].id,
            "invoice_date": self.masters.date(row.day),
            "invoice_date_due": self.masters.date(row.day),  # until its terms say otherwise
            "invoice_payment_term_id": self.masters.terms[row.term].id if row.term else False,
            "currency_id": self.masters.currency(row.company, row.currency).id,
            "is_move_sent": row.sent != "no",
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": self.masters.products[line.product].id,
                        "quantity": line.quantity,
                        "price_unit": line.price,
                    }
                )
                for line in self.index.lines[row.key]
            ],
        }

    @staticmethod
    def journal_kind(row):
        """The kind of journal that a move is written in."""
        return "general" if row.type == "entry" else "sale"

    def _entry_lines(self, row):
        lines = []
        for line in self.index.entry_lines[row.key]:
            partner = self.masters.partners.get(line.partner)
            if line.account == "non_trade":
                account = self.masters.non_trade_account(row.company)
            else:
                account = self.masters.receivable(row.company, partner)
            lines.append(
                {
                    "name": line.label or row.ref,
                    "partner_id": partner.id if partner else False,
                    "account_id": account.id,
                    "balance": line.amount,
                    "date_maturity": self.masters.date(line.due),
                }
            )
        lines.append(
            {
                "name": row.ref,
                "account_id": self.masters.equity_account(row.company).id,
                "balance": -sum(line["balance"] for line in lines),
            }
        )
        return [Command.create(line) for line in lines]

    def _receivable_lines(self, row, move):
        lines = move.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )
        if row.type == "entry":
            lines = lines.sorted("id")
        else:
            lines = lines.sorted(lambda line: (line.date_maturity, line.id))
        return [(line.id, line.amount_currency) for line in lines]

    # Payments ------------------------------------------------------------------------------

    def load_payments(self, rows):
        """Make payments, reconcile them with what they pay, and undo what was undone."""
        taken_back = [row for row in rows if row.outcome != "ok"]
        lasting = [row for row in rows if row.outcome == "ok" and not row.discount]
        self._pay_in_batches(taken_back)
        for row in taken_back:  # before it was paid again
            getattr(self, f"_payment_{row.outcome}")(row, self.payments[row.key])
        self._pay_in_batches(lasting)
        for row in rows:
            if row.discount:
                self._pay_with_discount(row)

    def _pay_in_batches(self, rows):
        rows.sort(key=lambda row: (row.day, row.key))
        for start in range(0, len(rows), BATCH):
            self._analyze()
            self._pay(rows[start : start + BATCH])
            self.step(f"{min(start + BATCH, len(rows))} of {len(rows)} payments made")
        self._analyze()

    def _pay(self, rows):
        values, paid = [], []
        for row in rows:
            parts = list(self.claims.parts(self.index.allocations[row.key]))
            if row.outcome == "ok":
                self.claims.settle(parts)
            paid.append([claim.line_id for claim, _amount in parts])
            values.append(self._payment_values(row, sum(amount for _claim, amount in parts)))
        payments = self.env["account.payment"].create(values)
        self.payments.update(zip([row.key for row in rows], payments, strict=True))
        payments.action_post()
        Line = self.env["account.move.line"]
        Line._reconcile_plan(
            [
                self._counterpart(payment) + Line.browse(line_ids)
                for payment, line_ids in zip(payments, paid, strict=True)
                if line_ids
            ]
        )

    def _payment_values(self, row, amount):
        method = self.masters.payment_method(row)
        invoices = self.env["account.move"].union(
            *(self.moves[allocation.move] for allocation in self.index.allocations[row.key])
        )
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": self.masters.partners[row.partner].id,
            "company_id": self.masters.companies[row.company].id,
            "journal_id": method.journal_id.id,
            "payment_method_line_id": method.id,
            "currency_id": self.masters.currency(row.company, row.currency).id,
            "amount": round(amount + row.extra, 2),
            "date": self.masters.date(row.day),
            "memo": row.memo or ", ".join(invoices.mapped("name")),
            "invoice_ids": [Command.set(invoices.filtered(lambda m: m.is_invoice()).ids)],
        }

    def _counterpart(self, payment):
        """The receivable line of a payment's journal entry."""
        return payment.move_id.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )

    def _payment_undone(self, _row, payment):
        self._counterpart(payment).remove_move_reconcile()

    def _payment_cancelled(self, _row, payment):
        self._counterpart(payment).remove_move_reconcile()
        payment.action_cancel()

    def _payment_returned(self, row, payment):
        """The bank took a direct debit back: a bank line that the payment settles instead."""
        line = self._counterpart(payment)
        line.remove_move_reconcile()
        bank_line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": payment.journal_id.id,
                "company_id": payment.company_id.id,
                "date": self.masters.date(row.outcome_day),
                "payment_ref": f"DEVOL. RECIBO {payment.memo}",
                "partner_id": payment.partner_id.id,
                "amount": -payment.amount,
                "counterpart_account_id": line.account_id.id,
            }
        )
        back = bank_line.move_id.line_ids.filtered(lambda x: x.account_id == line.account_id)
        (line + back).reconcile()

    def _pay_with_discount(self, row):
        """Pay less within the discount days, as the payment wizard proposes."""
        allocations = self.index.allocations[row.key]
        claims = [claim for claim, _amount in self.claims.parts(allocations)]
        lines = self.env["account.move.line"].browse([claim.line_id for claim in claims])
        wizard = (
            self.env["account.payment.register"]
            .with_company(self.masters.companies[row.company])
            .with_context(active_model="account.move.line", active_ids=lines.ids)
            .create({"payment_date": self.masters.date(row.day)})
        )
        self.payments[row.key] = wizard._create_payments()
        self.claims.settle([(claim, claim.open) for claim in claims])

    # Credit notes, bank lines, notes -------------------------------------------------------

    def note_credit_notes(self, rows):
        """Take off the claims what credit notes settled: posting them reconciled them."""
        for row in rows:
            own = self.claims.of(row.key)
            for allocation in self.index.allocations[row.key]:
                claims = self.claims.of(allocation.move)
                parts = self.claims.settle_in_turn(claims, sum(claim.open for claim in own))
                self.claims.settle_in_turn(own, sum(part for _claim, part in parts))

    def load_bank_lines(self, rows):
        """Bank statement lines that wait on the suspense account."""
        self.env["account.bank.statement.line"].create(
            [
                {
                    "journal_id": self.masters.journal(row.company, "bank").id,
                    "date": self.masters.date(row.day),
                    "payment_ref": row.label,
                    "partner_id": self.masters.partners[row.partner].id if row.partner else False,
                    "amount": row.amount,
                }
                for row in rows
            ]
        )
