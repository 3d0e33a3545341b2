import io

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import get_lang


class CollectionCustomer(models.Model):
    """The customer's file: its statements of account."""

    _inherit = "collection.customer"

    statement_ids = fields.One2many("collection.statement", "customer_id", string="Statements")
    statement_count = fields.Integer(compute="_compute_statement_count")
    statement_date = fields.Date(
        string="Last Periodic Statement",
        readonly=True,
        copy=False,
        help="The last day on which the scheme asked for a statement and it was looked at.",
    )
    statement_failure = fields.Char(
        compute="_compute_statement_failure", help="Why the last statement could not be sent."
    )
    statement_id = fields.Many2one(
        "collection.statement",
        string="Statement Being Written",
        compute="_compute_statement_id",
        help="For message templates: the statement and its balance.",
    )

    def _compute_statement_count(self):
        counts = dict(
            self.env["collection.statement"]._read_group(
                [("customer_id", "in", self.ids)], ["customer_id"], ["__count"]
            )
        )
        for customer in self:
            customer.statement_count = counts.get(customer, 0)

    @api.depends("statement_ids.state", "statement_ids.failure")
    def _compute_statement_failure(self):
        for customer in self:
            last = customer.statement_ids[:1]
            customer.statement_failure = last.state == "failed" and last.failure

    @api.depends_context("collection_statement_ids")
    def _compute_statement_id(self):
        """The statement that is being written, else one of today (for template tests)."""
        statements = self.env["collection.statement"]
        written = statements._get_being_written().grouped("customer_id")
        for customer in self:
            customer.statement_id = written.get(customer, statements)[:1] or statements.new(
                {"customer_id": customer.id, "company_id": customer.company_id.id}
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_statements(self):
        for customer in self:
            if customer.statement_count:
                raise UserError(
                    self.env._(
                        "The file of %(customer)s holds %(count)s statements of account that were "
                        "sent and is kept as evidence; archive it instead.",
                        customer=customer.partner_id.display_name,
                        count=customer.statement_count,
                    )
                )

    # ------------------------------------------------------------
    # To whom
    # ------------------------------------------------------------

    def _get_written_to(self):
        """Return the contact of the message being written, else the payments contact."""
        self.ensure_one()
        return self._get_all_written_to()[self]

    def _get_all_written_to(self):
        """Return the same of several: dict collection.customer -> res.partner."""
        contacts = {}
        for kind in self.env["collection.delivery"]._get_kinds():
            for customer, written in kind._get_being_written().grouped("customer_id").items():
                if written[0].recipient_id:
                    contacts.setdefault(customer, written[0].recipient_id)
        return {customer: contacts.get(customer) or customer._get_recipient() for customer in self}

    def _get_statement_lang(self, recipient):
        """Return the code of the language that a statement for a contact is in."""
        self.ensure_one()
        return get_lang(self.env, recipient.lang or self.partner_id.lang).code

    # ------------------------------------------------------------
    # Printing
    # ------------------------------------------------------------

    def _print_statement(self, period=None):
        """Return the name and the content of the customer's statement as PDF.

        :param period: None for what is open today, or tuple of first and last day
        """
        self.ensure_one()
        # sudo: made by the system for the customer, whoever asks
        content, _type = (
            self.env["ir.actions.report"]
            .sudo()
            ._render_qweb_pdf(
                "collections_management.report_statement", self.ids, data={"period": period}
            )
        )
        return f"{self._get_statement_name(period)}.pdf", content

    def _write_statement_workbook(self, period=None):
        """Return the name and the content of the customer's statement as Excel workbook.

        :param period: as ``_print_statement`` takes it
        """
        self.ensure_one()
        lang = self._get_statement_lang(self._get_written_to())
        file = io.BytesIO()
        self.env["collection.statement.workbook"].with_context(lang=lang)._write_workbook(
            file, self, period
        )
        return f"{self._get_statement_name(period)}.xlsx", file.getvalue()

    def _get_statement_name(self, period=None):
        """Return what a file with the statement is called, without ending."""
        lang = self._get_statement_lang(self._get_written_to())
        worded = self.with_context(lang=lang)
        day = period[1] if period else self.company_id._get_collection_today()
        return worded.env._(
            "Statement %(customer)s %(date)s",
            customer=self.partner_id.name.replace("/", "-"),
            date=fields.Date.to_string(day),
        )

    # ------------------------------------------------------------
    # Moving files
    # ------------------------------------------------------------

    def _merge_into(self, target):
        """Override: the statements move along."""
        # sudo: the history moves whole, whoever sees it
        self.env["collection.statement"].sudo().search(
            [("customer_id", "in", self.ids)]
        ).customer_id = target
        return super()._merge_into(target)

    def _prepare_merge_values(self, target):
        """Override: who has had the period's statement gets no second one."""
        values = super()._prepare_merge_values(target)
        if self.statement_date and (
            not target.statement_date or self.statement_date > target.statement_date
        ):
            values["statement_date"] = self.statement_date
        return values

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_statement(self):
        """Ask which statement of these customers is printed or sent."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_statement_wizard_action"
        )
        return dict(action, context={"default_customer_ids": self.ids})

    def action_open_statements(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_statement_action"
        )
        return dict(action, domain=[("customer_id", "=", self.id)], context={})
