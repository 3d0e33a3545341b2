"""Reported payments: what customers say to have paid, looked for in the ledger and in the bank."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form

from .common import days
from .test_promise import PromiseCommon


class ReportedCommon(PromiseCommon):
    """A customer with two overdue invoices of 100 and 50, who says to have paid."""

    @classmethod
    def _report(cls, *moves, paid=-1, amount=None, user=None, **values):
        """Register that a customer says to have paid these moves, so many days from today."""
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        model = cls.system["collection.reported.payment"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.reported.payment"]
        amounts = amount and {lines.currency_id: amount}
        report = model._make(
            lines.with_env(model.env), amounts, date_reported=cls._day(paid), **values
        )
        return report.with_env(model.env(user=cls.system.uid))

    def assertState(self, report, state, told=None):
        self.env.flush_all()
        report.invalidate_recordset()
        self.assertEqual(report.state, state, told)


class TestRegister(ReportedCommon):
    def test_it_holds_its_invoice_until_somebody_knows_more(self):
        report = self._report(self.invoice, reference="TRX-77", note="By phone")
        self.assertRegex(report.number, r"^RP/2026/\d{5}$")
        self.assertEqual((report.amount, report.means), (100, "transfer"))
        self.assertEqual(self.invoice.collection_status, "payment_reported")
        self.assertDecision(self.invoice, "payment_reported")
        self.assertFalse(self.items(self.invoice).hold_until)
        self.assertDecision(self.other, "claim")
        self.assertEqual(
            self.items(self.invoice).explanation,
            f"The customer says that $\xa0100.00 was paid on 03/10/2026 ({report.number}).",
        )
        with self.at(30):
            self.assertDecision(self.invoice, "payment_reported")


class TestJudged(ReportedCommon):
    def test_paid_on_the_invoice_is_credited_at_once_and_frees_it(self):
        report = self._report(self.invoice)
        self._pay(self.invoice)
        self.assertState(report, "credited")
        self.assertEqual((report.paid_amount, report.remaining_amount), (100, 0))
        self.assertEqual(self.invoice.collection_status, "normal")
        self.assertEqual(report.closed_date, self._day(0))

    def test_part_of_it_waits_for_the_rest(self):
        report = self._report(self.invoice)
        self._pay(self.invoice, 40)
        self.assertState(report, "open")
        self.assertEqual((report.paid_amount, report.remaining_amount), (40, 60))
        self.assertIn("40.00 of $\xa0100.00", report.explanation)
        self.assertDecision(self.invoice, "payment_reported")
        self._pay(self.invoice)
        self.assertState(report, "credited")

    def test_part_that_was_reported_is_enough_and_the_rest_is_claimed(self):
        report = self._report(self.invoice, amount=30)
        self._pay(self.invoice, 30)
        self.assertState(report, "credited")
        self.assertDecision(self.invoice, "claim")

    def test_what_a_bank_keeps_is_within_the_tolerance(self):
        self.company.collection_promise_percent = 2
        report = self._report(self.invoice)
        self.company.collection_promise_percent = 0
        self._pay(self.invoice, 98)
        self.assertState(report, "credited")

    def test_undone_it_is_looked_for_again(self):
        report = self._report(self.invoice)
        payment = self._pay(self.invoice)
        self._undo(self.invoice)
        self.assertState(report, "open")
        self.assertFalse(report.closed_date)
        self.assertDecision(self.invoice, "payment_reported")
        self._allocate(self.invoice, payment)
        self.assertState(report, "credited")

    def test_what_was_paid_before_does_not_count(self):
        payment = self._pay(self.invoice, 40)
        report = self._report(self.invoice, amount=40)
        self.assertEqual(report.paid_amount, 0)
        self._undo(self.invoice)
        self._allocate(self.invoice, payment)
        self.assertState(report, "open")

    def test_credit_note_counts_unless_it_should_not(self):
        for counts, state in ((True, "credited"), (False, "settled")):
            invoice = self._make_invoice(self.customer, 80)
            report = self._report(invoice, count_credit_notes=counts)
            self._allocate(invoice, self._make_credit(self.customer, 80))
            self.assertState(report, state)

    def test_cancelled_invoice_leaves_nothing_to_look_for(self):
        report = self._report(self.invoice)
        self.invoice.button_draft()
        self.invoice.button_cancel()
        self.assertState(report, "settled")

    def test_not_found_is_claimed_again_and_tells_the_collector(self):
        report = self._report(self.invoice)
        report.with_user(self.accountant).action_not_found()
        self.assertState(report, "not_found")
        self.assertDecision(self.invoice, "claim")
        task = self._tasks("not_found")
        self.assertEqual((task.user_id, task.date_deadline), (self.collector, self._day(0)))
        self.assertIn(report.number, task.summary)
        self.assertIn("Not found, says Test accountant", "".join(report.message_ids.mapped("body")))

    def test_not_found_and_paid_later_stays_not_found_and_its_task_goes(self):
        report = self._report(self.invoice)
        report.action_not_found()
        self._pay_on(5, self.invoice)
        self.assertState(report, "not_found")
        self._run()
        self.assertFalse(self._tasks("not_found"))

    def test_money_that_had_come_all_along_makes_it_credited(self):
        with self.at(2):
            report = self._report(self.invoice)
            report.action_not_found()
        with self.at(6):
            self._pay(self.invoice, payment_date=days(1))
        self.assertState(report, "credited")
        self.assertFalse(self._tasks("not_found"))

    def test_withdrawn_and_cancelled_are_claimed_again(self):
        for end, state in (("action_withdraw", "withdrawn"), ("action_cancel", "cancelled")):
            report = self._report(self.invoice)
            getattr(report, end)()
            self.assertState(report, state)
            self.assertDecision(self.invoice, "claim")
            self._pay(self.invoice, 1)
            self.assertState(report, state)

    def test_merged_customers_keep_it(self):
        report = self._report(self.invoice)
        target = self._make_customer("Target")
        self.system["base.partner.merge.automatic.wizard"]._merge(
            (self.customer.partner_id | target.partner_id).ids, target.partner_id
        )
        self.env.invalidate_all()
        self.assertEqual(report.customer_id, target)
        self._pay(self.invoice)
        self.assertState(report, "credited")


class TestPromised(ReportedCommon):
    """Saying to have paid contradicts no promise: it is not judged while nobody knows."""

    def test_promised_invoice_can_be_reported_and_the_promise_waits(self):
        promise = self._promise(self.invoice)
        report = self._report(self.invoice)
        self.assertEqual(self.invoice.collection_status, "payment_reported")
        self._run_on(8)
        self.assertJudged(promise, "open")
        with self.at(8):
            promise.invalidate_recordset()
            self.assertIn(report.number, promise.explanation)
            self._pay(self.invoice, payment_date=days(1))
        self.assertJudged(promise, "kept")
        self.assertState(report, "credited")

    def test_it_is_judged_when_the_money_is_not_there(self):
        promise = self._promise(self.invoice)
        report = self._report(self.invoice)
        with self.at(8):
            report.action_not_found()
        self.assertJudged(promise, "broken")

    def test_reported_invoice_is_not_promised(self):
        report = self._report(self.invoice)
        with self.assertRaisesRegex(UserError, f"held already: Payment reported.*{report.number}"):
            self._promise(self.invoice)

    def test_disputed_invoice_can_be_reported(self):
        self._hold(self.invoice, "disputed")
        self._report(self.invoice)
        self.assertDecision(self.invoice, "disputed")


class TestLate(ReportedCommon):
    """Not credited after so many working days. Today is a Wednesday."""

    def _late(self, company=None):
        reports = self.system["collection.reported.payment"]
        return reports.search(reports._get_uncredited_domain(company or self.company))

    def test_late_after_five_working_days(self):
        report = self._report(self.invoice)
        for day, late in ((0, False), (7, False), (8, True)):
            with self.at(day):
                self.env.invalidate_all()
                self.assertEqual(report in self._late(), late, day)
                self.assertEqual(report.uncredited, late)
                found = report.search([("uncredited", "=", True), ("id", "=", report.id)])
                self.assertEqual(bool(found), late)
                found = report.search([("uncredited", "=", False), ("id", "=", report.id)])
                self.assertEqual(bool(found), not late)

    def test_credited_ones_are_not_late(self):
        report = self._report(self.invoice)
        self._pay(self.invoice)
        with self.at(20):
            self.assertNotIn(report, self._late())

    def test_zero_days_is_at_once(self):
        self.company.collection_reported_days = 0
        self.assertIn(self._report(self.invoice), self._late())

    def test_negative_days_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "0 means at once"):
            self.company.collection_reported_days = -1

    def test_others_companies_are_not_asked_for(self):
        self.company.collection_reported_days = 0
        self._report(self.invoice)
        elsewhere = self.setup_other_company(name="Elsewhere")["company"].with_env(self.system)
        self.assertFalse(self._late(elsewhere))


class TestRefusals(ReportedCommon):
    def _refused(self, sentence, *moves, **values):
        with self.assertRaisesRegex(UserError, sentence), self.env.cr.savepoint():
            self._report(*moves, **values)
        self.assertFalse(self.system["collection.hold"].search([("move_id", "=", self.invoice.id)]))

    def test_date_to_come(self):
        self._refused("Customer can't have paid on 03/12/2026.*promise", self.invoice, paid=1)
        self._report(self.invoice, paid=0)

    def test_amount_above_the_debt(self):
        self._refused("100.01 is more than.*100.00", self.invoice, amount=100.01)

    def test_amount_that_is_not_positive(self):
        self._refused("above zero", self.invoice, amount=-1)

    def test_two_customers(self):
        other = self._make_invoice(self._make_customer("Second"))
        self._refused("several customers: Customer, Second", self.invoice, other)

    def test_paid_invoice(self):
        self._pay(self.invoice)
        with self.assertRaisesRegex(UserError, f"{self.invoice.name} is paid already"):
            (self.invoice | self.other).with_context(
                agreement="collection.reported.payment"
            ).action_collection_register()

    def test_reported_twice(self):
        report = self._report(self.invoice)
        with self.assertRaisesRegex(UserError, f"already .{report.number}.*altogether"):
            self._report(self.invoice)
        report.action_not_found()
        self._report(self.invoice)

    def test_ended_one_is_ended(self):
        report = self._report(self.invoice)
        self._pay(self.invoice)
        for action in ("action_not_found", "action_withdraw", "action_cancel"):
            with self.subTest(action), self.assertRaisesRegex(UserError, f"{report.number}.*open"):
                getattr(report, action)()

    def test_what_was_reported_stays(self):
        report = self._report(self.invoice).with_user(self.supervisor)
        for values in ({"amount": 1}, {"state": "credited"}, {"date_reported": days(-9)}):
            with self.subTest(values), self.assertRaisesRegex(UserError, "stays as it was agreed"):
                report.write(values)
        report.reference = "TRX-9"


class TestProposals(ReportedCommon):
    """The money is looked for among what is not allocated, by amount, day, reference and payer."""

    def _bank(self, date=0, amount=100, **values):
        return self._make_bank_line(days(date), amount=amount, **values)

    def _propose(self, report):
        report._propose()
        return report.match_ids

    def test_unallocated_payment_is_proposed_at_once(self):
        payment = self._make_payment(self.customer, 100, memo="TRX-77", date=days(-1))
        report = self._report(self.invoice, reference="trx-77")
        match = report.match_ids
        self.assertEqual((match.kind, match.credit_line_id.move_id), ("credit", payment.move_id))
        self.assertEqual(match.amount, 100)
        self.assertEqual(
            match.reason,
            "the same amount; on the same day; names the reference trx-77; paid by the customer",
        )
        self.assertEqual(match.score, 100)

    def test_bank_transaction_of_nobody_is_found_by_amount_and_day(self):
        line = self._bank(date=0, payment_ref="Transfer 123")
        self._bank(date=-60)
        self._bank(date=0, amount=99)
        match = self._report(self.invoice).match_ids
        self.assertEqual((match.kind, match.statement_line_id), ("bank", line))
        self.assertEqual(match.reason, "the same amount; a day apart")

    def test_the_best_comes_first_and_says_why(self):
        other = self._make_partner("Stranger")
        stranger = self._bank(partner_id=other.id)
        nobody = self._bank()
        named = self._bank(payment_ref=f"Payment of {self.invoice.name}", amount=98.5, date=-9)
        payer = self._bank(partner_id=self.customer.partner_id.id)
        report = self._report(self.invoice)
        self.assertEqual(
            report.match_ids.mapped("statement_line_id"),
            payer | nobody | named | stranger,
        )
        by_line = {match.statement_line_id: match.reason for match in report.match_ids}
        self.assertIn("paid by the customer", by_line[payer])
        self.assertIn("another payer, Stranger", by_line[stranger])
        self.assertIn(f"names {self.invoice.name}", by_line[named])
        self.assertIn("nearly the same amount", by_line[named])

    def test_bank_account_and_name_of_the_payer_tie_it_to_the_customer(self):
        self.env["res.partner.bank"].create(
            {"acc_number": "ES91 2100 0418", "partner_id": self.customer.partner_id.id}
        )
        account = self._bank(amount=77, account_number="ES9121000418")
        name = self._bank(amount=78, partner_name="CUSTOMER")
        reasons = {
            match.statement_line_id: match.reason for match in self._report(self.invoice).match_ids
        }
        self.assertIn("from the customer's bank account", reasons[account])
        self.assertIn("names the customer as payer", reasons[name])

    def test_what_is_allocated_credit_notes_and_outgoing_money_are_not_proposed(self):
        self._make_credit(self.customer, 100)
        self._pay(self._make_invoice(self.customer, 100))
        self._bank(amount=-100)
        self.assertFalse(self._report(self.invoice).match_ids)

    def test_payment_in_process_without_entry_is_proposed(self):
        self.inbound_payment_method_line.payment_account_id = False
        with patch.object(
            self.registry["account.move"],
            "_get_invoice_in_payment_state",
            lambda move: "in_payment",  # as where a module reconciles the bank
        ):
            payment = self._make_payment(self.customer, 100)
        self.assertEqual((payment.state, bool(payment.move_id)), ("in_process", False))
        report = self._report(self.invoice)
        self.assertEqual((report.match_ids.kind, report.match_ids.payment_id), ("payment", payment))
        report.match_ids.action_accept()
        self.assertState(report, "matched")
        self.assertIn("before the bank has it", "".join(report.message_ids.mapped("body")))

    def test_other_currency_comes_last_and_is_never_allocated_by_itself(self):
        euro = self.setup_other_currency("EUR", rates=[("2016-01-01", 2.0)])
        foreign = self._make_payment(self.customer, 200, currency_id=euro.id)
        self._make_payment(self.customer, 1)
        report = self._report(self.invoice)
        last = report.match_ids[-1]
        self.assertEqual(last.credit_line_id.move_id, foreign.move_id)
        self.assertEqual(
            (last.other_currency, last.amount, last.converted_amount), (True, 200, 100)
        )
        self.assertIn("in another currency", last.reason)
        self.assertFalse(report.match_ids[0].other_currency)
        last.action_accept()
        self.assertState(report, "matched")
        self.assertFalse(self.invoice.line_ids.matched_credit_ids)

    def test_other_companies_money_is_not_proposed(self):
        elsewhere = self.setup_other_company(name="Elsewhere")
        self.env["account.bank.statement.line"].with_company(elsewhere["company"]).create(
            {
                "journal_id": elsewhere["default_journal_bank"].id,
                "payment_ref": self.invoice.name,
                "date": days(0),
                "amount": 100,
                "partner_id": self.customer.partner_id.id,
            }
        )
        self.assertFalse(self._report(self.invoice).match_ids)

    def test_branches_money_is_proposed(self):
        branch = self._make_branch()
        self._make_invoice(self.customer, 100, company=branch)
        credit = self._make_credit(self.customer, 100, company=branch)
        self.assertTrue(credit)
        report = self._report(self.invoice)
        self.assertFalse(report.match_ids, "a credit note is no payment")

    def test_it_follows_what_happens_to_the_money(self):
        payment = self._make_payment(self.customer, 100)
        report = self._report(self.invoice)
        self.assertEqual(report.proposal_count, 1)
        self._allocate(self.other, payment)
        self._run()
        self.assertEqual(report.match_ids.amount, 50, "what is left of it")
        self._allocate(self._make_invoice(self.customer, 50), payment)
        self._run()
        self.assertFalse(report.match_ids)

    def test_daily_run_finds_what_came_later(self):
        report = self._report(self.invoice)
        self.assertFalse(report.match_ids)
        self._bank()
        self._run()
        self.assertEqual(report.proposal_count, 1)
        self.assertEqual(report.search([("match_ids.state", "=", "proposed")]) & report, report)

    def test_new_bank_transactions_start_the_search(self):
        job = self.system.ref("collections_management.ir_cron_collection_find_money")
        self._bank()
        triggers = self.system["ir.cron.trigger"].search([("cron_id", "=", job.id)])
        report = self._report(self.invoice, amount=44)
        self._bank(amount=44)
        self.assertTrue(
            self.system["ir.cron.trigger"].search([("cron_id", "=", job.id)]) - triggers
        )
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            self.system(cr=cr, context={})["collection.reported.payment"]._cron_find_money()
        self.env.invalidate_all()
        self.assertEqual(report.proposal_count, 1)

    def test_dismissed_is_not_proposed_again(self):
        self._bank()
        report = self._report(self.invoice)
        report.match_ids.action_dismiss()
        report.invalidate_recordset()
        self.assertFalse(self._propose(report))
        self.assertFalse(report.proposal_count)

    def test_wildcards_in_a_reference_mean_themselves(self):
        self._bank(date=-80, amount=3, payment_ref="Nothing special")
        self.assertFalse(self._report(self.invoice, reference="%%%%").match_ids)


class TestAccept(ReportedCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.banker = cls.accountant.copy(
            {
                "login": "test_banker",
                "name": "Test banker",
                "group_ids": [(4, cls.system.ref("account.group_account_user").id)],
            }
        )

    def _accept(self, report, user=None, index=0):
        self.env.flush_all()
        self.env.invalidate_all()
        report.match_ids[index].with_user(user or self.accountant).action_accept()
        self.env.invalidate_all()

    def _bank(self, date=0, amount=100, **values):
        return self._make_bank_line(days(date), amount=amount, **values)

    def test_payment_is_reconciled_by_whoever_may(self):
        for user in (self.accountant, self.collector):
            invoice = self._make_invoice(self.customer, 80)
            self._make_payment(self.customer, 80)
            report = self._report(invoice)
            self._accept(report, user)
            self.assertState(report, "credited")
            self.assertEqual(invoice.amount_residual, 0)
            self.assertEqual(report.match_ids.user_id, user)

    def test_no_more_than_reported_is_allocated_oldest_first(self):
        older = self._make_invoice(self.customer, 30, due=-50)
        payment = self._make_payment(self.customer, 200)
        report = self._report(self.invoice, older, amount=70)
        self._accept(report)
        self.assertState(report, "credited")
        self.assertEqual((older.amount_residual, self.invoice.amount_residual), (0, 60))
        credit = self._get_receivable_lines(payment.move_id)
        self.assertEqual(credit.amount_residual, -130)
        self.assertFalse(credit.reconciled)

    def test_in_a_foreign_currency_no_more_than_reported_either(self):
        euro = self.setup_other_currency("EUR", rates=[("2016-01-01", 2.0), (str(days(-2)), 4.0)])
        invoice = self._make_invoice(self.customer, 100, currency_id=euro.id)
        payment = self._make_payment(self.customer, 300, currency_id=euro.id)
        report = self._report(invoice, amount=60)
        self.assertEqual(report.currency_id, euro)
        self._accept(report)
        self.assertState(report, "credited")
        self.assertEqual(invoice.amount_residual, 40)
        credit = self._get_receivable_lines(payment.move_id)
        self.assertEqual(credit.amount_residual_currency, -240)
        self.assertEqual(credit.amount_residual, -60)
        self._undo(invoice)
        self.assertState(report, "matched")

    def test_bank_transaction_is_booked_on_the_customer_and_reconciled(self):
        line = self._bank()
        report = self._report(self.invoice)
        self._accept(report, self.banker)
        self.assertState(report, "credited")
        self.assertTrue(line.is_reconciled)
        self.assertEqual(line.partner_id, self.customer.partner_id)
        self.assertEqual(self.invoice.amount_residual, 0)
        line.action_undo_reconciliation()
        self.assertState(report, "matched")

    def test_strangers_bank_transaction_gives_no_more_than_reported(self):
        stranger = self._make_partner("Stranger")
        line = self._bank(amount=500, partner_id=stranger.id, payment_ref=self.invoice.name)
        report = self._report(self.invoice)
        self._accept(report, self.banker)
        self.assertState(report, "credited", report.message_ids.mapped("body"))
        self.assertEqual(line.partner_id, stranger)
        self.assertFalse(line.is_reconciled)
        self.assertEqual(line.amount_residual, -400)

    def test_customers_bank_transaction_leaves_the_rest_as_their_credit(self):
        line = self._bank(amount=120, partner_id=self.customer.partner_id.id)
        report = self._report(self.invoice)
        self._accept(report, self.banker)
        self.assertState(report, "credited")
        self.assertTrue(line.is_reconciled)
        self.assertEqual(self.customer.credits, -20)

    def test_who_may_not_edit_the_bank_links_it_and_accounting_gets_a_task(self):
        self.company.collection_accountant_id = self.banker
        line = self._bank()
        report = self._report(self.invoice)
        self._accept(report, self.collector)
        self.assertState(report, "matched")
        self.assertDecision(self.invoice, "payment_reported")
        self.assertFalse(line.is_reconciled)
        task = self._tasks("allocate_reported")
        self.assertEqual(task.user_id, self.banker)
        self.assertIn(report.number, task.summary)
        with self.assertRaisesRegex(UserError, "may edit bank transactions"):
            report.match_ids.with_user(self.collector).action_allocate()
        report.match_ids.with_user(self.banker).action_allocate()
        self.assertState(report, "credited")
        self.assertFalse(self._tasks("allocate_reported"))

    def test_linked_money_can_be_unlinked_while_it_waits(self):
        self._bank()
        report = self._report(self.invoice)
        self._accept(report, self.collector)
        report.match_ids.action_unlink_money()
        self.assertState(report, "open")
        self.assertEqual(report.match_ids.state, "proposed")
        self.assertFalse(self._tasks("allocate_reported"))
        self._accept(report, self.banker)
        with self.assertRaisesRegex(UserError, "undo the reconciliation"):
            report.match_ids.action_unlink_money()

    def test_linked_money_that_goes_elsewhere_is_looked_for_again(self):
        payment = self._make_payment(self.customer, 100)
        euro = self.setup_other_currency("EUR", rates=[("2016-01-01", 1.0)])
        invoice = self._make_invoice(self.customer, 100, currency_id=euro.id)
        report = self._report(invoice)
        self._accept(report)
        self.assertState(report, "matched")
        self._allocate(self.invoice, payment)
        self._run()
        self.assertState(report, "open")

    def test_money_of_another_report_is_neither_proposed_nor_accepted(self):
        self._bank()
        first, second = self._report(self.invoice), self._report(self.other)
        third = self._report(self._make_invoice(self.customer, 100))
        self.assertFalse(second.match_ids)
        self.assertTrue(third.match_ids)
        self._accept(first, self.collector)
        with self.assertRaisesRegex(UserError, f"accepted for {first.number}"):
            third.match_ids.action_accept()
        third.action_look_again()
        self.env.invalidate_all()
        self.assertFalse(third.match_ids)

    def test_money_that_is_gone_is_refused(self):
        payment = self._make_payment(self.customer, 50)
        report = self._report(self.invoice)
        self._allocate(self.other, payment)
        with self.assertRaisesRegex(UserError, "allocated to something else.*Look Again"):
            report.match_ids.action_accept()

    def test_closed_report_takes_no_money(self):
        self._bank()
        report = self._report(self.invoice)
        report.action_not_found()
        with self.assertRaisesRegex(UserError, f"{report.number} is closed"):
            report.match_ids.action_accept()

    def test_locked_period_leaves_it_to_accounting(self):
        self._bank(date=-20, payment_ref=self.invoice.name)
        report = self._report(self.invoice)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_company SET hard_lock_date = %s WHERE id = %s", [days(-10), self.company.id]
        )
        self._accept(report, self.banker)
        self.assertState(report, "matched")
        self.assertFalse(self.invoice.line_ids.matched_credit_ids)
        self.assertTrue(self._tasks("allocate_reported"))

    def test_part_of_the_money_leaves_the_rest_open(self):
        self._make_payment(self.customer, 40)
        report = self._report(self.invoice)
        self._accept(report)
        self.assertState(report, "open")
        self.assertEqual(report.remaining_amount, 60)


class TestRights(ReportedCommon):
    def test_accountant_reads_accepts_and_changes_nothing_else(self):
        self._make_payment(self.customer, 100)
        report = self._report(self.invoice).with_user(self.accountant)
        self.assertEqual(report.proposal_count, 1)
        self.assertTrue(report.explanation)
        for operation in ("write", "create", "unlink"):
            self.assertFalse(report.has_access(operation))
            self.assertFalse(report.match_ids.has_access(operation))
        for action in ("action_cancel", "action_withdraw"):
            with self.assertRaises(AccessError):
                getattr(report, action)()
        report.action_look_again()
        report.match_ids.action_accept()
        self.assertState(report, "credited")

    def test_auditor_reads_and_does_nothing(self):
        self._make_payment(self.customer, 100)
        report = self._report(self.invoice).with_user(self.auditor)
        self.assertTrue(report.match_ids.reason)
        for action in (
            report.action_not_found,
            report.action_look_again,
            report.match_ids.action_accept,
            report.match_ids.action_dismiss,
            report.match_ids.action_unlink_money,
            report.match_ids.action_allocate,
        ):
            with self.assertRaises(AccessError):
                action()

    def test_others_see_nothing(self):
        for user in (self.employee, self.visitor):
            for name in ("collection.reported.payment", "collection.payment.match"):
                self.assertFalse(self.env[name].with_user(user).has_access("read"))

    def test_companies_see_their_own(self):
        self._make_payment(self.customer, 100)
        report = self._report(self.invoice)
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        stranger = self.supervisor.copy(
            {"login": "test_stranger", "company_id": elsewhere.id, "company_ids": elsewhere.ids}
        )
        with self.assertRaises(AccessError):
            report.with_user(stranger).read(["amount"])
        with self.assertRaises(AccessError):
            report.match_ids.with_user(stranger).read(["amount"])
        with self.assertRaises(AccessError):
            report.match_ids.with_user(stranger).action_accept()

    def test_collector_does_not_withdraw_a_colleagues(self):
        colleague = self.collector.copy({"login": "test_colleague"})
        report = self._report(self.invoice)
        with self.assertRaises(AccessError):
            report.with_user(colleague).action_withdraw()
        report.with_user(self.supervisor).action_withdraw()

    def test_accountant_who_reconciles_needs_no_right_on_reports(self):
        report = self._report(self.invoice)
        payment = self._make_payment(self.customer, 100)
        lines = self._get_receivable_lines(self.invoice | payment.move_id)
        lines.with_user(self.accountant).reconcile()
        self.assertState(report, "credited")


class TestShown(ReportedCommon):
    def test_invoices_show_filter_and_count_it(self):
        report = self._report(self.invoice, paid=-3)
        self.assertEqual(self.invoice.collection_reported_date, days(-3))
        self.assertEqual(self.invoice.collection_reported_count, 1)
        self.assertFalse(self.other.collection_reported_date)
        moves = self.invoice | self.other
        found = moves.search([("id", "in", moves.ids), ("collection_reported_date", "!=", False)])
        self.assertEqual(found, self.invoice)
        opened = self.invoice.with_context(
            agreement="collection.reported.payment"
        ).action_open_collection_agreements()
        self.assertEqual(report.search(opened["domain"]), report)
        self._pay(self.invoice)
        self.env.invalidate_all()
        self.assertFalse(self.invoice.collection_reported_date)
        self.assertEqual(self.invoice.collection_reported_count, 1)

    def test_customers_show_and_count_open_ones(self):
        self._report(self.invoice)
        self._report(self.other)
        self.assertEqual(self.customer.reported_payment_count, 2)
        self._pay(self.other)
        self.env.invalidate_all()
        self.assertEqual(self.customer.reported_payment_count, 1)
        self.assertEqual(len(self.customer.reported_payment_ids), 2)

    def test_proofs_are_kept_with_each_report(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        reports = self._report(self.invoice, foreign)
        proof = self.env["ir.attachment"].create({"name": "slip.pdf", "raw": b"slip"})
        reports._attach(proof)
        self.assertEqual(len(reports.proof_ids), 2)
        for report in reports:
            self.assertEqual(report.proof_ids.res_id, report.id)
            self.assertEqual(report.proof_ids.with_user(self.accountant).raw, b"slip")
        self.assertEqual(report.search([("proof_ids", "!=", False)]) & reports, reports)


class TestDialog(ReportedCommon):
    def _open(self, action, user=None):
        env = self.env(user=(user or self.collector).id, context=action["context"])
        return Form(env[action["res_model"]])

    def _as(self, record):
        return record.with_env(
            self.env(user=self.collector.id, context={"agreement": "collection.reported.payment"})
        )

    def _register(self, form):
        return form.save().action_register()

    def _registered(self):
        return self.system["collection.reported.payment"].search(
            [("customer_id", "=", self.customer.id)]
        )

    def test_from_invoices_with_proof(self):
        form = self._open(self._as(self.invoice | self.other).action_collection_register())
        self.assertEqual(form.partner_id, self.customer.partner_id)
        self.assertEqual((form.date_reported, form.means), (days(0), "transfer"))
        with form.amount_ids.edit(0) as line:
            self.assertEqual((line.residual, line.amount), (150, 150))
            line.amount = 120
        form.date_reported = days(-2)
        form.means = "cheque"
        form.reference = "Cheque 9"
        register = form.save()
        proof = self.env["ir.attachment"].with_user(self.collector)
        register.proof_ids = proof.create({"name": "cheque.jpg", "raw": b"x"})
        action = register.action_register()
        self.assertEqual(action["params"]["next"]["type"], "ir.actions.act_window_close")
        report = self._registered()
        self.assertEqual((report.amount, report.date_reported), (120, days(-2)))
        self.assertEqual((report.means, report.reference), ("cheque", "Cheque 9"))
        self.assertEqual(report.proof_ids.name, "cheque.jpg")
        self.assertEqual(report.user_id, self.collector)

    def test_money_that_is_there_already_is_shown_at_once(self):
        self._make_payment(self.customer, 100)
        form = self._open(self._as(self.invoice).action_collection_register())
        then = self._register(form)["params"]["next"]
        self.assertEqual(then["res_id"], self._registered().id)
        self.assertEqual(then["views"], [(False, "form")])

    def test_from_the_customers_file_what_is_promised_comes_along(self):
        self._promise(self.invoice)
        self._report(self.other)
        form = self._open(self._as(self.customer).action_register_agreement())
        with form.amount_ids.edit(0) as line:
            self.assertEqual(line.amount, 100, "but not what was reported already")

    def test_from_open_items(self):
        form = self._open(self._as(self.items(self.invoice)).action_register_agreement())
        with form.amount_ids.edit(0) as line:
            self.assertEqual(line.amount, 100)

    def test_action_menu_opens_it(self):
        for name, records in (
            ("invoices", self.invoice),
            ("items", self.items(self.invoice)),
            ("customer", self.customer),
        ):
            action = self.env.ref(f"collections_management.action_report_payment_{name}")
            opened = (
                action.with_user(self.collector)
                .with_context(
                    active_model=records._name, active_id=records.id, active_ids=records.ids
                )
                .run()
            )
            self.assertEqual(opened["res_model"], "collection.register.reported.payment")
