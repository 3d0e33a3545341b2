"""Disputes: registered, solved by another department, credited or rejected, and what follows."""

from odoo.tools import SQL

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import CollectionsCommon, days


class DisputeCommon(CollectionsCommon):
    """A customer with two overdue invoices of 100 and 50; logistics solves in five working days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.collection_dispute_days = 7
        cls.resolver = cls._make_user("resolver", "collections_management.group_dispute_resolver")
        cls.area = cls.system["collection.area"].create(
            {"name": "Logistics", "responsible_id": cls.resolver.id, "days": 5}
        )
        cls.reason = cls.system["collection.dispute.reason"].create(
            {"name": "Not received", "area_id": cls.area.id}
        )
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.other = cls._make_invoice(cls.customer, 50)

    @classmethod
    def _make_user(cls, role, *groups, **values):
        return mail_new_test_user(
            cls.system,
            login=f"test_{role}",
            name=f"Test {role}",
            email=f"{role}@company.example.com",
            groups=",".join(groups),
            company_id=cls.company.id,
            notification_type="inbox",
            **values,
        )

    @classmethod
    def _dispute(cls, *moves, amount=None, user=None, **values):
        """Register a dispute of a customer about these moves."""
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        model = cls.system["collection.dispute"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.dispute"]
        amounts = amount and {lines.currency_id: amount}
        values.setdefault("reason_id", cls.reason.id)
        dispute = model._make(lines.with_env(model.env), amounts, **values)
        return dispute.with_env(model.env(user=cls.system.uid))


class TestRegister(DisputeCommon):
    def test_dispute_holds_its_invoice(self):
        dispute = self._dispute(self.invoice, user=self.collector, note="Box is empty")
        self.assertRegex(dispute.number, r"^DI/2026/\d{5}$")
        self.assertEqual((dispute.amount, dispute.open_amount), (100, 100))
        self.assertEqual((dispute.area_id, dispute.owner_id), (self.area, self.resolver))
        self.assertEqual(dispute.deadline, days(7), "five working days, over a weekend")
        self.assertEqual(self.invoice.collection_status, "disputed")
        self.assertDecision(self.invoice, "disputed")
        self.assertDecision(self.other, "claim")


class TestPartly(DisputeCommon):
    """Only a part is disputed."""

    def test_whole_invoice_is_held_unless_the_scheme_says_otherwise(self):
        self._dispute(self.invoice, amount=30)
        self.assertDecision(self.invoice, "disputed")

    def _claim_rest(self):
        self.scheme.claim_undisputed = True

    def test_rest_is_claimed_where_the_scheme_says_so(self):
        self._claim_rest()
        dispute = self._dispute(self.invoice, amount=30)
        item = self.items(self.invoice)
        self.assertEqual(item.decision, "claim")
        self.assertEqual((item.residual_currency, item.claimable_currency), (100, 70))
        self.assertEqual(item.claimable, 70)
        self.assertIn("Claimed today", item.explanation)
        self.assertIn(dispute.number, item.explanation)
        notice = self.decide(self.customer)
        line = notice.line_ids.filtered(lambda line: line.move_id == self.invoice)
        self.assertEqual((line.residual_currency, line.residual), (70, 70))
        self.assertEqual(notice.claimed_text, "$\xa0120.00")
        self.assertIn("In dispute", notice.items_html)
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_all_of_it_is_held_where_all_is_disputed(self):
        self._claim_rest()
        self._dispute(self.invoice)
        self.assertDecision(self.invoice, "disputed")

    def test_rest_that_is_paid_leaves_the_disputed_part(self):
        self._claim_rest()
        dispute = self._dispute(self.invoice, amount=30)
        self._pay(self.invoice, 50)
        self.assertEqual(self.items(self.invoice).claimable_currency, 20)
        self._pay(self.invoice, 20)
        self.assertDecision(self.invoice, "disputed")
        self.assertEqual((dispute.state, dispute.open_amount), ("open", 30))
        self._pay(self.invoice)
        self.assertEqual(dispute.state, "settled")

    def test_rest_is_no_more_than_credits_leave(self):
        self._claim_rest()
        self._dispute(self.invoice, self.other, amount=149)
        self._make_credit(self.customer, 20)
        self.assertDecision(self.other, "covered")

    def test_pause_stops_the_rest_too(self):
        self._claim_rest()
        self._dispute(self.invoice, amount=30)
        self._hold(self.invoice, "paused")
        self.assertDecision(self.invoice, "paused")

    def test_what_is_sent_is_withdrawn_when_the_rest_is_disputed_too(self):
        self._claim_rest()
        notice = self.decide(self.customer)
        self._dispute(self.invoice, amount=30)
        self.assertEqual(len(notice.line_ids), 2)
        self.deliver()
        line = notice.line_ids.filtered(lambda line: line.move_id == self.invoice)
        self.assertEqual(line.residual_currency, 70)

    def test_sums_of_the_customer_are_the_same_both_ways(self):
        self._claim_rest()
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        self._dispute(self.invoice, amount=30)
        self._dispute(foreign, amount=20)
        items = self.system["collection.due.item"]
        self.env.flush_all()
        ids = SQL("%s", (self.customer.id,))
        today = days(0)
        one = self.env.execute_query_dict(
            SQL("SELECT * FROM (%s) q ORDER BY id", items._get_query(today, ids))
        )
        once = self.env.execute_query_dict(
            SQL(
                "SELECT * FROM (%s) q ORDER BY id",
                items._get_query(today, ids, nets=items._get_nets_sql(today, ids)),
            )
        )
        self.assertEqual(one, once)
        [row] = [row for row in one if row["move_id"] == foreign.id]
        self.assertEqual(row["claimable_currency"], 40)
        self.assertAlmostEqual(
            float(row["claimable"]), round(foreign.amount_residual_signed * 40 / 60, 2), 2
        )
