from collections import defaultdict

from odoo import api, models
from odoo.tools import format_amount, format_date, get_lang

# Not on a statement: what does not come from the trade with the customer.
LEFT_OUT = ("no_partner", "non_trade")


class ReportCollectionStatement(models.AbstractModel):
    """The statement of a customer's open items, by currency, with its ageing."""

    _name = "report.collections_management.report_statement"
    _description = "Statement of Account"

    @api.model
    def _get_report_values(self, docids, data=None):
        customers = self.env["collection.customer"].browse(docids)
        customers.check_access("read")
        # sudo: the statement is the customer's whole account, over the branches of the company
        items = self.env["collection.notice.content"].sudo()._read_open_items(customers.sudo())
        return {
            "doc_ids": docids,
            "doc_model": "collection.customer",
            "docs": customers,
            "statements": [
                self._prepare_statement(customer.sudo(), items.get(customer.id, []))
                for customer in customers
            ],
        }

    @api.model
    def _prepare_statement(self, customer, items):
        """Return what the template shows of one customer, in its language.

        :param customer: collection.customer
        :param items: its open items, from ``collection.notice.content._read_open_items``
        """
        # composing a notice, the statement goes to the notice's contact
        notice = customer.notice_id if self.env.context.get("collection_notice_ids") else None
        recipient = (notice and notice.recipient_id) or customer._get_recipient()
        lang = get_lang(self.env, recipient.lang or customer.partner_id.lang).code
        report = self.with_context(lang=lang)
        by_currency = defaultdict(list)
        for item in items:
            if item["decision"] not in LEFT_OUT and not item["non_trade"]:
                by_currency[item["currency_id"]].append(item)
        return {
            "customer": customer.with_context(lang=lang),
            "company": customer.company_id.with_context(lang=lang),
            "recipient": recipient.with_context(lang=lang),
            "lang": lang,
            "date": format_date(report.env, customer.company_id._get_collection_today()),
            "groups": [
                report._prepare_group(
                    report.env["res.currency"].browse(currency_id), rows, customer.company_id
                )
                for currency_id, rows in by_currency.items()
            ],
        }

    def _prepare_group(self, currency, items, company):
        """Return one currency's items, ageing and totals as texts."""

        def text(amount):
            return format_amount(self.env, amount, currency)

        def total(rows):
            return sum(item["residual_currency"] for item in rows)

        overdue = [i for i in items if i["residual_currency"] > 0 and i["days_overdue"] > 0]
        not_due = [i for i in items if i["residual_currency"] > 0 and i["days_overdue"] <= 0]
        credits = [i for i in items if i["residual_currency"] <= 0]
        content = self.env["collection.notice.content"]
        return {
            "currency": currency,
            "items": [content._prepare_row(item, currency, {}) for item in items],
            "ageing": [
                (bucket.name, text(amount))
                for bucket, amount in self._get_ageing(overdue + not_due, company)
            ],
            "overdue": text(total(overdue)),
            "not_due": text(total(not_due)),
            "credits": text(total(credits)) if credits else False,
            "balance": text(total(items)),
        }

    def _get_ageing(self, items, company):
        """Return the sums of what is owed by age: list of (collection.bucket, amount)."""
        # sudo: the ageing is the company's, whoever prints it
        Bucket = self.env["collection.bucket"].sudo()
        buckets = Bucket.search([("company_id", "=", company.id)]) or Bucket.search(
            [("company_id", "=", False)]
        )
        sums = defaultdict(float)
        for item in items:
            sums[item["bucket_id"]] += item["residual_currency"]
        return [(bucket, sums[bucket.id]) for bucket in buckets]
