from odoo import models


class CollectionNoticeContent(models.AbstractModel):
    _inherit = "collection.notice.content"

    def _prepare_items_values(self, groups):
        """Override: the message has a link to the customer's page; a letter has none."""
        values = super()._prepare_items_values(groups)
        values["page_url"] = not values["paper"] and self.customer_id._get_portal_url(
            self.recipient_id
        )
        return values
