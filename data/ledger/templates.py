"""Templates: documents that the ORM makes once, so that set-based loading copies its rows.

Whatever columns Odoo and the installed modules fill in for a document is taken from one that
was made through the ORM (and rolled back); only what differs between documents of one kind
(partner, dates, amounts, names) is written by the loader.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field

from odoo import Command


@dataclass(slots=True)
class TaxTemplate:
    """How a tax is written: its rate as a fraction and the template of its line (None: 0 %)."""

    rate: float
    line: list = None
    tags: tuple = ()
    name: str = ""


@dataclass(slots=True)
class LineTemplate:
    """A line of a product: its row, the ids of its taxes and tags."""

    row: list
    taxes: tuple = ()
    tags: tuple = ()


@dataclass(slots=True)
class MoveTemplate:
    """An invoice or credit note: rows of the move, of its lines by product id, of its term line.

    ``problem`` says why such documents cannot be written set-based; empty if they can.
    """

    move: list
    term: list
    products: dict = field(default_factory=dict)
    taxes: dict = field(default_factory=dict)
    problem: str = ""


@dataclass(slots=True)
class PaymentTemplate:
    """A payment with its journal entry: liquidity line and receivable line."""

    payment: list
    move: list
    liquidity: list
    counterpart: list
    label: str
    matched: bool


@contextmanager
def rolled_back(env):
    """Undo in the end whatever is done to the database and to its caches."""
    env.flush_all()
    with env.cr.savepoint(flush=False) as savepoint:
        yield
        env.flush_all()
        savepoint.rollback()
    env.invalidate_all(flush=False)
    env["account.move"]._get_sequence_cache().clear()


class TemplateMaker:
    """Makes templates through the ORM and keeps them."""

    def __init__(self, masters, tables):
        self.masters = masters
        self.env = masters.env
        self.tables = tables
        self._moves = {}
        self._payments = {}

    def move(self, kind, company_key, currency, partner, fiscal_position):
        """The template of documents of a ``kind`` (invoice, refund).

        :param partner: a customer with that fiscal position, to make the template for
        """
        key = (kind, company_key, currency.id, fiscal_position.id)
        if key not in self._moves:
            self._moves[key] = self._make_move(kind, company_key, currency, partner)
        return self._moves[key]

    def _make_move(self, kind, company_key, currency, partner):
        company = self.masters.companies[company_key]
        with rolled_back(self.env):
            move = (
                self.env["account.move"]
                .with_company(company)
                .create(
                    {
                        "move_type": {"invoice": "out_invoice", "refund": "out_refund"}[kind],
                        "company_id": company.id,
                        "journal_id": self.masters.journal(company_key, "sale").id,
                        "partner_id": partner.id,
                        "invoice_date": self.masters.today,
                        "invoice_payment_term_id": False,
                        "currency_id": currency.id,
                        "invoice_line_ids": [
                            Command.create({"product_id": product.id, "price_unit": 100.0})
                            for product in self.masters.products.values()
                        ],
                    }
                )
            )
            move.action_post()
            self.env.flush_all()
            return self._read_move(move)

    def _read_move(self, move):
        tables = self.tables
        template = MoveTemplate(
            move=tables.move.template(tables.move.read(move.ids)[0]),
            term=None,
        )
        rows = {row["id"]: row for row in tables.line.read(move.line_ids.ids)}
        for line in move.line_ids:
            row = tables.line.template(rows[line.id])
            tags = tuple(line.tax_tag_ids.ids)
            if line.display_type == "payment_term":
                template.term = row
            elif line.display_type == "product":
                product = LineTemplate(row, tuple(line.tax_ids.ids), tags)
                template.products[line.product_id.id] = product
            elif line.display_type == "tax" and line.tax_line_id.id not in template.taxes:
                tax = TaxTemplate(line.tax_line_id.amount / 100, row, tags, line.name)
                template.taxes[line.tax_line_id.id] = tax
            else:
                template.problem = f"{line.display_type} line {line.name!r}"
        for tax in move.invoice_line_ids.tax_ids:
            if not _is_simple(tax):
                template.problem = f"tax {tax.name!r} is not a plain percentage"
            template.taxes.setdefault(tax.id, TaxTemplate(tax.amount / 100))
        return template

    def payment(self, company_key, method, partner, currency):
        """The template of payments to a company by a payment method line."""
        key = (company_key, method.id, currency.id)
        if key not in self._payments:
            self._payments[key] = self._make_payment(company_key, method, partner, currency)
        return self._payments[key]

    def _make_payment(self, company_key, method, partner, currency):
        company = self.masters.companies[company_key]
        with rolled_back(self.env):
            payment = (
                self.env["account.payment"]
                .with_company(company)
                .create(
                    {
                        "payment_type": "inbound",
                        "partner_type": "customer",
                        "partner_id": partner.id,
                        "company_id": company.id,
                        "journal_id": method.journal_id.id,
                        "payment_method_line_id": method.id,
                        "currency_id": currency.id,
                        "amount": 100.0,
                        "date": self.masters.today,
                        "memo": "memo",
                    }
                )
            )
            payment.action_post()
            self.env.flush_all()
            return self._read_payment(payment)

    def _read_payment(self, payment):
        tables = self.tables
        liquidity, counterpart, _others = payment._seek_for_lines()
        liquidity_row, counterpart_row = (
            tables.line.template(tables.line.read(line.ids)[0]) for line in (liquidity, counterpart)
        )
        return PaymentTemplate(
            payment=tables.payment.template(tables.payment.read(payment.ids)[0]),
            move=tables.move.template(tables.move.read(payment.move_id.ids)[0]),
            liquidity=liquidity_row,
            counterpart=counterpart_row,
            label=liquidity.name.removesuffix("memo"),
            matched=payment.is_matched,
        )


def _is_simple(tax):
    """A percentage on top of the price, booked on one line."""
    repartition = tax.invoice_repartition_line_ids | tax.refund_repartition_line_ids
    shares = repartition.filtered(lambda line: line.repartition_type == "tax")
    return (
        tax.amount_type == "percent"
        and not tax.price_include
        and not tax.include_base_amount
        and tax.tax_exigibility == "on_invoice"
        and len(shares) == 2
        and all(share.factor_percent == 100 for share in shares)
    )
