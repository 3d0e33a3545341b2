import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .account_move import CUSTOMER_TYPES

# Minutes before a failed delivery is tried again: 5, 10, 20, ... at most 4 hours.
RETRY_MINUTES = 5
RETRY_MINUTES_MAX = 240
# How the server's refusal of an address reads: codes 550, 551 and 553 of RFC 5321, 4.2.3.
REFUSED_FOR_GOOD = re.compile(r"SMTPRecipientsRefused.*\(55[013],", re.DOTALL)


class CollectionDelivery(models.AbstractModel):
    """Something that goes to one customer: its state, its mail, and what became of it.

    The delivery job (``collection.run._cron_deliver``) takes what is due, rechecks it
    (``_recheck``), composes it on the customer's conversation (``_deliver``) and sends it. At the
    last moment ``mail.mail`` asks once more (``_may_send``).
    """

    _name = "collection.delivery"
    _description = "Delivery to a Customer"

    # The key of the context under which templates and the composer find what is being written.
    _written_key = None
    # The scheduled job that delivers.
    _delivery_job = None
    # How many are composed in one transaction at most; None: as the job does.
    _delivery_batch = None

    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", required=True, index=True, readonly=True
    )
    partner_id = fields.Many2one(
        related="customer_id.partner_id", string="Customer", store=True, index=True
    )
    collector_id = fields.Many2one(related="customer_id.collector_id", store=True, index=True)
    company_id = fields.Many2one("res.company", required=True, index=True, readonly=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    date = fields.Date(string="Decided On", required=True, readonly=True, index=True)
    sent_date = fields.Date(readonly=True)
    state = fields.Selection(
        [
            ("to_approve", "To approve"),
            ("ready", "Ready"),
            ("queued", "In progress"),
            ("sent", "Sent"),
            ("failed", "Failed"),
            ("bounced", "Bounced"),
            ("skipped", "Skipped"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        index=True,
        default="ready",
    )
    recipient_id = fields.Many2one("res.partner", readonly=True, ondelete="set null")
    lang = fields.Char(readonly=True)
    mailbox = fields.Char(
        string="Sent Instead To",
        readonly=True,
        help="A trial: it went to this address, not to the customer.",
    )
    # indexed for answers and bounces, which name the message
    message_id = fields.Many2one(
        "mail.message", readonly=True, index="btree_not_null", ondelete="set null"
    )
    mail_id = fields.Many2one("mail.mail", readonly=True, index=True, ondelete="set null")
    message_body = fields.Html(
        related="message_id.body", string="Message Sent", help="What was really sent."
    )
    message_uid = fields.Char(
        string="Message-Id", readonly=True, help="Identifies the e-mail, whoever relays it."
    )
    failure = fields.Char(readonly=True, help="Why it could not be delivered, and what to do.")
    attempts = fields.Integer(readonly=True)
    company_stops = fields.Integer(
        compute="_compute_company_stops",
        store=True,
        precompute=True,
        help="How often the company's collections had been stopped when it was decided: what was "
        "decided before the last time never leaves.",
    )
    by_itself = fields.Boolean(
        readonly=True,
        help="It was to leave without anybody's approval: where each is to be approved by now, it "
        "waits.",
    )
    retry_at = fields.Datetime(string="Next Attempt", readonly=True, index=True)

    @api.depends("company_id")
    def _compute_company_stops(self):
        for delivery in self:
            delivery.company_stops = delivery.company_id.collection_stops

    @api.model
    def _get_kinds(self):
        """Hook: the models of what is delivered, as empty recordsets."""
        return [
            self.env["collection.notice"],
            self.env["collection.statement"],
            self.env["collection.contact.mail"],
        ]

    @api.model
    def _get_being_written(self):
        """Return those that the composer, a template or a report is writing at this moment."""
        return self.browse(self.env.context.get(self._written_key) or [])

    # ------------------------------------------------------------
    # People: approve, skip, cancel, retry
    # ------------------------------------------------------------

    def _check_state(self, allowed, action):
        """Refuse an action on deliveries in another state.

        :param allowed: states in which it makes sense
        :param str action: what the person wants, for the message
        :raises UserError: naming the first one that does not fit
        """
        labels = dict(self._fields["state"]._description_selection(self.env))
        for delivery in self:
            if delivery.state not in allowed:
                raise UserError(
                    self.env._(
                        "%(notice)s is in state “%(state)s”, so you can't %(action)s it. Only "
                        "these can be: %(allowed)s.",
                        notice=delivery.display_name,
                        state=labels[delivery.state],
                        action=action,
                        allowed=", ".join(labels[state] for state in allowed),
                    )
                )

    def action_approve(self):
        self._check_state(["to_approve"], self.env._("approve"))
        self._set_state("ready", by_itself=False)
        self._trigger_delivery()

    def action_skip(self):
        """Say nothing, but count it as said."""
        self._check_state(["to_approve", "ready", "failed", "bounced"], self.env._("skip"))
        self._set_state("skipped")

    def action_cancel(self):
        """Withdraw it."""
        self._check_state(
            ["to_approve", "ready", "queued", "failed", "bounced", "skipped"],
            self.env._("withdraw"),
        )
        self._withdraw(self.env._("Withdrawn by %s.", self.env.user.name))

    def action_retry(self):
        self._check_state(["failed", "bounced", "queued"], self.env._("retry"))
        self._retry_now()
        self._trigger_delivery()

    def action_open_customer(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "collection.customer",
            "res_id": self.customer_id.id,
            "view_mode": "form",
        }

    # ------------------------------------------------------------
    # States
    # ------------------------------------------------------------

    def _set_state(self, state, **values):
        self.write({"state": state, "failure": False, "retry_at": False, **values})

    @api.model
    def _get_message_domain(self):
        """Hook: which of them are messages; the others are tasks of people."""
        return Domain.TRUE

    @api.model
    def _withdraw_pending(self, domain, reason):
        """Withdraw the messages that wait for approval, for their turn or for the mail server.

        Tasks that people have in hand are theirs to do or to withdraw.

        :param domain: which ones
        :param str reason: for people
        :return: those withdrawn
        """
        pending = Domain("state", "in", ("to_approve", "ready", "failed"))
        pending |= Domain("state", "=", "queued") & self._get_message_domain()
        # sudo: who stops everything need not have rights on each
        deliveries = self.sudo().search(pending & Domain(domain))
        # another server may be sending some at this moment: those have left
        deliveries = deliveries.try_lock_for_update(allow_referencing=True)
        deliveries._withdraw(reason)
        return deliveries

    @api.model
    def _forget_trial(self, companies):
        """Have what was sent to one's own mailbox count no more: the customers never heard it.

        :return: those withdrawn
        """
        # sudo: who ends a trial need not have rights on each
        deliveries = self.sudo().search(
            [
                ("company_id", "in", companies.ids),
                ("mailbox", "!=", False),
                ("state", "!=", "cancelled"),
            ]
        )
        for mailbox, sent in deliveries.grouped("mailbox").items():
            sent._withdraw(self.env._("A trial: it was sent to %s, not to the customer.", mailbox))
        return deliveries

    @api.model
    def _ask_approval_again(self, domain):
        """Have a person look at what was to leave by itself.

        :param domain: of those whose company or scheme has become more careful
        """
        pending = Domain("state", "in", ("ready", "queued", "failed")) & self._get_message_domain()
        # sudo: who changes a company's or a scheme's mode need not have rights on each
        deliveries = self.sudo().search(pending & Domain(domain))
        # another server may be sending some at this moment: those have left
        deliveries = deliveries.try_lock_for_update(allow_referencing=True)
        deliveries.filtered("mail_id")._discard_message()
        deliveries._set_state("to_approve")

    def _hold_for_approval(self):
        """Have a person look at what was to leave by itself, where each is to be approved by now.

        Whoever makes a company or a scheme more careful sees neither what another server is making
        at that moment nor what it has in hand (``_ask_approval_again``).

        :return: the others
        """
        held = self.filtered(lambda d: d.by_itself and "approve" in d._get_modes())
        held = held.filtered_domain(self._get_message_domain())
        if held:
            held.filtered("mail_id")._discard_message()
            held._set_state("to_approve")
        return self - held

    def _get_modes(self):
        """Hook: the modes that count for it, those of the company and of what asked for it."""
        self.ensure_one()
        return [self.company_id.collection_mode]

    def _withdraw(self, reason):
        """Cancel them, and their mails that have not left.

        :param str reason: for people
        """
        self.mail_id.sudo().filtered(lambda mail: mail.state != "sent").cancel()
        self._set_state("cancelled", failure=reason)

    def _withdraw_stopped(self):
        """Withdraw what was decided before collections were last stopped.

        Whoever stops them sees neither what another server is making at that moment nor what it
        has in hand (``_withdraw_pending``).

        :return: the others
        """
        stopped = self.filtered(lambda d: d.company_stops != d.company_id.collection_stops)
        if stopped:
            stopped._withdraw(self.env._("Collections were stopped while it was being made."))
        return self - stopped

    def _mark_sent(self):
        for company, deliveries in self.grouped("company_id").items():
            deliveries._set_state("sent", sent_date=company._get_collection_today())

    def _fail(self, reason, retry=True):
        """Keep them and say why they could not be delivered.

        :param str reason: for people: what happened and what to do
        :param bool retry: try again by itself, later and later
        """
        for attempts, deliveries in self.grouped("attempts").items():
            minutes = min(RETRY_MINUTES * 2**attempts, RETRY_MINUTES_MAX)
            retry_at = fields.Datetime.now() + timedelta(minutes=minutes)
            deliveries.write(
                {
                    "state": "failed",
                    "failure": reason,
                    "attempts": attempts + 1,
                    "retry_at": retry_at if retry else False,
                }
            )
            if retry:
                self._trigger_delivery(retry_at)

    @api.model
    def _retry_daily(self, company):
        """Give what failed for good (no address...) one more try a day: someone may have mended it.

        :param company: root res.company
        """
        self.search(
            [("state", "=", "failed"), ("retry_at", "=", False), ("company_id", "=", company.id)]
        ).retry_at = fields.Datetime.now()

    def _retry_now(self):
        """Send again what failed: the same message if it was composed, with the same id."""
        composed = self.filtered(lambda d: d.mail_id and d.mail_id.sudo().state != "cancel")
        composed.mail_id.sudo().mark_outgoing()
        composed._set_state("queued")
        (self - composed)._set_state("ready")

    @api.model
    def _trigger_delivery(self, at=None):
        """Have the delivery job run soon, or at a moment.

        :param datetime at: naive UTC
        """
        # sudo: scheduled jobs belong to the system
        self.env.ref(self._delivery_job).sudo()._trigger(at)

    # ------------------------------------------------------------
    # What the delivery job asks
    # ------------------------------------------------------------

    def _lock_for_delivery(self):
        """Lock what a delivery changes.

        :return: those that could be locked; another server has the others in hand
        """
        return self.try_lock_for_update(allow_referencing=True)

    def _get_policy(self):
        """Hook: the contact policy whose hours count (may be empty)."""
        return self.customer_id._get_policy()

    def _recheck(self, in_hand=False):
        """Hook: look again at what was decided.

        :param bool in_hand: a person carries them out now
        :return: those that may be delivered now
        """
        return self

    def _is_current(self):
        """Tell whether it, already composed, still says what is true at this moment."""
        self.ensure_one()
        if self.recipient_id != self._get_addressee():
            return False  # the contact is gone, or another was chosen
        # else a trial began or ended
        return (self.mailbox or "") == (self.company_id.collection_mailbox or "")

    # ------------------------------------------------------------
    # To whom
    # ------------------------------------------------------------

    def _get_addressee(self):
        """Hook: the contact that it is for (res.partner)."""
        return self.customer_id._get_recipient()

    def _set_recipients(self):
        """Choose whom each goes to and in which language.

        :return: those that have an address; the others fail and say so
        """
        missing = self.browse()
        dead = self._get_dead_addresses()
        for delivery in self:
            recipient = delivery._get_addressee()
            address = recipient.email_normalized
            if not address:
                missing |= delivery
                delivery._fail(
                    self.env._(
                        "%(contact)s has no valid e-mail address: add one there, or choose "
                        "another payments contact or channel on the customer's file.",
                        contact=recipient.display_name,
                    ),
                    retry=False,
                )
                continue
            if (
                delivery.customer_id,
                address,
            ) in dead and not delivery.company_id.collection_mailbox:
                missing |= delivery
                delivery._fail(
                    self.env._(
                        "Messages to %(contact)s come back from %(address)s: correct the address "
                        "there, choose another contact or channel on the customer's file, or retry.",
                        contact=recipient.display_name,
                        address=address,
                    ),
                    retry=False,
                )
                continue
            delivery.recipient_id = recipient
            delivery.lang = delivery._get_lang(recipient)
        return self - missing

    def _get_dead_addresses(self):
        """Return from which addresses notices to these customers came back.

        :rtype: set of pairs of customer's file and address
        """
        # sudo: so it is, whoever delivers
        notices = self.env["collection.notice"].sudo()
        return set(
            notices._read_group(
                [("customer_id", "in", self.customer_id.ids), ("bounced_address", "!=", False)],
                ["customer_id", "bounced_address"],
            )
        )

    def _get_lang(self, recipient):
        """Return the contact's language if it is installed, else the customer's or company's."""
        return self.customer_id._get_lang(recipient)

    def _get_greeting(self):
        """Return the salutation: by name for a person, general for a company."""
        self.ensure_one()
        return self._greet(self.recipient_id or self._get_addressee())

    @api.model
    def _greet(self, recipient):
        """Return the salutation of a contact.

        :param recipient: res.partner
        """
        if recipient.is_company or not recipient.name:
            return self.env._("Dear Sir or Madam,")
        return self.env._("Dear %s,", recipient.name)

    # ------------------------------------------------------------
    # Composing
    # ------------------------------------------------------------

    def _one_per_customer(self):
        """Split them so that each part has at most one per customer.

        The composer makes one mail per customer.
        """
        parts = []
        for deliveries in self.grouped("customer_id").values():
            for index, delivery in enumerate(deliveries):
                if len(parts) <= index:
                    parts.append(self.browse())
                parts[index] |= delivery
        return parts

    def _compose(self, template=None, layout="collections_management.mail_layout", **words):
        """Make their mails, one per customer, on the customers' conversations.

        :param template: mail.template, or None when ``words`` has ``subject`` and ``body``
        :param str layout: xmlid of the layout
        """
        composer = (
            self.env["mail.compose.message"]
            .with_context(**self._get_render_context())
            .create(
                {
                    "composition_mode": "mass_mail",
                    "model": "collection.customer",
                    "res_ids": str(self.customer_id.ids),
                    "template_id": template.id if template else False,
                    "email_layout_xmlid": layout,
                    # author and sender are computed together: give both or neither
                    "author_id": self.company_id[:1].partner_id.id,
                    "email_from": (template and template.email_from) or self._get_sender(),
                    "auto_delete": False,
                    "force_send": False,
                    "use_exclusion_list": False,
                    **words,
                }
            )
        )
        mails, _messages = composer._action_send_mail()
        by_customer = {mail.res_id: mail for mail in mails}
        if not all(mails.mapped("email_from")):
            raise UserError(
                self.env._(
                    "There is no address to write from: set the e-mail of company %(company)s or of "
                    "the collector, or the sender of the message's template.",
                    company=self.company_id[:1].name,
                )
            )
        for delivery in self:
            mail = by_customer[delivery.customer_id.id]
            delivery._set_state(
                "queued",
                mailbox=delivery.company_id.collection_mailbox,
                mail_id=mail.id,
                message_id=mail.mail_message_id.id,
                message_uid=mail.message_id,
            )

    def _get_sender(self):
        """Return the address that messages in a person's own words come from."""
        collector = self.collector_id[:1]
        return collector.email_formatted or self.company_id[:1].email_formatted

    def _get_render_context(self):
        """The context in which templates find what is being written."""
        return {
            self._written_key: self.ids,
            "collection_keep_code": True,
            "lang": None,
            "mail_notify_force_send": False,
        }

    def _get_attachments(self):
        """Hook: the files that go with the message (ir.attachment)."""
        return self.env["ir.attachment"].sudo()

    def _make_attachment(self, name, content, mimetype="application/pdf"):
        """Keep a file on the customer's file, where its conversation shows it."""
        # sudo: made by the system for the message
        return (
            self.env["ir.attachment"]
            .sudo()
            .create(
                {
                    "name": name,
                    "raw": content,
                    "mimetype": mimetype,
                    "res_model": "collection.customer",
                    "res_id": self.customer_id.id,
                }
            )
        )

    def _get_invoice_files(self, moves):
        """Return the PDFs of invoices, printed if Odoo has not kept them.

        :param moves: account.move
        """
        # sudo: the job attaches what the customer has a right to
        invoices = moves.sudo().filtered(lambda move: move.move_type in CUSTOMER_TYPES)
        kept = invoices.invoice_pdf_report_id
        return kept | self._print_invoices(
            invoices.filtered(lambda move: not move.invoice_pdf_report_id)
        )

    def _print_invoices(self, moves):
        """Print invoices as Odoo does when it sends them, without marking them as sent."""
        reports = self.env["ir.actions.report"].sudo()
        attachments = self.env["ir.attachment"].sudo()
        for report, invoices in moves.grouped(
            self.env["account.move.send"]._get_default_pdf_report_id
        ).items():
            for invoice in invoices:
                content, _type = reports.with_company(invoice.company_id)._render_qweb_pdf(
                    report.report_name, invoice.ids
                )
                attachments |= self._make_attachment(
                    invoice._get_invoice_report_filename(report=report), content
                )
        return attachments

    # ------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------

    def _may_send(self):
        """Decide at the last moment whether the composed mail may leave.

        Locks it for this transaction. What is no longer true is not sent: the mail is thrown
        away, and it is composed anew (or cancelled) by the next delivery.
        """
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return False  # another server is sending it
        if self.state != "queued" or not self._withdraw_stopped()._hold_for_approval():
            return False
        if self._is_current():
            return True
        self._discard_message()
        self._set_state("ready")
        self._trigger_delivery()
        return False

    def _discard_message(self):
        """Remove messages that never left, with the files that were made for them."""
        # sudo: messages and their attachments belong to the system
        message = self.message_id.sudo()
        # let go first: the database would empty two links of the row at once, and refuse
        self.write({"mail_id": False, "message_id": False, "message_uid": False})
        self.flush_recordset()
        message.attachment_ids.filtered(
            lambda file: file.res_model == "collection.customer"
        ).unlink()
        message.unlink()  # takes mail and notifications along

    def _on_mail_result(self, failure_type):
        """Follow what became of their mails.

        :param failure_type: as ``mail.mail.failure_type``; falsy: sent
        """
        sent = self.filtered(lambda delivery: delivery.mail_id.sudo().state == "sent")
        sent._mark_sent()
        for delivery in self - sent:
            lasting = delivery._is_lasting(failure_type)
            delivery._fail(delivery._get_failure_text(failure_type), retry=not lasting)

    def _is_lasting(self, failure_type):
        """Tell whether to try again soon is useless: the next day's run does once more."""
        if failure_type in ("mail_email_invalid", "mail_email_missing"):
            return True
        return bool(REFUSED_FOR_GOOD.search(self.mail_id.sudo().failure_reason or ""))

    def _get_failure_text(self, failure_type):
        """Return the sentence that tells a person why the mail did not leave."""
        reason = " ".join((self.mail_id.sudo().failure_reason or "").split())
        if failure_type == "mail_smtp":
            return self.env._(
                "The mail server can't be reached (%s); it is tried again by itself.", reason
            )
        if self._is_lasting(failure_type):
            return self.env._(
                "The mail server does not accept the address of %(contact)s (%(reason)s): correct "
                "it there.",
                contact=self.recipient_id.display_name,
                reason=reason,
            )
        return reason or self.env._("The mail server refused it.")
