from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date

# Documents that Odoo credits by itself.
CREDITED_TYPES = ("out_invoice", "out_receipt")


class CollectionDisputeSolution(models.AbstractModel):
    """How a dispute is solved: accepted and credited, in part, or rejected; and opened again."""

    _name = "collection.dispute.solution"
    _description = "Solution of a Dispute"

    # ------------------------------------------------------------
    # Solving
    # ------------------------------------------------------------

    def _resolve(self, resolution, amounts=None, answer=None):
        """Say who is right; what is accepted gets a credit note, as a draft for accounting.

        :param str resolution: one of ``RESOLUTIONS``
        :param dict amounts: for ``partly``: by collection.dispute.item what is accepted of it
        :param str answer: why, for colleagues
        :return: the draft credit notes, as superuser
        :raises UserError: when it is not open, or the amounts are not those of a part
        """
        self.ensure_one()
        self.check_access("write")
        self._check_solvable()
        # sudo: whoever solves it need have no accounting right; they may solve this dispute
        dispute = self.sudo()
        left = dispute._get_left_by_item()
        accepted = {"accepted": left, "rejected": {}}.get(resolution, amounts or {})
        if resolution == "partly":
            dispute._check_part(accepted, left)
        notes = dispute._accept(accepted)
        today = dispute.company_id._get_collection_today()
        dispute.write(
            {
                "resolution": resolution,
                "resolved_date": today,
                "resolver_id": self.env.user.id,
                "answer": answer,
                "grace_until": resolution == "rejected" and dispute._get_grace_until(),
            }
        )
        dispute._drop_tasks()
        dispute._judge()
        dispute._tell_customers(lambda dispute: dispute._get_resolution_text())
        return notes

    def _check_solvable(self):
        for dispute in self:
            if dispute.state != "open":
                raise UserError(
                    self.env._(
                        "%(dispute)s is in state “%(state)s”: only an open dispute can be solved. "
                        "Open it again first, if that is possible.",
                        dispute=dispute.number,
                        state=dispute._get_state_name(),
                    )
                )

    def _get_state_name(self):
        self.ensure_one()
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _check_part(self, accepted, left):
        """Refuse parts that are nothing, all, or more than what is disputed."""
        currency = self.currency_id
        for item, amount in accepted.items():
            most = left.get(item, 0.0)
            if amount < 0 or currency.compare_amounts(amount, most) > 0:
                raise UserError(
                    self.env._(
                        "%(item)s: of the %(most)s that is disputed you can't accept %(amount)s. "
                        "Write an amount from zero to that.",
                        item=item.document,
                        most=currency.format(most),
                        amount=currency.format(amount),
                    )
                )
        total, most = sum(accepted.values()), sum(left.values())
        if currency.is_zero(total):
            raise UserError(
                self.env._(
                    "%s: nothing would be accepted. Write how much of each invoice the customer is "
                    "right about, or choose “Rejected”.",
                    self.number,
                )
            )
        if not currency.compare_amounts(total, most):
            raise UserError(
                self.env._(
                    "%(dispute)s: %(amount)s is all that is disputed. Choose “Accepted”, or lower an "
                    "amount.",
                    dispute=self.number,
                    amount=currency.format(most),
                )
            )

    def _accept(self, accepted):
        """Note what is accepted of each item, and prepare the credit notes.

        What was credited before, without anybody's answer, counts as accepted too.

        :param dict accepted: amounts by collection.dispute.item
        :return: the draft account.move
        """
        if not accepted:
            return self.env["account.move"]
        credited = self._get_credited_by_item()
        for item in self.item_ids:
            item.accepted_amount = accepted.get(item, 0.0) + credited.get(item, 0.0)
        self.accepted_amount = sum(self.item_ids.mapped("accepted_amount"))
        notes = self.env["account.move"]
        by_hand = self.env["collection.dispute.item"]
        for move, items in self.item_ids.grouped(lambda item: item.move_line_id.move_id).items():
            amount = sum(accepted.get(item, 0.0) for item in items)
            if self.currency_id.is_zero(amount):
                continue
            if move.move_type in CREDITED_TYPES:
                notes |= self._prepare_credit_note(move, amount)
            else:
                by_hand |= items
        self._make_credit_tasks(notes, by_hand)
        return notes

    # ------------------------------------------------------------
    # Credit notes
    # ------------------------------------------------------------

    def _prepare_credit_note(self, move, amount):
        """Reverse an invoice as Odoo's own dialog does, and lower the draft to an amount.

        :param float amount: with taxes, in the invoice's currency
        :return: the draft credit note
        """
        move = move.with_company(move.company_id)
        dialog = (
            self.env["account.move.reversal"]
            .with_company(move.company_id)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create(self._prepare_reversal(move))
        )
        dialog.reverse_moves()
        note = dialog.new_move_ids
        if self.currency_id.compare_amounts(note.amount_total, amount):
            worded = self.with_context(lang=note.partner_id.lang or self.env.lang)
            name = worded.env._(
                "%(invoice)s: %(reason)s",
                invoice=note.reversed_entry_id.name,
                reason=worded.reason_id.name,
            )
            note._lower_collection_credit_note(amount, name, f"dispute,{self.id}")
        note.collection_credited_dispute_id = self
        return note

    def _prepare_reversal(self, move):
        """Hook: the values of Odoo's dialog that reverses an invoice.

        A country's module may ask for more, such as a legal reason.
        """
        worded = self.with_context(lang=move.partner_id.lang or self.env.lang)
        return {
            "date": move.company_id._get_collection_today(),
            "journal_id": move.journal_id.id,
            "reason": f"{worded.reason_id.name} ({self.number})",
        }

    def _make_credit_tasks(self, notes, by_hand):
        """Tell accounting to look at the drafts, and to credit by hand what Odoo can't reverse.

        :param notes: draft account.move
        :param by_hand: collection.dispute.item, as of opening entries
        """
        task_type = self.env.ref("collections_management.activity_type_credit_note")
        user = (
            self.company_id.collection_accountant_id
            or self.company_id.collection_supervisor_id
            or self.collector_id
            or self.env.user
        )
        today = self.company_id._get_collection_today()
        worded = self.with_context(lang=user.lang or self.env.lang)
        text = worded.env._(
            "%(dispute)s was accepted: check the credit note, post and apply it",
            dispute=self.number,
        )
        hand = worded.env._(
            "%(dispute)s was accepted: make and apply a credit note for %(items)s",
            dispute=self.number,
            items=", ".join(by_hand.mapped("document")),
        )
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                {
                    "res_model_id": self.env["ir.model"]._get_id(record._name),
                    "res_id": record.id,
                    "activity_type_id": task_type.id,
                    "summary": summary,
                    "date_deadline": today,
                    "user_id": user.id,
                }
                for records, summary in ((notes, text), (self if by_hand else [], hand))
                for record in records
            ]
        )

    def _drop_credit_tasks(self):
        """Take back accounting's tasks: it is credited."""
        self._find_tasks("activity_type_credit_note").unlink()
        self.env["mail.activity"].search(
            [
                ("res_model", "=", "account.move"),
                ("res_id", "in", self.credit_move_ids.ids),
                (
                    "activity_type_id",
                    "=",
                    self.env.ref("collections_management.activity_type_credit_note").id,
                ),
            ]
        ).unlink()

    # ------------------------------------------------------------
    # History and the customer
    # ------------------------------------------------------------

    def _get_resolution_text(self):
        """Return what the customer's history says of how it was solved."""
        self.ensure_one()
        values = {
            "dispute": self.number,
            "user": self.resolver_id.name,
            "amount": self.currency_id.format(self.amount),
            "accepted": self.currency_id.format(self.accepted_amount),
            "until": format_date(self.env, self.grace_until),
        }
        text = {
            "accepted": lambda: self.env._(
                "Dispute %(dispute)s was accepted by %(user)s: a credit note of %(accepted)s was "
                "prepared.",
                **values,
            ),
            "partly": lambda: self.env._(
                "Dispute %(dispute)s was accepted in part by %(user)s: a credit note of %(accepted)s "
                "of the %(amount)s was prepared.",
                **values,
            ),
            "rejected": lambda: self.env._(
                "Dispute %(dispute)s was rejected by %(user)s: claims go on after %(until)s.",
                **values,
            ),
        }[self.resolution]()
        return f"{text} {self.answer}" if self.answer else text

    def _get_grace_until(self):
        """Return the last day of grace, were it rejected today; as superuser."""
        company = self.company_id
        return company and company._get_collection_today() + timedelta(
            days=company.collection_dispute_days
        )

    def _render_answer(self, template):
        """Return subject and body of the message to the customer, in the customer's language.

        :param template: mail.template on disputes, may be empty
        """
        if not (self.id and template):
            return "", ""
        # sudo: the words are the same, whoever sends them
        customer, template = self.sudo().customer_id, template.sudo()
        lang = customer._get_lang(self._get_message_recipient())
        return tuple(
            template._render_field(name, self.ids, set_lang=lang)[self.id]
            for name in ("subject", "body_html")
        )

    def _get_message_recipient(self):
        """Return who is told of the answer: the customer's payments contact."""
        # sudo: whoever solves it need have no right on the customer's file
        return self.sudo().customer_id._get_recipient()

    def _send_answer(self, subject, body):
        """Send a message to the customer, on the customer's conversation.

        In a trial it goes to the company's own mailbox.

        :param str subject: as plain text
        :param Markup body: as the person left it
        :return: the mail.message, as superuser
        """
        self.ensure_one()
        self.check_access("write")
        # sudo: whoever solves it need have no right on the customer's file
        customer = self.sudo().customer_id
        recipient = self._get_message_recipient()
        mailbox = customer.company_id.collection_mailbox
        if not (recipient.email or mailbox):
            raise UserError(
                self.env._(
                    "%(contact)s has no e-mail address, so the customer can't be told: add one to the "
                    "contact, or untick “Tell the Customer” and call.",
                    contact=recipient.display_name,
                )
            )
        to = (
            {"outgoing_email_to": mailbox, "subject": f"[{recipient.email_formatted}] {subject}"}
            if mailbox
            else {"partner_ids": recipient.ids, "subject": subject}
        )
        return customer.with_context(lang=customer._get_lang(recipient)).message_post(
            body=body,
            author_id=self.env.user.partner_id.id,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            email_layout_xmlid="collections_management.mail_layout",
            **to,
        )

    def action_resolve(self):
        """Open the dialog that says who is right."""
        self.ensure_one()
        self._check_solvable()
        return self._open_dialog("collection.dispute.resolve", default_dispute_id=self.id)

    def action_hand_over(self):
        """Open the dialog that hands these disputes to another area or owner."""
        return self._open_dialog("collection.dispute.hand.over", default_dispute_ids=self.ids)

    def _open_dialog(self, model, **context):
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            # sudo: what the dialog is called
            "name": self.env["ir.model"].sudo()._get(model).name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": context,
        }

    def action_open_credit_notes(self):
        """Open the credit notes that were prepared."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account.action_move_out_refund_type"
        )
        return dict(
            action,
            domain=[("id", "in", self.credit_move_ids.ids)],
            context={"default_move_type": "out_refund"},
        )

    @api.model
    def _get_list_action(self):
        """Return the action of the list that a person works with."""
        all_of_them = self.env.user.has_group("account.group_account_invoice")
        name = "collection_dispute_action" if all_of_them else "collection_dispute_action_solve"
        return self.env["ir.actions.act_window"]._for_xml_id(f"collections_management.{name}")

    # ------------------------------------------------------------
    # Opening again
    # ------------------------------------------------------------

    def action_reopen(self):
        """Take back how these disputes were solved: they hold their items again.

        Drafts of credit notes go; what was posted has to be undone in accounting first.

        :raises UserError: naming why one can't be opened again, and the way out
        """
        self.check_access("write")
        for dispute in self:
            dispute._check_reopen()
        # sudo: states, holds and drafts are the system's
        disputes = self.sudo()
        disputes._drop_credit_tasks()
        disputes.credit_move_ids.filtered(lambda note: note.state == "draft").unlink()
        disputes.item_ids.accepted_amount = 0.0
        disputes.write(
            {
                "accepted_amount": 0.0,
                "closed_date": False,
                "escalated_date": False,
                "grace_until": False,
                "resolution": False,
                "resolved_date": False,
                "resolver_id": False,
                "state": "open",
            }
        )
        disputes._align_holds()
        for dispute in disputes:
            dispute.deadline = dispute.company_id._get_collection_workday(dispute.area_id.days)
        disputes._judge()
        self._tell_customers(
            lambda dispute: self.env._(
                "Dispute %(dispute)s was opened again by %(user)s.",
                dispute=dispute.number,
                user=self.env.user.name,
            )
        )
        self._log(self.env._("Opened again by %s.", self.env.user.name))

    def _check_reopen(self):
        self.ensure_one()
        # sudo: told without any right on invoices
        dispute = self.sudo()
        if dispute.state not in ("to_credit", "grace", "rejected"):
            raise UserError(
                self.env._(
                    "%(dispute)s is in state “%(state)s”, so it can't be opened again: register a new "
                    "dispute about what is still open.",
                    dispute=dispute.number,
                    state=dispute._get_state_name(),
                )
            )
        posted = dispute.credit_move_ids.filtered(lambda note: note.state == "posted")
        if posted:
            raise UserError(
                self.env._(
                    "%(dispute)s: credit note %(note)s is posted. Accounting resets it to draft first, "
                    "then the dispute can be opened again.",
                    dispute=dispute.number,
                    note=posted[0].name,
                )
            )
        if dispute.state == "rejected":
            if not any(not line.reconciled for line in dispute.move_line_ids):
                raise UserError(
                    self.env._(
                        "%s: its invoices are paid, so there is nothing left to dispute.",
                        dispute.number,
                    )
                )
            dispute._check_free()

    @api.model
    def _get_rejection_template(self):
        """Return the message that is shipped for rejected disputes; deleted: empty."""
        template = self.env.ref(
            "collections_management.mail_template_dispute_rejected", raise_if_not_found=False
        )
        return template or self.env["mail.template"]
