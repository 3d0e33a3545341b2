import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .collection_due_item import TO_SAY

# Minutes before a failed delivery is tried again: 5, 10, 20, ... at most 4 hours.
RETRY_MINUTES = 5
RETRY_MINUTES_MAX = 240
# How the server's refusal of an address reads: codes 550, 551 and 553 of RFC 5321, 4.2.3.
REFUSED_FOR_GOOD = re.compile(r"SMTPRecipientsRefused.*\(55[013],", re.DOTALL)
# Decisions that only make a notice wait: it is neither sent nor withdrawn.
WAITS = ("not_working_day", "contact_policy")


class CollectionNotice(models.Model):
    """What we decided to say to one customer on one day by one channel.

    A message, a call to make, or an action to take. Its lines tell which items it names; the
    step is the firmest of them. The words are made at the last moment (``_deliver``).
    """

    _name = "collection.notice"
    _description = "Notice"
    _inherit = ["collection.notice.content"]
    _order = "date desc, id desc"
    _check_company_auto = True

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
    strategy_id = fields.Many2one(
        "collection.strategy", string="Scheme", related="step_id.strategy_id", store=True
    )
    step_id = fields.Many2one(
        "collection.step",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    phase = fields.Selection(related="step_id.phase")
    channel_id = fields.Many2one(
        "collection.channel", required=True, readonly=True, ondelete="restrict"
    )
    is_manual = fields.Boolean(related="channel_id.is_manual")
    is_message = fields.Boolean(related="channel_id.is_message")
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
    line_ids = fields.One2many("collection.notice.line", "notice_id", readonly=True)
    item_count = fields.Integer(compute="_compute_amounts")
    amount = fields.Monetary(
        compute="_compute_amounts",
        currency_field="company_currency_id",
        help="What the items at the step were open for when the notice was made.",
    )
    recipient_id = fields.Many2one("res.partner", readonly=True, ondelete="set null")
    lang = fields.Char(readonly=True)
    taken_over = fields.Boolean(
        readonly=True,
        help="Said before collections were done here; from an opening sheet.",
    )
    mailbox = fields.Char(
        string="Sent Instead To",
        readonly=True,
        help="A trial: it went to this address, not to the customer.",
    )
    subject = fields.Char(help="Your own subject. Empty: the template's.")
    body = fields.Html(
        help="Your own text. Empty: the template's, made when the message leaves. If an item "
        "changes after you wrote, the notice comes back to you for approval.",
        sanitize_style=True,
    )
    message_id = fields.Many2one("mail.message", readonly=True, ondelete="set null")
    mail_id = fields.Many2one("mail.mail", readonly=True, index=True, ondelete="set null")
    message_body = fields.Html(
        related="message_id.body", string="Message Sent", help="What was really sent."
    )
    message_uid = fields.Char(
        string="Message-Id", readonly=True, help="Identifies the e-mail, whoever relays it."
    )
    activity_id = fields.Many2one("mail.activity", string="Task", readonly=True, index=True)
    failure = fields.Char(readonly=True, help="Why it could not be delivered, and what to do.")
    attempts = fields.Integer(readonly=True)
    retry_at = fields.Datetime(string="Next Attempt", readonly=True, index=True)

    _pending_idx = models.Index("(state, retry_at) WHERE state IN ('ready', 'queued', 'failed')")
    _customer_date_idx = models.Index("(customer_id, date)")

    @api.depends("line_ids.residual")
    def _compute_amounts(self):
        sums = {
            notice: (count, amount)
            for notice, count, amount in self.env["collection.notice.line"]._read_group(
                [("notice_id", "in", self.ids)], ["notice_id"], ["__count", "residual:sum"]
            )
        }
        for notice in self:
            notice.item_count, notice.amount = sums.get(notice, (0, 0.0))

    @api.depends("step_id", "partner_id")
    def _compute_display_name(self):
        for notice in self:
            notice.display_name = f"{notice.step_id.name} · {notice.partner_id.display_name}"

    # ------------------------------------------------------------
    # People: approve, skip, cancel, retry
    # ------------------------------------------------------------

    def _check_state(self, allowed, action):
        """Refuse an action on notices in another state.

        :param allowed: states in which it makes sense
        :param str action: what the person wants, for the message
        :raises UserError: naming the first notice that does not fit
        """
        labels = dict(self._fields["state"]._description_selection(self.env))
        for notice in self:
            if notice.state not in allowed:
                raise UserError(
                    self.env._(
                        "%(notice)s is in state “%(state)s”, so you can't %(action)s it. Only "
                        "these can be: %(allowed)s.",
                        notice=notice.display_name,
                        state=labels[notice.state],
                        action=action,
                        allowed=", ".join(labels[state] for state in allowed),
                    )
                )

    def action_approve(self):
        self._check_state(["to_approve"], self.env._("approve"))
        self._set_state("ready")
        self.env["collection.run"]._trigger_delivery()

    def action_skip(self):
        """Say nothing, but count the step as taken: the next one comes after its gap."""
        self._check_state(["to_approve", "ready", "failed"], self.env._("skip"))
        self._set_state("skipped")

    def action_cancel(self):
        """Withdraw the notice: its items are decided anew on the next run.

        One that was sent stays; but what an opening sheet says was sent may be a mistake.
        """
        told = self.filtered(lambda notice: notice.taken_over and notice.state == "sent")
        (self - told)._check_state(
            ["to_approve", "ready", "queued", "failed", "skipped"], self.env._("withdraw")
        )
        self._withdraw(self.env._("Withdrawn by %s.", self.env.user.name))

    def action_retry(self):
        self._check_state(["failed", "queued"], self.env._("retry"))
        for notice in self:
            if notice.is_manual and notice.state == "queued":
                raise UserError(
                    self.env._(
                        "%(notice)s is a task of %(user)s already: mark it as done or withdraw it.",
                        notice=notice.display_name,
                        user=notice.activity_id.user_id.name,
                    )
                )
        self._retry_now()
        self.env["collection.run"]._trigger_delivery()

    def action_mark_done(self, comment=False):
        """Confirm that the call was made, the letter posted, the action taken.

        :param str comment: what came of it, for the customer's conversation
        """
        self._check_state(["queued", "ready", "failed"], self.env._("mark as done"))
        for notice in self:
            if not notice.is_manual:
                raise UserError(
                    self.env._(
                        "%(notice)s is sent by the system; you can't mark it as done.",
                        notice=notice.display_name,
                    )
                )
        tasks = self.activity_id.filtered("active")
        self._mark_sent()
        if not comment:
            # what was said stands on the conversation already: no second line for the task
            said = self.filtered("message_id").activity_id & tasks
            said.action_archive()
            tasks -= said
        else:
            for notice in self.filtered(lambda notice: notice.activity_id not in tasks):
                notice.customer_id._message_log(body=comment)
        tasks.action_feedback(feedback=comment)

    def action_edit_message(self):
        """Put the template's words into the notice so that a person can change them."""
        self.ensure_one()
        self._check_state(["to_approve"], self.env._("edit"))
        if not self.body:
            subject, body = self._render_message()
            self.write({"subject": subject, "body": body})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Edit Message"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "views": [
                [self.env.ref("collections_management.collection_notice_view_form_edit").id, "form"]
            ],
            "target": "new",
        }

    def action_reset_message(self):
        """Back to the template's words."""
        self.write({"subject": False, "body": False})

    def action_preview(self):
        self.ensure_one()
        return self.env["collection.preview"]._open(self.customer_id, notice=self)

    def action_open_customer(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "collection.customer",
            "res_id": self.customer_id.id,
            "view_mode": "form",
        }

    def _get_result_notification(self):
        """Tell the person who pressed the button what came of it."""
        if not self:
            text = self.env._(
                "Nothing was made: there is nothing to say today, or the company or the scheme is "
                "in simulation. The open items tell why."
            )
        else:
            text = self.env._("%s notices made.", len(self))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": text,
                "type": "success" if self else "info",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # ------------------------------------------------------------
    # States
    # ------------------------------------------------------------

    def _set_state(self, state, **values):
        self.write({"state": state, "failure": False, "retry_at": False, **values})

    @api.model
    def _withdraw_pending(self, domain, reason):
        """Withdraw the messages that wait for approval, for their turn or for the mail server.

        Tasks that people have in hand are theirs to do or to withdraw.

        :param domain: which notices
        :param str reason: for people
        :return: the notices withdrawn
        """
        pending = [
            "|",
            ("state", "in", ("to_approve", "ready", "failed")),
            "&",
            ("state", "=", "queued"),
            ("channel_id.is_manual", "=", False),
        ]
        # sudo: who stops everything need not have rights on each notice
        notices = self.sudo().search([*pending, *domain])
        # another server may be sending some at this moment: those have left
        notices = notices.try_lock_for_update(allow_referencing=True)
        notices._withdraw(reason)
        return notices

    @api.model
    def _forget_trial(self, companies):
        """Have what was sent to one's own mailbox count no more: the customers never heard it."""
        # sudo: who ends a trial need not have rights on each notice
        notices = self.sudo().search(
            [
                ("company_id", "in", companies.ids),
                ("mailbox", "!=", False),
                ("state", "!=", "cancelled"),
            ]
        )
        for mailbox, sent in notices.grouped("mailbox").items():
            sent._withdraw(self.env._("A trial: it was sent to %s, not to the customer.", mailbox))

    @api.model
    def _ask_approval_again(self, domain):
        """Have a person look at the notices that were to leave by themselves.

        :param domain: of the notices whose company or scheme has become more careful
        """
        pending = [
            ("state", "in", ("ready", "queued", "failed")),
            ("channel_id.is_manual", "=", False),
        ]
        # sudo: who changes a company's or a scheme's mode need not have rights on notices
        notices = self.sudo().search([*pending, *domain])
        # another server may be sending some at this moment: those have left
        notices = notices.try_lock_for_update(allow_referencing=True)
        notices.filtered("mail_id")._discard_message()
        notices._set_state("to_approve")

    def _withdraw(self, reason):
        """Cancel the notices: their steps no longer count as said."""
        self.activity_id.unlink()
        self.mail_id.sudo().filtered(lambda mail: mail.state != "sent").cancel()
        self.line_ids.write({"live": False})
        self._set_state("cancelled", failure=reason)

    def _mark_sent(self):
        for company, notices in self.grouped("company_id").items():
            notices._set_state("sent", sent_date=company._get_collection_today())

    def _fail(self, reason, retry=True):
        """Keep the notices and say why they could not be delivered.

        :param str reason: for people: what happened and what to do
        :param bool retry: try again by itself, later and later
        """
        for attempts, notices in self.grouped("attempts").items():
            minutes = min(RETRY_MINUTES * 2**attempts, RETRY_MINUTES_MAX)
            retry_at = fields.Datetime.now() + timedelta(minutes=minutes)
            notices.write(
                {
                    "state": "failed",
                    "failure": reason,
                    "attempts": attempts + 1,
                    "retry_at": retry_at if retry else False,
                }
            )
            if retry:
                self.env["collection.run"]._trigger_delivery(retry_at)

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
        composed = self.filtered(lambda n: n.mail_id and n.mail_id.sudo().state != "cancel")
        composed.mail_id.sudo().mark_outgoing()
        composed._set_state("queued")
        (self - composed)._set_state("ready")

    # ------------------------------------------------------------
    # Recheck
    # ------------------------------------------------------------

    def _recheck(self, in_hand=False):
        """Ask the decision again, as if these notices had not been made, and follow it.

        Items that are no longer said today leave the notice; a notice without items is
        cancelled; one that only has to wait, waits. Amounts are brought up to date.

        :param bool in_hand: a person carries them out now (see ``_has_to_wait``)
        :return: the notices that may be delivered now
        """
        wanted = self._get_rechecked_items()
        going = self.browse()
        for notice in self:
            items = wanted.get(notice.id, {})
            kept = notice._get_live_lines().filtered(
                lambda line, items=items: line.move_line_id.id in items
            )
            if any(self._has_to_wait(items[line.move_line_id.id], in_hand) for line in kept):
                continue
            if not kept:
                notice._withdraw(self.env._("Paid, held, settled or lapsed before it was sent."))
                continue
            changed = notice._refresh_lines(kept, items)
            if changed and notice.body:
                notice.activity_id.unlink()
                notice._set_state("to_approve")
                notice.failure = self.env._("Its items changed after you wrote the message.")
            else:
                going |= notice
        return going

    @api.model
    def _recheck_waiting(self, company):
        """Bring what waits for approval up to date, so that nobody approves what is settled.

        :param company: root res.company
        """
        self.search([("state", "=", "to_approve"), ("company_id", "=", company.id)])._recheck()

    @api.model
    def _has_to_wait(self, item, in_hand=False):
        """Tell whether an item is neither sent nor withdrawn for now.

        So it is on a day that is not the customer's, and when someone went back to simulation.

        :param dict item: row of ``_get_rechecked_items``
        :param bool in_hand: a person carries it out, and chooses the day
        """
        return item["mode"] == "simulation" or (item["decision"] in WAITS and not in_hand)

    def _is_current(self):
        """Tell whether the notice, already composed, still says what is true at this moment."""
        self.ensure_one()
        if self.recipient_id != self.customer_id._get_recipient(self.step_id.recipient_role):
            return False  # the contact is gone, or another was chosen
        if (self.mailbox or "") != (self.company_id.collection_mailbox or ""):
            return False  # a trial began or ended
        items = self._get_rechecked_items().get(self.id, {})
        lines = self._get_live_lines()
        if any(item["mode"] == "simulation" for item in items.values()):
            return False
        return len(items) == len(lines) and all(
            not line.currency_id.compare_amounts(
                line.residual_currency, items[line.move_line_id.id]["residual_currency"]
            )
            for line in lines
        )

    def _get_live_lines(self):
        """Return the items that the notice names; those that left it are kept, not live."""
        return self.line_ids.filtered("live")

    def _get_rechecked_items(self):
        """Return for each notice the items that are still to be said at the notice's steps.

        :return: dict notice id -> {move line id: row of the decision}
        """
        DueItem = self.env["collection.due.item"]
        DueItem._flush_decision()
        rows = {}
        for company, notices in self.grouped("company_id").items():
            together = notices._get_decided_together().ids
            date = company._get_collection_today()
            customers = SQL("%s", tuple(notices.customer_id.ids))
            query = DueItem._get_query(
                date,
                customers,
                nets=DueItem._get_nets_sql(date, customers),
                said=DueItem._get_said_sql(excluded=together),
                messages=DueItem._get_messages_sql(excluded=together),
            )
            for row in self.env.execute_query_dict(
                SQL(
                    """
                    SELECT line.notice_id, line.id AS line_id, item.move_line_id, item.decision,
                           item.mode, item.residual, item.residual_currency
                      FROM collection_notice_line line
                      JOIN (%s) item ON item.move_line_id = line.move_line_id
                       AND item.next_step_id = line.step_id
                     WHERE line.notice_id IN %s AND line.live IS TRUE AND item.decision IN %s
                    """,
                    query,
                    tuple(notices.ids),
                    (*TO_SAY, *WAITS),
                )
            ):
                rows.setdefault(row["notice_id"], {})[row["move_line_id"]] = row
        return rows

    def _get_decided_together(self):
        """Return these notices and those decided with them: other channels of the same day."""
        days = {(notice.customer_id, notice.date) for notice in self}
        return self.search(
            [
                ("customer_id", "in", self.customer_id.ids),
                ("date", "in", list({date for _customer, date in days})),
                ("taken_over", "=", False),
            ]
        ).filtered(lambda notice: (notice.customer_id, notice.date) in days)

    def _refresh_lines(self, kept, items):
        """Drop the lines that are no longer claimed and bring the others' amounts up to date.

        :return: whether anything changed
        """
        self.ensure_one()
        dropped = self._get_live_lines() - kept
        dropped.write({"live": False})
        changed = bool(dropped)
        if kept:
            self.step_id = kept._get_firmest().step_id
        for line in kept:
            row = items[line.move_line_id.id]
            values = {
                name: row[name]
                for name in ("residual", "residual_currency")
                if line.currency_id.compare_amounts(row[name], line[name])
            }
            if values:
                line.write(values)
                changed = True
        return changed

    # ------------------------------------------------------------
    # Delivery
    # ------------------------------------------------------------

    def _deliver(self):
        """Deliver the notices by their channels: ``_deliver_<code>`` of each.

        The notices are rechecked and their customers' files locked. A channel's method leaves
        each notice ``queued`` (on its way, or a task for a person), ``sent`` or ``failed``.

        Hook: a bridge adds a ``collection.channel`` and a method of that name.
        """
        for channel, notices in self.grouped("channel_id").items():
            getattr(notices, f"_deliver_{channel.code}")()

    def _deliver_email(self):
        """Compose the e-mails in batch; they wait in the mail queue as outgoing."""
        addressed = self._set_recipients()._with_open_items()
        own_words = addressed.filtered("body")
        for notice in own_words:
            notice._compose(subject=notice.subject, body=notice.body)
        for (template, layout), notices in (
            (addressed - own_words)
            .grouped(lambda n: (n.step_id.template_id, n.step_id.layout_xmlid))
            .items()
        ):
            for batch in notices._one_per_customer():
                batch._compose(template=template, layout=layout)

    def _set_recipients(self):
        """Choose whom each notice goes to and in which language.

        :return: the notices that have an address; the others fail and say so
        """
        missing = self.browse()
        for notice in self:
            recipient = notice.customer_id._get_recipient(notice.step_id.recipient_role)
            if not recipient.email_normalized:
                missing |= notice
                notice._fail(
                    self.env._(
                        "%(contact)s has no valid e-mail address: add one there, or choose "
                        "another payments contact or channel on the customer's file.",
                        contact=recipient.display_name,
                    ),
                    retry=False,
                )
                continue
            notice.recipient_id = recipient
            notice.lang = notice._get_lang(recipient)
        return self - missing

    def _get_lang(self, recipient):
        """Return the contact's language if it is installed, else the company's."""
        return self.customer_id._get_lang(recipient)

    def _one_per_customer(self):
        """Split the notices so that each part has at most one per customer.

        The composer makes one mail per customer.
        """
        parts = []
        for notices in self.grouped("customer_id").values():
            for index, notice in enumerate(notices):
                if len(parts) <= index:
                    parts.append(self.browse())
                parts[index] |= notice
        return parts

    def _compose(self, template=None, layout="collections_management.mail_layout", **words):
        """Make the mails of these notices, one per customer, on the customers' conversations.

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
        for notice in self:
            mail = by_customer[notice.customer_id.id]
            notice._set_state(
                "queued",
                mailbox=notice.company_id.collection_mailbox,
                mail_id=mail.id,
                message_id=mail.mail_message_id.id,
                message_uid=mail.message_id,
            )

    def _get_sender(self):
        """Return the address that messages in a person's own words come from."""
        collector = self.collector_id[:1]
        return collector.email_formatted or self.company_id[:1].email_formatted

    def _get_render_context(self):
        """The context in which templates find these notices (``object.notice_id``)."""
        return {
            "collection_notice_ids": self.ids,
            "lang": None,
            "mail_notify_force_send": False,
        }

    def _render_message(self):
        """Return subject and body as the template has them now, in the recipient's language."""
        self.ensure_one()
        return self._render_messages()[self]

    def _render_messages(self):
        """Return subject and body of each notice as its template has them now.

        In the recipients' languages; the open items are read once for all.

        :return: dict notice -> (subject, body)
        """
        self._choose_recipients()
        words = {}
        for template, notices in (
            self._with_open_items().grouped(lambda notice: notice.step_id.template_id).items()
        ):
            for batch in notices._one_per_customer():
                ids = batch.customer_id.ids
                worded = template.with_env(batch.env).with_context(**batch._get_render_context())
                subjects = worded._render_field("subject", ids, compute_lang=True)
                bodies = worded._render_field("body_html", ids, compute_lang=True)
                for notice in batch:
                    customer_id = notice.customer_id.id
                    words[notice] = (subjects[customer_id], bodies[customer_id])
        return words

    def _choose_recipients(self):
        """Note whom each notice is for and in which language, as it stands now."""
        for notice in self:
            recipient = notice._get_recipient()
            values = {"recipient_id": recipient.id, "lang": notice._get_lang(recipient)}
            if (notice.recipient_id, notice.lang) != (recipient, values["lang"]):
                notice.write(values)

    def _get_recipient(self):
        """Return the contact that the notice's channel reaches (res.partner)."""
        self.ensure_one()
        return self.customer_id._get_recipient(
            self.step_id.recipient_role, needs=self.channel_id._get_needed_field()
        )

    def _deliver_call(self):
        self._make_tasks()

    def _deliver_letter(self):
        self._make_tasks()

    def _deliver_whatsapp(self):
        self._make_tasks()

    def _deliver_action(self):
        self._make_tasks()

    def _make_tasks(self):
        """Make a task for each notice, all at once: assignment mails would cost 24 ms each."""
        model_id = self.env["ir.model"]._get_id("collection.customer")
        # sudo: the job makes tasks for people whatever their rights on activities
        activities = (
            self.env["mail.activity"]
            .sudo()
            .with_context(mail_activity_quick_update=True, mail_create_nosubscribe=True)
            .create([notice._prepare_task_values(model_id) for notice in self])
        )
        for notice, activity in zip(self, activities, strict=True):
            recipient = notice._get_recipient()
            notice._set_state(
                "queued",
                activity_id=activity.id,
                recipient_id=recipient.id,
                lang=notice._get_lang(recipient),
            )

    def _prepare_task_values(self, model_id):
        """Hook: the values of the task (mail.activity) of a manual notice."""
        self.ensure_one()
        responsible = (
            self.step_id.responsible_id
            or self.collector_id
            or self.company_id.collection_supervisor_id
            or self.env.user
        )
        step = self.step_id.with_context(lang=responsible.lang)
        return {
            "res_model_id": model_id,
            "res_id": self.customer_id.id,
            "activity_type_id": self.channel_id.activity_type_id.id,
            "summary": step.name,
            "note": step.note,
            "date_deadline": self.company_id._get_collection_today(),
            "user_id": responsible.id,
        }

    # ------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------

    def _may_send(self):
        """Decide at the last moment whether the composed mail may leave.

        Locks the notice for this transaction. What is no longer true is not sent: the mail is
        thrown away and the notice composed anew (or cancelled) by the next delivery.
        """
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return False  # another server is sending it
        if self.state != "queued":
            return False
        if self._is_current():
            return True
        self._discard_message()
        self._set_state("ready")
        self.env["collection.run"]._trigger_delivery()
        return False

    def _discard_message(self):
        """Remove messages that never left, with the PDFs that were made for them."""
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
        """Follow what became of the notices' mails.

        :param failure_type: as ``mail.mail.failure_type``; falsy: sent
        """
        sent = self.filtered(lambda notice: notice.mail_id.sudo().state == "sent")
        sent._mark_sent()
        for notice in self - sent:
            lasting = notice._is_lasting(failure_type)
            notice._fail(notice._get_failure_text(failure_type), retry=not lasting)

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
