"""What customers do, in a real browser."""

from .common import ROOT, PortalCase


class JourneyCase(PortalCase):
    """Five overdue invoices of 100 to 500."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.first_invoice + cls.second_invoice + cls.later_invoice).button_draft()
        (cls.first_invoice + cls.second_invoice + cls.later_invoice).button_cancel()
        cls.invoices = cls.env["account.move"].union(
            *(
                cls._make_invoice(cls.customer, amount, due=amount / 100 - 20, name=name)
                for amount, name in (
                    (100, "FIRST"),
                    (200, "SECOND"),
                    (300, "THIRD"),
                    (400, "FOURTH"),
                    (500, "FIFTH"),
                )
            )
        )

    def _take(self, tour, token=None):
        """Take a tour from the link in a message."""
        self.env.flush_all()
        self.start_tour(f"{ROOT}?access_token={token or self.token}", tour)
        self.env.invalidate_all()


class TestJourneys(JourneyCase):
    def test_three_of_five_overdue_invoices_are_paid_in_part(self):
        self._take("collections_portal_pay")
        lines = self._get_receivable_lines(self.invoices).sorted("date_maturity")
        self.assertEqual(lines.mapped("amount_residual"), [0, 0, 179.5, 400, 500])

    def test_a_promise_from_the_link_without_a_login(self):
        self._take("collections_portal_promise")
        promise = self.requests().agreement
        self.assertEqual(
            (promise.move_ids.name, promise.amount, promise.date_promised),
            ("FIRST", 100, self._day(0)),
        )

    def test_a_dispute_with_a_file_and_its_answer(self):
        self._take("collections_portal_dispute")
        dispute = self.requests().agreement
        files = self.system["ir.attachment"].search(
            [("res_model", "=", dispute._name), ("res_id", "=", dispute.id)]
        )
        self.assertEqual((files.name, files.raw), ("offer.txt", b"150 each"))
        self.env["collection.dispute.resolve"].with_user(self.collector).create(
            {
                "dispute_id": dispute.id,
                "resolution": "rejected",
                "subject": "Your dispute",
                "body": "<p>The price is as agreed.</p>",
            }
        ).action_resolve()
        self._take("collections_portal_answer")

    def test_a_plan_is_signed(self):
        plan = self.system["collection.plan"]._make(
            self._get_receivable_lines(self.invoices).with_env(self.system),
            schedules={self.currency: [(self._day(5), 700), (self._day(35), 800)]},
        )
        self._take("collections_portal_sign")
        self.assertEqual((plan.state, plan.signed_by), ("active", "Paula Client"))
        self.assertTrue(plan.signature)

    def test_a_plan_is_signed_and_its_first_instalment_charged_by_itself(self):
        plan = self.system["collection.plan"]._make(
            self._get_receivable_lines(self.invoices).with_env(self.system),
            schedules={self.currency: [(self._day(0), 700), (self._day(30), 800)]},
        )
        self._take("collections_portal_automatic")
        self.assertEqual((plan.state, plan.is_automatic), ("active", True))
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            self.system(cr=cr, context={})["collection.plan.charge"]._cron_charge()
        self.env.invalidate_all()
        self.assertEqual(plan.paid_amount, 700)
        self._take("collections_portal_charged")
        self.assertFalse(plan.is_automatic)

    def test_a_reported_payment_is_matched_and_the_customer_sees_it(self):
        self._take("collections_portal_report")
        report = self.requests().agreement
        self.assertEqual((report.move_ids.name, report.reference), ("THIRD", "TR-300"))
        self.assertEqual(report.proof_ids.name, "transfer.txt")
        self._make_payment(self.customer, 300, memo="TR-300")
        report.action_look_again()
        self.env.flush_all()
        self.collector.password = self.collector.login
        self.start_tour(
            f"/odoo/collection.reported.payment/{report.id}",
            "collections_portal_match",
            login=self.collector.login,
        )
        self.env.invalidate_all()
        self.assertEqual(report.state, "credited")
        self._take("collections_portal_credited")


class TestPhone(JourneyCase):
    """The journey in Spanish on a phone, 360 px wide; nothing has to be scrolled sideways."""

    browser_size = "360x740"
    touch_enabled = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.system["res.lang"]._activate_lang("es_ES")
        cls.system["ir.module.module"]._load_module_terms(
            ["collections_management", "collections_portal", "portal"], ["es_ES"]
        )
        cls.contact.lang = "es_ES"

    def test_in_spanish_on_a_phone(self):
        self._take("collections_portal_phone")
        promise = self.requests().agreement
        self.assertEqual((promise.move_ids.name, promise.amount), ("FIRST", 100))
        self.assertIn("¿Cuándo entregan?", str(self.customer.message_ids.mapped("body")))
