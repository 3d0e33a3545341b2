import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from .mail_thread import CONVERSATIONS

_logger = logging.getLogger(__name__)

TASK = "collections_management.activity_type_reply"


class CollectionReply(models.Model):
    """What a customer wrote and who looks after it; while it is pending the customer gets no claim.

    The words stand in the customer's conversation. A mail that belongs to nobody stands in the
    reply's own one until a collector assigns it.
    """

    _name = "collection.reply"
    _description = "Reply"
    _inherit = ["collection.conversation", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _rec_name = "subject"
    _rec_names_search = ["subject", "partner_id", "email_from"]
    # by which Odoo's gateway recognises a sender who writes without end
    _primary_email = "email_from"

    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", index=True, ondelete="restrict"
    )
    partner_id = fields.Many2one(
        related="customer_id.partner_id", string="Customer", store=True, index=True
    )
    collector_id = fields.Many2one(related="customer_id.collector_id", store=True, index=True)
    company_id = fields.Many2one("res.company", required=True, index=True, readonly=True)
    notice_id = fields.Many2one(
        "collection.notice",
        index="btree_not_null",
        readonly=True,
        ondelete="set null",
        help="The notice that the customer answered.",
    )
    message_id = fields.Many2one(
        "mail.message", index="btree_not_null", readonly=True, ondelete="set null"
    )
    message_body = fields.Html(related="message_id.body", string="Text")
    attachment_ids = fields.Many2many(related="message_id.attachment_ids", string="Files")
    author_id = fields.Many2one(
        "res.partner", index="btree_not_null", readonly=True, ondelete="set null"
    )
    email_from = fields.Char(string="From", readonly=True)
    subject = fields.Char(readonly=True)
    summary = fields.Char(string="Beginning", readonly=True, help="How the text begins.")
    date = fields.Date(string="Received On", required=True, readonly=True, index=True)
    state = fields.Selection(
        [("pending", "Pending"), ("answered", "Answered"), ("dismissed", "Nothing to answer")],
        required=True,
        readonly=True,
        index=True,
        default="pending",
    )
    automatic = fields.Boolean(
        readonly=True, help="No person wrote it: an absence, an acknowledgement of receipt."
    )
    overdue = fields.Boolean(
        compute="_compute_overdue",
        search="_search_overdue",
        help="Pending for more working days than the settings allow.",
    )
    closed_by_id = fields.Many2one("res.users", readonly=True)
    closed_on = fields.Datetime(readonly=True)
    escalated_on = fields.Date(
        string="Urgent Since", readonly=True, help="When the collector got an urgent task."
    )

    # what the decision reads
    _pending_idx = models.Index("(customer_id) WHERE state = 'pending'")

    # ------------------------------------------------------------
    # Overdue
    # ------------------------------------------------------------

    @api.depends("state", "date", "company_id")
    def _compute_overdue(self):
        for company, replies in self.grouped("company_id").items():
            limit = company._get_reply_limit()
            for reply in replies:
                reply.overdue = bool(limit and reply.state == "pending" and reply.date < limit)

    def _search_overdue(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = Domain.OR(
            self._get_overdue_domain(company)
            for company in self.env["res.company"].sudo().search([("parent_id", "=", False)])
        )
        return found if True in value else ~found

    @api.model
    def _get_overdue_domain(self, company):
        limit = company._get_reply_limit()
        return Domain("company_id", "=", company.id) & (
            Domain([("state", "=", "pending"), ("date", "<", limit)]) if limit else Domain.FALSE
        )

    @api.model
    def _cron_escalate(self):
        """Give the collectors an urgent task for each reply that has waited too long, once."""
        for company in self.env["res.company"].search([("parent_id", "=", False)]):
            try:
                company._in_own_language(self.with_company(company))._escalate(company)
            except Exception:  # the others' customers wait too
                _logger.exception("Collections: replies of company %s were not seen", company.id)
                self.env.cr.rollback()
            self.env["ir.cron"]._commit_progress()

    @api.model
    def _escalate(self, company):
        """Make the tasks of a company: all at once, or one by one when one of them can't be made."""
        replies = self.search(
            self._get_overdue_domain(company) & Domain("escalated_on", "=", False)
        )
        try:
            with self.env.cr.savepoint():
                replies._make_urgent_tasks()
        except Exception:
            _logger.info("Collections: urgent tasks could not be made; making them one by one")
            for reply in replies:
                reply._make_urgent_task_alone()

    def _make_urgent_task_alone(self):
        try:
            with self.env.cr.savepoint():
                self._make_urgent_tasks()
        except Exception:  # tried again on the next day
            _logger.exception("Collections: no urgent task could be made for reply %s", self.id)

    def _make_urgent_tasks(self):
        model_id = self.env["ir.model"]._get_id(self._name)
        # sudo: the job makes tasks for people whatever their rights on activities
        self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True).create(
            [reply._prepare_urgent_task_values(model_id) for reply in self]
        )
        for company, replies in self.grouped("company_id").items():
            replies.escalated_on = company._get_collection_today()

    def _prepare_urgent_task_values(self, model_id):
        """Hook: the values of the task (mail.activity) about a reply that has waited too long.

        In its reader's language.
        """
        self.ensure_one()
        user = self.collector_id or self.company_id.collection_supervisor_id or self.env.user
        worded = self.with_context(lang=user.lang or self.env.lang)
        return {
            "res_model_id": model_id,
            "res_id": self.id,
            "activity_type_id": self.env.ref(TASK).id,
            "automated": True,
            "summary": worded.env._(
                "%(customer)s waits for a reply since %(date)s",
                customer=self.partner_id.display_name or self.email_from,
                date=format_date(worded.env, self.date),
            ),
            "date_deadline": self.company_id._get_collection_today(),
            "user_id": user.id,
        }

    # ------------------------------------------------------------
    # What comes in
    # ------------------------------------------------------------

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Override of ``mail``: a mail to our address lands on its customer's conversation.

        The customer is the one whose message it answers, else the only one who has the sender's
        address. Where none or several have it, a reply without customer waits for a collector.
        """
        values = dict(custom_values or {})
        company = self.env["res.company"].browse(values.get("company_id")) or self.env.company
        customer = self.env["collection.customer"]
        parent = self._get_parent_conversation(msg_dict)
        if parent is not None:
            # left out by the gateway, as the mail was addressed to another model's alias
            msg_dict.update(
                self._message_parse_extract_from_parent(self._get_parent_message(msg_dict))
            )
            thread = parent
        else:
            thread = customer.sudo()._find_by_address(msg_dict.get("email_from"), company)
        if thread:
            author = thread._find_author(msg_dict.get("email_from"))
            msg_dict["author_id"] = author.id or msg_dict.get("author_id")
            return thread.with_env(self.env)
        values.update(company_id=company.root_id.id, date=company._get_collection_today())
        values.setdefault("subject", msg_dict.get("subject") or self.env._("(no subject)"))
        return super().message_new(msg_dict, values)

    def _receive(self, message, automatic):
        """Override: a mail that belongs to nobody; a later one of the same person asks again."""
        self.ensure_one()
        reply = self.sudo()
        if reply.message_id:
            if not automatic:
                reply.write({"state": "pending", "closed_by_id": False, "closed_on": False})
            return
        reply.write(
            dict(
                self._prepare_message_values(message),
                automatic=automatic,
                state="dismissed" if automatic else "pending",
            )
        )

    def _get_pending_replies(self):
        """Override: itself."""
        return self.sudo().filtered(lambda reply: reply.state == "pending")

    @api.model
    def _file(self, customer, message):
        """Keep a message of a customer's conversation as pending.

        :param customer: collection.customer
        :param message: mail.message
        :return: the reply
        """
        # sudo: replies are made by the system, whoever writes
        replies = self.sudo().with_context(
            mail_create_nolog=True, mail_create_nosubscribe=True, tracking_disable=True
        )
        parent = message.sudo().parent_id
        answered = parent and self.env["collection.notice"].sudo().search(
            [("message_id", "=", parent.id)], limit=1
        )
        return replies.create(
            dict(
                self._prepare_message_values(message),
                customer_id=customer.id,
                company_id=customer.company_id.id,
                date=customer.company_id._get_collection_today(),
                notice_id=answered.id,
            )
        )

    @api.model
    def _prepare_message_values(self, message):
        """Return what is kept of a message, so that lists need not read it."""
        message = message.sudo()
        return {
            "message_id": message.id,
            "author_id": message.author_id.id,
            "email_from": message.email_from,
            "subject": message.subject or self.env._("(no subject)"),
            "summary": message.preview,
        }

    # ------------------------------------------------------------
    # Assigning to a customer
    # ------------------------------------------------------------

    def write(self, vals):
        """Override of ``base``: who assigns a reply files its message on that conversation."""
        if "customer_id" not in vals:
            return super().write(vals)
        customer = self.env["collection.customer"].browse(vals["customer_id"])
        moved = self.filtered(lambda reply: reply.customer_id != customer)
        moved._check_assignment(customer)
        if customer:
            moved._move_messages(customer)
            vals = dict(vals, company_id=customer.company_id.id)
        return super().write(vals)

    def _check_assignment(self, customer):
        """Refuse to take a reply away from its customer without giving it to another one."""
        if not customer and self:
            raise UserError(
                self.env._(
                    "“%(subject)s” is filed with %(customer)s: choose the customer it belongs to, or "
                    "mark it as having nothing to answer.",
                    subject=self[0].subject,
                    customer=self[0].partner_id.display_name,
                )
            )

    def _move_messages(self, customer):
        """File the messages with their files on a customer's conversation.

        What stands in a reply's own conversation moves whole; of another customer's only the reply.
        """
        # sudo: whoever wrote them
        messages = self.env["mail.message"].sudo()
        unassigned = self.filtered(lambda reply: not reply.customer_id)
        conversation = messages.search(
            [
                ("model", "=", self._name),
                ("res_id", "in", unassigned.ids),
                ("message_type", "in", ("email", "comment")),
            ]
        )
        moved = conversation | (self - unassigned).sudo().message_id
        moved.write({"model": customer._name, "res_id": customer.id})
        moved.attachment_ids.filtered(lambda file: file.res_model in CONVERSATIONS).write(
            {"res_model": customer._name, "res_id": customer.id}
        )

    # ------------------------------------------------------------
    # Answered, nothing to answer, open again
    # ------------------------------------------------------------

    def _close(self, state, user):
        """End the wait for an answer, and the urgent task.

        :param str state: ``answered`` or ``dismissed``
        :param user: res.users, who did it
        """
        if not self:
            return
        self.write({"state": state, "closed_by_id": user.id, "closed_on": fields.Datetime.now()})
        # sudo: the task may be a colleague's
        self.sudo().activity_unlink([TASK])

    def _check_state(self, allowed, action):
        """Refuse an action on replies in another state.

        :raises UserError: naming the first reply that does not fit
        """
        labels = dict(self._fields["state"]._description_selection(self.env))
        for reply in self:
            if reply.state not in allowed:
                raise UserError(
                    self.env._(
                        "“%(reply)s” is in state “%(state)s”, so you can't %(action)s it. Only these "
                        "can be: %(allowed)s.",
                        reply=reply.subject,
                        state=labels[reply.state],
                        action=action,
                        allowed=", ".join(labels[state] for state in allowed),
                    )
                )

    def action_dismiss(self):
        """There is nothing to answer: claims go on."""
        self._check_state(["pending"], self.env._("dismiss"))
        self._close("dismissed", self.env.user)

    def action_mark_answered(self):
        """It was answered elsewhere, such as by phone."""
        self._check_state(["pending"], self.env._("mark as answered"))
        self._close("answered", self.env.user)

    def action_reopen(self):
        self._check_state(["answered", "dismissed"], self.env._("reopen"))
        self.write({"state": "pending", "closed_by_id": False, "closed_on": False})

    def action_register_contact(self):
        """Open the dialog that registers what the customer said; it answers the reply."""
        self.ensure_one()
        if not self.customer_id:
            raise UserError(
                self.env._(
                    "Nobody knows yet who wrote “%(subject)s”: choose its customer first.",
                    subject=self.subject,
                )
            )
        channel = self.env.ref("collections_management.channel_email", raise_if_not_found=False)
        return self.env["collection.contact"]._open_register(
            customer=self.customer_id,
            close_replies=True,
            channel_id=channel.id if channel else False,
            direction="in",
            person_id=self.author_id.id,
        )

    def action_answer(self):
        """Write to the person who wrote, on the conversation; sending it closes the reply."""
        self.ensure_one()
        if not self.author_id:
            # the conversation offers to make a contact of the address
            return self.action_open_conversation()
        thread = self.customer_id or self
        subject = self.subject or ""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Answer"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_composition_mode": "comment",
                "default_model": thread._name,
                "default_res_ids": thread.ids,
                "default_partner_ids": self.author_id.ids,
                "default_subject": subject
                if subject.lower().startswith("re:")
                else f"Re: {subject}",
            },
        }

    def action_open_conversation(self):
        """Open the customer's conversation, or the reply's own while nobody knows the customer."""
        self.ensure_one()
        if self.customer_id:
            return self.customer_id.get_formview_action()
        view = self.env.ref("collections_management.collection_reply_view_form_conversation")
        return dict(self.get_formview_action(), views=[(view.id, "form")])
