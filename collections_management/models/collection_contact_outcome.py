from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from .account_move import CUSTOMER_TYPES


class CollectionContactOutcome(models.AbstractModel):
    """What follows from the result of a contact, and how it is undone.

    Each kind of result has a method ``_apply_<kind>(details)``, which may remember for the undoing
    (``_remember``) what it changed. What all kinds share comes after it: the task, what is done
    with the contact, the reason for delay.
    """

    _name = "collection.contact.outcome"
    _description = "What Follows from a Contact"

    message_id = fields.Many2one(
        "mail.message", readonly=True, index="btree_not_null", ondelete="set null", copy=False
    )
    task_ids = fields.Many2many(
        "mail.activity",
        "collection_contact_task",
        string="Tasks",
        context={"active_test": False},
        readonly=True,
        copy=False,
        help="What is to be done next.",
    )
    mail_ids = fields.One2many(
        "collection.contact.mail", "contact_id", string="E-Mails", readonly=True
    )
    resent_move_ids = fields.Many2many(
        "account.move",
        "collection_contact_resent_move",
        string="Sent Again",
        readonly=True,
        copy=False,
        help="Invoices that Odoo sends once more.",
    )
    notice_ids = fields.Many2many(
        "collection.notice",
        string="Notices Done",
        readonly=True,
        copy=False,
        help="Calls and other notices that were carried out by this contact.",
    )
    agreement_count = fields.Integer(compute="_compute_agreement_count")
    undo_data = fields.Json(readonly=True, copy=False, help="What is brought back by undoing it.")
    undo_refusal = fields.Char(
        compute="_compute_undo_refusal", help="Why it can't be undone any more."
    )

    # ------------------------------------------------------------
    # Applying
    # ------------------------------------------------------------

    def _apply(self, details):
        """Do all that follows from the result.

        :param dict details: see ``collection.contact._make``
        """
        self.ensure_one()
        remarks = [getattr(self, f"_apply_{self.kind}")(details)]
        remarks.append(self._make_follow_up(details))
        self._keep_delay_reason()
        self._tell(*[remark for remark in remarks if remark])
        self._finish_tasks(details)

    def _remember(self, **data):
        """Keep what undoing the contact needs, for JSON."""
        # sudo: kept by the system
        self.sudo().undo_data = {**(self.undo_data or {}), **data}

    def _apply_promise(self, details):
        """The customer promised to pay.

        :param dict details: ``date_promised``; ``amounts`` by res.currency
        """
        if not details.get("date_promised"):
            raise UserError(
                self.env._(
                    "%s: choose the day on which the customer will pay.",
                    self.partner_id.display_name,
                )
            )
        self._make_agreements(details, date_promised=details["date_promised"])

    def _apply_reported(self, details):
        """The customer says that it has paid.

        :param dict details: ``date_reported``; ``means``, ``reference``; ``amounts`` by res.currency;
            ``attachments`` (ir.attachment), the proof
        """
        if not details.get("date_reported"):
            raise UserError(
                self.env._(
                    "%s: choose the day on which the customer says it paid.",
                    self.partner_id.display_name,
                )
            )
        names = ("date_reported", "means", "reference")
        agreements = self._make_agreements(
            details, **{name: details[name] for name in names if details.get(name)}
        )
        self._attach(agreements, details)

    def _apply_dispute(self, details):
        """The customer does not agree with the invoices.

        :param dict details: ``reason``, ``area`` and ``owner`` (records); ``amounts`` by res.currency;
            ``attachments`` (ir.attachment)
        """
        if not details.get("reason"):
            raise UserError(
                self.env._(
                    "%s: choose why the customer does not agree.", self.partner_id.display_name
                )
            )
        names = ("reason", "area", "owner")
        agreements = self._make_agreements(
            details, **{f"{name}_id": details[name].id for name in names if details.get(name)}
        )
        self._attach(agreements, details)

    def _attach(self, agreements, details):
        if details.get("attachments"):
            agreements._attach(details["attachments"])

    def _apply_none(self, details):
        """The customer commits itself to nothing: the task is what follows."""

    def _apply_other(self, details):
        """A note."""

    def _apply_plan(self, details):
        """The customer asks for a plan: who may agree on one gets the task."""

    def _apply_not_reached(self, details):
        """Nobody answered: the chosen invoices go by e-mail.

        :param dict details: ``send`` (bool): whether they do; ``address`` (res.partner) they go to
            and its ``email``, which is corrected
        """
        self._correct_address(details)
        if not details.get("send"):
            return None
        if not self.result_id.template_id:
            raise UserError(
                self.env._(
                    "Result “%(result)s” has no e-mail: a manager has to choose its message, or untick "
                    "“Send the Invoices by E-Mail”.",
                    result=self.result_id.name,
                )
            )
        # sudo: e-mails are made and sent by the system
        mail = (
            self.env["collection.contact.mail"]
            .sudo()
            ._make(
                self.sudo(),
                self.result_id.template_id,
                self.result_id.send_minutes,
                person=details.get("address"),
            )
        )
        return self.env._(
            "The invoices go by e-mail to %(address)s.",
            address=mail._get_addressee().email_formatted,
        )

    def _apply_not_received(self, details):
        """The customer never got the invoices: Odoo sends them once more, by its own ways.

        :param dict details: ``address`` (res.partner) whose ``email`` is corrected
        """
        self._correct_address(details)
        at = fields.Datetime.now() + timedelta(minutes=self.result_id.send_minutes)
        invoices = self.move_ids.filtered(lambda move: move.move_type in CUSTOMER_TYPES)
        queued, left = invoices._queue_send_again(at)
        # sudo: kept by the system
        self.sudo().resent_move_ids = [Command.set(queued.ids)]
        sent = queued and self.env._("Sent again: %s", ", ".join(queued.mapped("name")))
        return " ".join(text for text in (sent, *left) if text)

    def _apply_wrong_data(self, details):
        """Nobody can be reached like this: the file says so until it is corrected."""
        customer = self.customer_id
        self._remember(wrong_data=customer.wrong_data)
        customer.wrong_data = True

    def _make_agreements(self, details, **values):
        """Register what was agreed; what it takes the place of is remembered.

        :param dict details: ``amounts`` by res.currency
        :param values: of the agreements
        :return: the agreements
        """
        models = self.env["collection.contact.result"]._get_agreement_models()
        model = self.env[models[self.kind]]
        # sudo: holds are the system's
        before = model.sudo()._remember_before(self.move_line_ids)
        agreements = model._make(
            self.move_line_ids, details.get("amounts"), note=self.comment, **values
        )
        agreements.sudo().contact_id = self.id
        self._remember(before=before)
        return agreements

    def _correct_address(self, details):
        """Write down an e-mail address that the customer gave."""
        address, email = details.get("address"), details.get("email")
        if not address or (email or "") == (address.email or ""):
            return
        self._remember(address=[address.id, address.email, email])
        # sudo: who hears the new address may write it down, and only that
        address.sudo().email = email
        if address.email and not address.email_normalized:
            raise UserError(
                self.env._(
                    "“%(email)s” of %(contact)s is no e-mail address: write one such as "
                    "name@example.com.",
                    email=email,
                    contact=address.display_name,
                )
            )

    # ------------------------------------------------------------
    # What all kinds share
    # ------------------------------------------------------------

    def _make_follow_up(self, details):
        """Give the collector the task that the result asks for; return the sentence about it.

        :param dict details: ``follow_up_date`` (None: as the result says; False: no task),
            ``follow_up_user`` (res.users)
        """
        result, customer = self.result_id, self.customer_id
        company = customer.company_id
        date = details.get("follow_up_date")
        if date is None:
            date = result._get_follow_up_date(company)
        if not date:
            return
        if date < company._get_collection_today():
            raise UserError(
                self.env._(
                    "%s: the task can't be due on a day that has passed: choose today or a later day.",
                    customer.partner_id.display_name,
                )
            )
        user = details.get("follow_up_user") or customer.collector_id or self.env.user
        task_type = result.activity_type_id or self.env.ref(
            "collections_management.activity_type_follow_up"
        )
        # sudo: whoever registers gives the task, whatever their rights on activities
        task = (
            self.env["mail.activity"]
            .sudo()
            .with_context(mail_activity_quick_update=True, mail_create_nosubscribe=True)
            .create(
                {
                    "res_model_id": self.env["ir.model"]._get_id("collection.customer"),
                    "res_id": customer.id,
                    "activity_type_id": task_type.id,
                    "summary": (self.comment or "").strip().split("\n")[0][:80]
                    or result.with_context(lang=user.lang or self.env.lang).name,
                    "date_deadline": date,
                    "user_id": user.id,
                }
            )
        )
        self.sudo().task_ids = [Command.link(task.id)]
        return

    def _keep_delay_reason(self):
        """Keep why the customer is late on its file and its invoices."""
        reason = self.delay_reason_id
        if not reason:
            return
        moves = self.move_ids
        self._remember(
            delay={
                "customer": self.customer_id.delay_reason_id.id,
                "moves": {move.id: move.collection_delay_reason_id.id for move in moves},
            }
        )
        reason._keep(self.customer_id, moves)

    def _finish_tasks(self, details):
        """Finish what was done with the contact: notices, tasks, replies that waited."""
        # sudo: what was done may be a colleague's to do
        notices = details.get("notices", self.env["collection.notice"]).sudo()
        notices = notices.filtered(
            lambda notice: notice.is_manual and notice.state in ("queued", "ready", "failed")
        )
        tasks = details.get("tasks", self.env["mail.activity"]).sudo() - notices.activity_id
        tasks = tasks.filtered("active")
        replies = self.env["collection.reply"]
        if details.get("replies"):
            replies = self.customer_id._get_pending_replies()
        self.sudo().notice_ids = [Command.set(notices.ids)]
        if notices:
            # the contact is what was said: no second message in the conversation
            notices.message_id = self.message_id
            notices.action_mark_done()
            notices.activity_id.filtered("active").action_archive()
        if tasks:
            tasks.action_archive()
        replies._close("answered", self.env.user)
        self._remember(tasks=tasks.ids, replies=replies.ids)

    # ------------------------------------------------------------
    # Undoing
    # ------------------------------------------------------------

    def _get_agreements(self):
        """Return the agreements that came of the contact: of one model."""
        self.ensure_one()
        models = self.env["collection.contact.result"]._get_agreement_models()
        name = models.get(self.kind)
        if name not in self.env:
            return self.env["collection.promise"]
        return self.env[name].search([("contact_id", "=", self.id)])

    @api.depends("kind")
    def _compute_agreement_count(self):
        for contact in self:
            contact.agreement_count = len(contact._get_agreements())

    @api.depends("state", "task_ids.active", "mail_ids.state")
    @api.depends_context("lang")
    def _compute_undo_refusal(self):
        for contact in self:
            contact.undo_refusal = contact.state == "registered" and contact._get_undo_refusal()

    def _get_undo_refusal(self):
        """Hook: why the contact can't be undone any more: something was built on it; falsy: it can."""
        self.ensure_one()
        # sudo: whoever looks, so it is
        contact = self.sudo()
        for agreement in contact._get_agreements():
            if reason := agreement._get_undo_refusal():
                return reason
        if done := contact.task_ids.filtered(lambda task: not task.active):
            return self.env._("The task “%s” is done already.", done[0].summary)
        if contact.mail_ids.filtered(lambda mail: mail.state in ("sent", "bounced")):
            return self.env._("The e-mail has left already.")
        sent = contact.resent_move_ids.filtered(
            lambda move: not move.sending_data and not move.collection_sending_error
        )
        if sent:
            return self.env._("%s was sent again already.", ", ".join(sent.mapped("name")))
        return False

    def action_undo(self):
        """Undo these contacts: it is as before, but that the history tells of it.

        :raises UserError: naming what was built on one meanwhile
        """
        self.check_access("write")
        for contact in self:
            if contact.state == "undone":
                raise UserError(self.env._("%s was undone already.", contact.display_name))
            if reason := contact._get_undo_refusal():
                raise UserError(
                    self.env._(
                        "%(contact)s can't be undone any more. %(reason)s Register a new contact "
                        "with what is right.",
                        contact=contact.display_name,
                        reason=reason,
                    )
                )
            contact.customer_id._lock_for_person()
            # sudo: what it made is the system's, and some of it colleagues'
            contact.sudo()._undo()
            contact._log_on_invoices(self.env._("Undone: %s", contact._get_short_text()))

    def _undo(self):
        """Hook: take back all that followed; ``undo_data`` has what it was before."""
        self.ensure_one()
        data = self.undo_data or {}
        if agreements := self._get_agreements():
            agreements._undo(data.get("before"))
        self.task_ids.filtered("active").unlink()
        waiting = self.mail_ids.filtered(lambda mail: mail.state != "cancelled")
        waiting._withdraw(self.env._("Undone by %s.", self.env.user.name))
        self.resent_move_ids._withdraw_send_again()
        self._undo_changes(data)
        self._reopen_tasks(data)
        self.write({"state": "undone", "undone_by_id": self.env.uid})
        self.customer_id._message_log(
            body=self.env._(
                "Undone by %(user)s: %(contact)s",
                user=self.env.user.name,
                contact=self._get_short_text(),
            )
        )

    def _undo_changes(self, data):
        """Bring back what was written on the file, its invoices and contacts."""
        if "wrong_data" in data:
            self.customer_id.wrong_data = data["wrong_data"]
        if "address" in data:
            address_id, before, after = data["address"]
            address = self.env["res.partner"].browse(address_id).exists()
            if address.email == after:
                address.email = before
        if "delay" in data:
            reasons = self.env["collection.delay.reason"]
            by_reason = {}
            for move_id, reason_id in data["delay"]["moves"].items():
                by_reason.setdefault(reason_id, []).append(int(move_id))
            for reason_id, move_ids in by_reason.items():
                moves = self.env["account.move"].browse(move_ids).exists()
                reasons.browse(reason_id)._keep(self.customer_id, moves)
            self.customer_id.delay_reason_id = data["delay"]["customer"]

    def _reopen_tasks(self, data):
        """Have people do again what the contact had finished."""
        notices = self.notice_ids.filtered(
            lambda notice: notice.state == "sent" and notice.message_id == self.message_id
        )
        notices._set_state("queued", sent_date=False, message_id=False)
        tasks = self.env["mail.activity"].browse(data.get("tasks", ()))
        (tasks.exists() | notices.activity_id).action_unarchive()
        replies = self.env["collection.reply"].browse(data.get("replies", ())).exists()
        replies.filtered(lambda reply: reply.state == "answered").action_reopen()
