from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..models.instalments import MOST_INSTALMENTS, PERIODS, count_off, divide, get_dates


class CollectionRegisterPlan(models.TransientModel):
    """In which instalments a customer pays some invoices: registers a plan for each currency."""

    _name = "collection.register.plan"
    _inherit = ["collection.register.agreement"]
    _description = "Register a Payment Plan"

    _agreement = "collection.plan"

    division = fields.Selection(
        [("number", "So many instalments"), ("amount", "So much each")],
        string="Divide Into",
        required=True,
        default="number",
    )
    instalment_count = fields.Integer(string="Instalments", default=3)
    period = fields.Selection(PERIODS, required=True, default="month")
    every_days = fields.Integer(string="Every", default=10)
    date_first = fields.Date(
        string="First Instalment",
        required=True,
        default=lambda self: fields.Date.add(fields.Date.context_today(self), months=1),
    )
    date_down = fields.Date(string="Down Payment On", default=fields.Date.context_today)
    valid_until = fields.Date(
        string="Proposal Valid Until",
        compute="_compute_valid_until",
        store=True,
        readonly=False,
        help="Until then a proposal keeps its invoices from being claimed.",
    )
    amount_ids = fields.One2many(
        "collection.register.plan.amount",
        "register_id",
        string="Amounts",
        compute="_compute_amount_ids",
        store=True,
        readonly=False,
    )
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        help="Of a line that is added.",
    )
    several_currencies = fields.Boolean(compute="_compute_currency_id")
    has_down_payment = fields.Boolean(compute="_compute_has_down_payment")
    line_ids = fields.One2many(
        "collection.register.plan.line",
        "register_id",
        string="Preview",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    difference = fields.Char(compute="_compute_difference")
    warning = fields.Char(compute="_compute_warning")

    @api.depends("move_line_ids")
    def _compute_valid_until(self):
        for register in self:
            company = register.customer_id.company_id
            register.valid_until = fields.Date.add(
                fields.Date.context_today(register), days=company.collection_plan_valid_days
            )

    @api.depends("move_line_ids")
    def _compute_amount_ids(self):
        for register in self:
            register.amount_ids = register._prepare_amounts()

    @api.depends("amount_ids.currency_id")
    def _compute_currency_id(self):
        for register in self:
            register.currency_id = register.amount_ids[:1].currency_id
            register.several_currencies = len(register.amount_ids) > 1

    @api.depends("amount_ids.down_payment")
    def _compute_has_down_payment(self):
        for register in self:
            register.has_down_payment = any(register.amount_ids.mapped("down_payment"))

    @api.depends(
        "amount_ids.amount",
        "amount_ids.discount_amount",
        "amount_ids.down_payment",
        "amount_ids.instalment_amount",
        "date_down",
        "date_first",
        "division",
        "every_days",
        "instalment_count",
        "period",
    )
    def _compute_line_ids(self):
        for register in self:
            register.line_ids = [
                Command.clear(),
                *(
                    Command.create(
                        {"currency_id": row.currency_id.id, "date": date, "amount": amount}
                    )
                    for row in register.amount_ids
                    for date, amount in register._get_instalments(row)
                ),
            ]

    def _get_instalments(self, row):
        """Return the instalments in one currency; what can't be divided has none yet.

        :param row: collection.register.plan.amount
        :return: list of (date, amount)
        """
        self.ensure_one()
        rest = row.currency_id.round(row.to_pay - row.down_payment)
        down = [(self.date_down, row.down_payment)] if row.down_payment > 0 else []
        amounts = self._divide(rest, row)
        if not amounts or not self.date_first:
            return down
        dates = get_dates(self.date_first, self.period, len(amounts), days=self.every_days)
        return [*down, *zip(dates, amounts, strict=True)]

    def _divide(self, rest, row):
        """Return the amounts of the instalments after the down payment."""
        self.ensure_one()
        rounding = row.currency_id.round
        if rest <= 0:
            return []
        if self.division == "number":
            count = self.instalment_count
            return divide(rest, count, rounding) if 0 < count <= MOST_INSTALMENTS else []
        each = row.instalment_amount
        if each <= 0 or rest / each > MOST_INSTALMENTS:
            return []
        return count_off(rest, each, rounding)

    @api.depends("line_ids.amount", "amount_ids.amount", "amount_ids.discount_amount")
    def _compute_difference(self):
        for register in self:
            texts = []
            for row in register.amount_ids:
                currency, lines = row.currency_id, register._get_lines(row.currency_id)
                rest = row.to_pay - sum(lines.mapped("amount"))
                if currency.compare_amounts(rest, 0):
                    texts.append(
                        register.env._(
                            "The instalments add up to %(sum)s, and %(to_pay)s is to be paid "
                            "(difference: %(difference)s).",
                            sum=currency.format(row.to_pay - rest),
                            to_pay=currency.format(row.to_pay),
                            difference=currency.format(-rest),
                        )
                    )
            register.difference = " ".join(texts)

    @api.depends("move_line_ids")
    def _compute_warning(self):
        """Say that a plan takes the place of another one, or that one was breached before."""
        plans = self.env["collection.plan"]
        for register in self:
            earlier = plans.search(
                [
                    ("move_line_ids", "in", register.move_line_ids._origin.ids),
                    ("state", "in", ["proposed", "active", "breached"]),
                ]
            )
            states = dict(plans._fields["state"]._description_selection(self.env))
            register.warning = bool(earlier) and register.env._(
                "There is a plan about these invoices already: %s. An open one is replaced.",
                ", ".join(f"{plan.number} ({states[plan.state]})" for plan in earlier),
            )

    def _get_lines(self, currency):
        """Return the instalments in a currency, in the order of their dates."""
        lines = self.line_ids.filtered(lambda line: line.currency_id == currency)
        return lines.sorted(lambda line: (line.date or fields.Date.today(), line._origin.id))

    def _make_plans(self):
        """Register the plans as proposals."""
        self.ensure_one()
        if strange := self.line_ids.currency_id - self.amount_ids.currency_id:
            raise UserError(
                self.env._(
                    "%(customer)s: none of the chosen invoices is in %(currency)s. Choose the "
                    "currency of the invoices for each instalment.",
                    customer=self.partner_id.display_name,
                    currency=strange[0].name,
                )
            )
        for row in self.amount_ids:
            if reason := self._get_refusal(row):
                raise UserError(reason)
        return self.env["collection.plan"]._make(
            self.move_line_ids,
            {row.currency_id: row.amount for row in self.amount_ids},
            schedules={
                row.currency_id: [
                    (line.date, line.amount) for line in self._get_lines(row.currency_id)
                ]
                for row in self.amount_ids
            },
            discounts={row.currency_id: row.discount_amount for row in self.amount_ids},
            valid_until=self.valid_until,
            note=self.note,
        )

    def _get_refusal(self, row):
        """Return why the instalments in a currency can't be worked out; falsy: they can.

        :param row: collection.register.plan.amount
        """
        if self._get_lines(row.currency_id):
            return False
        values = {
            "customer": self.partner_id.display_name,
            "most": MOST_INSTALMENTS,
            "currency": row.currency_id.name,
        }
        if self.division == "number" and self.instalment_count > MOST_INSTALMENTS:
            return self.env._(
                "%(customer)s: a plan can have at most %(most)s instalments: choose fewer.",
                **values,
            )
        if self.division == "amount":
            return self.env._(
                "%(customer)s: write how much each instalment in %(currency)s is, so that there are "
                "at most %(most)s of them.",
                **values,
            )
        return self.env._(
            "%(customer)s: a plan needs at least one instalment in %(currency)s: give their number "
            "and the first date.",
            **values,
        )

    def action_propose(self):
        """Register the plans as proposals, and write to the customer."""
        plans = self._make_plans()
        if len(plans) == 1:
            return plans.action_send()
        return self._say_registered(plans)

    def action_confirm(self):
        """Register the plans as agreed: by phone or in person."""
        plans = self._make_plans()
        plans._confirm("oral")
        return self._say_registered(plans)


class CollectionRegisterPlanAmount(models.TransientModel):
    _name = "collection.register.plan.amount"
    _inherit = ["collection.register.amount"]
    _description = "Register a Payment Plan: Amounts in a Currency"

    register_id = fields.Many2one(
        "collection.register.plan", required=True, index=True, ondelete="cascade"
    )
    amount = fields.Monetary(string="Total")
    discount_percent = fields.Float(
        string="Discount (%)",
        compute="_compute_discount_percent",
        inverse="_inverse_discount_percent",
        readonly=False,
    )
    discount_amount = fields.Monetary(
        string="Discount", help="Let off when all instalments are paid."
    )
    down_payment = fields.Monetary()
    instalment_amount = fields.Monetary(string="Each Instalment")
    to_pay = fields.Monetary(compute="_compute_to_pay")

    @api.depends("amount", "discount_amount")
    def _compute_discount_percent(self):
        for row in self:
            row.discount_percent = 100 * row.discount_amount / row.amount if row.amount else 0

    def _inverse_discount_percent(self):
        for row in self:
            row._onchange_discount_percent()

    @api.onchange("discount_percent")
    def _onchange_discount_percent(self):
        share = self.discount_percent / 100
        self.discount_amount = self.currency_id.round(self.amount * share)

    @api.depends("amount", "discount_amount")
    def _compute_to_pay(self):
        for row in self:
            row.to_pay = row.amount - row.discount_amount


class CollectionRegisterPlanLine(models.TransientModel):
    _name = "collection.register.plan.line"
    _description = "Register a Payment Plan: Instalment"
    _order = "currency_id, date, id"

    register_id = fields.Many2one(
        "collection.register.plan", required=True, index=True, ondelete="cascade"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    date = fields.Date(string="Due On", required=True)
    amount = fields.Monetary(required=True)
