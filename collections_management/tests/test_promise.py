"""Promises to pay: registered, judged by what is paid, put off, and what follows."""

from ast import literal_eval
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from odoo.addons.account.models.account_move_line import AccountMoveLine

from .common import CollectionsCommon, days


class PromiseCommon(CollectionsCommon):
    """A customer with two overdue invoices of 100 and 50; two days of grace, no tolerance."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"collection_promise_days": 2, "collection_promise_percent": 0})
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.other = cls._make_invoice(cls.customer, 50)

    @classmethod
    def _promise(cls, *moves, after=5, amount=None, user=None, **values):
        """Register a promise of a customer to pay these moves so many days from today."""
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        model = cls.system["collection.promise"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.promise"]
        amounts = amount and {lines.currency_id: amount}
        promise = model._make(
            lines.with_env(model.env), amounts, date_promised=cls._day(after), **values
        )
        return promise.with_env(model.env(user=cls.system.uid))

    def _run(self, *customers):
        """Do what stands before the day's decision: the verdicts."""
        self.env.flush_all()
        run = self.system(context={"lang": "en_US"})["collection.run"]
        run.with_company(self.company)._prepare_company(self.company)
        self.env.invalidate_all()

    def _run_on(self, day):
        with self.at(day):
            self._run()

    def _pay_on(self, day, invoice, amount=None, **values):
        with self.at(day):
            return self._pay(invoice, amount, payment_date=self._day(day), **values)

    @classmethod
    def _pay(cls, invoice, amount=None, **values):
        if amount:
            values["amount"] = amount
        values.setdefault("payment_date", cls._day(0))
        return cls._register_payment(invoice, **values)

    def _allocate(self, invoice, money):
        """Reconcile an invoice with a payment or a move that is not allocated."""
        move = money.move_id if money._name == "account.payment" else money
        lines = self._get_receivable_lines(invoice) | self._get_receivable_lines(move)
        lines.filtered(lambda line: not line.reconciled).reconcile()

    def _undo(self, invoice):
        self._get_receivable_lines(invoice).remove_move_reconcile()

    def _tasks(self, name, customer=None):
        return self.system["mail.activity"].search(
            [
                ("res_model", "=", "collection.customer"),
                ("res_id", "=", (customer or self.customer).id),
                (
                    "activity_type_id",
                    "=",
                    self.system.ref(f"collections_management.activity_type_{name}").id,
                ),
            ]
        )

    def _rounds(self, invoice):
        return self.system["collection.round"].search(
            [
                ("move_line_id", "in", self._get_receivable_lines(invoice).ids),
                ("reason", "=", "broken_promise"),
            ]
        )

    def _make_bank_line(self, date, **values):
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "payment_ref": "Transfer",
                "date": date,
                "amount": 10,
                **values,
            }
        )

    def assertJudged(self, promise, state, share=None):
        promise.invalidate_recordset()
        self.assertEqual(promise.state, state)
        if share is not None:
            self.assertAlmostEqual(promise.kept_share, share, 4)


