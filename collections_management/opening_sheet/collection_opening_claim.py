from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from .column import SHOWN, Column, normalize


class CollectionOpeningClaim(models.AbstractModel):
    """The last claim that was made before collections were done here.

    It becomes a notice that was sent on that day and is marked as taken over: the steps go on from
    there, and the contact policy counts it.
    """

    _name = "collection.opening.claim"
    _inherit = "collection.opening.part"
    _description = "Opening Sheet: Last Claim"

    @api.model
    def _get_title(self):
        return self.env._("Last Claim")

    @api.model
    def _get_columns(self):
        _ = self.env._
        return [
            Column("last_step", _("Last Step"), 20, role=SHOWN),
            Column("last_date", _("Last Said"), 12, "date", SHOWN),
            Column(
                "claim",
                self._get_title(),
                24,
                help=_(
                    "The last step that was taken of the customer's scheme, by its name. The next "
                    "one comes after its gap."
                ),
                validation={
                    "validate": "list",
                    "source": '=INDIRECT("steps_"&{strategy_id})',
                    "show_error": False,
                },
            ),
            Column(
                "claim_date",
                _("Date of Last Claim"),
                12,
                "date",
                help=_("The day on which it was taken, today or earlier."),
                validation={"validate": "date", "criteria": "<=", "value": "=TODAY()"},
            ),
        ]

    @api.model
    def _get_lists(self, company, items):
        return {
            f"steps_{strategy.id}": (
                self.env._("Steps of “%s”", strategy.name),
                self._get_steps(strategy).mapped("name"),
            )
            for strategy in items.strategy_id.sorted()
        }

    @api.model
    def _get_steps(self, strategy):
        """Return the steps that can have been taken: the invoice itself is none."""
        return strategy.step_ids.filtered("level")._in_order()

    @api.model
    def _get_names(self, step):
        """Return what a step may be called in a sheet: in the person's language, or in English."""
        return {normalize(step.name), normalize(step.with_context(lang="en_US").name)}

    @api.model
    def _get_spoken(self, items):
        """Return what was said of items in their present round, the firmest last.

        :return: dict id of the item -> list of dicts
        """
        spoken = defaultdict(list)
        if not items:
            return spoken
        self.env["collection.due.item"]._flush_decision()
        self.env["collection.notice"].flush_model(["taken_over"])
        for row in self.env.execute_query_dict(
            SQL(
                """
                SELECT line.id, line.move_line_id, line.step_id, notice.taken_over,
                       COALESCE(notice.sent_date, notice.date) AS date
                  FROM collection_notice_line line
                  JOIN collection_notice notice ON notice.id = line.notice_id
                  JOIN collection_step step ON step.id = line.step_id
                 WHERE line.move_line_id IN %s AND line.live IS TRUE
                   AND line.round_number = COALESCE((
                        SELECT max(event.number)
                          FROM collection_round event
                         WHERE event.move_line_id = line.move_line_id), 0)
                 ORDER BY line.phase <> 'upcoming', step.level, 5, line.id
                """,
                tuple(items.ids),
            )
        ):
            row["step"] = self.env["collection.step"].browse(row["step_id"])
            spoken[row["move_line_id"]].append(row)
        return spoken

    @api.model
    def _get_present(self, items):
        return {
            id_: {"last_step": said[-1]["step"].name, "last_date": said[-1]["date"]}
            for id_, said in self._get_spoken(items).items()
        }

    # ------------------------------------------------------------
    # Checking
    # ------------------------------------------------------------

    @api.model
    def _check(self, company, rows):
        rows = [row for row in rows if row.get("claim") or row.get("claim_date")]
        spoken = self._get_spoken(
            self.env["collection.due.item"].union(*(row.item for row in rows))
        )
        names = defaultdict(dict)  # scheme -> name -> steps
        for strategy in self.env["collection.strategy"].union(
            *(row.item.strategy_id for row in rows)
        ):
            for step in self._get_steps(strategy):
                for name in self._get_names(step):
                    names[strategy][name] = names[strategy].get(name, step) | step
        for row in rows:
            said = spoken[row.item.id]
            if self._is_said(row, said):
                continue
            if problem := self._get_problem(row, said, names[row.item.strategy_id]):
                row.fail(*problem)
                continue
            step = names[row.item.strategy_id][normalize(row.get("claim"))]
            row.change(
                self,
                (step, row.get("claim_date")),
                self._get_text(said[-1]["step"], said[-1]["date"]) if said else None,
                self._get_text(step, row.get("claim_date")),
            )

    @api.model
    def _get_text(self, step, date):
        return self.env._(
            "“%(step)s” on %(date)s", step=step.name, date=format_date(self.env, date)
        )

    @api.model
    def _is_said(self, row, said):
        """Tell whether this very claim is on record: then there is nothing to do."""
        return any(
            line["date"] == row.get("claim_date")
            and normalize(row.get("claim")) in self._get_names(line["step"])
            for line in said
        )

    @api.model
    def _get_problem(self, row, said, steps):
        """Return what is wrong with a claim, as (column, sentence); None if it is right.

        :param list said: of the item, see ``_get_spoken``
        :param dict steps: name -> collection.step of the customer's scheme
        """
        name, date = row.get("claim"), row.get("claim_date")
        if not name or not date:
            return ("claim_date" if name else "claim"), self.env._(
                "A claim has a step and a day: write both, or empty both."
            )
        if problem := self._get_step_problem(row.item, name, steps):
            return "claim", problem
        if problem := self._get_date_problem(row.item, date):
            return "claim_date", problem
        ours = [line for line in said if not line["taken_over"]]
        if ours:
            return "claim", self.env._(
                "Of this item we have said %(said)s ourselves, or are about to: withdraw that "
                "notice if it has not been sent, or empty both cells.",
                said=self._get_text(ours[-1]["step"], ours[-1]["date"]),
            )
        return None

    @api.model
    def _get_step_problem(self, item, name, steps):
        if not item.strategy_id:
            return self.env._(
                "%s has no scheme, so there are no steps: choose one on the customer's file first.",
                item.partner_id.display_name,
            )
        found = steps.get(normalize(name))
        if not found:
            return self.env._(
                "“%(step)s” is no step of the customer's scheme “%(scheme)s”, which has: %(steps)s.",
                step=name,
                scheme=item.strategy_id.name,
                steps=", ".join(self._get_steps(item.strategy_id).mapped("name")),
            )
        if len(found) > 1:
            return self.env._(
                "Scheme “%(scheme)s” has %(count)s steps called “%(step)s”: give them names of "
                "their own first.",
                scheme=item.strategy_id.name,
                count=len(found),
                step=name,
            )
        return None

    @api.model
    def _get_date_problem(self, item, date):
        if date > fields.Date.context_today(self):
            return self.env._(
                "The claim would have been made on %s, after today: write the day on which it was.",
                format_date(self.env, date),
            )
        issued = item.move_id.invoice_date
        if issued and date < issued:
            return self.env._(
                "The claim would have been made on %(date)s, before the invoice of %(issued)s: "
                "write the day on which it was.",
                date=format_date(self.env, date),
                issued=format_date(self.env, issued),
            )
        return None

    # ------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------

    @api.model
    def _write_changes(self, company, rows):
        """Make one notice per customer, channel, day and step, sent on that day."""
        items = self.env["collection.due.item"].union(*(row.item for row in rows))
        self._withdraw_replaced(items)
        groups = defaultdict(list)
        for row in rows:
            step, date = row.changes[self._name]
            customer = row.item.customer_id
            groups[customer, self._get_channel(customer, step), date, step].append(row.item)
        # sudo: notices are made by the system, whoever asks for them
        notices = (
            self.env["collection.notice"]
            .sudo()
            .create([self._prepare_notice(company, *key) for key in groups])
        )
        rounds = dict(
            self.env["collection.round"]._read_group(
                [("move_line_id", "in", items.ids)], ["move_line_id"], ["number:max"]
            )
        )
        self.env["collection.notice.line"].sudo().create(
            [
                self._prepare_line(notice, item, rounds.get(item.move_line_id, 0))
                for notice, said in zip(notices, groups.values(), strict=True)
                for item in said
            ]
        )
        self._log_on_files(groups)

    @api.model
    def _withdraw_replaced(self, items):
        """Have an earlier sheet's claims on items count no more; this one knows better."""
        spoken = self._get_spoken(items)
        # sudo: as above
        lines = self.env["collection.notice.line"].sudo()
        lines = lines.browse(line["id"] for said in spoken.values() for line in said)
        lines.live = False
        lines.flush_recordset()  # an index knows only what the database knows
        notices = lines.notice_id
        notices.filtered(lambda notice: not notice._get_live_lines())._withdraw(
            self.env._("A later opening sheet names another last claim.")
        )

    @api.model
    def _get_channel(self, customer, step):
        """Return the channel by which the step speaks first (see ``collection.run._get_spoken_sql``)."""
        channels = step.channel_ids.sorted()
        if message := channels.filtered("is_message")[:1]:
            return customer.channel_id or customer._get_policy().channel_id or message
        return channels[:1] or self.env.ref("collections_management.channel_action")

    @api.model
    def _prepare_notice(self, company, customer, channel, date, step):
        return {
            "customer_id": customer.id,
            "company_id": company.id,
            "channel_id": channel.id,
            "step_id": step.id,
            "date": date,
            "sent_date": date,
            "state": "sent",
            "taken_over": True,
        }

    @api.model
    def _prepare_line(self, notice, item, round_number):
        return {
            "notice_id": notice.id,
            "move_line_id": item.move_line_id.id,
            "move_id": item.move_id.id,
            "name": item.move_id.name or "/",
            "date_due": item.date_due,
            "currency_id": item.currency_id.id,
            "residual_currency": item.residual_currency,
            "residual": item.residual,
            "step_id": notice.step_id.id,
            "level": notice.step_id.level,
            "channel_id": notice.channel_id.id,
            "round_number": round_number,
            "repetition": 0,
            "live": True,
        }

    @api.model
    def _log_on_files(self, groups):
        """Tell on each customer's conversation what was taken over."""
        lines = defaultdict(list)
        for (customer, _channel, date, step), items in groups.items():
            documents = dict.fromkeys(item.move_id.name or "/" for item in items)
            lines[customer].append(f"{self._get_text(step, date)}: {', '.join(documents)}")
        customers = self.env["collection.customer"].union(*lines)
        customers._message_log_batch(
            {
                customer.id: Markup("<p>%s</p><ul>%s</ul>")
                % (
                    self.env._("Last claims taken over from the opening sheet:"),
                    Markup().join(Markup("<li>%s</li>") % text for text in texts),
                )
                for customer, texts in lines.items()
            }
        )
