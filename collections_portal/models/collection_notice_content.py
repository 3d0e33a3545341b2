from odoo import models


class CollectionNoticeContent(models.AbstractModel):
    _inherit = "collection.notice.content"

    def _prepare_items_values(self, groups):
        """Override: the message has a link to the customer's page; a letter has none."""
        values = super()._prepare_items_values(groups)
        values["page_url"] = not values["paper"] and self.customer_id._get_portal_url(
            self.recipient_id
        )
        values["charged_text"] = self._get_charged_text()
        if values["charged_text"]:
            values |= {"bank_accounts": self.env["res.partner.bank"], "can_pay_online": False}
        return values

    def _get_charged_text(self):
        """Return the sentence that says to what the announced instalments are charged; falsy: they aren't."""
        self.ensure_one()
        numbers = [-line.round_number for line in self._get_live_lines() if line.round_number < 0]
        # sudo: what a customer is told is the same for everyone
        plans = self.env["collection.plan.line"].sudo().browse(numbers).exists().plan_id
        if self.step_id.phase != "upcoming" or not plans or not all(plans.mapped("is_automatic")):
            return False
        return self.env._(
            "It is charged on its date to the payment method that you saved (%s): there is nothing you "
            "need to do. You can turn that off at any time on your page.",
            ", ".join(dict.fromkeys(plans.mapped("charge_method"))),
        )
