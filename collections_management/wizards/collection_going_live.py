from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from ..models.collection_due_item import TO_SAY
from ..models.collection_strategy import MODES

MANAGER = "collections_management.group_collection_manager"


class CollectionGoingLive(models.TransientModel):
    """The page on which a company starts with collections: what is missing, what would happen, the mode.

    Managers change it, supervisors can stop everything; neither needs rights on companies.
    """

    _name = "collection.going.live"
    _description = "Going Live"

    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company.root_id,
        readonly=True,
        required=True,
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    is_manager = fields.Boolean(compute="_compute_is_manager")
    current_mode = fields.Selection(related="company_id.collection_mode", string="Mode Now")
    mode = fields.Selection(MODES, compute="_compute_settings", store=True, readonly=False)
    pilot = fields.Boolean(
        string="Pilot Customers Only", compute="_compute_settings", store=True, readonly=False
    )
    mailbox = fields.Char(
        string="Send Everything To", compute="_compute_settings", store=True, readonly=False
    )
    claim_entries = fields.Boolean(
        string="Claim Opening Entries",
        compute="_compute_settings",
        store=True,
        readonly=False,
        help="Claim receivables that come from journal entries, such as opening balances. They are "
        "then in the opening sheet, too.",
    )

    customer_count = fields.Integer(string="Customers", compute="_compute_today")
    item_count = fields.Integer(string="Open Items", compute="_compute_today")
    amount = fields.Monetary(string="Open Amount", compute="_compute_today")
    pending_count = fields.Integer(string="Notices Waiting", compute="_compute_today")

    entry_count = fields.Integer(
        string="Open items from journal entries", compute="_compute_entries"
    )
    entry_amount = fields.Monetary(compute="_compute_entries")

    pilot_count = fields.Integer(string="Pilot Customers", compute="_compute_checks")
    no_address_count = fields.Integer(
        string="Overdue customers without e-mail address", compute="_compute_checks"
    )
    no_collector_count = fields.Integer(
        string="Customers without collector", compute="_compute_checks"
    )
    no_strategy_count = fields.Integer(string="Customers without scheme", compute="_compute_checks")
    credit_count = fields.Integer(
        string="Overdue customers with credits to apply", compute="_compute_checks"
    )
    bank_date = fields.Date(string="Newest bank transaction", compute="_compute_checks")
    has_bank_account = fields.Boolean(
        string="Bank account shown in messages", compute="_compute_checks"
    )
    has_outgoing = fields.Boolean(string="Outgoing mail server", compute="_compute_checks")
    reply_address = fields.Char(string="Customers answer to", compute="_compute_checks")
    last_reply_date = fields.Date(string="Newest answer received", compute="_compute_checks")

    @api.depends_context("lang")
    def _compute_display_name(self):
        self.display_name = self.env._("Going Live")

    @api.model
    def default_get(self, fields):
        """Override of ``base``: who owes since the last run gets a file, so that all are counted."""
        values = super().default_get(fields)
        company = self.env.company.root_id
        # sudo: as the daily run does
        self.env["collection.customer"].sudo().with_company(company)._create_missing(company)
        return values

    @api.depends_context("uid")
    def _compute_is_manager(self):
        self.is_manager = self.env.user.has_group(MANAGER)

    @api.depends("company_id")
    def _compute_settings(self):
        for page in self:
            page.mode = page.company_id.collection_mode
            page.pilot = page.company_id.collection_pilot
            page.mailbox = page.company_id.collection_mailbox
            page.claim_entries = page.company_id.collection_claim_entries

    # ------------------------------------------------------------
    # What would happen today
    # ------------------------------------------------------------

    @api.depends("company_id")
    def _compute_today(self):
        for page in self:
            [(items, amount, customers)] = self.env["collection.due.item"]._read_group(
                page._get_today_domain(),
                [],
                ["__count", "residual:sum", "customer_id:count_distinct"],
            )
            page.item_count, page.amount, page.customer_count = items, amount, customers
            page.pending_count = self.env["collection.notice"].search_count(
                page._get_waiting_domain()
            )

    @api.depends("company_id")
    def _compute_entries(self):
        entries = self.env["collection.opening.sheet"]._get_entries_domain()
        for page in self:
            [(page.entry_count, page.entry_amount)] = self.env["collection.due.item"]._read_group(
                entries
                & Domain("root_company_id", "=", page.company_id.id)
                & Domain("residual_currency", ">", 0),
                [],
                ["__count", "residual:sum"],
            )

    def _get_today_domain(self):
        """Return the domain of the items of which something is said or done today."""
        return [("root_company_id", "=", self.company_id.id), ("decision", "in", TO_SAY)]

    # ------------------------------------------------------------
    # The checklist
    # ------------------------------------------------------------

    @api.depends("company_id")
    def _compute_checks(self):
        customers = self.env["collection.customer"]
        for page in self:
            for name, domain in page._get_check_domains().items():
                page[name] = customers.search_count(domain)
            company = page.company_id.sudo()
            page.bank_date = company._get_newest_bank_date()
            page.has_bank_account = bool(company.collection_bank_account_id or company.bank_ids)
            page.has_outgoing = bool(self.env["ir.mail_server"].sudo().search_count([], limit=1))
            page.reply_address = company._get_collection_address() or company.catchall_email
            page.last_reply_date = (
                self.env["collection.reply"]
                .search([("company_id", "=", company.id)], order="date desc", limit=1)
                .date
            )

    def _get_check_domains(self):
        """Return for each counter of customers the domain of those who should be looked at."""
        ours = [("company_id", "=", self.company_id.id)]
        overdue = [*ours, ("overdue", ">", 0)]
        return {
            "pilot_count": [*ours, ("pilot", "=", True)],
            "no_address_count": [
                *overdue,
                "|",
                "&",
                ("payments_contact_id", "!=", False),
                ("payments_contact_id.email", "=", False),
                "&",
                ("payments_contact_id", "=", False),
                ("partner_id.email", "=", False),
            ],
            "no_collector_count": [*ours, ("collector_id", "=", False)],
            "no_strategy_count": [*ours, ("strategy_id", "=", False)],
            "credit_count": [*overdue, ("credits", "<", 0)],
        }

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_apply(self):
        """Set the company as the page says; what was to leave follows (see ``res.company.write``)."""
        self.ensure_one()
        self._check_group(MANAGER)
        # sudo: managers of collections need no rights on companies
        self.company_id.sudo().write(
            {
                "collection_mode": self.mode,
                "collection_pilot": self.pilot,
                "collection_mailbox": self.mailbox,
                "collection_claim_entries": self.claim_entries,
            }
        )
        return self._reopen(self._get_applied_text())

    def _get_applied_text(self):
        """Return what holds now, and when something comes of it."""
        if self.mode == "simulation":
            return self.env._("Simulation: nothing is made, nothing leaves.")
        if self.mode == "approve":
            return self.env._(
                "Approve each: from the next run on, notices wait in “To Approve”. “Run Now” "
                "makes today's at once."
            )
        return self.env._(
            "Automatic: from the next run on, notices leave by themselves. “Run Now” makes today's "
            "at once."
        )

    def action_run(self):
        """Have the daily job run now; what was said today is not said again."""
        self.ensure_one()
        self._check_group(MANAGER)
        # sudo: scheduled jobs belong to the system
        self.env["collection.run"].sudo()._trigger_run()
        return self._reopen(
            self.env._("The run has been started: in a minute, look at “Notices Waiting”.")
        )

    def action_stop(self):
        """Back to simulation; what waits or is on its way is withdrawn."""
        self.ensure_one()
        self._check_group("collections_management.group_collection_supervisor")
        # sudo: as above; it notes who did it
        withdrawn = self.company_id.sudo()._stop_collections()
        return self._reopen(
            self.env._("Stopped: nothing leaves any more. %s notices withdrawn.", withdrawn)
        )

    def _check_group(self, group):
        """Refuse a button to who is not in a group.

        :raises AccessError: telling whom to ask
        """
        if not self.env.user.has_group(group):
            raise AccessError(
                self.env._(
                    "Only a %(role)s of collections may do this: ask one.",
                    role=self.env.ref(group).name,
                )
            )

    def _reopen(self, message):
        """Show the page anew, and say what was done."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "success",
                "next": dict(
                    self.env["ir.actions.act_window"]._for_xml_id(
                        "collections_management.collection_going_live_action"
                    ),
                    target="main",  # in the place of this page
                ),
            },
        }

    def action_open_today(self):
        """Open the items of which something is said or done today."""
        return self._open_items(self._get_today_domain(), self.env._("Today"))

    def action_open_waiting(self):
        """Open the notices that wait for approval or for their turn."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_notice_action"
        )
        return dict(action, domain=self._get_waiting_domain(), context={})

    def _get_waiting_domain(self):
        return [
            ("company_id", "=", self.company_id.id),
            ("state", "in", ("to_approve", "ready", "failed")),
        ]

    def action_open_decisions(self):
        """Open all items, by what is decided about them."""
        domain = [("root_company_id", "=", self.company_id.id)]
        return self._open_items(domain, self.env._("Decisions"), group_by="decision")

    def _open_items(self, domain, name, **context):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_due_item_action"
        )
        return dict(action, name=name, display_name=name, domain=domain, context=context)

    def action_open_customers(self):
        """Open the customers that the line of the checklist counts (``check`` in the context)."""
        check = self.env.context["check"]
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_customer_action"
        )
        name = self._fields[check]._description_string(self.env)
        return dict(
            action,
            name=name,
            display_name=name,
            domain=self._get_check_domains()[check],
            context={},
        )

    def action_choose_pilot(self):
        """Open the customers, with a column that marks them as pilot."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_customer_action"
        )
        view = self.env.ref("collections_management.collection_customer_view_list").id
        name = self.env._("Choose Pilot Customers")
        return dict(
            action,
            name=name,
            display_name=name,
            domain=[("company_id", "=", self.company_id.id)],
            context={"collection_choose_pilot": True},
            views=[(view, "list"), (False, "form")],
        )
