from odoo import api, models


class CollectionPlanReport(models.AbstractModel):
    """The agreement on paper: each in its customer's language."""

    _name = "report.collections_management.report_plan"
    _description = "Payment Plan on Paper"

    @api.model
    def _get_report_values(self, docids, data=None):
        plans = self.env["collection.plan"].browse(docids)
        plans.check_access("read")
        return {"agreements": [self._prepare_agreement(plan) for plan in plans]}

    @api.model
    def _prepare_agreement(self, plan):
        """Hook: what the page of a plan is made of."""
        lang = plan._get_customer_lang()
        # sudo: what the plan was about when it was agreed; the company's own account
        company = plan.company_id.sudo()
        return {
            "plan": plan.with_context(lang=lang),
            "lang": lang,
            "holds": plan.sudo()
            ._get_holds()
            .sorted(lambda hold: (hold.move_id.name or "", hold.id)),
            "bank_account": company.collection_bank_account_id or company.partner_id.bank_ids[:1],
        }
