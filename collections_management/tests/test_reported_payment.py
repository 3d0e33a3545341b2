"""Reported payments: what customers say to have paid, looked for in the ledger and in the bank."""

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

    def assertState(self, report, state):
        self.env.flush_all()
        report.invalidate_recordset()
        self.assertEqual(report.state, state)


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
