"""The sample ledger: what it holds, and that it loads as if people had typed it in."""

from collections import Counter
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from odoo.tests import TransactionCase, tagged

from data.ledger import (
    create_companies,
    generate,
    load,
    load_open_invoices,
    read_csv,
    write_csv,
)
from data.ledger.check import Snapshot, differences, recompute
from data.ledger.templates import rolled_back

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


@tagged("post_install", "-at_install", "standard")
class TestLedgerFiles(TransactionCase):
    def test_same_arguments_give_the_same_ledger(self):
        self.assertEqual(generate(20, 90, seed=4), generate(20, 90, seed=4))

    def test_another_seed_gives_another_ledger(self):
        self.assertNotEqual(generate(20, 90, seed=4).partners, generate(20, 90, seed=5).partners)

    def test_too_few_customers_are_refused_with_the_number_needed(self):
        with self.assertRaisesRegex(ValueError, "12"):
            generate(customers=5, invoices=60)

    def test_too_few_invoices_are_refused_with_the_number_needed(self):
        with self.assertRaisesRegex(ValueError, "at least 38"):
            generate(customers=26, invoices=30)

    def test_csv_gives_back_the_ledger_that_was_written(self):
        ledger = generate(20, 90, seed=4)
        with TemporaryDirectory() as folder:
            write_csv(ledger, folder)
            self.assertEqual(read_csv(folder), ledger)

    def test_csv_error_names_file_and_line(self):
        with TemporaryDirectory() as folder:
            write_csv(generate(12, 60), folder)
            path = Path(folder) / "rates.csv"
            path.write_text(path.read_text().replace("USD,-730,", "USD,yesterday,"))
            with self.assertRaisesRegex(ValueError, "rates.csv, line 2"):
                read_csv(folder)

    def test_kept_sample_is_what_the_generator_writes(self):
        with TemporaryDirectory() as folder:
            write_csv(generate(), folder)
            for written in sorted(Path(folder).iterdir()):
                self.assertEqual(
                    (SAMPLE / written.name).read_bytes(),
                    written.read_bytes(),
                    f"data/sample/{written.name} is not what generate() gives: run python -m data.ledger",
                )

    def test_sample_has_a_realistic_share_of_open_invoices(self):
        ledger = read_csv(SAMPLE)
        paid = {row.move for row in ledger.allocations if row.source.startswith("p")}
        posted = [row for row in ledger.moves if row.type == "invoice" and row.state == "posted"]
        unpaid = [row for row in posted if row.key not in paid]
        self.assertEqual(len([row for row in ledger.moves if row.type == "invoice"]), 3000)
        self.assertTrue(0.08 < len(unpaid) / len(posted) < 0.25)
        late = [row for row in unpaid if row.day < -60]
        self.assertTrue(0.2 < len(late) / len(unpaid) < 0.7)


