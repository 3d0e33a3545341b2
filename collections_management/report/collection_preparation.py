from odoo import api, fields, models
from odoo.tools import format_date


class ReportCollectionPreparation(models.AbstractModel):
    """What a collector should know before a call, on paper: one sheet for each customer."""

    _name = "report.collections_management.report_preparation"
    _description = "Preparation Sheet"

    @api.model
    def _get_report_values(self, docids, data=None):
        customers = self.env["collection.customer"].browse(docids)
        customers.check_access("read")
        lang = self.env.user.lang or self.env.lang
        return {
            "doc_ids": docids,
            "doc_model": "collection.customer",
            "docs": customers,
            "lang": lang,
            "sheets": [
                self._prepare_sheet(customer) for customer in customers.with_context(lang=lang)
            ],
        }

    def _prepare_sheet(self, customer):
        """Hook: what the template shows of one customer, as texts in the reader's language."""
        briefing = customer.env["collection.contact.briefing"]
        recipient = customer.sudo()._get_recipient(needs="phone")
        return {
            **briefing._read(customer, self._get_lines(customer)),
            **briefing._read_history(customer),
            "date": format_date(customer.env, fields.Date.context_today(customer)),
            "people": (
                recipient | customer.sudo().management_contact_id | customer.sudo().partner_id
            ),
        }

    def _get_lines(self, customer):
        """Return the open items that the call is about."""
        items = customer.env["collection.due.item"].with_context(collection_facts_only=True)
        overdue = items.search(
            [
                ("customer_id", "=", customer.id),
                ("residual_currency", ">", 0),
                ("days_overdue", ">", 0),
            ]
        )
        return customer.env["account.move.line"].browse(overdue.ids)
