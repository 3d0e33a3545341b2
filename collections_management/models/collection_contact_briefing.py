from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_amount, format_date, html2plaintext

# How many of each a person takes in at a glance.
SHOWN = 5
COMMENT_LENGTH = 160
# A former debt counts as late when it was paid so many days past its due date.
LATE_DAYS = 30


class CollectionContactBriefing(models.AbstractModel):
    """What a collector needs to know while talking with a customer, and before it.

    Read by the dialog of contacts (``_read``) and by the preparation sheet (``_read_history``
    besides). Texts are in the language of the context.
    """

    _name = "collection.contact.briefing"
    _description = "Briefing on a Customer"

    # ------------------------------------------------------------
    # While talking
    # ------------------------------------------------------------

    @api.model
    def _read(self, customer, lines=None):
        """Hook: return what the templates show of a customer, as texts.

        :param customer: collection.customer
        :param lines: account.move.line that the talk is about
        :return: dict
        """
        # sudo: the customer's whole account, over the branches of the company
        file = customer.sudo()
        return {
            "customer": file,
            "sums": self._get_sums(file),
            "contacts": self._get_contacts(file),
            "promises": self._get_promises(file),
            "said": self._get_last_said(file),
            "next": self._get_next(file),
            "offers": self._get_offers(file, lines),
            "guidelines": file.guidelines
            if html2plaintext(file.guidelines or "").strip()
            else False,
            "delay_reason": file.delay_reason_id.name,
        }

    @api.model
    def _get_sums(self, customer):
        """Return what is overdue, not due yet, and in the customer's favour: a dict a currency."""
        items = self.env["collection.due.item"].sudo()
        mine = [("customer_id", "=", customer.id)]
        parts = {
            "overdue": [*mine, ("residual_currency", ">", 0), ("days_overdue", ">", 0)],
            "not_due": [*mine, ("residual_currency", ">", 0), ("days_overdue", "<=", 0)],
            "credits": [*mine, ("residual_currency", "<", 0)],
        }
        sums = {}
        for part, domain in parts.items():
            for currency, amount in items._read_group(
                domain, ["currency_id"], ["residual_currency:sum"]
            ):
                sums.setdefault(currency, dict.fromkeys(parts, 0.0))[part] = amount
        return [
            {
                "currency": currency.name,
                **{part: format_amount(self.env, amount, currency) for part, amount in row.items()},
                "has_credits": not currency.is_zero(row["credits"]),
                "total": format_amount(self.env, sum(row.values()), currency),
            }
            for currency, row in sums.items()
        ]

    @api.model
    def _get_contacts(self, customer, limit=SHOWN):
        """Return the last contacts, the newest first."""
        contacts = self.env["collection.contact"].sudo()
        found = contacts.search(
            [("customer_id", "=", customer.id), ("state", "=", "registered")], limit=limit
        )
        return [
            {
                "date": self._format_moment(contact.date),
                "channel": contact.channel_id.name,
                "person": contact.person_id.name,
                "result": contact.result_id.name,
                "comment": self._cut(contact.comment),
                "user": contact.user_id.name,
            }
            for contact in found
        ]

    @api.model
    def _get_promises(self, customer):
        """Return how the customer keeps its promises, and the last ones."""
        promises = self.env["collection.promise"].sudo()
        states = dict(promises._fields["state"]._description_selection(self.env))
        mine = [("customer_id", "=", customer.id)]
        counts = dict(promises._read_group(mine, ["state"], ["__count"]))
        last = promises.search(
            [*mine, ("state", "not in", ("replaced", "cancelled"))],
            order="date desc, id desc",
            limit=SHOWN,
        )
        return {
            "kept": counts.get("kept", 0),
            "broken": counts.get("broken", 0) + counts.get("partly", 0),
            "last": [
                {
                    "date": format_date(self.env, promise.date_promised),
                    "amount": format_amount(self.env, promise.amount, promise.currency_id),
                    "state": states[promise.state],
                    "bad": promise.state in ("broken", "partly"),
                }
                for promise in last
            ],
        }

    @api.model
    def _get_last_said(self, customer):
        """Return what the customer heard from us last, as one text."""
        notice = (
            self.env["collection.notice"]
            .sudo()
            .search(
                [("customer_id", "=", customer.id), ("state", "=", "sent")],
                order="sent_date desc, id desc",
                limit=1,
            )
        )
        if not notice:
            return False
        day = format_date(self.env, notice.sent_date or notice.date)
        return f"{day} · {notice.step_id.name} · {notice.channel_id.name}"

    @api.model
    def _get_next(self, customer):
        """Return what the scheme does next if nothing is paid, as one text."""
        item = (
            self.env["collection.due.item"]
            .sudo()
            .search(
                [("customer_id", "=", customer.id), ("next_date", "!=", False)],
                order="next_date",
                limit=1,
            )
        )
        if not item:
            return False
        return f"{format_date(self.env, item.next_date)} · {item.next_step_id.name}"

    @api.model
    def _get_offers(self, customer, lines=None):
        """Hook: return what the collector may offer, as sentences.

        :param customer: collection.customer
        :param lines: account.move.line that the talk is about
        """
        strategy, company = customer.strategy_id, customer.company_id
        offers = []
        if strategy.promise_days:
            last = company._get_collection_today() + timedelta(days=strategy.promise_days)
            offers.append(
                self.env._("A promise to pay until %s at the latest.", format_date(self.env, last))
            )
        else:
            offers.append(self.env._("A promise to pay on any day."))
        made = self.env["collection.promise"]._get_latest(lines) if lines else []
        times = max((promise.put_off + 1 for promise in made), default=0)
        if strategy.promise_limit and times:
            offers.append(
                self.env._(
                    "Promises in a row about these invoices: %(times)s of the %(most)s that the "
                    "scheme allows.",
                    times=times,
                    most=strategy.promise_limit,
                )
            )
        offers += self._get_plan_offers(customer)
        if strategy.offer_note:
            offers += strategy.offer_note.strip().split("\n")
        return offers

    @api.model
    def _get_plan_offers(self, customer):
        """Return which payment plans a collector may register, as the scheme limits them."""
        _, strategy = self.env._, customer.strategy_id
        last = customer.company_id._get_collection_today() + timedelta(days=strategy.plan_days)
        values = {"most": strategy.plan_instalments, "date": format_date(self.env, last)}
        if strategy.plan_instalments and strategy.plan_days:
            offers = [
                _(
                    "A payment plan of at most %(most)s instalments, the last one until %(date)s.",
                    **values,
                )
            ]
        elif strategy.plan_instalments:
            offers = [_("A payment plan of at most %(most)s instalments.", **values)]
        elif strategy.plan_days:
            offers = [_("A payment plan with the last instalment until %(date)s.", **values)]
        else:
            offers = [_("A payment plan of any length.")]
        if strategy.plan_down_percent:
            offers.append(
                _(
                    "The first payment of a plan is at least %s %% of what is to be paid.",
                    f"{strategy.plan_down_percent:g}",
                )
            )
        if strategy.plan_discount_percent:
            offers.append(
                _(
                    "A discount of at most %s %%, let off when all of a plan is paid, or for paying "
                    "early.",
                    f"{strategy.plan_discount_percent:g}",
                )
            )
        return offers

    @api.model
    def _format_moment(self, moment):
        return format_date(self.env, fields.Datetime.context_timestamp(self, moment).date())

    @api.model
    def _cut(self, text):
        text = " ".join((text or "").split())
        return text if len(text) <= COMMENT_LENGTH else f"{text[:COMMENT_LENGTH]}…"

    # ------------------------------------------------------------
    # Before a call: the preparation sheet
    # ------------------------------------------------------------

    @api.model
    def _read_history(self, customer):
        """Hook: return what the sheet shows besides ``_read``, as texts."""
        file = customer.sudo()
        return {
            "sales": self._get_sales(file),
            "behaviour": self._get_behaviour(file),
            "items": self._get_items(file),
            "steps": self._get_coming_steps(file),
            "gains": self._get_gains(file),
        }

    @api.model
    def _get_sales(self, customer):
        """Return what was invoiced in the last 12 months, credit notes taken off, in company currency."""
        today = customer.company_id._get_collection_today()
        self.env["account.move"].flush_model(
            ["amount_total_signed", "invoice_date", "move_type", "state"]
        )
        [[sales, count]] = self.env.execute_query(
            SQL(
                """
                SELECT COALESCE(sum(move.amount_total_signed), 0),
                       count(*) FILTER (WHERE move.move_type = 'out_invoice')
                  FROM account_move move
                 WHERE move.commercial_partner_id = %(partner)s AND %(root)s = %(company)s
                   AND move.state = 'posted' AND move.move_type IN ('out_invoice', 'out_refund')
                   AND move.invoice_date > %(since)s
                """,
                partner=customer.partner_id.id,
                root=self.env["res.company"]._get_root_sql(SQL.identifier("move", "company_id")),
                company=customer.company_id.id,
                since=today - timedelta(days=365),
            )
        )
        return {
            "amount": format_amount(self.env, sales, customer.company_id.currency_id),
            "count": count,
        }

    @api.model
    def _get_behaviour(self, customer):
        """Return how the customer paid in the last 12 months.

        Weighted: sum(amount x days) / sum(amount) of what was reconciled with its receivables.

        :return: dict of ``days`` from invoice to payment, ``late`` days past the due date, ``worst``
            of them, and ``former``: how many debts were paid more than 30 days late; empty: nothing
            was paid
        """
        today = customer.company_id._get_collection_today()
        self.env.flush_all()
        [row] = self.env.execute_query_dict(
            SQL(
                """
                SELECT sum(part.amount * (part.max_date - line.date)) / NULLIF(sum(part.amount), 0)
                           AS days,
                       sum(part.amount
                           * (part.max_date - COALESCE(line.date_maturity, line.date)))
                           / NULLIF(sum(part.amount), 0) AS late,
                       max(part.max_date - COALESCE(line.date_maturity, line.date)) AS worst,
                       count(DISTINCT line.id) FILTER (
                           WHERE part.max_date - COALESCE(line.date_maturity, line.date) > %(limit)s
                       ) AS former
                  FROM res_partner relative
                  JOIN account_move_line line ON line.partner_id = relative.id
                  JOIN account_account account
                    ON account.id = line.account_id AND account.account_type = 'asset_receivable'
                  JOIN account_partial_reconcile part ON part.debit_move_id = line.id
                  JOIN account_move_line money ON money.id = part.credit_move_id
                  JOIN account_move paying ON paying.id = money.move_id
                 WHERE relative.commercial_partner_id = %(partner)s AND %(root)s = %(company)s
                   AND part.max_date > %(since)s
                   AND paying.move_type <> 'out_refund'
                """,
                limit=LATE_DAYS,
                partner=customer.partner_id.id,
                root=self.env["res.company"]._get_root_sql(SQL.identifier("line", "company_id")),
                company=customer.company_id.id,
                since=today - timedelta(days=365),
            )
        )
        if row["days"] is None:
            return {}
        return {
            "days": round(row["days"]),
            "late": round(row["late"]),
            "worst": row["worst"],
            "former": row["former"],
        }

    @api.model
    def _get_items(self, customer):
        """Return the open items, the oldest first, with what is said of each today."""
        items = (
            self.env["collection.due.item"]
            .sudo()
            .search([("customer_id", "=", customer.id)], order="date_due, id")
        )
        decisions = dict(items._fields["decision"]._description_selection(self.env))
        return [
            {
                "name": item.move_id.name or item.move_line_id._get_collection_name(),
                "due": format_date(self.env, item.date_due),
                "days": item.days_overdue,
                "amount": format_amount(self.env, item.amount_currency, item.currency_id),
                "open": format_amount(self.env, item.residual_currency, item.currency_id),
                "decision": decisions.get(item.decision),
                "reason": item.delay_reason_id.name,
            }
            for item in items
        ]

    @api.model
    def _get_coming_steps(self, customer):
        """Return what happens if nothing is paid: the steps that still come, as texts."""
        step = (
            self.env["collection.due.item"]
            .sudo()
            .search(
                [("customer_id", "=", customer.id), ("next_step_id", "!=", False)],
                order="next_date",
                limit=1,
            )
            .next_step_id
        )
        coming = customer.strategy_id.step_ids.filtered(
            lambda later: (
                later.active
                and later.phase in ("overdue", "action")
                and (
                    not step or step.phase not in ("overdue", "action") or later.level >= step.level
                )
            )
        )
        return [
            self.env._(
                "%(step)s, %(days)s days past the due date", step=later.name, days=later.days
            )
            for later in coming.sorted("level")
        ]

    @api.model
    def _get_gains(self, customer):
        """Hook: return what the customer gains by paying, as sentences."""
        gains = (customer.strategy_id.gain_note or "").strip().split("\n")
        return [
            *(gain for gain in gains if gain),
            self.env._("No further claims, and no calls about these invoices."),
        ]
