"""Who may read and do what: by role, by company."""

from odoo.exceptions import AccessError
from odoo.tests import Form

from .common import CollectionsCommon, days

READ = (
    "collection.bucket",
    "collection.channel",
    "collection.contact.policy",
    "collection.customer",
    "collection.due.item",
    "collection.hold",
    "collection.notice",
    "collection.notice.line",
    "collection.reply",
    "collection.round",
    "collection.step",
    "collection.strategy",
)
SET_UP = (
    "collection.bucket",
    "collection.channel",
    "collection.contact.policy",
    "collection.step",
    "collection.strategy",
    "collection.strategy.rule",
)


class RightsCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.collection_mode = "approve"
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer)

    def setUp(self):
        super().setUp()
        self.notice = self.decide(self.customer)

    def _as(self, user, record):
        return record.with_env(self.env(user=user.id, context={}))

    def _may(self, user, model, operation):
        return self.env[model].with_user(user).has_access(operation)


class TestRoles(RightsCommon):
    def test_accounting_people_read_everything_of_a_customer(self):
        for user in (self.auditor, self.accountant, self.collector, self.supervisor, self.manager):
            for model in READ:
                with self.subTest(user=user.name, model=model):
                    self.assertTrue(self._may(user, model, "read"))
            self.assertEqual(self._as(user, self.customer).balance, 100)
            self.assertTrue(self._as(user, self.items(self.invoice)).explanation)
            self.assertTrue(self._as(user, self.notice).amount)

    def test_people_without_accounting_rights_see_nothing(self):
        models = [
            name
            for name, model in self.registry.items()
            if name.startswith("collection.") and not model._abstract
        ]
        self.assertGreater(len(models), 12)
        # a salesperson is told alarms too: their own, as the rules of these models say
        told = {"collection.alarm.mail", "collection.alarm.today"}
        for user in (self.employee, self.visitor):
            for model in set(models) - (told if user == self.employee else set()):
                with self.subTest(user=user.name, model=model):
                    self.assertFalse(self._may(user, model, "read"))

    def test_those_who_only_read_change_nothing(self):
        for user in (self.auditor, self.accountant):
            for model in READ:
                for operation in ("write", "create", "unlink"):
                    with self.subTest(user=user.name, model=model, operation=operation):
                        self.assertFalse(self._may(user, model, operation))

    def test_nobody_writes_open_items(self):
        for operation in ("write", "create", "unlink"):
            self.assertFalse(self._may(self.manager, "collection.due.item", operation))

    def test_nobody_makes_notices_or_holds_by_hand(self):
        for model in ("collection.notice", "collection.notice.line", "collection.hold"):
            for operation in ("create", "unlink"):
                with self.subTest(model=model, operation=operation):
                    self.assertFalse(self._may(self.manager, model, operation))

    def test_manager_sets_up_schemes(self):
        for model in SET_UP:
            with self.subTest(model=model):
                self.assertTrue(self._may(self.manager, model, "write"))
                self.assertFalse(self._may(self.supervisor, model, "write"))
                self.assertFalse(self._may(self.collector, model, "write"))

    def test_supervisor_sets_up_collector_rules(self):
        self.assertTrue(self._may(self.supervisor, "collection.collector.rule", "write"))
        self.assertFalse(self._may(self.collector, "collection.collector.rule", "write"))

    def test_supervisor_assigns_customers_and_collector_does_not(self):
        self._as(self.supervisor, self.customer).collector_id = self.manager
        self.assertEqual(self.customer.collector_id, self.manager)
        for values in ({"collector_id": self.collector.id}, {"strategy_id": False}):
            with self.assertRaisesRegex(AccessError, "Only supervisors"):
                self._as(self.collector, self.customer).write(values)

    def test_collector_treats_customers(self):
        customer = self._as(self.collector, self.customer)
        customer.write({"channel_id": self.letter.id, "guidelines": "<p>Call before noon</p>"})
        self.assertEqual(self.customer.channel_id, self.letter)
        with Form(customer) as form:
            form.insolvent = True
        self.assertTrue(self.customer.insolvent)

    def test_accountant_does_not_treat_customers(self):
        with self.assertRaises(AccessError):
            self._as(self.accountant, self.customer).guidelines = "Mine"

    def test_collector_approves_and_accountant_does_not(self):
        with self.assertRaises(AccessError):
            self._as(self.accountant, self.notice).action_approve()
        self._as(self.collector, self.notice).action_approve()
        self.assertEqual(self.notice.state, "ready")

    def test_collector_pauses_and_resumes_an_invoice(self):
        wizard = self._as(self.collector, self.env["collection.pause"]).create(
            {"move_ids": self.invoice.ids, "until": days(5), "reason": "Fair"}
        )
        wizard.action_apply()
        self.assertDecision(self.invoice, "paused")
        self._as(self.collector, self.invoice).action_collection_resume()
        self.assertNotEqual(self.decision(self.invoice), "paused")

    def test_accountant_can_not_pause(self):
        with self.assertRaises(AccessError):
            self._as(self.accountant, self.env["collection.pause"]).create(
                {"move_ids": self.invoice.ids, "until": days(5), "reason": "Fair"}
            )

    def test_accountant_can_not_resume(self):
        self._hold(self.invoice, "paused", date_to=days(5))
        with self.assertRaises(AccessError):
            self._as(self.accountant, self.invoice).action_collection_resume()
        self.assertDecision(self.invoice, "paused")

    def test_pause_of_a_person_does_not_lift_what_an_agreement_holds(self):
        hold = self._hold(self.invoice)
        self._as(self.collector, self.invoice).action_collection_resume()
        self.assertTrue(hold.open)

    def test_collector_runs_a_customer_and_accountant_does_not(self):
        self.notice.action_cancel()
        with self.assertRaises(AccessError):
            self._as(self.accountant, self.customer).action_run_now()
        self._as(self.collector, self.customer).action_run_now()
        self.assertEqual(len(self.customer.notice_ids), 2)

    def test_stranger_makes_no_file_by_the_smart_button(self):
        partner = self._make_partner("Fresh")
        for user in (self.employee, self.visitor):
            with self.assertRaises(AccessError):
                self._as(user, partner).action_open_collection_customer()
        self.assertFalse(partner.collection_customer_ids)


