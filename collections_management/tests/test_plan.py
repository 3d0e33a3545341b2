"""Payment plans: registered, proposed, accepted, judged by what is paid, breached, and what follows."""

from odoo.exceptions import UserError

from .common import days
from .test_promise import PromiseCommon


class PlanCommon(PromiseCommon):
    """A customer with two overdue invoices of 100 and 50; three days of grace, no tolerance."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"collection_plan_days": 3, "collection_plan_valid_days": 7})

    @classmethod
    def _plan(cls, *moves, schedule=None, user=None, confirmed=True, amount=None, discount=0, **values):
        """Register a plan of a customer: list of (days from today, amount)."""
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        model = cls.system["collection.plan"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.plan"]
        currency = lines.currency_id
        plan = model._make(
            lines.with_env(model.env),
            amount and {currency: amount},
            schedules={currency: [(cls._day(after), part) for after, part in schedule]},
            discounts={currency: discount},
            **values,
        )
        if confirmed:
            plan._confirm("oral")
        return plan.with_env(model.env(user=cls.system.uid))

    def assertLines(self, plan, *expected):
        """Check the instalments' states, paid and remaining amounts."""
        plan.invalidate_recordset()
        plan.line_ids.invalidate_recordset()
        self.assertEqual(
            [(line.state, line.paid_amount, line.remaining_amount) for line in plan.line_ids],
            list(expected),
        )


class TestPlan(PlanCommon):
    def test_plan_holds_its_invoices_and_says_what_is_next(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self.assertEqual(plan.state, "active")
        self.assertRegex(plan.number, r"^PL/2026/\d{5}$")
        self.assertEqual(self.invoice.collection_status, "in_plan")
        self.assertDecision(self.invoice, "in_plan")
        self.assertDecision(self.other, "claim")
        self.assertIn("$\xa040.00", self.items(self.invoice).explanation)
        self.assertIn("03/16/2026", self.items(self.invoice).explanation)
        self.assertEqual((plan.first_date, plan.last_date), (days(5), days(35)))

    def test_payments_pay_the_oldest_instalment_first(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._pay_on(1, self.invoice, 50)
        self.assertLines(plan, ("paid", 40, 0), ("partly", 10, 50))
        self.assertEqual((plan.paid_amount, plan.remaining_amount), (50, 50))
        self.assertEqual(plan.next_date, days(35))
        self._pay_on(2, self.invoice)
        self.assertEqual(plan.state, "done")
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_late_instalment_breaks_the_plan_after_the_days_of_grace(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._run_on(8)
        self.assertEqual(plan.state, "active")
        with self.at(8):
            self.assertLines(plan, ("late", 0, 40), ("upcoming", 0, 60))
        self._run_on(9)
        self.assertEqual(plan.state, "breached")
        self.assertEqual(self.invoice.collection_status, "normal")
        self.assertTrue(self._tasks("breached_plan"))
        with self.at(9):
            self.assertDecision(self.invoice, "claim")

    def test_sum_has_to_be_the_total(self):
        with self.assertRaisesRegex(UserError, "add up to .*90.00"):
            self._plan(self.invoice, schedule=[(5, 40), (35, 50)])
