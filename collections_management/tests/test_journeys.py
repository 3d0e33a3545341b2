"""What people do in the web client, each in their role, in a real browser."""

from odoo.tests import HttpCase, tagged

from .common import CollectionsCase


@tagged("post_install", "-at_install")
class TestJourneys(CollectionsCase, HttpCase):
    """Acme owes one item that is claimed today and one that isn't due, and has a credit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.env["ir.module.module"]._load_module_terms(["collections_management"], ["es_ES"])
        cls.first.with_context(lang="es_ES").name = "Primera reclamación"
        cls.company.collection_mode = "approve"
        cls.customer = cls._make_customer("Acme")
        cls.due = cls._make_invoice(cls.customer, 100, due=-5, name="DUE")
        cls._make_invoice(cls.customer, 200, due=40, name="LATER")
        cls._make_credit(cls.customer, 10, name="CREDIT")

    def _open(self, tour, user, action=None, record=None):
        """Take a tour as a user, from the home page or from an action or a record.

        Who logs in must see the company alone, as the tests' databases have others.
        """
        user.password = user.login
        path = "/odoo"
        if action:
            path += f"/action-{action}"
        if record:
            path += f"/{record._name}/{record.id}"
        self.start_tour(path, tour, login=user.login)

    def test_a_newcomer_sees_why_each_item_is_or_is_not_claimed(self):
        self._open("collection_see_why", self.collector)

    def test_in_spanish_too(self):
        self.collector.lang = "es_ES"
        self._open("collection_see_why_in_spanish", self.collector)

    def test_a_collector_pauses_an_item_and_its_customer_is_left_alone(self):
        self._open("collection_pause", self.collector, record=self.customer)
        self.assertDecision(self.due, "paused")

    def test_a_supervisor_changes_a_message_and_approves_it(self):
        self.run_day(self.customer)
        self._open(
            "collection_approve",
            self.supervisor,
            "collections_management.collection_notice_action_to_approve",
        )
        self.deliver()
        self.assertEqual([mail["subject"] for mail in self._mails], ["Our invoice DUE"])

    def test_an_accountant_finds_it_all_in_the_list_of_invoices(self):
        self._open("collection_invoice", self.accountant, "account.action_move_out_invoice_type")


@tagged("post_install", "-at_install")
class TestClickEverywhere(CollectionsCase, HttpCase):
    """Every menu, view and filter of the app opens without an error, for each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Acme")
        cls._make_invoice(cls.customer, 100)

    def _click_everywhere(self, user):
        user.write({"password": user.login, "tour_enabled": False})
        self.browser_js(
            "/odoo",
            "odoo.loader.modules.get('@web/webclient/clickbot/clickbot_loader')"
            ".startClickEverywhere('collections_management.menu_collection_root', true);",
            "odoo.isReady === true",
            login=user.login,
            timeout=300,
            success_signal="clickbot test succeeded",
        )

    def test_as_a_collector(self):
        self._click_everywhere(self.collector)

    def test_as_a_supervisor(self):
        self._click_everywhere(self.supervisor)

    def test_as_a_manager(self):
        self._click_everywhere(self.manager)

    def test_as_an_auditor(self):
        self._click_everywhere(self.auditor)
