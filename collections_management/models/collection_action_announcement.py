from collections import defaultdict
from datetime import date, timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date


class CollectionActionAnnouncement(models.Model):
    """The salesperson was told that an action is about to begin on an item: once a step and round."""

    _name = "collection.action.announcement"
    _description = "Salesperson Told of an Action"
    _order = "id desc"

    move_line_id = fields.Many2one(
        "account.move.line", string="Item", required=True, readonly=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="move_line_id.company_id", store=True, index=True, precompute=True
    )
    step_id = fields.Many2one(
        "collection.step", required=True, readonly=True, index=True, ondelete="cascade"
    )
    round_number = fields.Integer(string="Round", readonly=True)
    date_action = fields.Date(string="Action On", readonly=True)
    user_id = fields.Many2one(
        "res.users",
        string="Salesperson",
        readonly=True,
        index="btree_not_null",
        help="Who was told; empty: the customer has no salesperson.",
    )

    _told_once = models.UniqueIndex(
        "(move_line_id, step_id, round_number)", "The salesperson was told of this action."
    )

    @api.model
    def _get_limits(self, company):
        """Return until which day actions are told of today, by days of warning.

        :param company: root res.company
        :return: dict of working days -> last day
        """
        steps = self.env["collection.step"].search(
            [("phase", "=", "action"), ("salesperson_days", ">", 0)]
        )
        return {
            number: company._get_collection_workday(number)
            for number in set(steps.mapped("salesperson_days"))
        }

    @api.model
    def _get_coming_sql(self, limits):
        """Return the condition on rows ``item`` of the decision: an action comes, nobody was told.

        One that begins today, and that nobody was told of, is told of today.

        :param dict limits: as ``_get_limits`` returns them
        """
        if not limits:
            return SQL("FALSE")
        return SQL(
            """
            (item.next_phase = 'action' AND item.mode <> 'simulation'
             AND (item.decision = 'act'
                  OR item.decision = 'waiting' AND item.next_date <= %(last)s)
             AND NOT EXISTS (
                SELECT FROM collection_action_announcement told
                 WHERE told.move_line_id = item.move_line_id
                   AND told.step_id = item.next_step_id
                   AND told.round_number = item.round_number))
            """,
            last=max(limits.values()),
        )

    @api.model
    def _announce(self, company, rows, limits):
        """Tell salespeople of the actions that are about to begin on their customers' items.

        One task on the contact, which they may see, for each customer, step and salesperson.

        :param company: root res.company
        :param rows: arrays of id of the item, of the step, round, day since 1970, id of the collector
        :param dict limits: as ``_get_limits`` returns them
        """
        lines = self.env["account.move.line"].browse(row[0] for row in rows)
        lines.fetch(["move_id", "partner_id", "amount_residual", "currency_id"])
        told, groups = [], defaultdict(list)
        for line_id, step_id, round_number, number, collector_id in rows:
            line = lines.browse(line_id)
            step = self.env["collection.step"].browse(step_id)
            day = date(1970, 1, 1) + timedelta(days=number)
            if not step.salesperson_days or day > limits[step.salesperson_days]:
                continue
            user = self._get_salesperson(line, company)
            told.append((line.id, step.id, round_number, day, user.id or None))
            if user:
                collector = self.env["res.users"].browse(collector_id or None)
                partner = line.partner_id.commercial_partner_id
                groups[partner, step, user, collector].append((line, day))
        self._keep(told)
        model_id = self.env["ir.model"]._get_id("res.partner")
        # assignment mails would cost 24 ms each
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [self._prepare_task(company, model_id, *key, items) for key, items in groups.items()]
        )

    @api.model
    def _keep(self, told):
        """Note who was told of what.

        Another server that told the same meanwhile makes the transaction fail to serialize, so that
        it is tried again: the ORM would only see that the row is there.

        :param told: tuples of id of the item, of the step, round, day and id of the salesperson
        """
        if told:
            self.env.cr.execute_values(
                """
                INSERT INTO collection_action_announcement (
                    move_line_id, step_id, round_number, date_action, user_id, company_id,
                    create_uid, write_uid, create_date, write_date)
                SELECT told.line_id, told.step_id, told.round_number, told.day::date,
                       told.user_id::int, line.company_id, told.uid, told.uid,
                       now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM (VALUES %s) told (line_id, step_id, round_number, day, user_id, uid)
                  JOIN account_move_line line ON line.id = told.line_id
                    ON CONFLICT (move_line_id, step_id, round_number) DO NOTHING
                """,
                [(*row, self.env.uid) for row in told],
                page_size=len(told),
            )

    @api.model
    def _get_salesperson(self, line, company):
        """Return who is told of an action on an item: the invoice's salesperson, else the customer's."""
        # sudo: companies of another person
        customer = line.partner_id.commercial_partner_id
        for user in (line.move_id.invoice_user_id.sudo(), customer.user_id.sudo()):
            if user.active and not user.share and company in user.company_ids.root_id:
                return user
        return self.env["res.users"]

    @api.model
    def _prepare_task(self, company, model_id, partner, step, user, collector, items):
        """Hook: the values of the task (mail.activity) of a salesperson, in their language."""
        told = self.with_context(lang=user.lang)
        day = min(day for _line, day in items)
        amount = sum(line.amount_residual for line, _day in items)
        return {
            "res_model_id": model_id,
            "res_id": partner.id,
            "activity_type_id": self.env.ref(
                "collections_management.activity_type_action_coming"
            ).id,
            "summary": told.env._(
                "%(action)s from %(date)s: %(items)s (%(amount)s)",
                action=step.action_type_id.with_context(lang=user.lang).name,
                date=format_date(told.env, day),
                items=", ".join(dict.fromkeys(line._get_collection_name() for line, _day in items)),
                amount=company.currency_id.with_context(lang=user.lang).format(amount),
            ),
            "note": told.env._(
                "Claims have not helped, so collections will act. If you know a reason to wait, tell "
                "the collector before that day: %s.",
                (collector or company.collection_supervisor_id).name or company.name,
            ),
            "date_deadline": company._get_collection_today(),
            "user_id": user.id,
        }
