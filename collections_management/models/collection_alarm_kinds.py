from dataclasses import replace
from datetime import timedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .alarm_list import AlarmList
from .collection_promise import NOT_KEPT, OPEN

UNDELIVERED = ("not_sent", "bounced", "error", "rejected")


class CollectionAlarm(models.Model):
    """The kinds of alarms: for each a method that says which records it tells of, and how."""

    _inherit = "collection.alarm"

    # ------------------------------------------------------------
    # Agreements
    # ------------------------------------------------------------

    def _get_broken_promise(self, company):
        """Broken and partly kept promises, until there is a new contact, promise or payment."""
        model = self.env["collection.promise"]
        return AlarmList(
            model=model,
            domain=self._get_own_domain(company)
            & Domain("state", "in", NOT_KEPT)
            & Domain("move_line_ids", "any", [("reconciled", "=", False)])
            & Domain.custom(to_sql=lambda _model, alias, _query: self._get_untouched_sql(alias)),
            to_do=self.env._("Call the customer: claim the rest, or agree on something new."),
            action="collections_management.collection_promise_action",
            roles=self._get_customer_roles(),
            documents="move_ids",
            amount=lambda alias: SQL(
                "LEAST(%(alias)s.amount * (1 - COALESCE(%(alias)s.kept_share, 0)), %(open)s)",
                alias=SQL.identifier(alias),
                open=self._get_open_amount_sql(model, alias),
            ),
            date="date_promised",
            since=self.env._("days since the day promised"),
        )

    def _get_promise_due(self, company):
        """Open promises whose day is today."""
        model = self.env["collection.promise"]
        return AlarmList(
            model=model,
            domain=self._get_own_domain(company)
            & Domain("state", "in", OPEN)
            & Domain("date_promised", "=", company._get_collection_today()),
            to_do=self.env._("Look whether the money came; a call today keeps the promise alive."),
            action="collections_management.collection_promise_action",
            roles=self._get_customer_roles(),
            documents="move_ids",
            amount="amount",
        )

    def _get_action(self, company):
        """Open actions whose deadline has come, or comes in the next days."""
        until = company._get_collection_today() + timedelta(days=int(self.threshold))
        return AlarmList(
            model=self.env["collection.action"],
            domain=self._get_own_domain(company)
            & Domain("state", "=", "open")
            & Domain("date_deadline", "<=", until),
            to_do=self.env._("Take the action, then mark it as done: its effect follows."),
            action="collections_management.collection_action_action",
            roles={"responsible": "user_id", **self._get_customer_roles()},
            documents="move_ids",
            amount="amount",
            date="date_deadline",
            remark=lambda action: action.type_id.name,
            threshold=self.env._("Days ahead"),
            default=3,
        )

    def _get_action_to_approve(self, company):
        """Actions that wait for a supervisor."""
        listed = self._get_action(company)
        return replace(
            listed,
            domain=self._get_own_domain(company) & Domain("state", "=", "to_approve"),
            to_do=self.env._("Approve the action, or cancel it: its invoices wait."),
            date="date",
            threshold=None,
            default=0,
        )

    def _get_missed_instalment(self, company):
        """Instalments of payment plans that were not paid in time."""
        model = self.env["collection.plan.line"]
        return AlarmList(
            model=model,
            domain=Domain(model._get_missed_domain(company)),
            to_do=self.env._(
                "Call the customer: the plan is breached unless the instalment is paid."
            ),
            action="collections_management.collection_plan_line_action",
            roles=self._get_customer_roles(),
            documents="plan_id.move_ids",
            link="plan_id",
            amount="amount",
            date="date",
            remark=lambda line: line.display_name,
        )

    def _get_uncredited_report(self, company):
        """What customers say to have paid and was not credited in the days that the settings give."""
        model = self.env["collection.reported.payment"]
        return AlarmList(
            model=model,
            domain=Domain(model._get_uncredited_domain(company)),
            to_do=self.env._("Look for the money with accounting, or ask the customer for proof."),
            action="collections_management.collection_reported_payment_action",
            roles=self._get_customer_roles(),
            documents="move_ids",
            amount="amount",
            date="date_reported",
            since=self.env._("days since it was paid"),
            remark=lambda report: report.reference,
        )

    def _get_dispute(self, company):
        """Disputes in which somebody has to find out who is right."""
        return AlarmList(
            model=self.env["collection.dispute"],
            domain=self._get_own_domain(company) & Domain("state", "=", "open"),
            to_do=self.env._(
                "Whose area it is solves it; the collector keeps the customer informed."
            ),
            action="collections_management.collection_dispute_action",
            roles={
                "area": "area_id.responsible_id",
                "responsible": "owner_id",
                **self._get_customer_roles(),
            },
            documents="move_ids",
            amount="amount",
            date="date",
            since=self.env._("days since it was registered"),
            remark=self._write_dispute,
        )

    def _get_late_dispute(self, company):
        """The same, past their deadline."""
        listed = self._get_dispute(company)
        return replace(
            listed,
            domain=listed.domain & Domain("deadline", "<", company._get_collection_today()),
            to_do=self.env._("Solve it now, or hand it over to somebody who can."),
            date="deadline",
            since=self.env._("days past the deadline"),
        )

    @api.model
    def _write_dispute(self, dispute):
        """Return what a reader is to know of a dispute: its area and reason."""
        return f"{dispute.area_id.name} · {dispute.reason_id.name}"

    # ------------------------------------------------------------
    # Notices, replies, invoices
    # ------------------------------------------------------------

    def _get_task(self, company):
        """Calls, letters, WhatsApp messages and other tasks that wait for a person."""
        return AlarmList(
            model=self.env["collection.notice"],
            domain=self._get_own_domain(company)
            & Domain("channel_id.is_manual", "=", True)
            & Domain("state", "in", ("ready", "queued", "failed")),
            to_do=self.env._("Do them, then mark them as done: the next step follows."),
            action="collections_management.collection_notice_action_tasks",
            roles={"responsible": "user_id", **self._get_customer_roles()},
            documents="line_ids.move_id",
            amount=lambda alias: SQL(
                """COALESCE((
                    SELECT sum(item.residual) FROM collection_notice_line item
                     WHERE item.notice_id = %s AND item.live IS TRUE
                ), 0)""",
                SQL.identifier(alias, "id"),
            ),
            currency="company_currency_id",
            date="date",
            since=self.env._("days since it was decided"),
            remark=lambda notice: notice.step_id.name or notice.channel_id.name,
        )

    def _get_pending_reply(self, company):
        """What customers wrote and nobody answered."""
        return AlarmList(
            model=self.env["collection.reply"],
            domain=self._get_own_domain(company)
            & Domain("state", "=", "pending")
            & Domain("date", "<=", self._get_day_before(company)),
            to_do=self.env._("Answer: until then the customer gets no claim."),
            action="collections_management.collection_reply_action",
            roles=self._get_customer_roles(),
            date="date",
            since=self.env._("days since the customer wrote"),
            remark=lambda reply: reply.subject,
            threshold=self.env._("Days without answer"),
        )

    def _get_failed_message(self, company):
        """Notices that could not be delivered or came back."""
        return AlarmList(
            model=self.env["collection.notice"],
            domain=self._get_own_domain(company)
            & Domain("channel_id.is_manual", "=", False)
            & Domain("state", "in", ("failed", "bounced")),
            to_do=self.env._("Correct the address, or choose another contact or channel."),
            action="collections_management.collection_notice_action",
            roles=self._get_customer_roles(),
            documents="line_ids.move_id",
            date="date",
            since=self.env._("days since it was decided"),
            remark=lambda notice: notice.failure,
        )

    def _get_undelivered_invoice(self, company):
        """Invoices that did not reach their customer."""
        day = self._get_day_before(company)
        return AlarmList(
            model=self.env["account.move"],
            domain=Domain("company_id", "child_of", company.id)
            & Domain("state", "=", "posted")
            & Domain("move_type", "in", ("out_invoice", "out_receipt"))
            & Domain("payment_state", "in", ("not_paid", "partial"))
            & Domain("collection_delivery_state", "in", UNDELIVERED)
            & Domain("invoice_date", "<=", day),
            to_do=self.env._(
                "Correct the address and send it again; it is not claimed until then."
            ),
            action="collections_management.account_move_action_undelivered",
            roles={"collector": "collector_id", "salesperson": "invoice_user_id"},
            customer="commercial_partner_id",
            documents="id",
            amount="amount_residual",
            date="invoice_date",
            since=self.env._("days since the invoice"),
            remark=lambda move: move.collection_delivery_problem,
            threshold=self.env._("Days since the invoice"),
            default=1,
        )

    # ------------------------------------------------------------
    # Open items
    # ------------------------------------------------------------

    def _get_returned_debit(self, company):
        """Direct debits that came back in the last days and are still open."""
        since = self._get_day_before(company)

        def to_sql(_model, alias, _query):
            return SQL(
                """(
                    EXISTS (
                        SELECT FROM collection_round event
                         WHERE event.move_line_id = %(line)s
                           AND event.reason = 'returned_debit' AND event.date >= %(since)s)
                    -- booked as a debit of the bank on the customer
                    OR EXISTS (
                        SELECT FROM account_move_line booked
                          JOIN account_journal journal
                            ON journal.id = booked.journal_id AND journal.type = 'bank'
                         WHERE booked.id = %(line)s AND booked.date >= %(since)s)
                )""",
                line=SQL.identifier(alias, "id"),
                since=since,
            )

        return AlarmList(
            **dict(
                self._get_item_values(Domain.custom(to_sql=to_sql), company),
                to_do=self.env._("Find out why, today: it is the most urgent of all debts."),
                threshold=self.env._("Days for which it is told"),
                default=7,
            )
        )

    def _get_due_today(self, company):
        """Open items whose term is reached today."""
        domain = Domain("date_due", "=", company._get_collection_today())
        return AlarmList(
            **dict(
                self._get_item_values(domain, company),
                to_do=self.env._("Nothing, if the money comes; the scheme's claims follow."),
                date=None,
                since=None,
            )
        )

    def _get_next_step(self, company):
        """Items whose next claim or action starts in the next days."""
        today = company._get_collection_today()
        domain = (
            Domain("next_date", ">", today)
            & Domain("next_date", "<=", today + timedelta(days=max(int(self.threshold), 1)))
            & Domain("next_phase", "!=", "upcoming")
            & Domain("decision", "in", ("waiting", "not_due"))
        )
        return AlarmList(
            **dict(
                self._get_item_values(domain, company),
                model=self.env["collection.due.item"],
                to_do=self.env._("Pause it, or agree on something, if it should not start."),
                date="next_date",
                since=self.env._("until the step"),
                remark=lambda item: item.next_step_id.name,
                threshold=self.env._("Days ahead"),
                default=1,
            )
        )

    # ------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------

    def _get_over_limit(self, company):
        """Customers who owe more than a percentage of their credit limit."""
        share = (self.threshold or 100) / 100

        def to_sql(model, alias, query):
            limit = self._get_limit_sql(model, alias, query)
            return SQL(
                "(%(limit)s > 0 AND %(balance)s > %(limit)s * %(share)s)",
                limit=limit,
                balance=model._field_to_sql(alias, "balance", query),
                share=share,
            )

        return AlarmList(
            **dict(
                self._get_customer_values(Domain.custom(to_sql=to_sql), company, "balance"),
                to_do=self.env._("Deliver no more on credit, or have the limit raised."),
                remark=lambda customer: self.env._(
                    "Limit: %s",
                    customer.currency_id.format(
                        customer.partner_id.with_company(company).credit_limit
                    ),
                ),
                threshold=self.env._("Percent of the limit"),
                default=100,
            )
        )

    def _get_at_risk(self, company):
        """Customers with more overdue than an amount."""
        return AlarmList(
            **dict(
                self._get_customer_values(
                    Domain("overdue", ">", self.threshold), company, "overdue"
                ),
                to_do=self.env._("Look at the customer with the collector: what is the plan?"),
                threshold=self.env._("Overdue, in company currency"),
                default=10000,
            )
        )

    def _get_no_contact(self, company):
        """Customers with something overdue with whom nobody was in touch for some days."""
        since = self._get_day_before(company)

        def to_sql(_model, alias, _query):
            return SQL(
                "NOT (%s)",
                SQL(" OR ").join(self._get_touches_sql(SQL.identifier(alias, "id"), since)),
            )

        domain = Domain("overdue", ">", 0) & Domain("oldest_due_date", "<", since)
        return AlarmList(
            **dict(
                self._get_customer_values(
                    domain & Domain.custom(to_sql=to_sql), company, "overdue"
                ),
                to_do=self.env._("Call the customer: nobody was in touch lately."),
                threshold=self.env._("Days without contact"),
                default=30,
            )
        )

    def _get_failed_customer(self, company):
        """Customers that the last run could not deal with."""
        return AlarmList(
            **dict(
                self._get_customer_values(Domain("failure", "!=", False), company, "overdue"),
                to_do=self.env._("Remove the cause; the next run tries again."),
                remark=lambda customer: customer.failure,
            )
        )

    # ------------------------------------------------------------
    # The company
    # ------------------------------------------------------------

    def _get_stale_bank(self, company):
        """The bank journals of a company whose newest bank transaction is too old."""
        model = self.env["account.journal"]
        stale = company._get_stale_bank_text()
        domain = Domain("company_id", "child_of", company.id) & Domain("type", "=", "bank")
        return AlarmList(
            model=model,
            domain=domain if stale else Domain.FALSE,
            to_do=self.env._("Import the bank: until then no promise is judged and claims wait."),
            action="account.open_account_journal_dashboard_kanban",
            customer=None,
            remark=lambda _journal: stale or None,
        )

    def _get_failed_day(self, company):
        """The company itself, when its daily run failed."""
        return AlarmList(
            model=self.env["res.company"],
            domain=Domain("id", "=", company.id) & Domain("collection_failure", "!=", False),
            to_do=self.env._("Nobody was claimed: have the cause removed. The run is tried again."),
            action="base.action_res_company_form",
            customer=None,
            remark=lambda failed: failed.collection_failure,
        )

    # ------------------------------------------------------------
    # What the kinds share
    # ------------------------------------------------------------

    def _get_day_before(self, company):
        """Return the day that lies as many days ago as the threshold says."""
        self.ensure_one()
        return company._get_collection_today() - timedelta(days=int(self.threshold))

    def _get_own_domain(self, company):
        """Return the domain of what belongs to a main company."""
        return Domain("company_id", "=", company.id)

    def _get_customer_roles(self):
        """Return the paths to the people of a customer, for models with their customer's collector."""
        return {"collector": "collector_id", "salesperson": "partner_id.user_id"}

    def _get_customer_values(self, domain, company, amount):
        """Return what lists of customers share.

        :param domain: which of the company's customers
        :param str amount: the live figure that is told
        """
        return {
            "model": self.env["collection.customer"],
            "domain": self._get_own_domain(company) & domain,
            "action": "collections_management.collection_customer_action",
            "roles": self._get_customer_roles(),
            "amount": amount,
            "date": "oldest_due_date",
            "since": self.env._("days overdue"),
        }

    def _get_item_values(self, domain, company):
        """Return what lists of open items share; they are found without deciding.

        :param domain: which of the company's items
        """
        return {
            "model": self.env["collection.due.item"].with_context(collection_facts_only=True),
            "domain": Domain("root_company_id", "=", company.id)
            & Domain("residual_currency", ">", 0)
            & domain,
            "action": "collections_management.collection_due_item_action",
            "roles": {"collector": "collector_id", "salesperson": "salesperson_id"},
            "documents": "move_id",
            "link": "move_id",
            "amount": "residual_currency",
            "date": "date_due",
            "since": self.env._("days overdue"),
        }

    def _get_limit_sql(self, model, alias, query):
        """Return the SQL of the credit limit of customers' files, in company currency."""
        partners = model.env["res.partner"]
        join = query.make_alias(alias, "partner_id")
        query.add_join(
            "LEFT JOIN",
            join,
            partners._table,
            SQL("%s = %s", SQL.identifier(alias, "partner_id"), SQL.identifier(join, "id")),
        )
        return SQL("COALESCE(%s, 0)", partners._field_to_sql(join, "credit_limit", query))

    def _get_open_amount_sql(self, model, alias):
        """Return the SQL of what the items of agreements are open for."""
        return SQL(
            """COALESCE((
                SELECT sum(GREATEST(item.amount_residual_currency, 0))
                  FROM %s covered
                  JOIN account_move_line item
                    ON item.id = covered.line_id AND item.parent_state = 'posted'
                 WHERE covered.agreement_id = %s
            ), 0)""",
            model._get_covered_sql(),
            SQL.identifier(alias, "id"),
        )

    def _get_untouched_sql(self, alias):
        """Return the SQL condition that nothing happened since a promise was found broken."""
        alias = SQL.identifier(alias)
        return SQL(
            """NOT (
                EXISTS (
                    SELECT FROM collection_promise newer
                     WHERE newer.customer_id = %(alias)s.customer_id
                       AND newer.id > %(alias)s.id AND newer.date >= %(alias)s.closed_date
                       AND newer.state <> 'cancelled')
                OR EXISTS (
                    SELECT
                      FROM res_partner payer
                      JOIN account_move_line money ON money.partner_id = payer.id
                      JOIN account_account account
                        ON account.id = money.account_id
                       AND account.account_type = 'asset_receivable'
                      JOIN account_move entry
                        ON entry.id = money.move_id AND entry.move_type = 'entry'
                     WHERE payer.commercial_partner_id = %(alias)s.partner_id
                       AND %(root)s = %(alias)s.company_id
                       AND money.parent_state = 'posted' AND money.balance < 0
                       -- of a later day, or of an earlier one that is booked later
                       AND (money.date >= %(alias)s.closed_date
                            OR money.create_date::date > %(alias)s.closed_date))
                OR %(contact)s
            )""",
            alias=alias,
            root=self.env["res.company"]._get_root_sql(SQL.identifier("money", "company_id")),
            contact=self._get_contact_sql(
                SQL("%s.customer_id", alias), SQL("%s.closed_date", alias)
            ),
        )

    def _get_contact_sql(self, customer, since):
        """Return the SQL condition that a contact with a customer was registered since a day.

        :param SQL customer: id of the file
        :param SQL since: the day
        """
        return SQL(
            """EXISTS (
                SELECT FROM collection_contact contact
                 WHERE contact.customer_id = %s AND contact.state = 'registered'
                   AND contact.date >= %s)""",
            customer,
            since,
        )

    def _get_touches_sql(self, customer, since):
        """Hook: the SQL conditions that somebody was in touch with a customer, by whatever way.

        :param SQL customer: id of the file
        :param datetime.date since: the first day that counts
        :return: list of SQL
        """
        return [
            self._get_contact_sql(customer, SQL("%s::date", since)),
            SQL(
                """EXISTS (
                    SELECT FROM collection_notice said
                     WHERE said.customer_id = %s AND said.sent_date >= %s)""",
                customer,
                since,
            ),
            SQL(
                """EXISTS (
                    SELECT FROM collection_reply heard
                     WHERE heard.customer_id = %s AND heard.date >= %s
                       AND heard.automatic IS NOT TRUE)""",
                customer,
                since,
            ),
            SQL(
                """EXISTS (
                    SELECT FROM collection_promise agreed
                     WHERE agreed.customer_id = %s AND agreed.date >= %s)""",
                customer,
                since,
            ),
        ]