@tagged("post_install", "-at_install", "standard")
class TestSmallLedger(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = create_companies(cls.env, generate(12, 60), chart="generic_coa")
        cls.loaded = cls.load(1, today=date(2031, 3, 9))
        cls.moves = cls.env["account.move"].union(*cls.loaded.moves.values())

    @classmethod
    def load(cls, seed, **options):
        return load(cls.env, generate(12, 60, seed=seed), companies=cls.shared, **options)

    def receivable_lines(self, loaded):
        companies = self.env["res.company"].union(*loaded.companies.values())
        return self.env["account.move.line"].search(
            [
                ("account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("company_id", "in", companies.ids),
            ]
        )

    def test_every_odd_case_is_there_whatever_the_seed(self):
        self.check_odd_cases(self.loaded)
        for seed in (2, 3):
            with self.subTest(seed=seed), rolled_back(self.env):
                self.check_odd_cases(self.load(seed))

    def check_odd_cases(self, loaded):
        moves = self.env["account.move"].union(*loaded.moves.values())
        payments = self.env["account.payment"].union(*loaded.payments.values())
        posted = moves.filtered(lambda m: m.state == "posted")
        open_lines = self.receivable_lines(loaded).filtered(lambda line: not line.reconciled)
        entry_lines = posted.filtered(lambda m: m.move_type == "entry").line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )
        states = Counter(moves.mapped("payment_state"))
        for name, found in {
            "draft": moves.filtered(lambda m: m.state == "draft"),
            "cancelled": moves.filtered(lambda m: m.state == "cancel"),
            "reversed": states["reversed"],
            "paid": states["paid"],
            "partly paid": states["partial"],
            "instalments": posted.filtered(lambda m: len(m.invoice_payment_term_id.line_ids) == 3),
            "early discount": posted.filtered(lambda m: m.invoice_payment_term_id.early_discount),
            "open credit note": posted.filtered(
                lambda m: m.move_type == "out_refund" and m.amount_residual
            ),
            "foreign currency": open_lines.filtered(
                lambda line: line.currency_id != line.company_currency_id
            ),
            "unallocated payment": payments.filtered(lambda p: not p.is_reconciled),
            "no partner": open_lines.filtered(lambda line: not line.partner_id),
            "several customers in one entry": any(
                len(lines.partner_id) > 2 for lines in entry_lines.grouped("move_id").values()
            ),
            "non-trade account": open_lines.filtered(lambda line: line.account_id.non_trade),
            "branch": posted.filtered(lambda m: m.company_id.parent_id),
            "invoice of a child contact": posted.filtered(
                lambda m: m.partner_id != m.commercial_partner_id
            ),
            "returned debit": self.env["account.bank.statement.line"].search(
                [("payment_ref", "like", "DEVOL."), ("company_id", "in", moves.company_id.ids)]
            ),
            "not delivered": posted.filtered(lambda m: m.is_invoice() and not m.is_move_sent),
            "customer without address": posted.partner_id.filtered(lambda p: not p.email),
            "private person": posted.partner_id.filtered(lambda p: not p.is_company),
        }.items():
            self.assertTrue(found, name)

    def test_open_items_are_the_balance_of_the_receivable_accounts(self):
        lines = self.receivable_lines(self.loaded)
        for company, group in lines.grouped("company_id").items():
            self.assertAlmostEqual(
                sum(group.mapped("amount_residual")), sum(group.mapped("balance")), 2, company.name
            )

    def test_numbers_follow_the_dates_without_gaps(self):
        moves = self.moves.filtered(lambda m: m.state == "posted")
        self.assertFalse(moves.filtered("made_sequence_gap"))
        for group in moves.grouped(lambda m: (m.journal_id, m.sequence_prefix)).values():
            by_number = group.sorted("sequence_number")
            self.assertEqual(by_number.mapped("date"), sorted(group.mapped("date")))

    def test_days_count_from_the_day_of_loading(self):
        newest = max(row.day for row in self.loaded.ledger.moves)
        self.assertEqual((date(2031, 3, 9) - max(self.moves.mapped("date"))).days, -newest)


@tagged("post_install", "-at_install", "standard")
class TestSetBased(TransactionCase):
    """Written set-based, a ledger is what the ORM makes of it, on the Spanish chart."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ledger = generate(24, 110, seed=8)
        options = {"companies": create_companies(cls.env, cls.ledger)}
        with rolled_back(cls.env):
            cls.by_orm = Snapshot(load(cls.env, cls.ledger, mode="orm", **options))
        cls.loaded = load(cls.env, cls.ledger, mode="sql", **options)

    def test_set_based_rows_are_those_of_the_orm(self):
        set_based = Snapshot(self.loaded)
        self.assertEqual(differences(self.by_orm, set_based), [])
        self.assertGreater(len(set_based.rows), 1000)

    def test_computing_stored_fields_again_changes_nothing(self):
        moves = self.env["account.move"].union(*self.loaded.moves.values())
        payments = self.env["account.payment"].union(*self.loaded.payments.values())
        lines = (moves | payments.move_id).line_ids
        for records in (
            moves.filtered(lambda move: move.state == "posted"),
            lines,
            payments,
            lines.matched_credit_ids,
        ):
            self.assertEqual(recompute(records), [])

    def test_each_move_is_balanced(self):
        for move in self.loaded.moves.values():
            self.assertAlmostEqual(sum(move.line_ids.mapped("balance")), 0, 2, move.name)


@tagged("post_install", "-at_install", "standard")
class TestOpenInvoices(TransactionCase):
    """Open invoices for benchmarks, on the chart that a company has."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ledger = generate(12, 60)
        ledger.companies = ledger.companies[:1]
        cls.company = create_companies(cls.env, ledger, chart="generic_coa")["main"]
        load_open_invoices(cls.env, cls.company, invoices=300, customers=60)
        cls.moves = cls.env["account.move"].search(
            [("company_id", "=", cls.company.id), ("move_type", "=", "out_invoice")]
        )

    def test_all_are_posted_and_open(self):
        self.assertEqual(len(self.moves), 300)
        self.assertEqual(set(self.moves.mapped("state")), {"posted"})
        self.assertEqual(set(self.moves.mapped("payment_state")), {"not_paid", "partial"})

    def test_they_are_those_of_as_many_customers_as_asked_for(self):
        self.assertEqual(len(self.moves.commercial_partner_id), 60)

    def test_they_have_taxes_instalments_and_a_foreign_currency(self):
        self.assertTrue(all(move.amount_tax for move in self.moves))
        self.assertTrue(self.moves.filtered(lambda m: len(m.invoice_payment_term_id.line_ids) > 1))
        self.assertTrue(self.moves.filtered(lambda m: m.currency_id != self.company.currency_id))

    def test_computing_stored_fields_again_changes_nothing(self):
        for records in (self.moves, self.moves.line_ids, self.moves.partner_id):
            self.assertEqual(recompute(records), [])

    def test_each_customer_has_its_own_address(self):
        customers = self.moves.partner_id
        for name in ("name", "email", "email_normalized", "ref", "complete_name"):
            self.assertEqual(len(set(customers.mapped(name))), 60, name)

    def test_the_next_invoice_gets_the_next_number(self):
        last = max(self.moves.mapped("sequence_number"))
        invoice = self.moves.sorted("sequence_number")[-1].copy(
            {"invoice_date": self.moves.sorted("sequence_number")[-1].date}
        )
        invoice.action_post()
        self.assertEqual(invoice.sequence_number, last + 1)

    def test_a_payment_can_be_registered_for_one(self):
        invoice = self.moves.filtered(lambda m: m.payment_state == "not_paid")[0]
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        wizard.create(
            {"installments_mode": "full", "amount": invoice.amount_residual}
        )._create_payments()
        self.assertEqual(invoice.payment_state, "paid")
