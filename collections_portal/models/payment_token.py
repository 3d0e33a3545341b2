from odoo import api, models


class PaymentToken(models.Model):
    _inherit = "payment.token"

    def _handle_archiving(self):
        """Override of ``payment``: plans that are paid with it stop, and both sides are told."""
        super()._handle_archiving()
        self._stop_plans()

    @api.ondelete(at_uninstall=False)
    def _unlink_stops_plans(self):
        self._stop_plans()

    def _stop_plans(self):
        # sudo: whoever archives it need not have rights on plans
        plans = self.env["collection.plan"].sudo()
        plans.search([("charge_token_id", "in", self.ids)])._stop_charges("removed")
