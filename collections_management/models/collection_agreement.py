from collections import Counter

from odoo import Command, api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .history import log_notes


class CollectionAgreement(models.AbstractModel):
    """What was agreed with a customer about open items: it holds them while it is open.

    A model of its own says what was agreed (a promise, a dispute...): its states, which of them
    are open (``_get_open_states``), what holds its items (``_get_hold_kind``), and how the ledger
    ends it (``_judge``). Nothing stores what was paid: that is asked of the ledger.
    """

    _name = "collection.agreement"
    _description = "Agreement with a Customer"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _rec_name = "number"
    _order = "date desc, id desc"
    _mail_post_access = "read"
    _check_company_auto = True
    # which kinds are judged before others that ask what became of them
    _judge_sequence = 10

    number = fields.Char(readonly=True, copy=False, index="trigram")
    customer_id = fields.Many2one(
        "collection.customer",
        string="Customer File",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
    )
    partner_id = fields.Many2one(
        related="customer_id.partner_id", string="Customer", store=True, index=True
    )
    company_id = fields.Many2one(
        related="customer_id.company_id",
        store=True,
        index=True,
        precompute=True,
        help="The main company: an agreement may be about invoices of its branches.",
    )
    collector_id = fields.Many2one(related="customer_id.collector_id", store=True, index=True)
    user_id = fields.Many2one(
        "res.users",
        string="Registered By",
        readonly=True,
        index=True,
        default=lambda self: self.env.user,
    )
    date = fields.Date(
        string="Registered On",
        required=True,
        readonly=True,
        index=True,
        default=fields.Date.context_today,
    )
    currency_id = fields.Many2one("res.currency", required=True)
    move_line_ids = fields.Many2many("account.move.line", string="Items", copy=False)
    move_ids = fields.Many2many(
        "account.move", string="Invoices", compute="_compute_move_ids", search="_search_move_ids"
    )
    # currencies never mix: sums are in the company's
    amount = fields.Monetary(required=True, tracking=True, aggregator=False)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    company_amount = fields.Monetary(
        string="Amount in Company Currency",
        compute="_compute_company_amount",
        store=True,
        currency_field="company_currency_id",
        help="At the rate of the day of registration.",
    )
    note = fields.Text()
    contact_id = fields.Many2one(
        "collection.contact",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        check_company=True,
        help="The contact that it came of.",
    )
    # each model gives its own list; a function, for a list would be taken for one to add to
    state = fields.Selection(
        lambda self: [], required=True, readonly=True, index=True, default="open", copy=False
    )
    closed_date = fields.Date(string="Closed On", readonly=True, copy=False)
    count_credit_notes = fields.Boolean(
        string="Credit Notes Count as Payment", default=True, tracking=True
    )
    count_write_offs = fields.Boolean(
        string="Write-Offs Count as Payment",
        tracking=True,
        help="What is booked as a loss or a discount, by itself or together with a payment.",
    )
    matched_before = fields.Json(
        help="What was reconciled with the items before: amount by item and counterpart."
    )
    paid_amount = fields.Monetary(
        string="Paid",
        compute="_compute_paid_amount",
        aggregator=False,
        help="What was reconciled with the items since the agreement was registered.",
    )
    taken_over = fields.Boolean(
        readonly=True,
        copy=False,
        help="Agreed before collections were done here; from an opening sheet.",
    )
    failure = fields.Char(
        string="Last Failure",
        readonly=True,
        copy=False,
        help="Why the last run could not look at it; the next one tries again.",
    )

    # ------------------------------------------------------------
    # Hooks: what each kind of agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_open_states(self):
        """Hook: the states in which an agreement holds its items."""
        return ("open",)

    @api.model
    def _get_final_states(self):
        """Hook: the states that nothing in the ledger changes any more."""
        return ("replaced", "cancelled")

    @api.model
    def _get_hold_kind(self):
        """Hook: one of ``HOLD_KINDS``."""
        raise NotImplementedError

    def _get_holding_sql(self):
        """Hook: SQL condition: ``agreement`` holds its items."""
        return SQL("agreement.state IN %s", tuple(self._get_open_states()))

    @api.model
    def _get_compatible_kinds(self):
        """Hook: the kinds of hold that an item may have already when this is registered."""
        return ["paused", self._get_hold_kind()]

    def _get_hold_until_sql(self):
        """Hook: SQL of the last day of the holds of ``agreement`` (NULL: until they are lifted)."""
        return SQL("NULL::date")

    def _get_hold_free_sql(self):
        """Hook: SQL of how much of the item ``line`` the hold ``held`` of ``agreement`` leaves free."""
        return SQL("NULL::numeric")

    def _get_hold_sentence(self):
        """Hook: the sentence that tells a person why an item is not claimed."""
        self.ensure_one()
        return self.number

    def _judge(self):
        """Hook: look at the ledger again, which has changed or a day later."""

    @api.model
    def _get_register_model(self):
        """Hook: the dialog that registers one."""
        raise NotImplementedError

    @api.model
    def _get_agreed_fields(self):
        """Hook: the fields that stay as they were agreed."""
        return {"amount", "currency_id", "customer_id", "move_line_ids"}

    @api.model
    def _get_system_fields(self):
        """Hook: the fields that the system keeps: nobody writes them by hand."""
        return {
            "closed_date",
            "contact_id",
            "date",
            "failure",
            "matched_before",
            "number",
            "state",
            "taken_over",
            "user_id",
        }

    @api.model
    def _get_models(self):
        """Return the names of all kinds of agreements, in the order in which they are judged."""
        names = self.pool.descendants(["collection.agreement"], "_inherit")
        return sorted(
            (name for name in names if not self.pool[name]._abstract),
            key=lambda name: (self.pool[name]._judge_sequence, name),
        )

    @api.model
    def _get_kind(self):
        """Return the model of the kind of agreement that a button asks for: context ``agreement``."""
        name = self.env.context.get("agreement")
        if name not in self._get_models():
            raise ValueError(f"Not a kind of agreement: {name}")
        return self.env[name]

    @api.model
    def _open(self, domain):
        """Return the action that opens the agreements of this kind in a domain, past ones too."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            f"collections_management.{self._table}_action"
        )
        return dict(action, domain=domain, context={})

    # ------------------------------------------------------------
    # Fields
    # ------------------------------------------------------------

    @api.depends("number", "partner_id")
    @api.depends_context("agreement_by_customer")
    def _compute_display_name(self):
        """Override of ``base``: a calendar shows nothing else, so it says whose agreement it is."""
        super()._compute_display_name()
        if self.env.context.get("agreement_by_customer"):
            for agreement in self:
                customer = agreement.partner_id.display_name
                agreement.display_name = f"{customer} · {agreement.number}"

    @api.depends("move_line_ids.move_id")
    def _compute_move_ids(self):
        for agreement in self:
            agreement.move_ids = agreement.move_line_ids.move_id

    def _search_move_ids(self, operator, value):
        return [("move_line_ids.move_id", operator, value)]

    @api.depends("amount", "currency_id", "company_id", "date")
    def _compute_company_amount(self):
        for agreement in self:
            company = agreement.company_id
            agreement.company_amount = agreement.currency_id._convert(
                agreement.amount, company.currency_id, company, agreement.date
            )

    @api.depends("move_line_ids.amount_residual", "count_credit_notes", "count_write_offs")
    def _compute_paid_amount(self):
        paid = self._get_paid()
        for agreement in self:
            agreement.paid_amount = paid.get(agreement.id, 0.0)

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``base``: check what is agreed, and hold its items."""
        agreements = super().create(self._prepare_create(vals_list))
        agreements._check_items()
        agreements._check_amount()
        agreements._check_free()
        agreements._check_once()
        # sudo: holds and chains are the system's, whoever registers
        agreements.sudo()._lock_customers()
        agreements.sudo()._begin()
        return agreements

    @api.model
    def _prepare_create(self, vals_list):
        """Return values without what the system keeps, and with the next numbers."""
        customers = self.env["collection.customer"].browse(
            vals["customer_id"] for vals in vals_list if vals.get("customer_id")
        )
        customers.check_access("read")
        companies = {customer.id: customer.company_id for customer in customers.sudo()}
        owners = [companies[vals["customer_id"]] for vals in vals_list if vals.get("customer_id")]
        numbers = {
            company: iter(self._take_numbers(self._get_sequence(company), count))
            for company, count in Counter(owners).items()
        }
        kept = set() if self.env.su else self._get_system_fields()
        return [
            {name: value for name, value in vals.items() if name not in kept}
            | {"number": next(numbers[companies[vals["customer_id"]]])}
            if vals.get("customer_id")
            else vals
            for vals in vals_list
        ]

    @api.model
    def _get_sequence(self, company):
        """Return the numbers of a main company, made when they are first needed.

        They may have gaps, so that nobody waits for another.
        """
        # sudo: numbers are the system's
        sequences = self.env["ir.sequence"].sudo()
        found = sequences.search(
            [("code", "=", self._name), ("company_id", "=", company.id)], limit=1
        )
        return found or sequences.create(
            {
                "name": f"{self._description} ({company.name})",
                "code": self._name,
                "company_id": company.id,
                "implementation": "standard",
                "prefix": self._get_sequence_prefix(),
                "padding": 5,
            }
        )

    @api.model
    def _take_numbers(self, sequence, count):
        """Return the next numbers of a sequence: all in one query, unless it may have no gaps."""
        if sequence.implementation != "standard" or sequence.use_date_range:
            return [sequence.next_by_id() for _number in range(count)]
        # Odoo's own way takes them one by one
        rows = self.env.execute_query(
            SQL(
                "SELECT nextval(%s) FROM generate_series(1, %s)",
                f"ir_sequence_{sequence.id:03d}",
                count,
            )
        )
        return [sequence.get_next_char(number) for [number] in rows]

    @api.model
    def _get_sequence_prefix(self):
        """Hook: what the numbers begin with."""
        raise NotImplementedError

    @api.model
    def _make(self, lines, amounts=None, **values):
        """Register what was agreed with a customer: one agreement for each currency.

        It is about whole invoices: the other open instalments of an invoice come along.

        :param lines: account.move.line
        :param dict amounts: by res.currency; default: as ``_get_default_amount`` says
        :param values: further values of the agreements, as the note
        :return: the agreements
        :raises UserError: naming what can't be agreed, and the way out
        """
        lines = lines._get_collection_whole_invoices()
        customer = self._get_customer(lines)
        amounts = amounts or {}
        return self.create(
            [
                {
                    "customer_id": customer.id,
                    "currency_id": currency.id,
                    "move_line_ids": group.ids,
                    "amount": amounts.get(currency, self._get_default_amount(group)),
                    **values,
                }
                for currency, group in lines.grouped("currency_id").items()
            ]
        )

    @api.model
    def _get_default_amount(self, lines):
        """Hook: the amount of an agreement on items of one currency: what is overdue, else all."""
        return sum(lines._get_collection_overdue().mapped("amount_residual_currency"))

    @api.model
    def _get_customer(self, lines):
        """Return the file of the one customer who owes some items.

        :raises UserError: when an item can't be agreed on, or there are several customers
        """
        for line in lines:
            if reason := line._get_collection_refusal():
                raise UserError(reason)
        partners = lines.partner_id.commercial_partner_id
        companies = lines.company_id.root_id
        if len(partners) > 1:
            raise UserError(
                self.env._(
                    "The chosen invoices are of several customers: %s. An agreement is with one "
                    "customer: choose the invoices of one, then those of the next.",
                    ", ".join(partners.mapped("display_name")),
                )
            )
        if len(companies) > 1:
            raise UserError(
                self.env._(
                    "The chosen invoices are of several companies: %s. Companies never mix: register "
                    "an agreement in each.",
                    ", ".join(companies.mapped("name")),
                )
            )
        if not lines:
            raise UserError(
                self.env._(
                    "None of the chosen invoices has an open amount, so there is nothing to agree on."
                )
            )
        # sudo: the file is made by the system; reading it needs the person's own rights
        files = self.env["collection.customer"].sudo()
        return files._get_or_create(partners, companies).with_env(self.env)

    def _check_items(self):
        """Refuse items that are not open, or not the customer's, company's or currency's.

        :raises UserError: naming the item, the rule and the way out
        """
        for agreement in self:
            # sudo: branches share their customers; what is not theirs is refused here
            lines = agreement.sudo().move_line_ids
            if not lines:
                raise UserError(
                    self.env._(
                        "%(customer)s: choose at least one invoice with an open amount.",
                        customer=agreement.partner_id.display_name,
                    )
                )
            for line in lines:
                if reason := agreement._get_refusal(line):
                    raise UserError(reason)

    def _get_refusal(self, line):
        """Return why an item can't be in this agreement; falsy: it can."""
        self.ensure_one()
        customer = self.customer_id.sudo()
        partner = line.partner_id.commercial_partner_id
        values = {"item": line._get_collection_name(), "customer": customer.partner_id.display_name}
        if reason := line._get_collection_refusal():
            return reason
        if partner != customer.partner_id:
            return self.env._(
                "%(item)s is owed by %(other)s, not by %(customer)s: an agreement is with one "
                "customer. Register one for each.",
                other=partner.display_name,
                **values,
            )
        if line.company_id.root_id != customer.company_id:
            return self.env._(
                "%(item)s belongs to %(other)s, not to %(company)s: companies never mix. Register "
                "an agreement in each.",
                other=line.company_id.root_id.name,
                company=customer.company_id.name,
                **values,
            )
        if line.currency_id != self.currency_id:
            return self.env._(
                "%(item)s is in %(other)s, not in %(currency)s: register an agreement for each "
                "currency.",
                other=line.currency_id.name,
                currency=self.currency_id.name,
                **values,
            )
        return False

    def _check_amount(self):
        """Refuse an amount that is not owed."""
        for agreement in self:
            currency, amount = agreement.currency_id, agreement.amount
            owed = sum(agreement.sudo().move_line_ids.mapped("amount_residual_currency"))
            values = {
                "customer": agreement.partner_id.display_name,
                "amount": currency.format(amount),
                "owed": currency.format(owed),
            }
            if currency.compare_amounts(amount, 0) <= 0:
                raise UserError(
                    self.env._(
                        "%(customer)s: %(amount)s can't be agreed. Write an amount above zero, at "
                        "most the %(owed)s that the invoices are open for.",
                        **values,
                    )
                )
            if currency.compare_amounts(amount, owed) > 0:
                raise UserError(
                    self.env._(
                        "%(customer)s: %(amount)s is more than the %(owed)s that the chosen invoices "
                        "are open for. Lower the amount, or choose more invoices.",
                        **values,
                    )
                )

    def _check_free(self):
        """Refuse items that an agreement of another kind holds."""
        # sudo: whoever registers sees why, not the other agreement itself
        held = self.env["collection.hold"].sudo()
        hold = held.search(
            [
                ("move_line_id", "in", self.move_line_ids.ids),
                ("open", "=", True),
                ("kind", "not in", self._get_compatible_kinds()),
            ],
            limit=1,
        )
        if hold:
            kinds = dict(hold._fields["kind"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "%(item)s is held already: %(kind)s (%(reason)s). End that first, or leave the "
                    "invoice out.",
                    item=hold.move_line_id._get_collection_name(),
                    kind=kinds[hold.kind],
                    reason=hold.reason,
                )
            )

    def _check_once(self):
        """Refuse an item that is in two of these agreements."""
        agreed = Counter(line for agreement in self for line in agreement.move_line_ids)
        for line, times in agreed.items():
            if times > 1:
                raise UserError(
                    self.env._(
                        "%s would be in two agreements at once: leave it out of one.",
                        line._get_collection_name(),
                    )
                )

    def _begin(self):
        """Let the agreements hold their items from now on."""
        self.env.flush_all()
        self._remember_matches()
        self.env["collection.hold"].create(
            [
                {
                    "move_line_id": line.id,
                    "amount": line.amount_residual_currency,
                    "kind": self._get_hold_kind(),
                    "reason": agreement.number,
                    "origin": f"{self._name},{agreement.id}",
                    "date_from": agreement.date,
                }
                for agreement in self
                for line in agreement.move_line_ids
            ]
        )
        self._align_holds()

    def _lock_customers(self):
        """Keep others from agreeing something else on the same customers at this moment.

        :raises LockError: when they, or a job, have one of them in hand
        """
        customers = self.customer_id
        if busy := customers - customers.try_lock_for_update(allow_referencing=True):
            raise LockError(
                self.env._(
                    "Someone else, or the daily run, has %(customer)s in hand at this moment: try "
                    "again in a minute.",
                    customer=busy[0].display_name,
                )
            )

    def _remember_matches(self):
        """Note what was reconciled with the items before; only what comes on top of it counts."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE %(table)s agreement
                   SET matched_before = known.matches
                  FROM (
                    SELECT covered.agreement_id,
                           jsonb_object_agg(covered.line_id || '-' || matched.line_id, matched.amount)
                               AS matches
                      FROM %(covered)s covered
                      JOIN LATERAL (%(matched)s) matched ON TRUE
                     WHERE covered.agreement_id IN %(ids)s
                     GROUP BY covered.agreement_id
                  ) known
                 WHERE known.agreement_id = agreement.id
                """,
                table=SQL.identifier(self._table),
                covered=self._get_covered_sql(),
                matched=self._get_matched_sql(),
                ids=tuple(self.ids),
            )
        )
        self.invalidate_recordset(["matched_before"])

    def write(self, vals):
        """Override of ``base``: what was agreed stays; a change is a new agreement."""
        fixed = (self._get_agreed_fields() | self._get_system_fields()) & set(vals)
        if fixed and not self.env.su:
            names = self.fields_get(fixed, ["string"])
            raise UserError(
                self.env._(
                    "%(agreement)s stays as it was agreed: you can't change “%(field)s”. Register a "
                    "new one, which takes its place, or cancel it.",
                    agreement=self[:1].number,
                    field=names[min(fixed)]["string"],
                )
            )
        result = super().write(vals)
        if {"count_credit_notes", "count_write_offs"} & set(vals):
            self._follow(self)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_closed(self):
        """Keep what is part of the customer's history; an open one takes its holds along."""
        for agreement in self:
            if agreement.state not in self._get_open_states():
                state = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(agreement)s of %(customer)s is in state “%(state)s”: it is part of the "
                        "customer's history and stays. Only an open one can be deleted.",
                        agreement=agreement.number,
                        customer=agreement.partner_id.display_name,
                        state=state[agreement.state],
                    )
                )
        # sudo: holds are written by the system
        self.sudo()._get_holds().unlink()

    # ------------------------------------------------------------
    # Holds
    # ------------------------------------------------------------

    def _get_holds(self):
        """Return the holds that these agreements placed, lifted ones too."""
        origins = [f"{self._name},{id_}" for id_ in self.ids]
        return self.env["collection.hold"].search([("origin", "in", origins)])

    def _align_holds(self):
        """Open and lift the holds as the states, and what is left to pay, ask for. Set-based."""
        if not self:
            return
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                UPDATE collection_hold hold
                   SET open = wanted.open, date_to = wanted.until, free_amount = wanted.free
                  FROM (
                    SELECT held.id, %(until)s AS until, %(free)s AS free,
                           %(holding)s
                           AND line.parent_state = 'posted' AND line.reconciled IS NOT TRUE AS open
                      FROM %(table)s agreement
                      JOIN collection_hold held ON held.origin = %(name)s || agreement.id
                      JOIN account_move_line line ON line.id = held.move_line_id
                     WHERE agreement.id IN %(ids)s
                  ) wanted
                 WHERE wanted.id = hold.id
                   AND (hold.open IS DISTINCT FROM wanted.open
                        OR wanted.open AND hold.date_to IS DISTINCT FROM wanted.until
                        OR wanted.open AND hold.free_amount IS DISTINCT FROM wanted.free)
                RETURNING hold.move_id
                """,
                until=self._get_hold_until_sql(),
                free=self._get_hold_free_sql(),
                holding=self._get_holding_sql(),
                table=SQL.identifier(self._table),
                name=f"{self._name},",
                ids=tuple(self.ids),
            )
        )
        self.env["collection.hold"].invalidate_model(["open", "date_to", "free_amount"])
        moves = self.env["account.move"].browse({move_id for [move_id] in rows})
        moves._update_collection_status()

    def _release(self, lines):
        """Take items out of this agreement: its amount can't be more than what its others owed."""
        self.ensure_one()
        self._get_holds().filtered(lambda hold: hold.move_line_id in lines).unlink()
        owed = sum(self._get_holds().mapped("amount"))
        self.write(
            {
                "move_line_ids": [Command.unlink(line.id) for line in lines],
                "amount": min(self.amount, owed),
            }
        )

    def _get_today(self):
        """Return the day it is where the companies of these agreements work: the earliest."""
        days = [company._get_collection_today() for company in self.company_id]
        return min(days, default=fields.Date.context_today(self))

    def _close(self, state):
        """End these agreements; their items are free."""
        self.write({"state": state, "closed_date": self._get_today()})
        self._align_holds()

    def action_cancel(self):
        """Cancel open agreements: their items are decided anew on the next run."""
        self.check_access("write")
        for agreement in self:
            if agreement.state not in self._get_open_states():
                state = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(agreement)s is in state “%(state)s” already; only an open one can be "
                        "cancelled.",
                        agreement=agreement.number,
                        state=state[agreement.state],
                    )
                )
        # sudo: states and holds are the system's
        self.sudo()._close("cancelled")
        self._log(self.env._("Cancelled by %s.", self.env.user.name))

    def _get_undo_refusal(self):
        """Hook: why it can't be undone as if it had never been registered; falsy: it can."""
        self.ensure_one()
        if self.state != self.default_get(["state"]).get("state"):
            state = dict(self._fields["state"]._description_selection(self.env))
            return self.env._(
                "%(agreement)s is in state “%(state)s” by now.",
                agreement=self.number,
                state=state[self.state],
            )
        if not self.currency_id.is_zero(self.paid_amount):
            return self.env._(
                "%(amount)s of %(agreement)s was paid by now.",
                amount=self.currency_id.format(self.paid_amount),
                agreement=self.number,
            )
        return False

    @api.model
    def _remember_before(self, lines):
        """Hook: what registering one about these items changes of earlier ones.

        :return: what ``_undo`` needs to bring it back, for JSON
        """
        return {}

    def _undo(self, before):
        """Take these agreements back: they end, and so it is as before.

        :param before: what ``_remember_before`` returned
        """
        self._close("cancelled")

    def _log(self, *texts):
        """Write a text into the history of each, or one and the same into all."""
        if self.env.context.get("tracking_disable") or not self:
            return
        texts = texts * len(self) if len(texts) == 1 else texts
        log_notes(self, dict(zip(self.ids, texts, strict=True)))

    @api.model
    def _move_to_file(self, sources, target):
        """Move the agreements of files that are merged into another."""
        for name in self._get_models():
            # sudo: the history moves whole
            moved = self.env[name].sudo().search([("customer_id", "in", sources.ids)])
            moved.with_context(tracking_disable=True).write({"customer_id": target.id})

    # ------------------------------------------------------------
    # Tasks
    # ------------------------------------------------------------

    def _get_task_text(self):
        """Hook: what a task, or a list of agreements in a sentence, says of this one."""
        self.ensure_one()
        return f"{self.number}: {self.currency_id.format(self.amount)}"

    def _make_tasks(self, type_name, get_user):
        """Give a person one task for each customer, in the person's language.

        One that is open already names these too.

        :param str type_name: which mail.activity.type
        :param get_user: function that returns the res.users of a customer's file
        """
        if not self:
            return
        task_type = self.env.ref(f"collections_management.{type_name}")
        tasks = self._get_tasks(task_type).grouped("res_id")
        model_id = self.env["ir.model"]._get_id("collection.customer")
        missing = []
        # tasks ask for the name of each customer: fetched together
        self.customer_id.partner_id.mapped("display_name")
        for customer, agreements in self.grouped("customer_id").items():
            user = get_user(customer) or self.env.user
            named = agreements.with_context(lang=user.lang or self.env.lang)
            summary = ", ".join(agreement._get_task_text() for agreement in named)
            if task := tasks.get(customer.id):
                if summary not in (task[0].summary or ""):
                    task[0].summary = f"{task[0].summary}, {summary}"
                continue
            missing.append(
                {
                    "res_model_id": model_id,
                    "res_id": customer.id,
                    "activity_type_id": task_type.id,
                    "summary": summary,
                    "date_deadline": customer.company_id._get_collection_today(),
                    "user_id": user.id,
                }
            )
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(missing)

    @api.model
    def _get_task_domains(self):
        """Hook: the tasks that this kind gives, and which of its agreements still ask for them.

        :return: dict of the name of a mail.activity.type -> domain of agreements
        """
        return {}

    def _clear_tasks(self):
        """Take back the tasks that have nothing left to do: it was allocated or paid meanwhile.

        Kinds of agreements may share a type of task.
        """
        for name in self._get_task_domains():
            tasks = self._get_tasks(self.env.ref(f"collections_management.{name}"))
            if not tasks:
                continue
            still = self.env["collection.customer"]
            for kind in (self.env[model] for model in self._get_models()):
                if domain := kind._get_task_domains().get(name):
                    asking = Domain(domain) & Domain("customer_id", "in", tasks.mapped("res_id"))
                    still |= kind.search(asking).customer_id
            tasks.filtered(lambda task, still=still: task.res_id not in still.ids).unlink()

    def _get_tasks(self, task_types):
        """Return the open tasks of these types on the customers' files."""
        return self.env["mail.activity"].search(
            [
                ("res_model", "=", "collection.customer"),
                ("res_id", "in", self.customer_id.ids),
                ("activity_type_id", "in", task_types.ids),
            ]
        )

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_open_invoices(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account.action_move_out_invoice_type"
        )
        return dict(
            action,
            domain=Domain("id", "in", self.move_ids.ids),
            context={"default_move_type": "out_invoice"},
        )

    @api.model
    def _open_register(self, lines, **defaults):
        """Return the action that opens the dialog for a new agreement about some items.

        :raises UserError: naming what can't be agreed, and the way out
        """
        self.check_access("create")
        register = self._get_register_model()
        self._get_customer(lines)
        return {
            "type": "ir.actions.act_window",
            "name": self.env["ir.model"].sudo()._get(register).name,
            "res_model": register,
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_move_line_ids": lines.ids,
                **{f"default_{name}": value for name, value in defaults.items()},
            },
        }