class TestRegister(PromiseCommon):
    def test_promise_holds_its_invoice_until_the_last_day_of_grace(self):
        promise = self._promise(self.invoice)
        self.assertEqual(promise.amount, 100)
        self.assertEqual(promise.deadline, days(7))
        self.assertEqual(self.invoice.collection_status, "promised")
        self.assertDecision(self.invoice, "promised")
        self.assertEqual(self.items(self.invoice).hold_until, days(7))
        self.assertDecision(self.other, "claim")
        with self.at(7):
            self.assertDecision(self.invoice, "promised")

    def test_it_says_who_promised_what(self):
        promise = self._promise(self.invoice, note="Called at noon")
        self.assertRegex(promise.number, r"^PP/2026/\d{5}$")
        self.assertEqual(promise.partner_id, self.customer.partner_id)
        self.assertEqual(promise.company_id, self.company)
        self.assertEqual(promise.note, "Called at noon")
        self.assertEqual(
            self.items(self.invoice).explanation,
            f"The customer promised to pay $\xa0100.00 until 03/16/2026 ({promise.number}).",
        )
        self.assertIn(promise.number, self.invoice.collection_decision)

    def test_collector_follows_the_file(self):
        promise = self._promise(self.invoice)
        self.assertEqual(promise.collector_id, self.collector)
        self.customer.collector_id = self.manager
        self.assertEqual(promise.collector_id, self.manager)

    def test_default_amount_is_what_is_overdue(self):
        terms = self._make_terms((40, 0), (60, 60))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        promise = self._promise(invoice)
        self.assertEqual(promise.amount, 80)
        self.assertEqual(len(promise.move_line_ids), 2, "the invoice is held whole")

    def test_default_amount_of_what_is_not_due_is_all_of_it(self):
        self.assertEqual(self._promise(self._make_invoice(self.customer, 70, due=9)).amount, 70)

    def test_an_instalment_brings_its_whole_invoice_along(self):
        terms = self._make_terms((40, 0), (60, 60))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        first = self._get_receivable_lines(invoice).sorted("date_maturity")[0]
        promise = self.system["collection.promise"]._make(
            first.with_env(self.system), date_promised=days(5)
        )
        self.assertEqual(promise.move_line_ids.move_id, invoice)
        self.assertEqual(len(promise.move_line_ids), 2)

    def test_items_of_an_opening_entry_stay_alone(self):
        entry = self._make_entry((self.customer, 30), (self.customer, 40))
        line = entry.line_ids.filtered(lambda line: line.debit == 30)
        promise = self.system["collection.promise"]._make(
            line.with_env(self.system), date_promised=days(5)
        )
        self.assertEqual(promise.amount, 30)
        self.assertEqual(promise.move_line_ids, line)

    def test_two_currencies_are_two_promises(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        promises = self._promise(self.invoice, foreign)
        self.assertEqual(
            {promise.currency_id: promise.amount for promise in promises},
            {self.currency: 100, euro: 60},
        )

    def test_what_was_to_be_sent_is_withdrawn(self):
        notice = self.decide(self.customer)
        self.assertEqual(len(notice.line_ids), 2)
        self._promise(self.invoice, self.other)
        self.deliver()
        self.assertEqual(notice.state, "cancelled")

    def test_numbers_are_each_companys_own(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"].with_env(self.system)
        mine, theirs = (
            self.system["collection.promise"]._get_sequence(company)
            for company in (self.company, elsewhere)
        )
        self.assertNotEqual(mine, theirs)
        self.assertEqual(self.system["collection.promise"]._get_sequence(self.company), mine)


class TestVerdict(PromiseCommon):
    def test_paid_in_time_is_kept_at_once(self):
        promise = self._promise(self.invoice)
        self._pay_on(3, self.invoice)
        self.assertJudged(promise, "kept", 1)
        self.assertEqual(promise.paid_amount, 100)
        self.assertFalse(promise._get_holds().filtered("open"))
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_partly_paid_waits_for_the_rest(self):
        promise = self._promise(self.invoice)
        self._pay_on(1, self.invoice, 40)
        self.assertJudged(promise, "open", 0.4)
        self.assertEqual((promise.paid_amount, promise.remaining_amount), (40, 60))
        self.assertDecision(self.invoice, "promised")
        self._pay_on(2, self.invoice)
        self.assertJudged(promise, "kept")

    def test_part_that_was_promised_is_enough(self):
        promise = self._promise(self.invoice, amount=30)
        self._pay_on(1, self.invoice, 30)
        self.assertJudged(promise, "kept", 1)
        self.assertDecision(self.invoice, "claim")

    def test_partly_paid_in_time_is_partly_kept_and_claimed_again(self):
        promise = self._promise(self.invoice)
        self._pay_on(1, self.invoice, 40)
        self._run_on(8)
        self.assertJudged(promise, "partly", 0.4)
        self.assertEqual(self.customer.broken_promise_count, 0)
        self.assertTrue(self._tasks("broken_promise"))
        with self.at(8):
            self.assertDecision(self.invoice, "claim")

    def test_nothing_paid_is_broken_and_tells_the_collector_once(self):
        first, second = self._promise(self.invoice), self._promise(self.other)
        self._run_on(7)
        self.assertJudged(first, "open")
        self._run_on(8)
        self._run_on(9)
        self.assertJudged(first, "broken", 0)
        self.assertEqual(first.closed_date, days(8))
        task = self._tasks("broken_promise")
        self.assertEqual(len(task), 1)
        self.assertEqual(task.user_id, self.collector)
        self.assertEqual(task.date_deadline, days(8))
        self.assertIn(first.number, task.summary)
        self.assertIn(second.number, task.summary)
        self.assertEqual(self.customer.broken_promise_count, 2)
        self.assertEqual(len(self._rounds(self.invoice)), 1)
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_broken_promises_of_two_days_are_one_task(self):
        self._promise(self.invoice, after=1)
        later = self._promise(self.other, after=2)
        self._run_on(4)
        self._run_on(5)
        self.assertIn(later.number, self._tasks("broken_promise").summary)

    def test_calendar_says_whose_promise_it_is(self):
        promise = self._promise(self.invoice)
        self.assertEqual(promise.display_name, promise.number)
        action = self.system["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_promise_action"
        )
        shown = promise.with_context(**literal_eval(action["context"]))
        self.assertEqual(shown.display_name, f"Customer · {promise.number}")

    def test_task_is_in_the_language_of_whoever_does_it(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.collector.lang = "es_ES"
        self._promise(self.invoice)
        self._run_on(8)
        self.assertIn("100,00 hasta el", self._tasks("broken_promise").summary)

    def test_broken_one_is_claimed_from_the_first_step_again(self):
        self.run_day(self.customer)
        self.assertEqual(self.items(self.invoice).last_step_id, self.first)
        self._promise(self.invoice)
        self._run_on(8)
        with self.at(8):
            item = self.items(self.invoice)
            self.assertEqual((item.decision, item.next_step_id), ("claim", self.first))

    def test_broken_ones_sort_and_filter_customers(self):
        good = self._make_customer("Good")
        self._promise(self.invoice)
        self._run_on(8)
        files = self.system["collection.customer"].search(
            [("id", "in", (good | self.customer).ids)], order="broken_promise_count desc"
        )
        self.assertEqual(files.ids, [self.customer.id, good.id])
        self.assertEqual(files.search([("broken_promise_count", ">", 0)]) & files, self.customer)

    def test_paid_within_the_days_of_grace_is_kept(self):
        promise = self._promise(self.invoice)
        self._pay_on(7, self.invoice)
        self.assertJudged(promise, "kept")

    def test_paid_after_them_is_broken_though_nothing_is_left(self):
        promise = self._promise(self.invoice)
        self._pay_on(8, self.invoice)
        self.assertJudged(promise, "broken")
        self.assertFalse(self._tasks("broken_promise"), "there is nothing to call for")
        self.assertFalse(self._rounds(self.invoice))

    def test_task_goes_when_the_broken_one_is_paid(self):
        promise = self._promise(self.invoice)
        self._run_on(8)
        self.assertTrue(self._tasks("broken_promise"))
        self._pay_on(9, self.invoice)
        self.assertJudged(promise, "broken")
        self.assertFalse(self._tasks("broken_promise"))

    def test_money_that_came_in_time_and_is_booked_later_mends_the_verdict(self):
        promise = self._promise(self.invoice)
        self._run_on(8)
        self.assertJudged(promise, "broken")
        with self.at(9):
            self._pay(self.invoice, payment_date=days(6))
        self.assertJudged(promise, "kept", 1)
        self.assertEqual(self.customer.broken_promise_count, 0)
        self.assertFalse(self._tasks("broken_promise"))

    def test_tolerance_is_the_companys_when_it_was_registered(self):
        self.company.collection_promise_percent = 2
        promise = self._promise(self.invoice)
        self.company.collection_promise_percent = 0
        self._pay_on(1, self.invoice, 97.99)
        self.assertJudged(promise, "open")
        self._pay_on(2, self.invoice, 0.01)
        self.assertJudged(promise, "kept", 1)
        with self.at(2):
            self.assertDecision(self.invoice, "claim")

    def test_several_invoices_are_judged_together(self):
        promise = self._promise(self.invoice, self.other)
        self._pay_on(1, self.other)
        self.assertJudged(promise, "open", 50 / 150)
        self.assertEqual(self.other.collection_status, "normal", "it is paid, so it is free")
        self.assertEqual(self.invoice.collection_status, "promised")
        self._pay_on(2, self.invoice)
        self.assertJudged(promise, "kept")

    def test_instalments_are_judged_together(self):
        terms = self._make_terms((40, 0), (60, 60))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        promise = self._promise(invoice, amount=120)
        self._pay_on(1, invoice, 80)
        self.assertJudged(promise, "open")
        self._pay_on(2, invoice, 40)
        self.assertJudged(promise, "kept")

    def test_what_was_paid_before_does_not_count(self):
        self._pay(self.invoice, 40)
        promise = self._promise(self.invoice)
        self.assertEqual(promise.amount, 60)
        self.assertEqual(promise.paid_amount, 0)
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_what_was_paid_before_does_not_count_when_it_is_booked_anew(self):
        payment = self._pay(self.invoice, 40)
        promise = self._promise(self.invoice, amount=40)
        self._undo(self.invoice)
        self._allocate(self.invoice, payment)
        self.assertJudged(promise, "open")
        self.assertEqual(promise.paid_amount, 0)
        self._pay_on(1, self.invoice, 40)
        self.assertJudged(promise, "kept")

    def test_more_of_the_same_payment_counts(self):
        payment = self._make_payment(self.customer, 90)
        self._allocate(self.other, payment)
        promise = self._promise(self.invoice, amount=40)
        self._allocate(self.invoice, payment)
        self.assertJudged(promise, "kept")

    def test_another_currency_is_judged_in_its_own(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        promise = self._promise(foreign)
        self._pay_on(1, foreign, 20, currency_id=euro.id)
        self.assertEqual(promise.paid_amount, 20)
        self.assertJudged(promise, "open")
        self._pay_on(2, foreign, 40, currency_id=euro.id)
        self.assertJudged(promise, "kept")

    def test_difference_of_exchange_rates_is_no_payment(self):
        euro = self.setup_other_currency("EUR", rates=[("2016-01-01", 2.0), (str(days(1)), 4.0)])
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        promise = self._promise(foreign)
        self._pay_on(1, foreign, 20, currency_id=euro.id)
        line = self._get_receivable_lines(foreign)
        self.assertTrue(line.matched_credit_ids.exchange_move_id, "a difference was booked")
        self.assertEqual(promise.paid_amount, 20)
        self.assertJudged(promise, "open", 1 / 3)

    def test_payment_in_another_currency_counts_by_what_it_settles(self):
        euro = self.setup_other_currency("EUR")  # 2 for 1 of the company's
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        promise = self._promise(foreign)
        self._pay_on(1, foreign, 30, currency_id=self.currency.id)
        self.assertEqual(promise.paid_amount, 60)
        self.assertJudged(promise, "kept")

    def test_credit_note_counts_unless_it_is_said_not_to(self):
        counting, not_counting = self._promise(self.invoice), self._promise(self.other)
        not_counting.count_credit_notes = False
        for invoice, amount in ((self.invoice, 100), (self.other, 50)):
            with self.at(1):
                credit = self._make_credit(self.customer, amount, issued=1)
                self._allocate(invoice, credit)
        self.assertJudged(counting, "kept", 1)
        self.assertJudged(not_counting, "settled", 0)

    def test_saying_that_credit_notes_do_not_count_judges_again(self):
        promise = self._promise(self.invoice)
        with self.at(1):
            self._allocate(self.invoice, self._make_credit(self.customer, 100, issued=1))
            self.assertJudged(promise, "kept")
            promise.count_credit_notes = False
        self.assertJudged(promise, "settled")

    def _write_off(self, invoice, amount):
        """Book part of an invoice as a loss."""
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.company_data["default_account_expense"].id,
                            "debit": amount,
                        }
                    ),
                    Command.create(
                        {
                            "account_id": self._get_receivable_lines(invoice).account_id.id,
                            "partner_id": invoice.partner_id.id,
                            "credit": amount,
                        }
                    ),
                ],
            }
        )
        entry.action_post()
        self._allocate(invoice, entry)

    def test_write_off_is_no_payment_unless_it_is_said_to_be(self):
        not_counting, counting = self._promise(self.invoice), self._promise(self.other)
        counting.count_write_offs = True
        with self.at(1):
            self._write_off(self.invoice, 100)
            self._write_off(self.other, 50)
        self.assertJudged(not_counting, "settled", 0)
        self.assertJudged(counting, "kept", 1)

    def test_write_off_of_a_part_does_not_break_what_is_paid(self):
        promise = self._promise(self.invoice)
        with self.at(1):
            self._write_off(self.invoice, 30)
        self._pay_on(2, self.invoice)
        self.assertJudged(promise, "settled", 0.7)

    def test_discount_booked_with_the_payment_is_no_payment(self):
        promise = self._promise(self.invoice)
        self._pay_on(
            1,
            self.invoice,
            95,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.company_data["default_account_expense"].id,
        )
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(promise.paid_amount, 95)
        self.assertJudged(promise, "settled", 0.95)

    def test_write_off_of_a_broken_one_does_not_mend_it(self):
        promise = self._promise(self.invoice)
        self._run_on(8)
        with self.at(9):
            self._write_off(self.invoice, 100)
        self.assertJudged(promise, "broken")

    def test_netting_with_a_bill_of_the_customer_counts(self):
        promise = self._promise(self.invoice)
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": days(1),
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.company_data["default_account_payable"].id,
                            "partner_id": self.customer.partner_id.id,
                            "debit": 100,
                        }
                    ),
                    Command.create(
                        {
                            "account_id": self._get_receivable_lines(self.invoice).account_id.id,
                            "partner_id": self.customer.partner_id.id,
                            "credit": 100,
                        }
                    ),
                ],
            }
        )
        entry.action_post()
        self._allocate(self.invoice, entry)
        self.assertJudged(promise, "kept")

    def test_advance_of_an_opening_entry_counts(self):
        promise = self._promise(self.invoice, amount=40)
        other = self._make_customer("Other")
        opening = self._make_entry((self.customer, -40), (other, 500))
        self._allocate(self.invoice, opening.line_ids.filtered("credit").move_id)
        self.assertEqual(promise.paid_amount, 40)

    def test_undoing_a_payment_judges_again(self):
        promise = self._promise(self.invoice)
        payment = self._pay_on(1, self.invoice)
        with self.at(2):
            self._undo(self.invoice)
            self.assertJudged(promise, "open", 0)
            self.assertFalse(promise.closed_date)
            self.assertDecision(self.invoice, "promised")
            self._allocate(self.invoice, payment)
        self.assertJudged(promise, "kept")

    def test_undoing_it_after_the_deadline_accuses_nobody_while_the_money_is_there(self):
        promise = self._promise(self.invoice)
        payment = self._pay_on(1, self.invoice)
        with self.at(9):
            self._undo(self.invoice)
            self.assertJudged(promise, "to_allocate")
            payment.action_cancel()
        self._run_on(9)
        self.assertJudged(promise, "broken")

    def test_bounced_payment_is_a_broken_promise(self):
        promise = self._promise(self.invoice)
        payment = self._pay_on(1, self.invoice)
        with self.at(9):
            payment.action_draft()
            payment.action_cancel()
            self.assertEqual(self.invoice.amount_residual, 100)
        self.assertJudged(promise, "broken")
        self.assertTrue(self._tasks("broken_promise"))


