from markupsafe import Markup

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .collection_contact_result import ABOUT_INVOICES
from .history import log_notes


class CollectionContact(models.Model):
    """What was said with a customer, and its result with all that followed from it.

    It is registered in one step (``_make``): the result's ``_apply_<kind>`` makes the agreement, the
    e-mail, the task; it stays as it was registered, and can be undone while nothing else built on
    it.
    """

    _name = "collection.contact"
    _description = "Contact with a Customer"
    _inherit = ["collection.contact.outcome", "mail.thread"]
    _order = "date desc, id desc"
    _rec_names_search = ["partner_id", "comment"]
    _mail_post_access = "read"
    _check_company_auto = True

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
        related="customer_id.company_id", store=True, index=True, precompute=True
    )
    collector_id = fields.Many2one(related="customer_id.collector_id", store=True, index=True)
    user_id = fields.Many2one(
        "res.users",
        string="Registered By",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.user,
    )
    date = fields.Datetime(required=True, readonly=True, index=True, default=fields.Datetime.now)
    channel_id = fields.Many2one(
        "collection.channel",
        required=True,
        index=True,
        ondelete="restrict",
        domain="[('for_contacts', '=', True)]",
    )
    direction = fields.Selection(
        [("out", "We contacted them"), ("in", "They contacted us")], help="Who began it."
    )
    person_id = fields.Many2one(
        "res.partner",
        index="btree_not_null",
        ondelete="set null",
        domain="[('commercial_partner_id', '=', partner_id)]",
        help="Whom you spoke to.",
    )
    result_id = fields.Many2one(
        "collection.contact.result", required=True, index=True, ondelete="restrict"
    )
    kind = fields.Selection(related="result_id.kind", store=True, index=True, precompute=True)
    comment = fields.Text()
    delay_reason_id = fields.Many2one(
        "collection.delay.reason",
        string="Reason for Delay",
        index="btree_not_null",
        ondelete="restrict",
        help="Why the customer is late; it is kept on its file and on the invoices.",
    )
    move_line_ids = fields.Many2many("account.move.line", string="Items", copy=False)
    move_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        compute="_compute_move_ids",
        store=True,
        precompute=True,
    )
    state = fields.Selection(
        [("registered", "Registered"), ("undone", "Undone")],
        required=True,
        readonly=True,
        index=True,
        default="registered",
        copy=False,
    )
    undone_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    # pivot and graph count by this
    contact_count = fields.Integer(
        string="Contacts", default=1, readonly=True, aggregator="sum", copy=False
    )

    _customer_date_idx = models.Index("(customer_id, date DESC)")

    @api.depends("date", "result_id", "partner_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for contact in self:
            day = contact.date and fields.Datetime.context_timestamp(contact, contact.date)
            parts = (
                contact.partner_id.display_name,
                contact.result_id.name,
                day and format_date(self.env, day.date()),
            )
            contact.display_name = " · ".join(part for part in parts if part)

    @api.depends("move_line_ids")
    def _compute_move_ids(self):
        for contact in self:
            contact.move_ids = contact.move_line_ids.move_id

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    @api.model
    def _make(self, customer, result, lines=None, details=None, **values):
        """Register a contact and all that follows from its result, in one step.

        :param customer: collection.customer
        :param result: collection.contact.result
        :param lines: account.move.line it was about, of that customer
        :param dict details: what the result needs, see its ``_apply_<kind>``; of all: ``notices``,
            ``tasks`` (mail.activity) and ``replies`` (bool), which are done with it, and the task's
            ``follow_up_date`` and ``follow_up_user``
        :param values: further values of the contact: ``channel_id``, ``person_id``, ``comment``...
        :return: the contact
        :raises UserError: naming what can't be, and the way out
        """
        lines = lines or self.env["account.move.line"]
        self._check(customer, result, lines)
        customer._lock_for_person()
        contact = self.create(
            {
                "customer_id": customer.id,
                "result_id": result.id,
                "move_line_ids": [Command.set(lines.ids)],
                **values,
            }
        )
        contact._apply(details or {})
        return contact

    @api.model
    def _check(self, customer, result, lines):
        """Refuse a contact without result, or with invoices that are not the customer's."""
        name = customer.partner_id.display_name
        if not result:
            raise UserError(
                self.env._("%s: choose what came of the contact: one of the results.", name)
            )
        if result.kind in ABOUT_INVOICES and not lines:
            raise UserError(
                self.env._(
                    "%(customer)s: tick the invoices that “%(result)s” is about.",
                    customer=name,
                    result=result.name,
                )
            )
        if lines and self.env["collection.agreement"]._get_customer(lines) != customer:
            raise UserError(
                self.env._(
                    "%(item)s is not owed by %(customer)s to %(company)s: leave it out.",
                    item=lines[0]._get_collection_name(),
                    customer=name,
                    company=customer.company_id.name,
                )
            )

    @api.model
    def _get_fixed_fields(self):
        """Hook: the fields that stay as they were registered."""
        return {"channel_id", "customer_id", "delay_reason_id", "move_line_ids", "result_id"}

    @api.model
    def _get_system_fields(self):
        """Hook: the fields that the system keeps: nobody writes them by hand."""
        return {
            "contact_count",
            "date",
            "mail_ids",
            "message_id",
            "move_ids",
            "notice_ids",
            "resent_move_ids",
            "state",
            "task_ids",
            "undo_data",
            "undone_by_id",
            "user_id",
        }

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``base``: leave out what the system keeps."""
        kept = set() if self.env.su else self._get_system_fields()
        return super().create(
            [
                {name: value for name, value in vals.items() if name not in kept}
                for vals in vals_list
            ]
        )

    def write(self, vals):
        """Override of ``base``: what was registered stays; who made a slip undoes it."""
        fixed = (self._get_fixed_fields() | self._get_system_fields()) & set(vals)
        if fixed and not self.env.su:
            names = self.fields_get(fixed, ["string"])
            raise UserError(
                self.env._(
                    "%(contact)s stays as it was registered: you can't change “%(field)s”. Undo it and "
                    "register it anew.",
                    contact=self[:1].display_name,
                    field=names[min(fixed)]["string"],
                )
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_never(self):
        if self:
            raise UserError(
                self.env._(
                    "%s is part of the customer's history and stays: undo it instead.",
                    self[0].display_name,
                )
            )

    # ------------------------------------------------------------
    # What people read of it
    # ------------------------------------------------------------

    def _tell(self, *remarks):
        """Write the contact into the customer's conversation and its invoices' histories.

        :param remarks: sentences on what followed
        """
        if self.env.context.get("tracking_disable"):
            return
        company = self.company_id
        worded = company._in_own_language(self)
        body = self.env["ir.qweb"]._render(
            "collections_management.contact_message",
            {"contact": worded, "remarks": remarks, "where": worded._get_where_text()},
            lang=worded.env.lang,
        )
        message = self.customer_id._message_log(body=Markup(body))
        # sudo: the message is the system's
        self.sudo().message_id = message
        self._log_on_invoices(worded._get_short_text())

    def _log_on_invoices(self, text):
        """Write a line into the histories of the invoices, all at once."""
        if self.env.context.get("tracking_disable") or not self.move_ids:
            return
        log_notes(self.move_ids, dict.fromkeys(self.move_ids.ids, text))

    def _get_where_text(self):
        """Return how and with whom the contact was, as one text."""
        self.ensure_one()
        directions = dict(self._fields["direction"]._description_selection(self.env))
        parts = (
            self.channel_id.name,
            directions.get(self.direction),
            self.person_id.name,
        )
        return " · ".join(part for part in parts if part)

    def _get_short_text(self):
        """Return the contact in one line: how, what came of it, and the comment."""
        self.ensure_one()
        agreements = ", ".join(agreement.number for agreement in self._get_agreements())
        result = f"{self.result_id.name} ({agreements})" if agreements else self.result_id.name
        text = f"{self._get_where_text()}: {result}"
        return f"{text}. {self.comment}" if self.comment else text

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    @api.model
    def _open_register(self, customer=None, lines=None, moves=None, **defaults):
        """Return the action that opens the dialog for a contact.

        :param customer: collection.customer; default: who owes the items
        :param lines: account.move.line that are ticked; default: what is overdue
        :param moves: account.move whose open items are ticked
        :param defaults: further values of the dialog
        :raises UserError: naming an invoice that it can't be about
        """
        self.check_access("create")
        if moves:
            lines = moves._get_collection_open_lines()
            for move in moves - lines.move_id:
                receivable = move.line_ids.filtered(
                    lambda line: line.account_id.account_type == "asset_receivable"
                )
                raise UserError((receivable or move.line_ids)[:1]._get_collection_refusal())
        if not customer:
            customer = self.env["collection.agreement"]._get_customer(lines)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Register Contact"),
            "res_model": "collection.register.contact",
            "view_mode": "form",
            "target": "new",
            "context": {
                "dialog_size": "extra-large",
                "default_customer_id": customer.id,
                "default_move_line_ids": lines.ids if lines else [],
                **{f"default_{name}": value for name, value in defaults.items() if value},
            },
        }

    @api.model
    def _open(self, domain):
        """Return the action that opens the contacts in a domain, undone ones too."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_contact_action"
        )
        return dict(action, domain=domain, context={})

    def action_open_customer(self):
        self.ensure_one()
        return self.customer_id.get_formview_action()

    def action_open_invoices(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account.action_move_out_invoice_type"
        )
        return dict(
            action,
            domain=[("id", "in", self.move_ids.ids)],
            context={"default_move_type": "out_invoice"},
        )

    def action_open_agreements(self):
        """Open the agreements that came of the contact: the only one, else the list."""
        self.ensure_one()
        agreements = self._get_agreements()
        if len(agreements) == 1:
            return agreements.get_formview_action()
        return agreements._open([("id", "in", agreements.ids)])

    def action_send_mail_now(self):
        """Have the e-mail leave now, without the minutes in which it could be undone."""
        self.ensure_one()
        self.check_access("write")
        # sudo: e-mails are sent by the system
        waiting = self.sudo().mail_ids.filtered(lambda mail: mail.state == "ready")
        waiting.retry_at = False
        waiting._trigger_delivery()
