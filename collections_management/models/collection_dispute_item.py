from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError


class CollectionDisputeItem(models.Model):
    """An item that is disputed, and how much of it.

    Its facts are told to whoever may see the dispute: the one who solves it need have no right on
    invoices.
    """

    _name = "collection.dispute.item"
    _description = "Disputed Item"
    _order = "date_due, id"
    _rec_name = "document"
    _check_company_auto = True

    dispute_id = fields.Many2one(
        "collection.dispute", required=True, index=True, ondelete="cascade", check_company=True
    )
    move_line_id = fields.Many2one(
        "account.move.line", string="Item", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="dispute_id.company_id", store=True, index=True, precompute=True
    )
    currency_id = fields.Many2one(related="dispute_id.currency_id")
    amount = fields.Monetary(string="Disputed", required=True, aggregator=False)
    accepted_amount = fields.Monetary(
        string="Accepted",
        readonly=True,
        aggregator=False,
        help="What the customer is right about, and a credit note is made for.",
    )

    # sudo (compute_sudo): told without any right on invoices
    document = fields.Char(string="Invoice", compute="_compute_facts", compute_sudo=True)
    date_invoice = fields.Date(string="Invoice Date", compute="_compute_facts", compute_sudo=True)
    date_due = fields.Date(
        string="Due Date",
        related="move_line_id.date_maturity",
        store=True,
        help="The instalment's own.",
    )
    total = fields.Monetary(
        string="Amount of the Item",
        compute="_compute_facts",
        compute_sudo=True,
        aggregator=False,
    )
    residual = fields.Monetary(
        string="Open Amount", compute="_compute_facts", compute_sudo=True, aggregator=False
    )
    customer = fields.Char(compute="_compute_facts", compute_sudo=True)
    reference = fields.Char(
        string="Customer's Reference", compute="_compute_facts", compute_sudo=True
    )
    products = fields.Html(
        string="What Was Invoiced", compute="_compute_products", compute_sudo=True
    )
    has_pdf = fields.Boolean(string="Has a PDF", compute="_compute_facts", compute_sudo=True)

    _once = models.Constraint(
        "UNIQUE(dispute_id, move_line_id)",
        "An item is in a dispute only once: change its amount instead.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``base``: they are registered together with their dispute, none later."""
        items = super().create(vals_list)
        for dispute in items.dispute_id:
            # sudo: whether it holds anything yet
            if not self.env.su and dispute.sudo()._get_holds():
                raise UserError(
                    self.env._(
                        "%s stays as it was agreed: no item can be added. Register another dispute "
                        "about it.",
                        dispute.number,
                    )
                )
        return items

    @api.depends("move_line_id.amount_residual_currency")
    def _compute_facts(self):
        for item in self:
            line = item.move_line_id
            move = line.move_id
            item.update(
                {
                    "document": line._get_collection_name(),
                    "date_invoice": move.invoice_date or line.date,
                    "total": line.amount_currency,
                    "residual": line.amount_residual_currency,
                    "customer": move.partner_id.display_name or line.partner_id.display_name,
                    "reference": move.ref,
                    "has_pdf": move.is_sale_document(include_receipts=True),
                }
            )

    @api.depends_context("lang")
    @api.depends("move_line_id")
    def _compute_products(self):
        for item in self:
            move = item.move_line_id.move_id
            lines = move.is_invoice(include_receipts=True) and move.invoice_line_ids.filtered(
                lambda line: line.display_type == "product"
            )
            item.products = (
                Markup("<ul class='mb-0 ps-3'>%s</ul>")
                % Markup().join(Markup("<li>%s</li>") % item._describe(line) for line in lines)
                if lines
                else False
            )

    def _describe(self, line):
        """Hook: what is told of a line of the invoice: quantity, product, price."""
        return self.env._(
            "%(quantity)s × %(product)s: %(amount)s",
            quantity=f"{line.quantity:g}",
            product=line.name or line.product_id.display_name or "",
            amount=line.currency_id.format(line.price_total),
        )

    def _get_pdf(self):
        """Return the invoice's PDF as Odoo has sent it, else as it would: (file name, bytes)."""
        self.ensure_one()
        move = self.move_line_id.move_id
        if kept := move.invoice_pdf_report_id:
            return kept.name, kept.raw
        report = self.env["account.move.send"]._get_default_pdf_report_id(move)
        content, _type = (
            self.env["ir.actions.report"]
            .with_company(move.company_id)
            ._render_qweb_pdf(report.report_name, move.ids)
        )
        return move._get_invoice_report_filename(report=report), content

    def action_open_pdf(self):
        """Show the invoice's PDF."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/collections/disputes/{self.id}/invoice.pdf",
            "target": "new",
        }
