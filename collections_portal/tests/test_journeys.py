"""What customers do, in a real browser."""

from .common import ROOT, PortalCase


class TestJourneys(PortalCase):
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

    def _take(self, tour):
        """Take a tour from the link in a message."""
        self.env.flush_all()
        self.start_tour(f"{ROOT}?access_token={self.token}", tour)
        self.env.invalidate_all()

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