class TestDoubt(PromiseCommon):
    """Money in doubt never accuses."""

    def test_unallocated_payment_tells_accounting_not_the_customer(self):
        self.company.collection_accountant_id = self.accountant
        promise = self._promise(self.invoice)
        payment = self._make_payment(self.customer, 100, date=days(3))
        self._run_on(8)
        self._run_on(9)
        self.assertJudged(promise, "to_allocate")
        self.assertEqual(len(self._tasks("allocate")), 1)
        self.assertIn("waits to be allocated", self.items(self.invoice).explanation)
        self.assertEqual(self._tasks("allocate").user_id, self.accountant)
        self.assertFalse(self._tasks("broken_promise"))
        self.assertEqual(self.customer.broken_promise_count, 0)
        with self.at(9):
            self.assertDecision(self.invoice, "promised")
            self._allocate(self.invoice, payment)
        self.assertJudged(promise, "kept")
        self.assertFalse(self._tasks("allocate"))

    def test_without_accountant_the_supervisor_is_told(self):
        self._promise(self.invoice)
        self._make_payment(self.customer, 100)
        self._run_on(8)
        self.assertEqual(self._tasks("allocate").user_id, self.supervisor)

    def test_money_that_goes_elsewhere_breaks_the_promise(self):
        promise = self._promise(self.invoice)
        payment = self._make_payment(self.customer, 50)
        self._run_on(8)
        self.assertJudged(promise, "to_allocate")
        self._allocate(self.other, payment)
        self._run_on(9)
        self.assertJudged(promise, "broken")
        self.assertFalse(self._tasks("allocate"))

    def test_paid_late_while_other_money_lies_about_leaves_nothing_to_allocate(self):
        promise = self._promise(self.invoice)
        self._make_payment(self.customer, 100, date=days(3))
        self._run_on(8)
        self.assertJudged(promise, "to_allocate")
        self._pay_on(9, self.invoice)
        self.assertEqual(promise.state, "settled")
        self.assertFalse(self._tasks("allocate"))
        self.assertFalse(self._tasks("broken_promise"))

    def test_part_of_it_is_in_doubt_too(self):
        promise = self._promise(self.invoice)
        self._pay_on(1, self.invoice, 40)
        self._make_payment(self.customer, 30)
        self._run_on(8)
        self.assertJudged(promise, "to_allocate", 0.4)

    def test_money_from_before_the_promise_is_in_no_doubt(self):
        self._make_payment(self.customer, 100, date=days(-1))
        promise = self._promise(self.invoice)
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_money_in_another_currency_is_in_no_doubt(self):
        euro = self.setup_other_currency("EUR")
        promise = self._promise(self.invoice)
        self._make_payment(self.customer, 100, currency_id=euro.id)
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_money_of_another_customer_is_in_no_doubt(self):
        promise = self._promise(self.invoice)
        self._make_payment(self._make_customer("Other"), 100)
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_cents_within_the_tolerance_are_in_no_doubt(self):
        self.company.collection_promise_percent = 5
        promise = self._promise(self.invoice)
        self._make_payment(self.customer, 4)
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_credit_note_that_does_not_count_is_in_no_doubt(self):
        promise = self._promise(self.invoice, count_credit_notes=False)
        self._make_credit(self.customer, 100, issued=0)
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_bank_transaction_that_nobody_looked_at_is_in_doubt(self):
        promise = self._promise(self.invoice)
        self._make_bank_line(days(3), partner_id=self.customer.partner_id.id, amount=100)
        self._run_on(8)
        self.assertJudged(promise, "to_allocate")

    def test_bank_transaction_from_before_the_promise_is_not(self):
        promise = self._promise(self.invoice)
        self._make_bank_line(days(-1), partner_id=self.customer.partner_id.id, amount=100)
        self._make_bank_line(days(5))
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_no_verdict_while_the_bank_is_stale(self):
        promise = self._promise(self.invoice)
        self._make_bank_line(days(-5))
        self._run_on(8)
        self.assertJudged(promise, "open")
        with self.at(8):
            self.assertIn("newest bank transaction", promise.explanation)
            self.assertDecision(self.invoice, "promised")
        self._make_bank_line(days(8))
        self._run_on(8)
        self.assertJudged(promise, "broken")

    def test_stale_bank_does_not_keep_a_promise_from_being_kept(self):
        promise = self._promise(self.invoice)
        self._make_bank_line(days(-30))
        self._pay_on(6, self.invoice)
        self.assertJudged(promise, "kept")

    def test_button_judges_before_it_claims(self):
        self._make_bank_line(days(-5))
        promise = self._promise(self.invoice, self.other)
        with self.at(8):
            self.customer.action_run_now()
            self.assertJudged(promise, "open")
            self.assertFalse(self.customer.notice_ids)


