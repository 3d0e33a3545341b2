from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class CollectionRegisterOffer(models.TransientModel):
    """A discount for paying what is not due yet by a date: proposed as a plan of one payment."""

    _name = "collection.register.offer"
    _inherit = ["collection.register.agreement"]
    _description = "Offer of a Discount for Paying Early"

    _agreement = "collection.plan"

    discount_percent = fields.Float(string="Discount (%)", required=True)
    date = fields.Date(
        string="Pay Until",
        required=True,
        compute="_compute_date",
        store=True,
        readonly=False,
        help="So long the offer is valid; it has to be before the invoices are due.",
    )
    offer_text = fields.Char(string="To Pay", compute="_compute_offer_text")

    @api.depends("move_line_ids")
    def _compute_date(self):
        """As long as proposals are valid, and not longer than until the first invoice is due."""
        for register in self:
            today = fields.Date.context_today(register)
            due = min((line._get_collection_due() for line in register._get_lines()), default=today)
            days = register.customer_id.company_id.collection_plan_valid_days
            register.date = max(min(fields.Date.add(today, days=days), due), today)

    @api.depends("discount_percent", "move_line_ids")
    def _compute_offer_text(self):
        for register in self:
            register.offer_text = " + ".join(
                register.env._(
                    "%(amount)s instead of %(open)s",
                    amount=currency.format(owed - discount),
                    open=currency.format(owed),
                )
                for currency, (owed, discount) in register._get_amounts().items()
            )

    def _get_lines(self):
        """Return the items of the offer: whole invoices."""
        return self.move_line_ids._origin._get_collection_whole_invoices()

    def _get_amounts(self):
        """Return what is open and what is let off: dict res.currency -> (amount, amount)."""
        self.ensure_one()
        amounts = {}
        for currency, group in self._get_open_by_currency().items():
            owed = sum(group.mapped("amount_residual_currency"))
            amounts[currency] = (owed, currency.round(owed * self.discount_percent / 100))
        return amounts

    def _check_offer(self):
        """Refuse an offer that is none, or not for paying early.

        :raises UserError: naming the invoice, the rule and the way out
        """
        self.ensure_one()
        _, customer = self.env._, self.partner_id.display_name
        if not 0 < self.discount_percent < 100:
            raise UserError(
                _(
                    "%s: a discount is more than 0 and less than 100 percent: write how much is let "
                    "off.",
                    customer,
                )
            )
        today = fields.Date.context_today(self)
        for line in self._get_lines():
            due = line._get_collection_due()
            values = {
                "invoice": line._get_collection_name(),
                "due": format_date(self.env, due),
                "date": format_date(self.env, self.date),
            }
            if due < today:
                raise UserError(
                    _(
                        "%(invoice)s was due on %(due)s, and this discount is for paying early. Leave "
                        "it out, or register a payment plan with a discount.",
                        **values,
                    )
                )
            if self.date > due:
                raise UserError(
                    _(
                        "The offer would be valid until %(date)s, and %(invoice)s is due on %(due)s "
                        "already: choose that day or an earlier one.",
                        **values,
                    )
                )

    def action_offer(self):
        """Register the offer, one for each currency, and write to the customer."""
        self.ensure_one()
        self._check_offer()
        amounts = self._get_amounts()
        plans = self.env["collection.plan"]._make(
            self.move_line_ids,
            schedules={
                currency: [(self.date, owed - discount)]
                for currency, (owed, discount) in amounts.items()
            },
            discounts={currency: discount for currency, (_owed, discount) in amounts.items()},
            valid_until=self.date,
            note=self.note,
        )
        if len(plans) == 1:
            return plans.action_send()
        return self._say_registered(plans)
