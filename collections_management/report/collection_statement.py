from odoo import api, models
from odoo.tools import format_amount


class ReportCollectionStatement(models.AbstractModel):
    """Statements of account on paper: what is open, or what was booked in a period, by currency."""

    _name = "report.collections_management.report_statement"
    _description = "Statement of Account on Paper"

    @api.model
    def _get_report_values(self, docids, data=None):
        customers = self.env["collection.customer"].browse(docids)
        return self._prepare_values(customers, (data or {}).get("period"))

    @api.model
    def _prepare_values(self, customers, period):
        """Return what the template shows.

        :param customers: collection.customer
        :param period: None for what is open today, or tuple of first and last day
        """
        customers.check_access("read")
        return {
            "doc_ids": customers.ids,
            "doc_model": "collection.customer",
            "docs": customers,
            "statements": [
                statement
                # sudo: the statement is the customer's whole account, over the company's branches
                for company, files in customers.sudo().grouped("company_id").items()
                for statement in self._prepare_statements(company, files, period)
            ],
        }

    @api.model
    def _prepare_statements(self, company, customers, period):
        """Return the statements of customers of one main company, in the order of ``customers``."""
        heads = {customer.id: self._prepare_head(customer, period) for customer in customers}
        ledger = self.env["collection.statement.ledger"]
        for sums, rows in ledger._iterate_groups(customers, period):
            head = heads[sums["customer_id"]]
            report = self.with_context(lang=head["lang"])
            currency = report.env["res.currency"].browse(sums["currency_id"])
            prepare = report._prepare_movements if period else report._prepare_open_items
            # what is left of exchange rates is ours, not the customer's
            amount = "amount_currency" if period else "residual_currency"
            told = [row for row in rows if row[amount]]
            if told or sums["balance"]:
                head["groups"].append(prepare(currency, sums, told, company))
        return list(heads.values())

    @api.model
    def _prepare_head(self, customer, period):
        """Return a statement without its groups, in the language of its contact."""
        recipient = customer._get_written_to()
        lang = customer._get_statement_lang(recipient)
        statements = self.env["collection.statement"].with_context(lang=lang)
        return {
            "customer": customer.with_context(lang=lang),
            "company": customer.company_id.with_context(lang=lang),
            "recipient": recipient.with_context(lang=lang),
            "lang": lang,
            "when": statements._get_when(customer.company_id, period),
            "period": period,
            "groups": [],
        }

    def _prepare_open_items(self, currency, sums, rows, company):
        """Return one currency's items, ageing and totals as texts."""
        content = self.env["collection.notice.content"]
        # sudo: the ageing is the company's, whoever prints it
        buckets = self.env["collection.bucket"]._get_of_company(company)
        return {
            "currency": currency,
            "items": [content._prepare_row(row, currency, {}) for row in rows],
            "ageing": [
                (bucket.name, format_amount(self.env, sums[f"bucket_{bucket.id}"], currency))
                for bucket in buckets
            ],
            **self._format(sums, ("overdue", "not_due", "balance"), currency),
            "credits": sums["credits"] and format_amount(self.env, sums["credits"], currency),
        }

    def _prepare_movements(self, currency, sums, rows, _company):
        """Return one currency's movements and balances as texts."""
        content = self.env["collection.notice.content"]
        balance, movements = sums["opening"], []
        for row in rows:
            amount = row["amount_currency"]
            balance += amount
            movements.append(
                {
                    "date": content._format_day(row["date"]),
                    "name": content._get_movement_name(row),
                    "due": self._get_movement_due(row),
                    "debit": amount > 0 and format_amount(self.env, amount, currency),
                    "credit": amount < 0 and format_amount(self.env, -amount, currency),
                    "balance": format_amount(self.env, balance, currency),
                }
            )
        return {
            "currency": currency,
            "movements": movements,
            **self._format(sums, ("opening", "debit", "credit", "balance"), currency),
        }

    def _get_movement_due(self, row):
        """Return the due date as text; a payment has none."""
        if row["is_payment"] or not row["date_due"]:
            return ""
        return self.env["collection.notice.content"]._format_day(row["date_due"])

    def _format(self, sums, names, currency):
        """Return some of the sums as texts."""
        return {name: format_amount(self.env, sums[name], currency) for name in names}


class ReportCollectionStatementChosen(models.AbstractModel):
    """The same, as a person chose in the dialog."""

    _name = "report.collections_management.report_statement_chosen"
    _inherit = "report.collections_management.report_statement"
    _description = "Chosen Statements of Account on Paper"

    @api.model
    def _get_report_values(self, docids, data=None):
        wizard = self.env["collection.statement.wizard"].browse(docids)
        return self._prepare_values(wizard.customer_ids, wizard._get_period())
