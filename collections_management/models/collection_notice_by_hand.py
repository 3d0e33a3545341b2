from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .user_message import notification


class CollectionNotice(models.Model):
    """What a person carries out: letters to post, calls to make, WhatsApp messages."""

    _inherit = "collection.notice"

    user_id = fields.Many2one(
        related="activity_id.user_id", string="Assigned To", help="Who has the task in hand."
    )
    phone = fields.Char(compute="_compute_phone", help="Of the contact, else of the customer.")
    oldest_due_date = fields.Date(related="customer_id.oldest_due_date")
    overdue = fields.Monetary(
        related="customer_id.overdue", currency_field="company_currency_id", aggregator=False
    )
    letter_subject = fields.Char(readonly=True)
    letter_body = fields.Html(
        string="Letter", readonly=True, help="The letter's words, as they were printed."
    )
    printed_date = fields.Date(string="Printed On", readonly=True)
    postal_address = fields.Char(compute="_compute_postal_address")
    has_postal_address = fields.Boolean(
        compute="_compute_postal_address",
        search="_search_has_postal_address",
        help="The contact, or the customer, has an address to post a letter to.",
    )

    # ------------------------------------------------------------
    # What is no longer true is not carried out
    # ------------------------------------------------------------

    def _take_in_hand(self):
        """Recheck the notices that a person is about to carry out.

        What was paid meanwhile is withdrawn, amounts are brought up to date.

        :return: the notices that may be carried out, and for each other one a sentence why not
        :raises LockError: when a job has a customer in hand
        """
        self.check_access("write")
        self.customer_id._lock_for_person()
        # sudo: notices are kept true by the system, whoever carries them out
        going = self.sudo()._recheck(in_hand=True).with_env(self.env)
        (self - going).printed_date = False
        return going, [notice._get_left_out_text() for notice in self - going]

    def _get_left_out_text(self):
        """Return why a person should not carry the notice out now."""
        self.ensure_one()
        if self.state in ("cancelled", "to_approve"):
            reason = self.failure
        else:
            reason = self.env._("The company or the scheme is in simulation.")
        return self.env._(
            "%(notice)s: %(reason)s", notice=self.partner_id.display_name, reason=reason
        )

    @api.model
    def _add_left_out(self, action, title, left_out):
        """Return ``action`` with a notification before it of what was left out, if anything was.

        :param dict action: falsy: only look at the list again
        :param str title: of the notification
        :param left_out: list of sentences
        """
        if not left_out:
            return action or {"type": "ir.actions.client", "tag": "soft_reload"}
        return notification(self.env, left_out, title=title, then=action)

    def _check_channel(self, code, action):
        """Refuse an action on notices of another channel.

        :param str code: of the channel
        :param str action: what the person wants, for the message
        """
        for notice in self:
            if notice.channel_id.code != code:
                raise UserError(
                    self.env._(
                        "%(notice)s goes by %(channel)s, so you can't %(action)s it: choose only "
                        "notices of the right channel.",
                        notice=notice.display_name,
                        channel=notice.channel_id.name,
                        action=action,
                    )
                )

    def action_open_mark_done(self):
        """Ask what came of it, and mark the notices as done."""
        self._check_state(["queued", "ready", "failed"], self.env._("mark as done"))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Mark as Done"),
            "res_model": "collection.mark.done",
            "view_mode": "form",
            "target": "new",
            "context": {"default_notice_ids": self.ids},
        }

    def action_register_contact(self):
        """Open the dialog that registers what came of these notices; it marks them as done.

        :raises UserError: when they are of several customers
        """
        self._check_state(["queued", "ready", "failed"], self.env._("register a contact for"))
        if len(self.customer_id) > 1:
            raise UserError(
                self.env._(
                    "The chosen notices are of several customers: %s. A contact is with one: choose "
                    "the notices of one customer.",
                    ", ".join(self.customer_id.mapped("display_name")),
                )
            )
        items = self._get_live_lines().move_line_id
        lines = items.filtered(
            lambda line: not line.reconciled and line.amount_residual_currency > 0
        )
        return self.env["collection.contact"]._open_register(
            customer=self.customer_id,
            lines=lines,
            notice_ids=self.ids,
            channel_id=self.channel_id[:1].id if self.channel_id[:1].for_contacts else False,
            person_id=self.recipient_id[:1].id,
        )

    # ------------------------------------------------------------
    # Calls
    # ------------------------------------------------------------

    @api.depends("recipient_id", "partner_id")
    def _compute_phone(self):
        for notice in self:
            notice.phone = notice.recipient_id.phone or notice.partner_id.phone

    def action_print_my_calls(self):
        """Print the call list of the calls that wait for me."""
        calls = self.search(
            [
                ("channel_id.code", "=", "call"),
                ("state", "=", "queued"),
                ("activity_id.user_id", "=", self.env.uid),
            ]
        )
        if not calls:
            raise UserError(
                self.env._(
                    "No call waits for you. Choose calls of others in the list to print theirs."
                )
            )
        return calls.action_print_calls()

    def action_print_calls(self):
        """Print the call list, one for each person who calls; what is no longer true is left out."""
        self._check_channel("call", self.env._("print"))
        self._check_state(["ready", "queued", "failed"], self.env._("print"))
        calls, left_out = self._take_in_hand()
        report = self.env.ref("collections_management.action_report_call_list")
        return self._add_left_out(
            calls and report.report_action(calls, config=False),
            self.env._("No longer to call"),
            left_out,
        )

    # ------------------------------------------------------------
    # WhatsApp by hand
    # ------------------------------------------------------------

    def action_open_whatsapp(self):
        """Open the message that a person sends by WhatsApp."""
        self.ensure_one()
        self._check_channel("whatsapp", self.env._("send"))
        self._check_state(["ready", "queued", "failed"], self.env._("send"))
        going, left_out = self._take_in_hand()
        return self._add_left_out(
            going and self.env["collection.whatsapp"]._open(self.customer_id, notice=going),
            self.env._("No longer to send"),
            left_out,
        )

    # ------------------------------------------------------------
    # Letters
    # ------------------------------------------------------------

    def action_print_all_letters(self):
        """Print all letters that wait to be printed, everybody's."""
        letters = self.search(self._get_letters_to_print_domain())
        if not letters:
            raise UserError(
                self.env._("No letter waits to be printed: those of today are printed already.")
            )
        return letters.action_print_letter()

    @api.model
    def _get_letters_to_print_domain(self):
        return [
            ("channel_id.code", "=", "letter"),
            ("state", "=", "queued"),
            ("printed_date", "=", False),
        ]

    def action_print_letter(self):
        """Print the letters in one PDF, in the order of their customers.

        They are put into words now; what is no longer true is left out and named. Posted ones
        are printed once more as they went.
        """
        self._check_channel("letter", self.env._("print"))
        self._check_state(["ready", "queued", "failed", "sent"], self.env._("print"))
        posted = self.filtered(lambda notice: notice.state == "sent")
        written, left_out = (self - posted)._write_letters()
        letters = posted | written
        report = self.env.ref("collections_management.action_report_notice_letter")
        return self._add_left_out(
            letters and report.report_action(letters, config=False),
            self.env._("Not printed"),
            left_out,
        )

    def _write_letters(self):
        """Put the letters into words and keep them, so that what is posted is what was printed.

        :return: the letters, and for each one left out a sentence why
        """
        going, left_out = self._take_in_hand() if self else (self, [])
        # sudo: the words are the same, whoever prints them
        letters = going.sudo().with_context(collection_print=True)
        words = letters._get_letter_words()
        homeless = letters.filtered(lambda letter: not letter.has_postal_address)
        for company, printed in (letters - homeless).grouped("company_id").items():
            printed.printed_date = company._get_collection_today()
            for letter in printed:
                letter.letter_subject, letter.letter_body = words[letter]
        left_out += [
            self.env._(
                "%(contact)s has no postal address: add one there or on the customer.",
                contact=letter.recipient_id.display_name,
            )
            for letter in homeless
        ]
        return going - homeless.with_env(self.env), left_out

    @api.depends("recipient_id", "partner_id")
    def _compute_postal_address(self):
        for notice in self:
            places = (notice.recipient_id, notice.partner_id)
            place = next((place for place in places if place.street or place.city), None)
            notice.has_postal_address = bool(place)
            notice.postal_address = place and place._get_postal_line()

    @api.model
    def _search_has_postal_address(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = Domain.OR(
            Domain(f"{contact}.{name}", "!=", False)
            for contact in ("recipient_id", "partner_id")
            for name in ("street", "city")
        )
        return found if True in value else ~found

    def _get_letter_words(self):
        """Return subject and body of each letter as of now: dict notice -> (subject, body)."""
        self._choose_recipients()
        words = {notice: (notice.subject, notice.body) for notice in self if notice.body}
        rest = self.filtered(lambda notice: not notice.body)
        plain = rest.filtered(lambda notice: not notice.step_id.template_id)
        for notice in plain._with_open_items():
            words[notice] = (notice.step_id.name, notice.items_html)
        words.update((rest - plain)._render_messages())
        return words

    def _prepare_letters(self):
        """Return the letters for the report, in the order of their customers.

        As they were printed; those that never were, in the words of this moment.

        :return: list of dicts: ``notice``, ``recipient``, ``lang``, ``date``, ``subject``, ``body``
        """
        # sudo: the words are the same, whoever prints them
        letters = self.sudo().with_context(collection_print=True)
        words = letters.filtered(lambda letter: not letter.letter_body)._get_letter_words()
        return [
            {
                "notice": letter,
                "recipient": (letter.recipient_id or letter._get_addressee()).with_context(
                    lang=letter.lang
                ),
                "lang": letter.lang,
                "date": letter.printed_date or letter.company_id._get_collection_today(),
                "subject": words.get(letter, [letter.letter_subject])[0],
                "body": words.get(letter, ["", letter.letter_body])[1],
            }
            for letter in letters.sorted(lambda letter: (letter.partner_id.name or "", letter.id))
        ]

    def action_mark_posted(self):
        """Confirm that printed letters were posted: they count as sent, their tasks are done."""
        self._check_channel("letter", self.env._("post"))
        for notice in self:
            if not notice.printed_date:
                raise UserError(
                    self.env._(
                        "The letter %(notice)s was not printed yet, so it can't have been posted: "
                        "print it first. If you wrote your own, mark it as done.",
                        notice=notice.display_name,
                    )
                )
        self.action_mark_done()

    def _mark_sent(self):
        """Override: what was said on paper stands on the customer's conversation."""
        super()._mark_sent()
        self.filtered(lambda notice: notice.letter_body and not notice.message_id)._log_letters()

    def _log_letters(self):
        """Post the letters as notes, all at once."""
        for batch in self._one_per_customer():
            bodies = {notice.customer_id.id: notice.letter_body for notice in batch}
            messages = batch.customer_id._message_log_batch(bodies)
            for notice, message in zip(batch, messages, strict=True):
                message.subject = notice.letter_subject
                notice.message_id = message