class TestPortal(RightsCommon):
    """A customer who sees an invoice on the portal sees nothing of how it is collected."""

    def setUp(self):
        super().setUp()
        self.visitor.partner_id.parent_id = self.customer.partner_id
        self._hold(self.invoice)

    def test_customer_reads_the_invoice(self):
        self.assertEqual(self._as(self.visitor, self.invoice).amount_total, 100)

    def test_customer_reads_nothing_of_its_collection(self):
        fields = [
            name for name in self.invoice._fields if name.startswith(("collection_", "collector_"))
        ]
        self.assertIn("collection_status", fields)
        invoice = self._as(self.visitor, self.invoice)
        for name in fields:
            with self.subTest(field=name), self.assertRaises(AccessError):
                invoice.read([name])

    def test_customer_can_not_search_by_it(self):
        for name in ("collection_status", "collector_id", "collection_next_step_id"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                self._as(self.visitor, self.invoice).search([(name, "!=", False)])

    def test_accountant_reads_it(self):
        invoice = self._as(self.accountant, self.invoice)
        self.assertEqual(invoice.collection_status, "disputed")
        self.assertEqual(invoice.collector_id, self.collector)
        self.assertIn("Reason of disputed", invoice.collection_decision)


class TestCompanies(RightsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.elsewhere = cls.setup_other_company()["company"].with_env(cls.system)
        cls.stranger = cls.collector.copy(
            {
                "login": "test_stranger",
                "company_id": cls.elsewhere.id,
                "company_ids": cls.elsewhere.ids,
            }
        )

    def _find(self, user, record):
        """Return what the user finds of these records in all their companies."""
        model = record.with_env(self.env(user=user.id, context={}))
        model = model.with_context(allowed_company_ids=user.company_ids.ids)
        return model.search([("id", "in", record.ids)])

    def test_collector_of_another_company_finds_nothing(self):
        self._hold(self.invoice)
        for record in (
            self.customer,
            self.notice,
            self.notice.line_ids,
            self.items(self.invoice),
            self.system["collection.hold"].search([("move_id", "=", self.invoice.id)]),
        ):
            with self.subTest(model=record._name):
                self.assertTrue(self._find(self.collector, record))
                self.assertFalse(self._find(self.stranger, record))

    def test_collector_of_another_company_reads_no_file_by_its_id(self):
        with self.assertRaises(AccessError):
            self._as(self.stranger, self.customer).read(["balance"])

    def test_scheme_of_a_company_is_only_its_own(self):
        own = self._make_scheme(self._claim(3), company_id=self.company.id)
        self.assertTrue(self._find(self.collector, own))
        self.assertFalse(self._find(self.stranger, own))
        self.assertTrue(self._find(self.stranger, self.scheme), "this one is everybody's")


class TestBranches(RightsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls._make_branch()
        cls.person = cls.collector.copy(
            {"login": "test_branch", "company_id": cls.branch.id, "company_ids": cls.branch.ids}
        )

    def _find(self, record):
        model = record.with_env(self.env(user=self.person.id, context={}))
        return model.search([("id", "in", record.ids)])

    def test_person_of_a_branch_sees_the_shared_file_and_notices(self):
        self.assertTrue(self._find(self.customer))
        self.assertTrue(self._find(self.notice))

    def test_person_of_a_branch_sees_the_branchs_items_only(self):
        theirs = self._make_invoice(self._make_customer("Shared"), company=self.branch)
        self.assertTrue(self._find(self.items(theirs)))
        self.assertFalse(self._find(self.items(self.invoice)))

    def test_figures_of_the_shared_file_are_the_same_for_everybody(self):
        customer = self._make_customer("Shared")
        self._make_invoice(customer, 70, company=self.branch)
        self._make_invoice(customer, 30)
        for user in (self.person, self.collector):
            self.assertEqual(self._as(user, customer).balance, 100)
