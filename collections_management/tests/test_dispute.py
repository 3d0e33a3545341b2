"""Disputes: registered, solved by another department, credited or rejected, and what follows."""

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
        from odoo.addons.mail.tests.common import mail_new_test_user

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
