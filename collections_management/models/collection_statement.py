from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STATEMENT_KINDS = [
    ("open", "Open items"),
    ("period", "Movements of a period"),
]


class CollectionStatement(models.Model):
    """A statement of account that goes to one customer by e-mail: sent by hand, or as its scheme says.

    It informs; it never counts as a claim. What it says is read from the ledger when the message
    is made.
    """

    _name = "collection.statement"
    _description = "Statement of Account"
    _inherit = ["collection.delivery"]
    _order = "date desc, id desc"
    _check_company_auto = True

    _written_key = "collection_statement_ids"
    _delivery_job = "collections_management.ir_cron_collection_statements"
    _delivery_batch = 20  # each is printed

    date = fields.Date(string="As Of", help="The day of its figures.")
    kind = fields.Selection(STATEMENT_KINDS, required=True, readonly=True, default="open")
    date_from = fields.Date(string="From", readonly=True)
    date_to = fields.Date(string="To", readonly=True)
    with_workbook = fields.Boolean(
        string="Excel Too", readonly=True, help="The Excel workbook is attached besides the PDF."
    )
    strategy_id = fields.Many2one(
        "collection.strategy",
        string="Scheme",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The scheme that asks for it. Empty: somebody sent it.",
    )
    balance = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        help="What the customer owed in all, in the company's currency.",
    )

    attachment_ids = fields.Many2many(related="message_id.attachment_ids", string="Files")

    when = fields.Char(
        compute="_compute_words", help="For message templates: of when its figures are."
    )
    greeting = fields.Char(
        compute="_compute_words", help="For message templates: how the recipient is addressed."
    )
    balance_text = fields.Char(
        compute="_compute_words",
        help="For message templates: the balance, one amount per currency.",
    )
    overdue_text = fields.Char(
        compute="_compute_words",
        help="For message templates: what is overdue, one amount per currency; empty: nothing.",
    )
    credits_text = fields.Char(
        compute="_compute_words",
        help="For message templates: what is in the customer's favour, one amount per currency; "
        "empty: nothing.",
    )

    _pending_idx = models.Index("(state, retry_at) WHERE state IN ('ready', 'queued', 'failed')")

    @api.depends("partner_id", "date")
    def _compute_display_name(self):
        for statement in self:
            statement.display_name = (
                f"{format_date(self.env, statement.date)} · {statement.partner_id.display_name}"
            )

    @api.depends("customer_id", "date_from", "date_to", "kind", "lang", "recipient_id")
    def _compute_words(self):
        for statement in self:
            worded = statement.with_context(lang=statement.lang or self.env.lang)
            groups = self.env["collection.statement.ledger"]._read_sums(
                statement.customer_id, statement._get_period()
            )
            statement.when = worded._get_when(statement.company_id, statement._get_period())
            statement.greeting = worded._get_greeting()
            statement.balance_text = worded._join_amounts(groups, "balance")
            for name in ("overdue", "credits"):
                statement[f"{name}_text"] = worded._join_amounts(
                    [group for group in groups if group.get(name)], name
                )

    def _join_amounts(self, groups, key):
        """Return an amount of some groups as text, one per currency."""
        currencies = self.env["res.currency"]
        return " + ".join(
            format_amount(self.env, group[key], currencies.browse(group["currency_id"]))
            for group in groups
        )

    @api.model
    def _get_when(self, company, period):
        """Return of when a statement's figures are, in the language of the context.

        :param company: root res.company
        :param period: None for what is open today, or tuple of first and last day
        """
        if not period:
            return self.env._("As of %s", format_date(self.env, company._get_collection_today()))
        first, last = (format_date(self.env, day) for day in period)
        return self.env._("From %(first)s to %(last)s", first=first, last=last)

    def _get_period(self):
        """Return None for what is open, or the first and last day of the movements."""
        self.ensure_one()
        return (self.date_from, self.date_to) if self.kind == "period" else None

    # ------------------------------------------------------------
    # Making
    # ------------------------------------------------------------

    @api.model
    def _make(self, customers, **values):
        """Make the statements of some customers.

        :param customers: collection.customer
        :param values: of all of them
        """
        return self.create(
            [
                {
                    "customer_id": customer.id,
                    "company_id": customer.company_id.id,
                    "date": customer.company_id._get_collection_today(),
                    "balance": customer.balance,
                    **values,
                }
                for customer in customers
            ]
        )

    @api.model
    def _send_by_hand(self, customers, **values):
        """Have statements sent to customers, whatever their scheme says.

        :param customers: collection.customer that the person may read
        :param values: ``kind``, ``date_from``, ``date_to``, ``with_workbook``
        :return: the statements, on their way
        """
        # sudo: the system makes and sends them
        statements = self.sudo()._make(customers, **values)
        statements._trigger_delivery()
        return statements

    def action_print(self):
        """Print the statement as it is now."""
        self.ensure_one()
        wizard = self.env["collection.statement.wizard"].create(
            {
                "customer_ids": [Command.set(self.customer_id.ids)],
                "kind": self.kind,
                "span": "other",
                "date_from": self.date_from,
                "date_to": self.date_to,
            }
        )
        return wizard.action_print()

    # ------------------------------------------------------------
    # Delivery
    # ------------------------------------------------------------

    def _get_policy(self):
        """Override of ``collection.delivery``: people choose their own hour."""
        if self.strategy_id:
            return super()._get_policy()
        return self.env["collection.contact.policy"]

    def _recheck(self, in_hand=False):
        """Override of ``collection.delivery``: what the scheme asks for must still be so.

        In simulation it waits.
        """
        going = self.filtered(lambda statement: not statement.strategy_id)
        for (company, strategy), statements in (
            (self - going).grouped(lambda s: (s.company_id, s.strategy_id)).items()
        ):
            if strategy._get_statement_mode(company) == "simulation":
                continue
            wanted = strategy._get_statement_customers(company, statements.customer_id)
            kept = statements.filtered(lambda s, wanted=wanted: s.customer_id in wanted)
            going |= kept
            (statements - kept)._withdraw(
                self.env._("No longer wanted: settled, paused or excluded before it was sent.")
            )
        return going

    def _deliver(self):
        """Compose the messages in batch; they wait in the mail queue as outgoing."""
        template = self._get_template()
        for statements in self._set_recipients()._one_per_customer():
            for statement in statements:
                statement.date = statement.company_id._get_collection_today()
                statement.balance = statement._read_balance()
            statements._compose(template=template)

    @api.model
    def _get_template(self):
        """Return the message's template.

        :raises UserError: when it was deleted
        """
        template = self.env.ref(
            "collections_management.mail_template_statement", raise_if_not_found=False
        )
        if not template:
            raise UserError(
                self.env._(
                    "The message “Collections: statement of account” was deleted. Update the "
                    "Collections app to get it back."
                )
            )
        return template

    def _get_attachments(self):
        """Override of ``collection.delivery``: the statement itself."""
        self.ensure_one()
        customer, period = self.customer_id, self._get_period()
        attachments = self._make_attachment(*customer._print_statement(period))
        if self.with_workbook:
            attachments |= self._make_attachment(
                *customer._write_statement_workbook(period), mimetype=XLSX
            )
        return attachments

    def _is_current(self):
        """Override of ``collection.delivery``: its figures are those of this moment."""
        if not super()._is_current():
            return False
        if (
            self.strategy_id
            and self.strategy_id._get_statement_mode(self.company_id) == "simulation"
        ):
            return False
        return (
            self.date == self.company_id._get_collection_today()
            and not self.company_currency_id.compare_amounts(self.balance, self._read_balance())
        )

    def _read_balance(self):
        """Return what the customer owes at this moment, in company currency."""
        self.customer_id.invalidate_recordset(["balance"], flush=False)
        return self.customer_id.balance

    # ------------------------------------------------------------
    # Withdrawn by the system: the scheme asks again
    # ------------------------------------------------------------

    @api.model
    def _ask_approval_again(self, domain):
        """Override of ``collection.delivery``: what a person sends is approved."""
        return super()._ask_approval_again([*domain, ("strategy_id", "!=", False)])

    def _get_modes(self):
        """Override of ``collection.delivery``: the scheme's mode counts too."""
        return [*super()._get_modes(), self.strategy_id.mode]

    @api.model
    def _withdraw_pending(self, domain, reason):
        """Override of ``collection.delivery``."""
        statements = super()._withdraw_pending(domain, reason)
        statements._make_due_again()
        return statements

    def _withdraw_stopped(self):
        """Override of ``collection.delivery``."""
        going = super()._withdraw_stopped()
        (self - going)._make_due_again()
        return going

    @api.model
    def _forget_trial(self, companies):
        """Override of ``collection.delivery``: the customers never saw them."""
        statements = super()._forget_trial(companies)
        statements._make_due_again()
        return statements

    def _make_due_again(self):
        """Have the next run ask again whether the scheme's statements are due."""
        self.filtered("strategy_id").customer_id.statement_date = False
