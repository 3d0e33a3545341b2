from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .collection_due_item import TO_SAY

# Decisions that only make a notice wait: it is neither sent nor withdrawn.
WAITS = ("not_working_day", "contact_policy")


class CollectionNotice(models.Model):
    """What we decided to say to one customer on one day by one channel.

    A message, a call to make, or an action to take. Its lines tell which items it names; the
    step is the firmest of them. The words are made at the last moment (``_deliver``).
    """

    _name = "collection.notice"
    _description = "Notice"
    _inherit = ["collection.notice.content", "collection.notice.outcome", "collection.delivery"]
    _order = "date desc, id desc"
    _check_company_auto = True

    _written_key = "collection_notice_ids"
    _delivery_job = "collections_management.ir_cron_collection_deliver"

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
    line_ids = fields.One2many("collection.notice.line", "notice_id", readonly=True)
    item_count = fields.Integer(compute="_compute_amounts")
    amount = fields.Monetary(
        compute="_compute_amounts",
        currency_field="company_currency_id",
        help="What the items at the step were open for when the notice was made.",
    )
    subject = fields.Char(help="Your own subject. Empty: the template's.")
    body = fields.Html(
        help="Your own text. Empty: the template's, made when the message leaves. If an item "
        "changes after you wrote, the notice comes back to you for approval.",
        sanitize_style=True,
    )
    activity_id = fields.Many2one("mail.activity", string="Task", readonly=True, index=True)
    taken_over = fields.Boolean(
        readonly=True,
        help="Said before collections were done here; from an opening sheet.",
    )

    _pending_idx = models.Index("(state, retry_at) WHERE state IN ('ready', 'queued', 'failed')")
    _customer_date_idx = models.Index("(customer_id, date)")
    _bounced_idx = models.Index("(customer_id) WHERE bounced_address IS NOT NULL")

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

    def action_cancel(self):
        """Override of ``collection.delivery``: what is withdrawn is decided anew on the next run.

        One that was sent stays; but what an opening sheet says was sent may be a mistake.
        """
        told = self.filtered(lambda notice: notice.taken_over and notice.state == "sent")
        super(CollectionNotice, self - told).action_cancel()
        told._withdraw(self.env._("Withdrawn by %s.", self.env.user.name))

    def action_retry(self):
        """Override of ``collection.delivery``: a person's task is not tried again."""
        self._check_state(["failed", "bounced", "queued"], self.env._("retry"))
        for notice in self:
            if notice.is_manual and notice.state == "queued":
                raise UserError(
                    self.env._(
                        "%(notice)s is a task of %(user)s already: mark it as done or withdraw it.",
                        notice=notice.display_name,
                        user=notice.activity_id.user_id.name,
                    )
                )
        return super().action_retry()

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

    @api.model
    def _get_message_domain(self):
        """Override of ``collection.delivery``: tasks are people's."""
        return Domain("channel_id.is_manual", "=", False)

    def _withdraw(self, reason):
        """Override of ``collection.delivery``: their steps no longer count as said."""
        self.activity_id.unlink()
        self.line_ids.write({"live": False})
        super()._withdraw(reason)

    @api.model
    def _forget_trial(self, companies):
        """Override of ``collection.delivery``: a step that is decided anew is so in all its channels.

        Else the task beside the message would count as the whole step, and the customer would never
        get the message.
        """
        forgotten = super()._forget_trial(companies)
        items = forgotten.line_ids.move_line_id
        beside = forgotten._get_decided_together().filtered(
            lambda notice: (
                notice.is_manual
                and notice.state in ("to_approve", "ready", "queued")
                and notice.line_ids.move_line_id & items
            )
        )
        beside._withdraw(self.env._("A trial: the message beside it was not sent to the customer."))
        return forgotten | beside

    def _get_modes(self):
        """Override of ``collection.delivery``: the scheme's mode counts too."""
        return [*super()._get_modes(), self.strategy_id.mode]

    # ------------------------------------------------------------
    # Recheck
    # ------------------------------------------------------------

    def _lock_for_delivery(self):
        """Override of ``collection.delivery``: deciding and delivering keep off each other."""
        files = self.customer_id.try_lock_for_update(allow_referencing=True)
        return self.filtered(lambda notice: notice.customer_id in files)

    def _recheck(self, in_hand=False):
        """Override of ``collection.delivery``: decide again, as if these had not been made.

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
        waiting = self.search([("state", "=", "to_approve"), ("company_id", "=", company.id)])
        waiting._withdraw_stopped()._recheck()

    @api.model
    def _has_to_wait(self, item, in_hand=False):
        """Tell whether an item is neither sent nor withdrawn for now.

        So it is on a day that is not the customer's, and when someone went back to simulation.

        :param dict item: row of ``_get_rechecked_items``
        :param bool in_hand: a person carries it out, and chooses the day
        """
        return item["mode"] == "simulation" or (item["decision"] in WAITS and not in_hand)

    def _is_current(self):
        """Override of ``collection.delivery``: its items are still the ones to be named."""
        if not super()._is_current():
            return False
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
        self.env["collection.due.item"]._flush_decision()
        rows = {}
        for company, notices in self.grouped("company_id").items():
            together = notices._get_decided_together().ids
            DueItem = notices._ignore_own_actions(together)
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
                           item.mode, item.claimable AS residual,
                           item.claimable_currency AS residual_currency, item.date_due,
                           line.round_number
                      FROM collection_notice_line line
                      JOIN (%s) item ON item.move_line_id = line.move_line_id
                       -- no way to join, as in what was said (_get_said_sql)
                       AND (item.next_step_id = line.step_id) IS TRUE
                       -- not of the next instalment meanwhile
                       AND (line.round_number >= 0 OR item.round_number = line.round_number)
                     WHERE line.notice_id IN %s AND line.live IS TRUE AND item.decision IN %s
                    """,
                    query,
                    tuple(notices.ids),
                    (*TO_SAY, *WAITS),
                )
            ):
                rows.setdefault(row["notice_id"], {})[row["move_line_id"]] = row
        self.env["collection.plan.line"]._ask(
            [row for items in rows.values() for row in items.values()]
        )
        return rows

    def _ignore_own_actions(self, together):
        """Return collection.due.item so that actions opened together with these stop none of them.

        :param together: ids of the notices that were decided together
        """
        items = self.env["collection.due.item"]
        if "action" not in self._get_live_lines().mapped("phase"):
            return items
        actions = self.env["collection.action"].search([("notice_id", "in", together)])
        return items.with_context(collection_ignored_holds=actions._get_holds().ids)

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

    def _get_addressee(self):
        """Override of ``collection.delivery``: whom the step is for and the channel reaches."""
        return self.customer_id._get_recipient(
            self.step_id.recipient_role, needs=self.channel_id._get_needed_field()
        )

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
            recipient = notice._get_addressee()
            values = {"recipient_id": recipient.id, "lang": notice._get_lang(recipient)}
            if (notice.recipient_id, notice.lang) != (recipient, values["lang"]):
                notice.write(values)

    def _deliver_call(self):
        self._make_tasks()

    def _deliver_letter(self):
        self._make_tasks()

    def _deliver_whatsapp(self):
        self._make_tasks()

    def _deliver_visit(self):
        self._make_tasks()

    def _deliver_action(self):
        """Open the actions that steps ask for; at a step that only claims it is a task."""
        acting = self.filtered(lambda notice: "action" in notice._get_live_lines().mapped("phase"))
        self.env["collection.action"]._open_for_notices(acting)
        acting._mark_sent()
        (self - acting)._make_tasks()

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
            recipient = notice._get_addressee()
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