class TestFollowing(PromiseCommon):
    """Promises follow what becomes of their invoices and customers."""

    def test_invoice_set_to_draft_ends_it_and_posting_brings_it_back(self):
        promise = self._promise(self.invoice)
        self.invoice.button_draft()
        self.assertJudged(promise, "settled")
        self.assertFalse(promise._get_holds().filtered("open"))
        self.invoice.action_post()
        self.assertJudged(promise, "open")
        self.assertDecision(self.invoice, "promised")

    def test_cancelled_invoice_ends_it(self):
        promise = self._promise(self.invoice)
        self.invoice.button_draft()
        self.invoice.button_cancel()
        self.assertJudged(promise, "settled")
        self._run_on(8)
        self.assertJudged(promise, "settled")

    def test_deleted_invoice_ends_it(self):
        promise = self._promise(self.invoice)
        self.invoice.button_draft()
        self.invoice.with_context(force_delete=True).unlink()
        self.assertJudged(promise, "settled")
        self._run_on(8)
        self.assertFalse(promise.move_line_ids)

    def test_cancelled_invoice_of_several_lowers_what_is_due(self):
        promise = self._promise(self.invoice, self.other)
        self.other.button_draft()
        self.other.button_cancel()
        self.assertJudged(promise, "open")
        self._pay_on(1, self.invoice)
        self.assertJudged(promise, "kept", 1)

    def test_invoice_credited_in_full_ends_it(self):
        promise = self._promise(self.invoice, count_credit_notes=False)
        self._reverse_invoice(self.invoice, is_modify=True)
        self.assertJudged(promise, "settled")

    def test_merged_customers_keep_their_promises(self):
        target = self._make_customer("Target")
        promise = self._promise(self.invoice)
        self.env.flush_all()
        with patch.object(type(self.env.cr), "commit", lambda cr: None, create=True):
            self.system["base.partner.merge.automatic.wizard"]._merge(
                (self.customer | target).partner_id.ids, target.partner_id, extra_checks=False
            )
        self.env.invalidate_all()
        self.assertEqual(promise.customer_id, target)
        self.assertEqual(promise.partner_id, target.partner_id)
        self.assertDecision(self.invoice, "promised")
        self._pay_on(1, self.invoice)
        self.assertJudged(promise, "kept")

    def test_file_with_promises_is_kept(self):
        customer = self._make_customer("Promising")
        self._promise(self._make_invoice(customer))
        with self.assertRaisesRegex(UserError, "PP/2026.*archive it"):
            customer.unlink()

    def test_one_that_fails_keeps_its_cause_and_the_others_are_judged(self):
        bad, good = self._promise(self.invoice), self._promise(self.other)
        plain = type(bad)._get_verdict

        def fail(promise, *args):
            if promise == bad:
                raise ValueError("Broken on purpose")
            return plain(promise, *args)

        with (
            patch.object(type(bad), "_get_verdict", fail),
            mute_logger("odoo.addons.collections_management.models.collection_promise"),
        ):
            self._run_on(8)
        self.assertJudged(good, "broken")
        self.assertJudged(bad, "open")
        self.assertIn("Broken on purpose", bad.failure)
        with self.at(8):
            self.assertDecision(self.invoice, "promised")
        self._run_on(9)
        self.assertJudged(bad, "broken")
        self.assertFalse(bad.failure)

    def test_invoice_tells_when_it_was_promised(self):
        promise = self._promise(self.invoice)
        moves = self.env["account.move"].search(
            [("id", "in", (self.invoice | self.other).ids)], order="collection_promise_date"
        )
        self.assertEqual(moves.ids, [self.invoice.id, self.other.id])
        self.assertEqual(self.invoice.collection_promise_date, days(5))
        self.assertEqual(
            moves.search([("collection_promise_date", "<=", days(5))]) & moves, self.invoice
        )
        groups = self.env["account.move"]._read_group(
            [("id", "in", moves.ids)], ["collection_promise_date:month"], ["__count"]
        )
        self.assertEqual([count for _month, count in groups], [1, 1])
        promise.action_cancel()
        self.invoice.invalidate_recordset()
        self.assertFalse(self.invoice.collection_promise_date)
        self.assertEqual(self.invoice.collection_promise_count, 1)

    def test_history_tells_what_happened(self):
        promise = self._promise(self.invoice)
        self._run_on(8)
        self.assertIn("Nothing was paid", "".join(promise.message_ids.mapped("body")))
        self.assertIn("Promise → Normal", "".join(self.invoice.message_ids.mapped("body")))


