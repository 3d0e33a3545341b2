"""Actions after the last claim: opened by steps or people, approved, done with effect, cancelled."""

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form

from .common import CollectionsCommon, days
from .test_opening_sheet import OpeningCommon


class ActionCommon(CollectionsCommon):
    """A customer with two overdue invoices of 100 and 50; types that a supervisor need not approve."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.other = cls._make_invoice(cls.customer, 50)
        cls.decide_type = cls.system.ref("collections_management.action_type_decide")
        cls.legal = cls._make_type("legal")
        cls.legal_asked = cls._make_type("legal", needs_approval=True)

    @classmethod
    def _make_type(cls, effect="none", **values):
        return cls.system["collection.action.type"].create(
            {"name": f"Test {effect}", "effect": effect, "needs_approval": False, **values}
        )

    @classmethod
    def _act_on(cls, *moves, action_type=None, user=None, **values):
        """Register an action about these moves."""
        model = cls.system["collection.action"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.action"]
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        action = model._make(
            lines.with_env(model.env), type_id=(action_type or cls.legal).id, **values
        )
        return action.with_env(model.env(user=cls.system.uid))

    @classmethod
    def _make_acting_scheme(cls, action_type=None, channels=None, **values):
        """Return a scheme whose only step acts after 3 days."""
        return cls._make_scheme(
            cls._act(
                3,
                channels=channels,
                name="Act",
                action_type_id=(action_type or cls.legal).id,
                **values,
            )
        )

    def _actions(self, customer=None):
        return self.system["collection.action"].search(
            [("customer_id", "=", (customer or self.customer).id)]
        )

    def _tasks(self, action, name="action"):
        return self.system["mail.activity"].search(
            [
                ("res_model", "=", "collection.action"),
                ("res_id", "in", action.ids),
                (
                    "activity_type_id",
                    "=",
                    self.system.ref(f"collections_management.activity_type_{name}").id,
                ),
            ]
        )

    def _allocate(self, invoice, money):
        lines = self._get_receivable_lines(invoice) | self._get_receivable_lines(money)
        lines.filtered(lambda line: not line.reconciled).reconcile()

    def _undo(self, invoice):
        self._get_receivable_lines(invoice).remove_move_reconcile()

    def _rounds(self, invoice):
        return self.system["collection.round"].search(
            [
                ("move_line_id", "in", self._get_receivable_lines(invoice).ids),
                ("reason", "=", "action_cancelled"),
            ]
        )

    def _prepare_day(self):
        self.env.flush_all()
        run = self.system(context={})["collection.run"].with_company(self.company)
        run._prepare_company(self.company)
        self.env.invalidate_all()

    def assertState(self, action, state):
        action.invalidate_recordset()
        self.assertEqual(set(action.mapped("state")), {state})


class TestRegisterAction(ActionCommon):
    def test_action_holds_its_invoice_and_says_who_does_what(self):
        action = self._act_on(self.invoice)
        self.assertRegex(action.number, r"^AC/2026/\d{5}$")
        self.assertEqual((action.amount, action.state), (100, "open"))
        self.assertEqual(self.invoice.collection_status, "in_action")
        self.assertEqual(self.invoice.collection_action_count, 1)
        self.assertDecision(self.invoice, "in_action")
        self.assertDecision(self.other, "claim")
        self.assertEqual(
            self.items(self.invoice).explanation,
            "In action: Test legal, to be done by Test supervisor until 03/18/2026 "
            f"({action.number}).",
        )

    def test_it_is_a_task_of_the_types_responsible_else_of_the_supervisor(self):
        theirs = self._make_type(user_id=self.collector.id, days=3, note="Do it")
        first = self._act_on(self.invoice, action_type=theirs)
        second = self._act_on(self.other)
        self.assertEqual((first.user_id, second.user_id), (self.collector, self.supervisor))
        task = self._tasks(first)
        self.assertEqual((task.user_id, task.date_deadline), (self.collector, days(3)))
        self.assertIn("Do it", str(task.note))
        self.assertEqual(self._tasks(second).user_id, self.supervisor)

    def test_responsible_who_left_the_company_gives_way_to_the_supervisor(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        self.manager.sudo().write(
            {"company_ids": [Command.set(elsewhere.ids)], "company_id": elsewhere.id}
        )
        action_type = self._make_type(user_id=self.manager.id)
        self.assertEqual(
            self._act_on(self.invoice, action_type=action_type).user_id, self.supervisor
        )

    def test_a_collector_proposes_what_a_supervisor_approves(self):
        action = self._act_on(self.invoice, action_type=self.legal_asked, user=self.collector)
        self.assertState(action, "to_approve")
        self.assertDecision(self.invoice, "in_action")
        self.assertIn("approval", self.items(self.invoice).explanation)
        self.assertEqual(self._tasks(action, "action_approval").user_id, self.supervisor)
        self.assertFalse(self._tasks(action))
        with self.assertRaisesRegex(AccessError, "Only supervisors approve.*Test supervisor"):
            action.with_user(self.collector).action_approve()
        with self.assertRaisesRegex(UserError, "To approve.*In progress"):
            action.with_user(self.collector).action_done()
        action.with_user(self.supervisor).action_approve()
        self.assertState(action, "open")
        self.assertEqual(action.approved_by_id, self.supervisor)
        self.assertFalse(self._tasks(action, "action_approval"))
        self.assertEqual(self._tasks(action).user_id, self.supervisor)

    def test_a_supervisors_own_needs_no_second_approval(self):
        action = self._act_on(self.invoice, action_type=self.legal_asked, user=self.supervisor)
        self.assertState(action, "open")
        self.assertEqual(action.approved_by_id, self.supervisor)

    def test_nobody_makes_an_approved_action_by_writing_values(self):
        action = self._act_on(
            self.invoice, action_type=self.legal_asked, user=self.collector, state="done"
        )
        self.assertState(action, "to_approve")
        with self.assertRaisesRegex(UserError, "stays as it was agreed"):
            action.with_user(self.collector).state = "open"
        with self.assertRaisesRegex(UserError, "stays as it was agreed"):
            action.with_user(self.supervisor).type_id = self.legal

    def test_two_currencies_are_two_actions(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        actions = self._act_on(self.invoice, foreign)
        self.assertEqual(
            {action.currency_id: action.amount for action in actions},
            {self.currency: 100, euro: 60},
        )

    def test_an_instalment_brings_its_whole_invoice_along(self):
        terms = self._make_terms((40, 0), (60, 60))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        first = self._get_receivable_lines(invoice).sorted("date_maturity")[0]
        action = self.system["collection.action"]._make(
            first.with_env(self.system), type_id=self.legal.id
        )
        self.assertEqual((len(action.move_line_ids), action.amount), (2, 200))

    def test_what_was_to_be_sent_is_withdrawn(self):
        notice = self.decide(self.customer)
        self._act_on(self.invoice, self.other)
        self.deliver()
        self.assertEqual(notice.state, "cancelled")

    def test_dialog_fills_in_what_the_type_says_and_opens_it(self):
        lawyer = self._make_partner("Lawyer")
        action_type = self._make_type(
            "legal", user_id=self.manager.id, days=4, handler_id=lawyer.id, needs_approval=True
        )
        opened = self.customer.with_user(self.collector).with_context(agreement="collection.action")
        context = opened.action_register_agreement()["context"]
        form = Form(
            self.env(user=self.collector.id)["collection.register.action"].with_context(**context)
        )
        form.type_id = action_type
        self.assertEqual((form.user_id, form.date_deadline), (self.manager, days(4)))
        self.assertEqual(form.handler_id, lawyer)
        self.assertIn("supervisor", form.warning)
        self.assertIn("150.00", form.amount_text)
        form.note = "No answer for weeks"
        form.save().action_register()
        action = self._actions()
        self.assertEqual(action.move_line_ids.move_id, self.invoice | self.other)
        self.assertEqual((action.state, action.note), ("to_approve", "No answer for weeks"))

    def test_another_responsible_gets_the_task(self):
        action = self._act_on(self.invoice)
        action.with_user(self.supervisor).write(
            {"user_id": self.collector.id, "date_deadline": days(20)}
        )
        task = self._tasks(action)
        self.assertEqual((task.user_id, task.date_deadline), (self.collector, days(20)))


class TestRefusedActions(ActionCommon):
    def test_paid_invoice_is_refused(self):
        lines = self._get_receivable_lines(self.invoice)
        self._pay(self.invoice)
        with self.assertRaisesRegex(UserError, f"{self.invoice.name} is paid already"):
            self.system["collection.action"]._make(
                lines.with_env(self.system), type_id=self.legal.id
            )

    def test_action_without_items_is_refused(self):
        with self.assertRaisesRegex(UserError, "nothing to agree on"):
            self.system["collection.action"]._make(
                self.system["account.move.line"], type_id=self.legal.id
            )

    def test_nobody_responsible_is_refused(self):
        self.company.collection_supervisor_id = False
        with self.assertRaisesRegex(UserError, "Nobody is responsible.*Test legal.*choose who"):
            self._act_on(self.invoice)

    def test_responsible_without_rights_on_collections_is_refused(self):
        with self.assertRaisesRegex(UserError, "Test accountant has no rights"):
            self._act_on(self.invoice, user_id=self.accountant.id)
        with self.assertRaisesRegex(ValidationError, "Test employee has no rights"):
            self._make_type(user_id=self.employee.id)

    def test_item_of_a_promise_is_refused(self):
        self.system["collection.promise"]._make(
            self._get_receivable_lines(self.invoice).with_env(self.system), date_promised=days(5)
        )
        with self.assertRaisesRegex(UserError, "held already.*Promise"):
            self._act_on(self.invoice)

    def test_promise_about_an_item_in_action_is_refused(self):
        self._act_on(self.invoice)
        with self.assertRaisesRegex(UserError, "held already.*In action"):
            self.system["collection.promise"]._make(
                self._get_receivable_lines(self.invoice).with_env(self.system),
                date_promised=days(5),
            )

    def test_the_same_action_twice_is_refused_but_not_another(self):
        action = self._act_on(self.invoice)
        with self.assertRaisesRegex(UserError, f"{self.invoice.name} is in {action.number}"):
            self._act_on(self.invoice, self.other)
        self._act_on(self.invoice, action_type=self.decide_type)

    def test_two_customers_are_refused(self):
        theirs = self._make_invoice(self._make_customer("Another"))
        with self.assertRaisesRegex(UserError, "several customers"):
            self._act_on(self.invoice, theirs)

    def test_step_that_does_not_say_which_action_is_refused(self):
        self.assertEqual(self.lawyer.action_type_id, self.decide_type, "a person decides")
        with self.assertRaisesRegex(ValidationError, "Lawyer.*choose the type"):
            self.lawyer.action_type_id = False

    def test_type_that_was_used_can_not_be_deleted(self):
        self._act_on(self.invoice)
        with self.assertRaisesRegex(UserError, "used by 1 actions: archive it"):
            self.legal.unlink()

    def test_type_that_a_step_opens_can_not_be_archived(self):
        self.lawyer.action_type_id = self.legal
        with self.assertRaisesRegex(ValidationError, "Lawyer.*choose another type"):
            self.legal.active = False


class TestStepsOpenActions(ActionCommon):
    def _run_acting(self, **values):
        self.customer.strategy_id = self._make_acting_scheme(**values)
        return self.run_day(self.customer)

    def test_step_opens_one_action_with_all_items_and_speaks_once(self):
        notice = self._run_acting(action_type=self.legal, note="See the contract")
        action = self._actions()
        self.assertEqual(notice.state, "sent")
        self.assertEqual(action.notice_id, notice)
        self.assertEqual(action.step_id.name, "Act")
        self.assertEqual(action.move_line_ids.move_id, self.invoice | self.other)
        self.assertEqual((action.amount, action.user_id), (150, self.supervisor))
        self.assertEqual(action.instructions, "See the contract")
        self.assertDecision(self.customer, "in_action")
        self.run_day(self.customer)
        with self.at(1):
            self.run_day(self.customer)
        self.assertEqual(self._actions(), action)

    def test_the_responsible_gets_a_task_and_no_mail_for_each(self):
        self._run_acting(responsible_id=self.manager.id)
        told = self.system["mail.notification"].search(
            [("res_partner_id", "=", self.manager.partner_id.id)]
        )
        self.assertFalse(told)
        self.assertEqual(self._tasks(self._actions()).user_id, self.manager)

    def test_delivering_again_opens_nothing_twice(self):
        self._run_acting()
        self.deliver()
        self.assertEqual(len(self._actions()), 1)

    def test_steps_responsible_counts_before_the_types(self):
        self._run_acting(responsible_id=self.manager.id)
        self.assertEqual(self._actions().user_id, self.manager)

    def test_type_that_needs_approval_waits_for_the_supervisor(self):
        self._run_acting(action_type=self.legal_asked)
        self.assertState(self._actions(), "to_approve")

    def test_in_approve_mode_the_action_waits_for_a_supervisor(self):
        self.company.collection_mode = "approve"
        self._run_acting()
        self.assertState(self._actions(), "to_approve")
        self.assertDecision(self.customer, "in_action")

    def test_in_simulation_nothing_is_opened(self):
        self.company.collection_mode = "simulation"
        self._run_acting()
        self.assertFalse(self._actions())

    def test_with_a_stale_bank_the_action_waits_for_a_supervisor(self):
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "payment_ref": "Old",
                "date": days(-30),
                "amount": 10,
            }
        )
        self._run_acting()
        self.assertState(self._actions(), "to_approve")

    def test_paid_before_it_is_opened_is_no_action(self):
        self.customer.strategy_id = self._make_acting_scheme()
        notice = self.decide(self.customer)
        self._pay(self.invoice)
        self._pay(self.other)
        self.deliver()
        self.assertEqual(notice.state, "cancelled")
        self.assertFalse(self._actions())

    def test_customer_is_told_by_the_steps_channels_too(self):
        notices = self._run_acting(channels=self.email | self.action, template_id=self.template.id)
        mail = notices.filtered(lambda notice: notice.channel_id == self.email)
        self.assertEqual(set(notices.mapped("state")), {"sent"})
        self.assertTrue(mail.message_id)
        self.assertEqual(len(self._actions()), 1)
        self.assertEqual(len(mail.line_ids.filtered("live")), 2)

    def test_step_that_only_writes_opens_its_action_all_the_same(self):
        notices = self._run_acting(channels=self.email, template_id=self.template.id)
        self.assertEqual(notices.channel_id, self.email | self.action)
        self.assertEqual(len(self._actions()), 1)

    def test_letter_that_goes_with_an_action_can_be_printed_days_later(self):
        self.customer.partner_id.write({"street": "Calle 1", "city": "Madrid"})
        notices = self._run_acting(channels=self.letter, template_id=self.template.id)
        letter = notices.filtered(lambda notice: notice.channel_id == self.letter)
        with self.at(2):
            letter.with_user(self.collector).action_print_letter()
            self.assertTrue(letter.printed_date)

    def test_nobody_responsible_fails_that_notice_and_says_so(self):
        self.company.collection_supervisor_id = False
        good = self._make_customer(
            "Good",
            scheme=self._make_acting_scheme(action_type=self._make_type(user_id=self.manager.id)),
        )
        self._make_invoice(good)
        self.customer.strategy_id = self._make_acting_scheme()
        with self.assertLogs("odoo.addons.collections_management", "ERROR"):
            notices = self.run_day(self.customer, good)
        failed = notices.filtered(lambda notice: notice.customer_id == self.customer)
        self.assertEqual(failed.state, "failed")
        self.assertIn("Nobody is responsible", failed.failure)
        self.assertEqual(len(self._actions(good)), 1)

    def test_without_lasting_effect_the_scheme_goes_on_when_it_is_done(self):
        suspend = self._make_type("suspend")
        self.customer.strategy_id = self._make_scheme(
            self._act(3, name="Suspend", action_type_id=suspend.id),
            self._act(20, name="Sue", action_type_id=self.legal.id, gap_days=5),
        )
        self.run_day(self.customer)
        self._actions().action_done()
        self.assertDecision(self.customer, "waiting")
        with self.at(16):
            self.run_day(self.customer)
        self.assertEqual(self._actions().type_id, suspend | self.legal)

    def test_cancelled_one_is_claimed_from_the_first_step_again(self):
        scheme = self._make_scheme(
            self._claim(3, name="Claim"),
            self._act(4, name="Act", action_type_id=self.legal.id),
        )
        self.customer.strategy_id = scheme
        self.run_day(self.customer)
        with self.at(1):
            self.run_day(self.customer)
            action = self._actions()
            action.action_cancel()
        with self.at(2):
            item = self.items(self.invoice)
            self.assertEqual((item.decision, item.next_step_id.name), ("claim", "Claim"))
        self.assertEqual(len(self._rounds(self.invoice)), 1)

    def test_one_of_a_person_gives_the_items_back_where_they_were(self):
        self.run_day(self.customer)
        action = self._act_on(self.invoice)
        action.action_cancel()
        self.assertFalse(self._rounds(self.invoice))
        self.assertEqual(self.items(self.invoice).next_step_id, self.second)

    def test_dry_run_foretells_the_action_and_nothing_after_it(self):
        self.customer.strategy_id = self._make_scheme(
            self._act(3, name="Suspend", action_type_id=self.legal.id),
            self._act(10, name="Sue", action_type_id=self.legal.id),
        )
        run = self.system["collection.dry.run"].create(
            {
                "company_id": self.company.id,
                "customer_ids": [Command.set(self.customer.ids)],
            }
        )
        run.action_show()
        self.assertEqual(run.notice_ids.step_id.mapped("name"), ["Suspend"])


class TestSalespeople(ActionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.strategy_id = cls._make_scheme(
            cls._act(10, name="Sue", action_type_id=cls.legal.id)
        )
        (cls.invoice | cls.other).invoice_user_id = cls.employee

    def _told(self):
        return self.system["mail.activity"].search(
            [
                ("res_model", "=", "res.partner"),
                ("res_id", "=", self.customer.partner_id.id),
            ]
        )

    def test_salesperson_is_told_two_working_days_before_once(self):
        # 10 days after the due date: Monday the 16th; two working days before: Thursday the 12th
        self.decide(self.customer)
        self.assertFalse(self._told())
        for day in (1, 2, 5):
            with self.at(day):
                self.run_day(self.customer)
        task = self._told()
        self.assertEqual(task.user_id, self.employee)
        self.assertEqual(task.date_deadline, days(1))
        for word in ("Test legal", "03/16/2026", self.invoice.name, self.other.name, "150.00"):
            self.assertIn(word, task.summary)
        self.assertIn("Test collector", str(task.note))
        self.assertEqual(len(self._actions()), 1)

    def test_action_that_begins_at_once_is_told_with_it(self):
        with self.at(20):
            self.run_day(self.customer)
        self.assertEqual(len(self._told()), 1)
        self.assertEqual(len(self._actions()), 1)

    def test_nobody_is_told_where_the_step_says_so(self):
        self.customer.strategy_id.step_ids.salesperson_days = 0
        with self.at(5):
            self.run_day(self.customer)
        self.assertFalse(self._told())

    def test_customers_salesperson_is_told_where_the_invoice_has_none(self):
        (self.invoice | self.other).invoice_user_id = False
        self.customer.partner_id.user_id = self.employee
        with self.at(5):
            self.run_day(self.customer)
        self.assertEqual(self._told().user_id, self.employee)

    def test_simulation_tells_nobody(self):
        self.company.collection_mode = "simulation"
        with self.at(5):
            self.run_day(self.customer)
        self.assertFalse(self._told())

    def test_what_is_held_is_not_told(self):
        self._hold(self.invoice)
        with self.at(5):
            self.run_day(self.customer)
        self.assertNotIn(self.invoice.name, self._told().summary)


class TestEffects(ActionCommon):
    def _done(self, effect, *moves, **values):
        action = self._act_on(
            *(moves or [self.invoice]), action_type=self._make_type(effect, **values)
        )
        action.with_user(self.supervisor).action_done()
        return action

    def test_done_says_when_and_closes_its_task(self):
        action = self._done("none")
        self.assertState(action, "done")
        self.assertEqual(action.done_date, days(0))
        self.assertFalse(self._tasks(action))
        self.assertDecision(self.invoice, "claim")

    def test_a_task_ticked_is_an_action_done(self):
        action = self._act_on(self.invoice)
        self._tasks(action).with_user(self.supervisor).action_feedback(feedback="Filed")
        self.assertState(action, "done")

    def test_handed_over_stays_in_action_until_it_is_taken_back(self):
        action = self._done("agency", needs_approval=False)
        self.assertDecision(self.invoice, "in_action")
        self.assertEqual(self.invoice.collection_status, "in_action")
        self.assertIn("in hand since", self.items(self.invoice).explanation)
        action.with_user(self.supervisor).action_cancel()
        self.assertState(action, "cancelled")
        self.assertDecision(self.invoice, "claim")

    def test_done_without_lasting_effect_can_not_be_cancelled(self):
        action = self._done("none")
        with self.assertRaisesRegex(UserError, "Done.*can't cancel"):
            action.action_cancel()

    def test_suspended_customer_says_why_and_since_when(self):
        action = self._done("suspend")
        self.assertTrue(self.customer.suspended)
        self.assertEqual(self.customer.suspension_date, days(0))
        self.assertIn(action.number, self.customer.suspension_reason)
        partner = self.customer.partner_id.with_user(self.employee)
        self.assertIn(action.number, partner._get_collection_suspension(self.env.company))
        branch = self._make_branch()
        self.assertTrue(partner._get_collection_suspension(branch.sudo()))
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        self.assertFalse(partner._get_collection_suspension(elsewhere))

    def test_supervisor_lifts_a_suspension_and_nobody_else(self):
        self._done("suspend")
        with self.assertRaisesRegex(AccessError, "Only supervisors"):
            self.customer.with_user(self.collector).action_lift_suspension()
        with self.assertRaisesRegex(AccessError, "Only supervisors"):
            self.customer.with_user(self.collector).suspended = False
        self.customer.with_user(self.supervisor).action_lift_suspension()
        self.assertFalse(self.customer.suspended)
        with self.assertRaisesRegex(UserError, "not suspended"):
            self.customer.with_user(self.supervisor).action_lift_suspension()

    def test_suspension_is_lifted_when_nothing_is_overdue(self):
        self._done("suspend")
        self._pay(self.invoice)
        self._prepare_day()
        self.assertTrue(self.customer.suspended)
        self._pay(self.other)
        self._prepare_day()
        self.assertFalse(self.customer.suspended)

    def test_suspension_stays_where_the_company_lifts_by_hand(self):
        self.company.collection_lift_suspension = False
        self._done("suspend", self.invoice, self.other)
        self._pay(self.invoice)
        self._pay(self.other)
        self._prepare_day()
        self.assertTrue(self.customer.suspended)

    def test_legal_portfolio_until_it_is_taken_back(self):
        action = self._done("legal")
        self.assertEqual(self.customer.portfolio, "legal")
        self.assertEqual(self.items(self.other).portfolio, "legal")
        [(portfolio, amount)] = self.system["collection.due.item"]._read_group(
            [("customer_id", "=", self.customer.id)], ["portfolio"], ["residual:sum"]
        )
        self.assertEqual((portfolio, amount), ("legal", 150))
        action.action_cancel()
        self.assertEqual(self.customer.portfolio, "normal")

    def test_portfolio_ends_when_all_of_the_action_is_paid(self):
        action = self._done("legal")
        self._pay(self.invoice, 40)
        self.assertEqual(self.customer.portfolio, "legal")
        self._pay(self.invoice)
        self.assertEqual(self.customer.portfolio, "normal")
        self.assertState(action, "done")
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_the_stronger_portfolio_counts(self):
        doubtful = self._done("doubtful")
        legal = self._done("legal", self.other)
        self.assertEqual(self.customer.portfolio, "legal")
        legal.action_cancel()
        self.assertEqual(self.customer.portfolio, "doubtful")
        doubtful.invalidate_recordset()
        self._done("legal", self.other)
        self._done("doubtful", self.other)
        self.assertEqual(self.customer.portfolio, "legal")

    def test_portfolio_of_a_supervisor_stays(self):
        action = self._done("legal")
        self.customer.with_user(self.supervisor).portfolio = "doubtful"
        action.action_cancel()
        self.assertEqual(self.customer.portfolio, "doubtful")
        with self.assertRaisesRegex(AccessError, "Only supervisors"):
            self.customer.with_user(self.collector).portfolio = "normal"


class TestWriteOff(ActionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loss = cls.company_data["default_account_expense"]
        cls.write_off = cls._make_type("write_off")

    def _done(self, *moves):
        self.company.collection_write_off_account_id = self.loss.id
        action = self._act_on(*(moves or [self.invoice]), action_type=self.write_off)
        action.with_user(self.supervisor).action_done()
        return action, action.write_off_move_ids

    def test_no_account_is_refused(self):
        action = self._act_on(self.invoice, action_type=self.write_off)
        with self.assertRaisesRegex(UserError, "no account for the loss.*choose one"):
            action.with_user(self.supervisor).action_done()
        self.assertState(action, "open")

    def test_draft_is_prepared_and_settles_the_invoice_when_posted(self):
        action, entry = self._done(self.invoice, self.other)
        self.assertEqual(entry.state, "draft")
        self.assertDecision(self.invoice, "in_action")
        loss = entry.line_ids.filtered(lambda line: line.account_id == self.loss)
        self.assertEqual((loss.debit, loss.tax_ids), (150, self.env["account.tax"]))
        self.assertEqual(entry.activity_ids.user_id, self.supervisor)
        entry.with_user(self.env.user).action_post()
        self.assertEqual(set((self.invoice | self.other).mapped("payment_state")), {"paid"})
        self.assertEqual(self.invoice.collection_status, "normal")
        self.assertState(action, "done")

    def test_types_account_counts_before_the_companys(self):
        own = self.loss.copy()
        self.write_off.with_company(self.company).write_off_account_id = own.id
        _action, entry = self._done()
        self.assertIn(own, entry.line_ids.account_id)

    def test_foreign_currency_is_written_off_at_the_invoices_rate(self):
        euro = self.setup_other_currency("EUR", rates=[("2026-01-01", 2.0), ("2026-03-10", 4.0)])
        foreign = self._make_invoice(self.customer, 80, currency_id=euro.id)
        _action, entry = self._done(foreign)
        loss = entry.line_ids.filtered(lambda line: line.account_id == self.loss)
        self.assertEqual((loss.amount_currency, loss.currency_id), (80, euro))
        self.assertEqual(loss.balance, sum(self._get_receivable_lines(foreign).mapped("balance")))
        entry.action_post()
        self.assertEqual(foreign.payment_state, "paid")

    def test_paid_meanwhile_is_not_written_off_too(self):
        _action, entry = self._done()
        self._pay(self.invoice, 70)
        with self.assertRaisesRegex(UserError, "only .*30.00.* is still open"):
            entry.action_post()

    def test_part_that_the_accountant_leaves_stays_in_action(self):
        action, entry = self._done()
        loss = entry.line_ids.filtered(lambda line: line.account_id == self.loss)
        entry.write(
            {
                "line_ids": [
                    Command.update(loss.id, {"debit": 60}),
                    Command.update((entry.line_ids - loss).id, {"credit": 60}),
                ]
            }
        )
        entry.action_post()
        self.assertEqual(self.invoice.amount_residual, 40)
        self.assertDecision(self.invoice, "in_action")
        self.assertState(action, "done")

    def test_deleted_draft_can_be_prepared_again(self):
        action, entry = self._done()
        with self.assertRaisesRegex(UserError, "has none yet"):
            action.action_prepare_write_off()
        entry.unlink()
        action.invalidate_recordset()
        action.with_user(self.supervisor).action_prepare_write_off()
        self.assertEqual(action.write_off_count, 1)

    def test_branches_have_entries_of_their_own(self):
        branch = self._make_branch()
        theirs = self._make_invoice(
            self.customer,
            30,
            company=branch,
            journal_id=self.env["account.journal"]
            .search(
                [
                    *self.env["account.journal"]._check_company_domain(branch),
                    ("type", "=", "sale"),
                ],
                limit=1,
            )
            .id,
        )
        _action, entries = self._done(self.invoice, theirs)
        self.assertEqual(entries.company_id, self.company | branch)
        entries.action_post()
        self.assertEqual(theirs.payment_state, "paid")


class TestFollowing(ActionCommon):
    def test_paid_one_settles_by_itself_and_tells_the_responsible(self):
        action = self._act_on(self.invoice, self.other)
        self._pay(self.invoice)
        self.assertState(action, "open")
        self.assertEqual(self.invoice.collection_status, "normal")
        self._pay(self.other)
        self.assertState(action, "settled")
        self.assertFalse(self._tasks(action))
        told = self.system["mail.message"].search(
            [("model", "=", action._name), ("res_id", "=", action.id)]
        )
        self.assertIn(self.supervisor.partner_id, told.notified_partner_ids)

    def test_credited_one_settles_too(self):
        action = self._act_on(self.invoice)
        self._allocate(self.invoice, self._make_credit(self.customer, 100))
        self.assertState(action, "settled")

    def test_undone_reconciliation_opens_it_again(self):
        action = self._act_on(self.invoice)
        self._pay(self.invoice)
        self._undo(self.invoice)
        self.assertState(action, "open")
        self.assertTrue(self._tasks(action))
        self.assertDecision(self.invoice, "in_action")

    def test_what_waited_for_approval_waits_again(self):
        action = self._act_on(self.invoice, action_type=self.legal_asked, user=self.collector)
        self._pay(self.invoice)
        self.assertState(action, "settled")
        self._undo(self.invoice)
        self.assertState(action, "to_approve")

    def test_cancelled_one_stays_cancelled(self):
        action = self._act_on(self.invoice)
        action.action_cancel()
        self._pay(self.invoice)
        self._undo(self.invoice)
        self.assertState(action, "cancelled")

    def test_invoice_reset_to_draft_settles_it(self):
        action = self._act_on(self.invoice)
        self.invoice.button_draft()
        self.assertState(action, "settled")
        self.invoice.action_post()
        self.assertEqual(action.move_line_ids.move_id, self.invoice)
        self.assertState(action, "open")

    def test_daily_run_leaves_open_ones_alone(self):
        action = self._act_on(self.invoice)
        self._prepare_day()
        self.assertState(action, "open")
        self.assertEqual(len(self._tasks(action)), 1)

    def test_merged_customers_merge_their_actions(self):
        source = self._make_customer("Source")
        invoice = self._make_invoice(source, 70)
        action = self._act_on(invoice, action_type=self._make_type("suspend"))
        action.action_done()
        legal = self._act_on(invoice)
        self.env["base.partner.merge.automatic.wizard"].with_user(1)._merge(
            (source.partner_id | self.customer.partner_id).ids, self.customer.partner_id
        )
        self.env.invalidate_all()
        self.assertEqual((action | legal).customer_id, self.customer)
        self.assertTrue(self.customer.suspended)
        self.assertDecision(invoice, "in_action")
        self._pay(invoice)
        self.assertState(legal, "settled")

    def test_action_follows_a_customer_that_becomes_a_contact(self):
        action = self._act_on(self.invoice)
        parent = self._make_partner("Parent")
        self.customer.partner_id.parent_id = parent
        self.customer.partner_id.is_company = False
        self.env.flush_all()
        action.invalidate_recordset()
        self.assertEqual(action.customer_id.partner_id, parent)
        self.assertDecision(self.invoice, "in_action")


class TestRights(ActionCommon):
    def test_collector_finishes_own_customers_actions_and_those_given_to_them(self):
        mine = self._act_on(self.invoice)
        mine.with_user(self.collector).action_done()
        stranger = self._make_customer("Stranger", collector_id=self.manager.id)
        invoice = self._make_invoice(stranger)
        theirs = self._act_on(invoice)
        with self.assertRaises(AccessError):
            theirs.with_user(self.collector).action_done()
        given = self._act_on(invoice, action_type=self._make_type(), user_id=self.collector.id)
        given.with_user(self.collector).action_done()
        self.assertState(given, "done")

    def test_accountants_read_and_employees_do_not(self):
        action = self._act_on(self.invoice)
        self.assertEqual(action.with_user(self.accountant).amount, 100)
        self.assertEqual(action.with_user(self.auditor).type_id.name, "Test legal")
        with self.assertRaises(AccessError):
            action.with_user(self.accountant).action_done()
        with self.assertRaises(AccessError):
            action.with_user(self.employee).read(["amount"])

    def test_companies_stay_apart(self):
        action = self._act_on(self.invoice)
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        self.manager.sudo().company_ids |= elsewhere
        theirs = self.env(user=self.manager.id, context={"allowed_company_ids": elsewhere.ids})
        self.assertNotIn(action.id, theirs["collection.action"].search([]).ids)
        own = self._make_type(company_id=elsewhere.id)
        with self.assertRaises(UserError):
            self._act_on(self.invoice, action_type=own)

    def test_only_managers_make_types(self):
        with self.assertRaises(AccessError):
            self.env(user=self.supervisor.id)["collection.action.type"].create({"name": "Mine"})
        self.env(user=self.manager.id)["collection.action.type"].create({"name": "Ours"})


class TestOpeningSheet(OpeningCommon):
    def _actions(self):
        return self.system["collection.action"].search([("customer_id", "=", self.customer.id)])

    def test_legal_case_in_progress_becomes_an_open_action(self):
        legal = self.system.ref("collections_management.action_type_legal")
        page = self._take_over(
            (self.invoice, {"legal": "yes", "legal_date": days(-40)}),
            (self.second_invoice, {"legal": "Collection agency"}),
        )
        self.assertIn(
            "Legal Case: – → Legal claim since 01/30/2026", page.row_ids.mapped("changes")
        )
        case = self._actions().filtered(lambda action: action.type_id == legal)
        self.assertEqual((case.state, case.date, case.amount), ("open", days(-40), 100))
        self.assertEqual(case.user_id, self.supervisor)
        self.assertEqual(len(self._actions()), 2)
        self.assertDecision(self.customer, "in_action")

    def test_the_same_sheet_again_changes_nothing(self):
        book = self._make_sheet((self.invoice, {"legal": "Legal claim", "legal_date": days(-3)}))
        self._upload(book).action_write()
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0))
        self._actions().action_cancel()
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0), "it has ended since")

    def test_instalments_are_one_action(self):
        terms = self._make_terms((40, 0), (60, 10))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        self._take_over((invoice, {"legal": "Yes"}))
        self.assertEqual(self._actions().amount, 200)

    def test_what_can_not_be_taken_over_says_so(self):
        self._hold(self.second_invoice)
        self.assertFails(
            self._make_sheet((self.invoice, {"legal": "Perhaps"})), "Perhaps", "Legal claim"
        )
        self.assertFails(
            self._make_sheet((self.invoice, {"legal_date": days(-3)})), "no action", "Yes"
        )
        self.assertFails(
            self._make_sheet((self.invoice, {"legal": "Yes", "legal_date": days(3)})), "to come"
        )
        self.assertFails(
            self._make_sheet((self.second_invoice, {"legal": "Yes"})), "held already", "Dispute"
        )
        self.company.collection_supervisor_id = False
        self.assertFails(self._make_sheet((self.invoice, {"legal": "Yes"})), "Nobody")
