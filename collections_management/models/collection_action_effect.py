from odoo import Command, api, fields, models
from odoo.exceptions import UserError

# Effects that put the customer into a portfolio, weakest first.
PORTFOLIO_EFFECTS = ("doubtful", "legal")


class CollectionAction(models.Model):
    """What follows when an action is done: the customer is suspended, changes portfolio, is written off."""

    _inherit = "collection.action"

    write_off_move_ids = fields.Many2many(
        "account.move",
        "collection_action_write_off_rel",
        "action_id",
        "move_id",
        string="Write-Off Entries",
        readonly=True,
        copy=False,
        check_company=False,
    )
    write_off_count = fields.Integer(compute="_compute_write_off_count")

    def _compute_write_off_count(self):
        for action in self:
            # sudo: how many there are, whoever may read them
            action.write_off_count = len(action.sudo().write_off_move_ids)

    @api.model
    def _get_system_fields(self):
        return super()._get_system_fields() | {"write_off_move_ids"}

    def _check_effects(self):
        """Hook: refuse to finish what can't have its effect.

        :raises UserError: naming what is missing, and the way out
        """
        for action in self.filtered(lambda action: action.effect == "write_off"):
            action._get_write_off_accounts()

    def _have_effect(self):
        """Let done actions have their type's effect: ``_effect_<code>`` of each.

        Hook: a bridge adds an effect to the type and a method of that name.
        """
        for effect, actions in self.grouped("effect").items():
            if method := getattr(actions, f"_effect_{effect}", None):
                method()

    def _end_effect(self):
        """Take back what a done action did to its customer, when it is cancelled or all is paid.

        A suspension is lifted by a person, or by the daily run.
        """
        for effect, actions in self.grouped("effect").items():
            if effect not in PORTFOLIO_EFFECTS:
                continue
            for customer in actions.customer_id:
                if customer.portfolio == effect:
                    customer.portfolio = self._get_portfolio(customer)

    @api.model
    def _get_portfolio(self, customer):
        """Return the portfolio that a customer's done actions ask for."""
        done = self.search(
            [
                ("customer_id", "=", customer.id),
                ("state", "=", "done"),
                ("type_id.effect", "in", PORTFOLIO_EFFECTS),
            ]
        )
        effects = set(done.filtered(lambda action: action._get_left()).mapped("effect"))
        return next((name for name in reversed(PORTFOLIO_EFFECTS) if name in effects), "normal")

    # ------------------------------------------------------------
    # Suspension and portfolios
    # ------------------------------------------------------------

    def _effect_suspend(self):
        for action in self:
            action.customer_id._suspend(
                self.env._("%(type)s (%(action)s)", type=action.type_id.name, action=action.number),
            )

    def _effect_legal(self):
        self.customer_id.portfolio = "legal"

    def _effect_doubtful(self):
        # a legal case is not taken back by a doubt
        normal = self.customer_id.filtered(lambda customer: customer.portfolio == "normal")
        normal.portfolio = "doubtful"

    # ------------------------------------------------------------
    # Write-off: a draft entry, which the accountant completes and posts
    # ------------------------------------------------------------

    def _get_write_off_accounts(self):
        """Return the account of losses of each company that has items in the action.

        :return: dict res.company -> account.account
        :raises UserError: when a company has none
        """
        self.ensure_one()
        accounts = {}
        for company in self._get_left().company_id:
            account = self.type_id._get_write_off_account(company)
            if not account:
                raise UserError(
                    self.env._(
                        "%(action)s can't be done: “%(type)s” has no account for the loss in "
                        "%(company)s. Have your manager choose one on the type, or in the settings.",
                        action=self.number,
                        type=self.type_id.name,
                        company=company.name,
                    )
                )
            accounts[company] = account
        return accounts

    def _effect_write_off(self):
        for action in self:
            action._prepare_write_off()

    def _prepare_write_off(self):
        """Make the draft entries that write off what is left, one for each company.

        Taxes are left to the accountant: whether and when they come back is the country's law.
        """
        self.ensure_one()
        accounts = self._get_write_off_accounts()
        for company, lines in self._get_left().grouped("company_id").items():
            entry = (
                self.env["account.move"]
                .with_company(company)
                .with_context(default_move_type="entry")
                .create(self._prepare_write_off_values(company, lines, accounts[company]))
            )
            self.write_off_move_ids |= entry
            user = self._get_write_off_user()
            worded = self.with_context(lang=user.lang or self.env.lang)
            entry.message_post(body=worded._get_write_off_note())
            entry.activity_schedule(
                "collections_management.activity_type_action",
                summary=worded.env._("Complete and post the write-off"),
                note=worded._get_write_off_note(),
                user_id=user.id,
            )

    def _get_write_off_user(self):
        company = self.company_id
        return company.collection_accountant_id or company.collection_supervisor_id or self.user_id

    def _get_write_off_note(self):
        self.ensure_one()
        return self.env._(
            "Prepared by %(action)s: what %(customer)s owes is written off. Taxes are left to you: "
            "split them off where the law gives them back. When it is posted, it is reconciled with "
            "the invoices.",
            action=self.number,
            customer=self.partner_id.display_name,
        )

    def _prepare_write_off_values(self, company, lines, account):
        """Hook: the values of the entry that writes off open items of one company.

        :param lines: account.move.line, of one currency
        :param account: account.account of the loss
        """
        self.ensure_one()
        label = self.env._(
            "Write-off of %(customer)s (%(action)s)",
            customer=self.partner_id.display_name,
            action=self.number,
        )
        journal = self.env["account.journal"].search(
            [
                *self.env["account.journal"]._check_company_domain(company),
                ("type", "=", "general"),
            ],
            limit=1,
        )
        credits_values = [
            {
                "name": f"{label}: {line._get_collection_name()}",
                "account_id": line.account_id.id,
                "partner_id": line.partner_id.id,
                "currency_id": line.currency_id.id,
                "amount_currency": -line.amount_residual_currency,
                "balance": -line.amount_residual,
            }
            for line in lines
        ]
        loss = {
            "name": label,
            "account_id": account.id,
            "partner_id": lines.partner_id[:1].id,
            "currency_id": self.currency_id.id,
            "amount_currency": sum(lines.mapped("amount_residual_currency")),
            "balance": sum(lines.mapped("amount_residual")),
            "tax_ids": [Command.clear()],
        }
        return {
            "move_type": "entry",
            "journal_id": journal.id,
            "company_id": company.id,
            "date": company._get_collection_today(),
            "ref": label,
            "line_ids": [Command.create(values) for values in (loss, *credits_values)],
        }

    @api.model
    def _reconcile_write_offs(self, moves):
        """Reconcile write-off entries that were posted with what they write off.

        :param moves: account.move that were just posted
        :raises UserError: when an entry writes off more than is still open
        """
        # sudo: whoever posts an entry need not have rights on actions
        actions = self.sudo().search([("write_off_move_ids", "in", moves.ids)])
        for action in actions:
            for move in action.write_off_move_ids & moves.sudo():
                action._reconcile_write_off(move)

    def _reconcile_write_off(self, move):
        self.ensure_one()
        losses = move.line_ids.filtered(
            lambda line: (
                line.account_id.account_type == "asset_receivable"
                and line.amount_residual_currency < 0
                and line.partner_id.commercial_partner_id == self.partner_id
            )
        )
        items = self._get_left().filtered(lambda line: line.company_id == move.company_id)
        lost = -sum(losses.mapped("amount_residual_currency"))
        owed = sum(items.mapped("amount_residual_currency"))
        if self.currency_id.compare_amounts(lost, owed) > 0:
            raise UserError(
                self.env._(
                    "%(entry)s writes off %(lost)s, and only %(owed)s of %(action)s is still open: "
                    "somebody has paid meanwhile. Lower its amounts, or delete it and prepare the "
                    "write-off again on the action.",
                    entry=move.name or move.ref,
                    lost=self.currency_id.format(lost),
                    owed=self.currency_id.format(owed),
                    action=self.number,
                )
            )
        for account, group in (losses | items).grouped("account_id").items():
            if group & losses and group & items and account.reconcile:
                group.reconcile()

    def action_prepare_write_off(self):
        """Make the entry again, when the accountant has deleted the draft."""
        self.ensure_one()
        self.check_access("write")
        # sudo: a draft for the accountant
        action = self.sudo()
        if action.effect != "write_off" or action.state != "done" or action.write_off_move_ids:
            raise UserError(
                self.env._(
                    "%s: an entry is prepared when a write-off is done and has none yet.",
                    self.number,
                )
            )
        action._prepare_write_off()

    def action_open_write_offs(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_journal_line")
        # sudo: which entries they are; reading them needs the person's own rights
        entries = self.sudo().write_off_move_ids
        if len(entries) == 1:
            return dict(action, res_id=entries.id, views=[[False, "form"]])
        return dict(action, domain=[("id", "in", entries.ids)], context={})
