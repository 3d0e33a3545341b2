from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .collection_hold import HOLD_KINDS

STATES = [
    ("open", "Open"),
    ("matched", "Matched, to allocate"),
    ("credited", "Payment credited"),
    ("settled", "Settled otherwise"),
    ("not_found", "Not found"),
    ("withdrawn", "Withdrawn"),
    ("cancelled", "Cancelled"),
]
OPEN = ("open", "matched")
MEANS = [
    ("transfer", "Bank transfer"),
    ("card", "Card"),
    ("cheque", "Cheque"),
    ("cash", "Cash"),
    ("direct_debit", "Direct debit"),
    ("other", "Other"),
]


class CollectionReportedPayment(models.Model):
    """A payment that a customer says to have made: so much, on a day, by some means.

    The ledger judges it: credited when so much was reconciled with its invoices since it was
    registered. Until then it holds them, whatever else is agreed about them.
    """

    _name = "collection.reported.payment"
    _description = "Reported Payment"
    _inherit = ["collection.agreement"]
    _order = "date_reported desc, id desc"
    # promises wait for what is reported
    _judge_sequence = 5

    amount = fields.Monetary(string="Reported")
    state = fields.Selection(STATES)
    date_reported = fields.Date(
        string="Paid On",
        required=True,
        index=True,
        help="The day on which the customer says to have paid.",
    )
    means = fields.Selection(MEANS, string="Means of Payment", required=True, default="transfer")
    reference = fields.Char(
        help="What the customer names to find it by: the number of the transfer, of the cheque..."
    )
    proof_ids = fields.Many2many(
        "ir.attachment",
        "collection_reported_payment_proof_rel",
        "reported_payment_id",
        "attachment_id",
        copy=False,
    )
    tolerance_percent = fields.Float(
        string="Tolerance (%)",
        readonly=True,
        compute="_compute_tolerance_percent",
        store=True,
        precompute=True,
        help="So much less than reported is taken for credited, as a bank may keep its charges.",
    )
    remaining_amount = fields.Monetary(
        string="Not Credited Yet", compute="_compute_remaining_amount", aggregator=False
    )
    uncredited = fields.Boolean(
        string="Not Credited in Time",
        compute="_compute_uncredited",
        search="_search_uncredited",
        help="Open for more working days than the settings allow.",
    )
    explanation = fields.Char(compute="_compute_explanation")

    _customer_state_idx = models.Index("(customer_id, state)")
    _open_idx = models.Index("(company_id, date) WHERE state IN ('open', 'matched')")

    # ------------------------------------------------------------
    # What every agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_open_states(self):
        return OPEN

    @api.model
    def _get_final_states(self):
        return ("withdrawn", "cancelled")

    @api.model
    def _get_hold_kind(self):
        return "payment_reported"

    @api.model
    def _get_compatible_kinds(self):
        """Override: saying that one has paid contradicts nothing; saying it twice does."""
        return [kind for kind, _name in HOLD_KINDS if kind != self._get_hold_kind()]

    @api.model
    def _get_sequence_prefix(self):
        return "RP/%(year)s/"

    @api.model
    def _get_register_model(self):
        return "collection.register.reported.payment"

    @api.model
    def _get_agreed_fields(self):
        return super()._get_agreed_fields() | {"date_reported"}

    @api.model
    def _get_system_fields(self):
        return super()._get_system_fields() | {"tolerance_percent"}

    def _get_hold_sentence(self):
        self.ensure_one()
        return self.env._(
            "The customer says that %(amount)s was paid on %(date)s (%(report)s).",
            amount=self.currency_id.format(self.amount),
            date=format_date(self.env, self.date_reported),
            report=self.number,
        )

    def _get_task_text(self):
        self.ensure_one()
        return self.env._(
            "%(report)s: %(amount)s, paid on %(date)s",
            report=self.number,
            amount=self.currency_id.format(self.amount),
            date=format_date(self.env, self.date_reported),
        )

    # ------------------------------------------------------------
    # Fields
    # ------------------------------------------------------------

    @api.depends("company_id")
    def _compute_tolerance_percent(self):
        """As the company's setting is on registration: later changes judge nobody."""
        for report in self:
            report.tolerance_percent = report.company_id.collection_promise_percent

    @api.depends("amount", "paid_amount", "state", "move_line_ids.amount_residual_currency")
    def _compute_remaining_amount(self):
        for report in self:
            left = max(report.amount - report.paid_amount, 0.0)
            owed = sum(report.sudo().move_line_ids.mapped("amount_residual_currency"))
            report.remaining_amount = min(left, owed) if report.state in OPEN else 0.0

    @api.depends("state", "date", "company_id.collection_reported_days")
    def _compute_uncredited(self):
        for company, reports in self.grouped("company_id").items():
            late = reports.filtered_domain(self._get_uncredited_domain(company))
            for report in reports:
                report.uncredited = report in late

    def _search_uncredited(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: whose report it is, is for the rules of the reports to say
        companies = self.env["res.company"].sudo().search([("parent_id", "=", False)])
        return Domain.OR(self._get_uncredited_domain(company) for company in companies)

    @api.model
    def _get_uncredited_domain(self, company):
        """Return the domain of a main company's reports that are not credited in time.

        :param company: res.company, a main one; its ``collection_reported_days`` are working days
            since the registration
        """
        return Domain(
            [
                ("company_id", "=", company.id),
                ("state", "in", self._get_open_states()),
                ("date", "<", company.sudo()._get_collection_reported_limit()),
            ]
        )

    @api.depends_context("lang")
    @api.depends("state", "amount", "paid_amount")
    def _compute_explanation(self):
        for report in self:
            report.explanation = report._get_explanation()

    def _get_explanation(self):
        """Return the sentence that tells a person where the report stands, and what is to be done."""
        self.ensure_one()
        _ = self.env._
        partly = self.state in OPEN and not self.currency_id.is_zero(self.paid_amount)
        if partly:
            return _(
                "%(paid)s of %(amount)s has been credited so far; the rest is still looked for.",
                paid=self.currency_id.format(self.paid_amount),
                amount=self.currency_id.format(self.amount),
            )
        return {
            "open": _(
                "The money has not been found yet: look at the proposals, or say that it is not there."
            ),
            "matched": _(
                "The money was found and waits to be allocated to the invoices: accounting was asked "
                "to."
            ),
            "credited": _("The ledger shows the payment on the invoices."),
            "settled": _("Nothing is left to pay, and not all of it by payments."),
            "not_found": _("The money did not arrive; what is still open is claimed again."),
            "withdrawn": _("The customer took it back; what is still open is claimed again."),
            "cancelled": _("It was cancelled."),
        }.get(self.state, "")

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    def _check_free(self):
        """Override: one report at a time about an item."""
        # sudo: whoever registers sees why, not the other report itself
        hold = (
            self.env["collection.hold"]
            .sudo()
            .search(
                [
                    ("move_line_id", "in", self.move_line_ids.ids),
                    ("open", "=", True),
                    ("kind", "not in", self._get_compatible_kinds()),
                ],
                limit=1,
            )
        )
        if hold:
            raise UserError(
                self.env._(
                    "%(item)s has been reported as paid already (%(report)s). Leave it out; or, if the "
                    "customer paid once more, cancel that one and register what was paid altogether.",
                    item=hold.move_line_id._get_collection_name(),
                    report=hold.reason,
                )
            )

    def _begin(self):
        """Override: what is reported lies in the past."""
        for report in self:
            if report.date_reported > report.date:
                raise UserError(
                    self.env._(
                        "%(customer)s can't have paid on %(date)s, which is still to come: choose "
                        "today or an earlier day, or register a promise.",
                        customer=report.partner_id.display_name,
                        date=format_date(self.env, report.date_reported),
                    )
                )
        super()._begin()

    def _attach(self, attachments):
        """Keep files as the proof of these reports: each has its own.

        :param attachments: ir.attachment; they become those of the first report
        """
        for report in self:
            # sudo: they were uploaded in a dialog that is gone
            proofs = attachments.sudo()
            if report != self[0]:
                proofs = proofs.union(*[proof.copy() for proof in proofs]) - proofs
            proofs.write({"res_model": self._name, "res_id": report.id})
            report.proof_ids = [Command.link(proof.id) for proof in proofs]

    # ------------------------------------------------------------
    # The verdict
    # ------------------------------------------------------------

    def _judge(self):
        """Give these reports the state that the ledger asks for. Set-based."""
        reports = self.filtered(lambda report: report.state not in self._get_final_states())
        facts = reports._get_facts()
        verdicts = {report: report._get_verdict(facts[report.id]) for report in reports}
        reports._take_state(
            {report: state for report, state in verdicts.items() if state != report.state}
        )

    def _take_state(self, states):
        """Change the state of some of these, align the holds of all, and tell who should know.

        :param dict states: report -> state
        """
        changed = self.browse().union(*states)
        for state, reports in changed.grouped(states.get).items():
            reports.write(
                {"state": state, "closed_date": state not in OPEN and reports._get_today()}
            )
        self._align_holds()
        changed._tell()
        self._clear_tasks()

    def _get_verdict(self, facts):
        """Return the state that the facts of the ledger ask for.

        :param dict facts: as ``_get_facts`` returns them
        """
        self.ensure_one()
        currency = self.currency_id
        # an invoice that was cancelled since is no longer owed
        due = min(self.amount, facts["owed"])
        enough = due * (1 - self.tolerance_percent / 100)
        if not facts["items"]:
            return "settled" if self.state in OPEN else self.state
        if currency.compare_amounts(facts["paid"], enough) >= 0:
            return "credited"
        if self.state == "not_found":
            return "not_found"
        if currency.is_zero(facts["left"]):
            return "settled"
        return "matched" if facts["linked"] else "open"

    def _get_facts(self):
        """Ask the ledger what a verdict needs. One query for all.

        :return: dict id -> dict of ``items`` (how many are posted), ``owed`` (what they were open for
            at the registration), ``left`` (what they are open for), ``paid`` (since; for what was not
            found: by money that had come until then) and ``linked`` (whether money was found for it
            that is not allocated yet)
        """
        if not self.ids:
            return {}
        self.env.flush_all()
        rows = self.env.execute_query_dict(
            SQL(
                """
                WITH item AS (
                    SELECT report.id, count(*) AS items, sum(hold.amount) AS owed,
                           sum(GREATEST(line.amount_residual_currency, 0)) AS left_open
                      FROM collection_reported_payment report
                      JOIN collection_hold hold
                        ON hold.origin = %(name)s || report.id
                      JOIN account_move_line line
                        ON line.id = hold.move_line_id AND line.parent_state = 'posted'
                     WHERE report.id IN %(ids)s
                     GROUP BY report.id
                ), paid AS (
                    SELECT report.id, sum(part.amount) AS amount
                      FROM collection_reported_payment report
                      JOIN (%(paid)s) part ON part.agreement_id = report.id
                     WHERE report.state <> 'not_found' OR part.date <= report.closed_date
                     GROUP BY report.id
                )
                SELECT report.id, COALESCE(item.items, 0) AS items,
                       COALESCE(item.owed, 0)::float AS owed,
                       COALESCE(item.left_open, 0)::float AS left,
                       COALESCE(paid.amount, 0)::float AS paid,
                       %(linked)s AS linked
                  FROM collection_reported_payment report
                  LEFT JOIN item ON item.id = report.id
                  LEFT JOIN paid ON paid.id = report.id
                 WHERE report.id IN %(ids)s
                """,
                name=f"{self._name},",
                ids=tuple(self.ids),
                paid=self._get_paid_sql(),
                linked=self._get_linked_sql(),
            )
        )
        return {row["id"]: row for row in rows}

    @api.model
    def _get_linked_sql(self):
        """Return the condition that money was found for ``report`` and is not allocated yet."""
        return SQL("FALSE")

    # ------------------------------------------------------------
    # What follows
    # ------------------------------------------------------------

    def _tell(self):
        """Tell the customer's history, accounting and the collector what became of reports."""
        self._log(*[report.explanation for report in self])
        self.filtered(lambda report: report.state == "matched")._make_tasks(
            "activity_type_allocate_reported",
            lambda customer: (
                customer.company_id.collection_accountant_id
                or customer.company_id.collection_supervisor_id
            ),
        )
        self.filtered(lambda report: report.state == "not_found")._make_tasks(
            "activity_type_not_found",
            lambda customer: customer.collector_id or customer.company_id.collection_supervisor_id,
        )
        # what else was agreed about these invoices waited for this
        self.env["collection.agreement"]._follow_lines(
            self.filtered(lambda report: report.state not in OPEN).move_line_ids.ids
        )

    def _clear_tasks(self):
        """Take back the tasks that have nothing left to do: it was allocated or paid meanwhile."""
        allocate = self.env.ref("collections_management.activity_type_allocate_reported")
        missing = self.env.ref("collections_management.activity_type_not_found")
        tasks = self._get_tasks(allocate | missing)
        if not tasks:
            return
        customers = [("customer_id", "in", tasks.mapped("res_id"))]
        still = {
            allocate: self.search([*customers, ("state", "=", "matched")]).customer_id,
            missing: self.search(
                [
                    *customers,
                    ("state", "=", "not_found"),
                    ("move_line_ids", "any", [("reconciled", "=", False)]),
                ]
            ).customer_id,
        }
        tasks.filtered(lambda task: task.res_id not in still[task.activity_type_id].ids).unlink()

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def _get_proposals_action(self):
        """Return the action that shows these reports where money was found for them; else False."""
        return False

    def action_not_found(self):
        """Say that the money did not arrive: the items are claimed again.

        Accounting may say so, too.

        :raises UserError: when one is no longer open
        """
        self._check_may_match()
        self._end("not_found", self.env._("Not found, says %s.", self.env.user.name))

    def action_withdraw(self):
        """The customer takes it back: the items are claimed again.

        :raises UserError: when one is no longer open
        """
        self.check_access("write")
        self._end("withdrawn", self.env._("Withdrawn; registered by %s.", self.env.user.name))

    def _end(self, state, text):
        for report in self:
            if report.state not in OPEN:
                states = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(report)s is in state “%(state)s” already: only an open one can still be "
                        "given up.",
                        report=report.number,
                        state=states[report.state],
                    )
                )
        self._log(text)
        # sudo: states, holds and tasks are the system's
        reports = self.sudo()
        reports._take_state(dict.fromkeys(reports, state))

    def _check_may_match(self):
        """Only who may allocate payments to invoices says where the money is, or that it is not.

        :raises AccessError: for others
        """
        self.check_access("read")
        if not (self.env.su or self.env["account.move.line"].has_access("write")):
            raise AccessError(
                self.env._(
                    "Only people of accounting or collections may look for the money of a reported "
                    "payment: ask one of them."
                )
            )
