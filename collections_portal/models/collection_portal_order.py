from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import hash_sign, verify_hash_signed

SCOPE = "collections_portal.order"
VALID_HOURS = 2
# So long a payment that was begun and not sent off yet keeps another one from being begun.
JUST_BEGUN_SECONDS = 30


class CollectionPortalOrder(models.AbstractModel):
    """What a customer chose to pay: so much of each item. Amounts are the server's.

    An order is signed and travels through the payment form; it is checked against the ledger once
    more before a transaction is made of it, and its parts are settled one by one when it is paid.
    """

    _name = "collection.portal.order"
    _description = "Payment Order of the Portal"

    # ------------------------------------------------------------
    # Making one
    # ------------------------------------------------------------

    @api.model
    def _make(self, lines, amounts=None):
        """Return the rows of an order: what is paid of some items now.

        :param lines: account.move.line, open debts of one customer
        :param dict amounts: by id of the item, in its currency; default: all of it, less the
            discount for paying early
        :return: list of dicts: ``line``, ``residual``, ``amount`` that is paid, ``discount`` that
            is given for it, ``until`` when, and ``plan``: the offer that gives it, by credit note
        :raises UserError: for the customer to read
        """
        if len(lines.currency_id) > 1:
            raise UserError(
                self.env._("Please pay invoices of one currency at a time: choose those of one.")
            )
        amounts, in_flight = amounts or {}, self._get_in_flight(lines)
        offered = self._get_offered(lines, amounts, in_flight)
        self._read_matches(lines)
        rows = [
            self._make_row(
                line, amounts.get(line.id), in_flight[line.id], *offered.get(line.id, (None, 0.0))
            )
            for line in lines
        ]
        rows = [row for row in rows if row["amount"]]
        if not rows:
            raise UserError(
                self.env._("There is nothing to pay: choose at least one invoice and an amount.")
            )
        return rows

    @api.model
    def _make_row(self, line, asked, in_flight, plan=None, offered=0.0):
        currency = line.currency_id
        residual = line.amount_residual_currency
        name = line._get_collection_name()
        free = currency.round(residual - in_flight)
        if line.parent_state != "posted" or currency.compare_amounts(free, 0) <= 0:
            if in_flight:
                raise UserError(
                    self.env._(
                        "A payment of %s is on its way already. It may take some minutes until you "
                        "see it here.",
                        name,
                    )
                )
            raise UserError(self.env._("%s is paid already. Thank you!", name))
        discount = offered
        if not discount and not in_flight:
            discount = self._get_discount(line)
        amount = currency.round(free - discount if asked is None else asked)
        if currency.compare_amounts(amount, 0) < 0:
            raise UserError(
                self.env._("%s: the amount can't be negative. Write what you want to pay.", name)
            )
        if currency.compare_amounts(amount, free) > 0:
            raise UserError(
                self.env._(
                    "%(invoice)s: %(amount)s is more than the %(open)s that are open. Please write at "
                    "most that.",
                    invoice=name,
                    amount=currency.format(amount),
                    open=currency.format(free),
                )
            )
        # the discount is for who pays all of it
        if currency.compare_amounts(amount, free - discount) < 0:
            discount = 0.0
        amount = min(amount, currency.round(free - discount))
        until = plan._get_offer_end() if plan else line.discount_date
        return {
            "line": line,
            "residual": residual,
            "amount": amount,
            "discount": discount,
            "until": discount and until,
            "plan": plan if discount else None,
        }

    @api.model
    def _get_offered(self, lines, amounts, in_flight):
        """Return the discounts that were offered for paying all items of a plan at once.

        :return: dict id of the item -> (plan, amount let off), of those plans that are paid whole
        """
        offered = {}
        for plan in self.env["collection.plan"]._find_offers(lines):
            shares, items = plan._share_discount(), plan._get_open_items()
            if items <= lines and all(
                not in_flight[line.id]
                and self._pays_all(line, amounts.get(line.id), shares.get(line.id, 0.0))
                for line in items
            ):
                offered |= {line_id: (plan, share) for line_id, share in shares.items()}
        return offered

    @api.model
    def _pays_all(self, line, asked, discount):
        """Tell whether the amount that was asked for pays an item, but for a discount."""
        due = line.amount_residual_currency - discount
        return asked is None or line.currency_id.compare_amounts(asked, due) >= 0

    @api.model
    def _get_discount(self, line):
        """Return the discount for paying an invoice early that is still open today.

        :return: in the item's currency; 0: none
        """
        move, today = line.move_id, line.company_id._get_collection_today()
        if not line.discount_date or line.discount_date < today:
            return 0.0
        if not move._is_eligible_for_early_payment_discount(line.currency_id, today):
            return 0.0
        return line.currency_id.round(line.amount_residual_currency - line.discount_amount_currency)

    @api.model
    def _read_matches(self, lines):
        """Read at once what Odoo asks of each invoice before it gives a discount: what paid it."""
        candidates = lines.filtered("discount_date")
        candidates.mapped("matched_debit_ids")
        candidates.mapped("matched_credit_ids")

    @api.model
    def _get_savings(self, lines):
        """Return what the payment terms let off to who pays now: dict id of the item -> amount."""
        in_flight = self._get_in_flight(lines)
        self._read_matches(lines)
        savings = {line.id: self._get_discount(line) for line in lines if not in_flight[line.id]}
        return {line_id: discount for line_id, discount in savings.items() if discount}

    @api.model
    def _get_saving(self, lines):
        """Return what is saved by who pays these items now, all of them, offers included.

        :return: dict of ``discount``, ``amount`` that is paid instead of ``open``, ``until`` and
            ``currency``; None: nothing, or they can't be paid together
        """
        try:
            rows = [row for row in self._make(lines) if row["discount"]]
        except UserError:
            return None
        if not rows:
            return None
        amount, discount = sum(row["amount"] for row in rows), sum(row["discount"] for row in rows)
        return {
            "discount": discount,
            "amount": amount,
            "open": amount + discount,
            "until": min(row["until"] for row in rows),
            "currency": lines.currency_id,
        }

    @api.model
    def _get_in_flight(self, lines):
        """Return what is on its way to be paid online of some items: the ledger has it not yet.

        A transfer that the customer announced is not: it may never come.

        :return: dict id of the item -> amount in its currency
        """
        in_flight = defaultdict(float)
        transactions = lines.move_id.transaction_ids
        if lines.move_id.filtered(lambda move: move.move_type == "entry"):
            # an opening entry holds debts of others: it is not among what Odoo would settle
            transactions |= transactions.search(
                [
                    ("collection_order", "!=", False),
                    "|",
                    ("state", "in", ("draft", "pending", "authorized")),
                    "&",
                    ("state", "=", "done"),
                    ("is_post_processed", "=", False),
                ]
            )
        for transaction in transactions.filtered(self._is_in_flight):
            if transaction.collection_order:
                for line_id, settled, _discount in transaction.collection_order:
                    in_flight[line_id] += settled
                continue
            # a payment of the whole invoice, of which nobody knows what it settles yet
            for line in lines & transaction.invoice_ids.line_ids:
                in_flight[line.id] += line.amount_residual_currency
        return in_flight

    @api.model
    def _is_in_flight(self, transaction):
        if transaction.state == "done":
            return not transaction.is_post_processed
        if transaction.state == "draft":
            if not transaction.collection_order:
                return False
            # an instalment that is charged by itself: nobody knows whether it was taken
            if transaction.operation == "offline":
                return True
            # a double click, or a second tab: who was only looking may try again soon
            begun = fields.Datetime.now() - timedelta(seconds=JUST_BEGUN_SECONDS)
            return transaction.create_date > begun
        return transaction.state in ("pending", "authorized") and transaction.provider_code not in (
            "none",
            "custom",
        )

    # ------------------------------------------------------------
    # Through the payment form
    # ------------------------------------------------------------

    @api.model
    def _sign(self, customer, contact, rows):
        """Return the order as a signed token.

        :param rows: as ``_make`` returns them
        """
        # sudo: the key of the database signs
        return hash_sign(
            self.sudo().env,
            SCOPE,
            [
                customer.id,
                contact.id,
                [[row["line"].id, row["amount"], row["discount"]] for row in rows],
            ],
            expiration_hours=VALID_HOURS,
        )

    @api.model
    def _read(self, token):
        """Return what a token says: file, contact, and list of [item, amount, discount].

        :return: as superuser; three empty ones when the token is not valid
        """
        # sudo: the signed order is the right of access
        env = self.sudo().env
        files, contacts = env["collection.customer"], env["res.partner"]
        try:
            values = verify_hash_signed(env, SCOPE, token or "")
        except (ValueError, IndexError):  # no token of ours
            values = None
        if not values:
            return files, contacts, []
        customer_id, contact_id, chosen = values
        return files.browse(customer_id), contacts.browse(contact_id), chosen

    @api.model
    def _verify(self, chosen):
        """Return the rows of an order that was read, checked against the ledger of this moment.

        :param list chosen: as ``_read`` returns it
        :return: rows as of ``_make``, as superuser
        :raises UserError: for the customer to read, when something changed meanwhile
        """
        # sudo: the signed order is the right of access
        order = self.sudo()
        lines = order.env["account.move.line"].browse(row[0] for row in chosen).exists()
        if len(lines) < len(chosen):
            raise UserError(
                self.env._("Your invoices have changed meanwhile: please choose again what to pay.")
            )
        rows = order._make(lines, {line_id: amount for line_id, amount, _discount in chosen})
        if any(
            row["line"].currency_id.compare_amounts(row["discount"], discount)
            for row, (_id, _amount, discount) in zip(rows, chosen, strict=True)
        ):
            raise UserError(
                self.env._(
                    "The discount for paying early has changed meanwhile: please choose again what to "
                    "pay."
                )
            )
        return rows

    @api.model
    def _accept_offers(self, contact, rows):
        """Accept the offers that an order takes: who pays the price agrees to it."""
        plans = self.env["collection.plan"].union(*(row["plan"] for row in rows if row["plan"]))
        for plan in plans.filtered(lambda plan: plan.state == "proposed"):
            plan._accept(contact.name)

    @api.model
    def _prepare_transaction_values(self, rows):
        """Return the values of the transaction that pays an order."""
        lines = self.env["account.move.line"].union(*(row["line"] for row in rows))
        # an opening entry holds other customers' debts too: Odoo would settle whatever is in it
        invoices = lines.move_id.filtered(lambda move: move.move_type != "entry")
        return {
            "invoice_ids": [(6, 0, invoices.ids)],
            "collection_order": [
                # what a plan lets off is credited when it is paid: the payment books none of it
                [row["line"].id, row["amount"], 0.0]
                if row["plan"]
                else [
                    row["line"].id,
                    row["line"].currency_id.round(row["amount"] + row["discount"]),
                    row["discount"],
                ]
                for row in rows
            ],
        }

    # ------------------------------------------------------------
    # When it is paid
    # ------------------------------------------------------------

    @api.model
    def _get_parts(self, transaction):
        """Return what a transaction settles: list of (item, amount settled, discount)."""
        lines = self.env["account.move.line"].sudo()
        rows = transaction.collection_order or []
        return [
            (lines.browse(line_id), settled, discount)
            for line_id, settled, discount in rows
            if lines.browse(line_id).exists()
        ]

    @api.model
    def _prepare_discounts(self, transaction):
        """Return the journal items of the discounts for paying early, taxes included.

        As ``account_payment`` books that of a single invoice.
        """
        values = []
        for line, settled, discount in self._get_parts(transaction):
            currency = line.currency_id
            # paid by something else meanwhile: there is nothing to give a discount on
            if not discount or currency.compare_amounts(line.amount_residual_currency, settled):
                continue
            rate = line.balance / line.amount_currency
            parts = self.env[
                "account.move"
            ]._get_invoice_counterpart_amls_for_early_payment_discount(
                [
                    {
                        "aml": line,
                        "amount_currency": -line.amount_residual_currency,
                        "balance": -line.amount_residual,
                    }
                ],
                line.company_currency_id.round(discount * rate),
            )
            for part in parts.values():
                values += [dict(item, partner_id=line.partner_id.id) for item in part]
        return values

    @api.model
    def _split_counterpart(self, transaction, values):
        """Return the values of a payment's journal items with a counterpart for each part.

        :param values: liquidity, counterpart and discounts, as ``account.payment`` prepares them
        """
        liquidity, counterpart, *discounts = values
        currency = transaction.currency_id
        company_currency = transaction.company_id.currency_id
        total = -counterpart["amount_currency"]
        balance = counterpart["credit"] - counterpart["debit"]
        left, left_balance, parts = total, balance, []
        for line, settled, _discount in self._get_parts(transaction):
            amount = min(settled, left)
            if currency.compare_amounts(amount, 0) <= 0:
                continue
            left = currency.round(left - amount)
            share = (
                left_balance
                if currency.is_zero(left)
                else company_currency.round(balance * amount / total)
            )
            left_balance = company_currency.round(left_balance - share)
            parts.append(
                self._prepare_part(
                    counterpart,
                    amount,
                    share,
                    f"{counterpart['name']}: {line.move_name or ''}",
                    line,
                )
            )
        if currency.compare_amounts(left, 0) > 0:
            parts.append(
                self._prepare_part(counterpart, left, left_balance, counterpart["name"], None)
            )
        return [liquidity, *(parts or [counterpart]), *discounts]

    @api.model
    def _prepare_part(self, counterpart, amount, balance, name, line):
        return dict(
            counterpart,
            name=name,
            amount_currency=-amount,
            debit=0.0,
            credit=balance,
            account_id=line.account_id.id if line else counterpart["account_id"],
        )

    @api.model
    def _settle(self, transaction, payment):
        """Reconcile each item with its part of the payment.

        What can't be, because the item was paid by something else meanwhile, stays as a credit.
        """
        free = payment.move_id.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        )
        for line, settled, _discount in self._get_parts(transaction):
            part = free.filtered(
                lambda money, line=line, settled=settled: (
                    money.account_id == line.account_id
                    and not money.currency_id.compare_amounts(-money.amount_currency, settled)
                )
            )[:1]
            free -= part
            if part and not line.reconciled and line.parent_state == "posted":
                (line | part).reconcile()