class TestBranches(PromiseCommon):
    """Branches share their customers: a promise is made to the main company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls.system["res.company"].create(
            {"name": "Branch", "parent_id": cls.company.id}
        )
        cls.env.user.company_ids |= cls.branch.with_env(cls.env)
        cls.env.invalidate_all()
        cls.shared = cls._make_customer("Shared")
        cls.invoice = cls._make_invoice(cls.shared, 100)

    def test_money_paid_at_a_branch_is_in_doubt(self):
        promise = self._promise(self.invoice)
        self._make_credit(self.shared, 100, issued=0, company=self.branch)
        self._run_on(8)
        self.assertJudged(promise, "to_allocate")

    def test_promise_covers_invoices_of_branches(self):
        theirs = self._make_invoice(self.shared, 70, company=self.branch)
        promise = self._promise(self.invoice, theirs)
        self.assertEqual((promise.company_id, promise.amount), (self.company, 170))
        self._pay_on(1, self.invoice)
        with self.at(1):
            self._allocate(
                theirs, self._make_credit(self.shared, 70, issued=1, company=self.branch)
            )
        self.assertJudged(promise, "kept")


class TestChain(PromiseCommon):
    """A new promise takes the place of an open one; the chain tells how often it was put off."""

    def test_new_promise_replaces_the_open_one(self):
        old = self._promise(self.invoice)
        new = self._promise(self.invoice, after=10)
        self.assertJudged(old, "replaced")
        self.assertEqual((new.previous_id, new.put_off), (old, 1))
        self.assertEqual(self.items(self.invoice).hold_until, days(12))
        self._run_on(8)
        self.assertJudged(old, "replaced")
        self.assertEqual(self.customer.broken_promise_count, 0)

    def test_invoice_that_is_not_put_off_stays_promised(self):
        old = self._promise(self.invoice, self.other)
        new = self._promise(self.invoice, after=10)
        self.assertJudged(old, "open")
        self.assertEqual(old.amount, 50)
        self.assertEqual(old.move_line_ids.move_id, self.other)
        self.assertEqual(new.previous_id, old)
        self._pay_on(1, self.other)
        self.assertJudged(old, "kept")
        self.assertJudged(new, "open")

    def test_promise_after_a_broken_one_puts_off(self):
        old = self._promise(self.invoice)
        self._run_on(8)
        with self.at(8):
            new = self._promise(self.invoice, after=10)
        self.assertEqual((new.previous_id, new.put_off), (old, 1))
        self.assertJudged(old, "broken")

    def test_promise_after_a_kept_one_begins_anew(self):
        self._promise(self.invoice, amount=30)
        self._pay_on(1, self.invoice, 30)
        self.assertFalse(self._promise(self.invoice, after=10).previous_id)

    def test_cancelled_one_does_not_count(self):
        self._promise(self.invoice).action_cancel()
        self.assertFalse(self._promise(self.invoice).previous_id)

    def test_collector_needs_a_supervisor_after_so_many(self):
        self.scheme.promise_limit = 2
        for after in (1, 2):
            self._promise(self.invoice, after=after, user=self.collector)
        with (
            self.assertRaisesRegex(UserError, "2 promises in a row.*allows 2.*supervisor"),
            self.env.cr.savepoint(),
        ):
            self._promise(self.invoice, after=3, user=self.collector)
        promise = self._promise(self.invoice, after=3, user=self.supervisor)
        self.assertEqual(promise.put_off, 2)

    def test_collector_needs_a_supervisor_for_a_long_one(self):
        self.scheme.promise_days = 15
        self._promise(self.invoice, after=15, user=self.collector)
        with self.assertRaisesRegex(UserError, "at most 15 days"):
            self._promise(self.other, after=16, user=self.collector)
        self._promise(self.other, after=16, user=self.supervisor)

    def test_no_limit_where_the_scheme_has_none(self):
        self.scheme.write({"promise_days": 0, "promise_limit": 0})
        for after in (100, 200, 300):
            self._promise(self.invoice, after=after, user=self.collector)

    def test_refused_promise_leaves_the_old_one_alone(self):
        old = self._promise(self.invoice)
        self.scheme.promise_limit = 1
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._promise(self.invoice, user=self.collector)
        self.assertJudged(old, "open")


class TestRefusals(PromiseCommon):
    def _refused(self, sentence, *moves, **values):
        with self.assertRaisesRegex(UserError, sentence), self.env.cr.savepoint():
            self._promise(*moves, **values)
        self.assertFalse(self.system["collection.hold"].search([("move_id", "=", self.invoice.id)]))

    def test_date_in_the_past(self):
        self._refused("Customer can't promise to pay on 03/10/2026.*today", self.invoice, after=-1)
        self._promise(self.invoice, after=0)

    def test_amount_above_the_debt(self):
        self._refused("100.01 is more than.*100.00", self.invoice, amount=100.01)

    def test_amount_that_is_not_positive(self):
        for amount in (-1, 0.001):
            self._refused("above zero", self.invoice, amount=amount)

    def test_two_customers(self):
        other = self._make_invoice(self._make_customer("Second"))
        self._refused("several customers: Customer, Second", self.invoice, other)

    def test_two_companies(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        theirs = self._make_invoice(
            self.customer,
            company=elsewhere,
            journal_id=self.env["account.journal"]
            .search([("company_id", "=", elsewhere.id), ("type", "=", "sale")], limit=1)
            .id,
        )
        self._refused("several companies", self.invoice, theirs)

    def test_nothing_chosen(self):
        with self.assertRaisesRegex(UserError, "nothing to agree on"):
            self.system["collection.promise"]._make(
                self.system["account.move.line"], date_promised=days(5)
            )

    def test_invoices_that_can_not_be_promised_are_named(self):
        self._pay(self.invoice)
        draft = self._make_invoice(self.customer, post=False)
        credit = self._make_credit(self.customer, 10)
        for move, sentence in (
            (self.invoice, f"{self.invoice.name} is paid already"),
            (draft, "is not posted"),
            (credit, "in the customer's favour"),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(UserError, sentence):
                (move | self.other).with_context(
                    agreement="collection.promise"
                ).action_collection_register()

    def test_invoice_that_another_agreement_holds(self):
        self._hold(self.other, "disputed")
        self._refused(
            f"{self.other.name} is held already: Dispute.*leave the invoice out",
            self.invoice,
            self.other,
        )

    def test_paused_invoice_can_be_promised(self):
        self._hold(self.invoice, "paused")
        self._promise(self.invoice)
        self.assertDecision(self.invoice, "promised")

    def test_judged_promise_can_not_be_deleted(self):
        promise = self._promise(self.invoice)
        self._run_on(8)
        with self.assertRaisesRegex(UserError, f"{promise.number}.*Broken.*history"):
            promise.unlink()

    def test_deleted_open_one_frees_its_invoice(self):
        self._promise(self.invoice).unlink()
        self.assertDecision(self.invoice, "claim")
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_judged_promise_can_not_be_cancelled(self):
        promise = self._promise(self.invoice)
        self._run_on(8)
        with self.assertRaisesRegex(UserError, "only an open one"):
            promise.action_cancel()

    def test_what_was_agreed_can_not_be_changed(self):
        promise = self._promise(self.invoice).with_user(self.supervisor)
        for values in (
            {"amount": 1},
            {"state": "kept"},
            {"date_promised": days(90)},
            {"move_line_ids": [Command.clear()]},
            {"put_off": 0},
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, "stays as it was agreed"):
                promise.write(values)
        promise.note = "They called again"

    def test_what_the_system_keeps_can_not_be_made_up(self):
        lines = self._get_receivable_lines(self.invoice)
        promise = (
            self.env["collection.promise"]
            .with_user(self.collector)
            .create(
                {
                    "customer_id": self.customer.id,
                    "currency_id": self.currency.id,
                    "move_line_ids": lines.ids,
                    "date_promised": days(5),
                    "amount": 100,
                    "state": "kept",
                    "number": "PP/1",
                    "put_off": -5,
                    "deadline": days(500),
                    "user_id": self.manager.id,
                }
            )
        )
        self.assertEqual(promise.state, "open")
        self.assertNotEqual(promise.number, "PP/1")
        self.assertEqual((promise.put_off, promise.deadline), (0, days(7)))
        self.assertEqual(promise.user_id, self.collector)

    def test_hold_of_a_promise_is_not_lifted_behind_its_back(self):
        promise = self._promise(self.invoice)
        with self.assertRaisesRegex(UserError, f"held by {promise.number}"):
            promise._get_holds().action_lift()

    def test_settings_and_limits_make_sense(self):
        for record, values in (
            (self.company, {"collection_promise_days": -1}),
            (self.company, {"collection_promise_percent": 100}),
            (self.company, {"collection_accountant_id": self.visitor.id}),
            (self.scheme, {"promise_limit": -1}),
            (self.scheme, {"promise_days": -1}),
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                record.write(values)


class TestRights(PromiseCommon):
    def test_collector_registers_and_cancels_theirs(self):
        promise = self._promise(self.invoice, user=self.collector)
        self.assertEqual(promise.user_id, self.collector)
        promise.with_user(self.collector).action_cancel()
        self.assertEqual(promise.state, "cancelled")
        self.assertDecision(self.invoice, "claim")

    def test_collector_does_not_cancel_a_colleagues_and_supervisor_does(self):
        colleague = self.collector.copy({"login": "test_colleague"})
        promise = self._promise(self.invoice)
        self.assertTrue(promise.with_user(colleague).number, "everyone reads it")
        with self.assertRaises(AccessError):
            promise.with_user(colleague).action_cancel()
        promise.with_user(self.supervisor).action_cancel()

    def test_collector_cancels_what_they_registered_for_a_colleague(self):
        colleague = self.collector.copy({"login": "test_colleague"})
        promise = self._promise(self.invoice, user=colleague)
        promise.with_user(colleague).action_cancel()
        self.assertEqual(promise.state, "cancelled")

    def test_accounting_people_read_and_change_nothing(self):
        promise = self._promise(self.invoice)
        for user in (self.auditor, self.accountant):
            self.assertEqual(promise.with_user(user).paid_amount, 0)
            for operation in ("write", "create", "unlink"):
                self.assertFalse(promise.with_user(user).has_access(operation))
            with self.assertRaises(AccessError):
                promise.with_user(user).action_cancel()
            with self.assertRaises(AccessError):
                self.invoice.with_user(user).with_context(
                    agreement="collection.promise"
                ).action_collection_register()

    def test_others_see_nothing(self):
        for user in (self.employee, self.visitor):
            self.assertFalse(self.env["collection.promise"].with_user(user).has_access("read"))

    def test_only_supervisors_delete(self):
        self.assertFalse(
            self.env["collection.promise"].with_user(self.collector).has_access("unlink")
        )
        self.assertTrue(
            self.env["collection.promise"].with_user(self.supervisor).has_access("unlink")
        )

    def test_companies_see_their_own(self):
        promise = self._promise(self.invoice)
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        stranger = self.supervisor.copy(
            {
                "login": "test_stranger",
                "company_id": elsewhere.id,
                "company_ids": elsewhere.ids,
            }
        )
        self.assertFalse(self.env["collection.promise"].with_user(stranger).search([]) & promise)
        with self.assertRaises(AccessError):
            promise.with_user(stranger).read(["amount"])

    def test_accountant_who_reconciles_needs_no_right_on_promises(self):
        promise = self._promise(self.invoice)
        payment = self._make_payment(self.customer, 100)
        lines = self._get_receivable_lines(self.invoice) | self._get_receivable_lines(
            payment.move_id
        )
        lines.with_user(self.accountant).reconcile()
        self.assertJudged(promise, "kept")
        self.invoice.with_user(self.accountant).line_ids.remove_move_reconcile()
        self.assertJudged(promise, "open")


class TestDialog(PromiseCommon):
    def _open(self, action, user=None):
        env = self.env(user=(user or self.collector).id, context=action["context"])
        return Form(env[action["res_model"]])

    def _as(self, record):
        return record.with_env(
            self.env(user=self.collector.id, context={"agreement": "collection.promise"})
        )

    def test_from_invoices(self):
        with self._open(self._as(self.invoice | self.other).action_collection_register()) as form:
            self.assertEqual(form.partner_id, self.customer.partner_id)
            with form.amount_ids.edit(0) as line:
                self.assertEqual((line.residual, line.amount), (150, 150))
                line.amount = 120
            form.date_promised = days(6)
            form.note = "By transfer"
        form.record.action_register()
        promise = self.system["collection.promise"].search([("customer_id", "=", self.customer.id)])
        self.assertEqual((promise.amount, promise.date_promised), (120, days(6)))
        self.assertEqual(promise.move_ids, self.invoice | self.other)
        self.assertEqual(promise.note, "By transfer")

    def test_from_the_customers_file_it_takes_what_is_overdue_and_free(self):
        self._make_invoice(self.customer, 500, due=10)
        disputed = self._make_invoice(self.customer, 30)
        self._hold(disputed)
        form = self._open(self._as(self.customer).action_register_agreement())
        with form.amount_ids.edit(0) as line:
            self.assertEqual(line.amount, 150)

    def test_from_open_items(self):
        items = self.items(self.invoice)
        form = self._open(self._as(items).action_register_agreement())
        with form.amount_ids.edit(0) as line:
            self.assertEqual(line.amount, 100)

    def test_it_tells_how_often_it_was_put_off(self):
        promise = self._promise(self.invoice)
        form = self._open(self._as(promise).action_put_off())
        self.assertIn("so far: 1.", form.warning)

    def test_refused_before_it_opens(self):
        other = self._make_invoice(self._make_customer("Second"))
        with self.assertRaisesRegex(UserError, "several customers"):
            self._as(self.invoice | other).action_collection_register()
        with self.assertRaisesRegex(UserError, "nothing to agree on"):
            self._as(self._make_customer("Third")).action_register_agreement()


class TestQueries(PromiseCommon):
    """What reconciling costs more than without promises: a fixed number of queries."""

    def _reconcile(self, *lines):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.env["account.move.line"].union(*lines).reconcile()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _make_pair(self, customer=None):
        customer = customer or self._make_customer(f"Payer {self.env.cr.sql_log_count}")
        invoice = self._make_invoice(customer, 100)
        payment = self._make_payment(customer, 100)
        return invoice, self._get_receivable_lines(invoice) | self._get_receivable_lines(
            payment.move_id
        )

    def _count(self, promised=False, number=1):
        """Return the queries of reconciling some pairs, with and without our part of it."""
        counts = []
        for _warm_up in range(2):
            pairs = [self._make_pair() for _number in range(number)]
            if promised:
                for invoice, _lines in pairs:
                    self._promise(invoice)
            counts.append(self._reconcile(*(lines for _invoice, lines in pairs)))
        return counts[-1]

    def _count_without(self, number=1):
        plain = AccountMoveLine._reconcile_post_hook
        with patch.object(
            self.registry["account.move.line"],
            "_reconcile_post_hook",
            plain,
        ):
            return self._count(number=number)

    def test_where_nothing_is_promised_it_is_one_query(self):
        self.assertLessEqual(self._count() - self._count_without(), 1)

    def test_where_something_is_promised_it_is_a_fixed_number(self):
        plain = self._count_without()
        self.assertLessEqual(self._count(promised=True) - plain, 30)

    def test_judging_costs_the_same_however_many_there_are(self):
        def judge(number):
            promises = self.system["collection.promise"]
            for _number in range(number):
                promises |= self._promise(self._make_invoice(self._make_customer(f"C{number}")))
            self.env.flush_all()
            self.env.invalidate_all()
            with self.at(8):
                before = self.env.cr.sql_log_count
                promises.with_context(mail_activity_quick_update=True)._judge()
                self.env.flush_all()
            self.assertEqual(set(promises.mapped("state")), {"broken"})
            return self.env.cr.sql_log_count - before

        judge(1)
        self.assertLessEqual(judge(12) - judge(3), 3)

    def test_numbers_are_taken_by_one_query_however_many_there_are(self):
        promises = self.system["collection.promise"]
        sequence = promises._get_sequence(self.company)
        [first] = promises._take_numbers(sequence, 1)
        with self.assertQueryCount(1):
            numbers = promises._take_numbers(sequence, 40)
        following = [f"{first[:-5]}{int(first[-5:]) + number:05}" for number in range(1, 41)]
        self.assertEqual(numbers, following)

    def test_numbers_without_gaps_are_taken_one_by_one(self):
        promises = self.system["collection.promise"]
        sequence = promises._get_sequence(self.company)
        sequence.write({"implementation": "no_gap", "number_next": 7})
        self.assertEqual(
            [number[-5:] for number in promises._take_numbers(sequence, 2)], ["00007", "00008"]
        )
