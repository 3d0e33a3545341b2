from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, split_every

from ..models.collection_due_item import TO_SAY
from ..models.collection_run import DECIDE_BATCH

DAYS = 30
LONGEST = 90

# Reasons that may be gone on any next day; all others end on a day that the item names, or never.
PASSING = (
    *TO_SAY,
    "in_notice",
    "covered",
    "below_minimum",
    "contact_policy",
    "not_working_day",
)


class CollectionDryRun(models.TransientModel):
    """Who would get what today and on each of the next days, if nothing else happened meanwhile.

    It is decided by the same query as the daily job's, day after day; what a day would say is kept
    here and is what was said for the days after it. Nothing is sent, no notice is made. Nobody pays,
    answers or changes anything in it, and what waits today is taken for sent from tomorrow on.
    """

    _name = "collection.dry.run"
    _description = "Dry Run"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", default=lambda self: self.env.company.root_id, required=True, readonly=True
    )
    days = fields.Integer(
        string="Days Ahead", default=DAYS, required=True, help="Today and so many days more."
    )
    customer_ids = fields.Many2many(
        "collection.customer",
        string="Customers",
        check_company=True,
        help="Empty: all customers.",
    )
    notice_ids = fields.One2many("collection.dry.run.notice", "run_id", readonly=True)

    @api.constrains("days")
    def _check_days(self):
        for run in self:
            if not 0 <= run.days <= LONGEST:
                raise ValidationError(
                    self.env._(
                        "A dry run looks 0 to %(longest)s days ahead, not %(days)s.",
                        longest=LONGEST,
                        days=run.days,
                    )
                )

    # ------------------------------------------------------------
    # Opening it
    # ------------------------------------------------------------

    def action_show(self):
        """Decide for all the days, and show what would be said."""
        self.ensure_one()
        self._forecast()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_dry_run_notice_action"
        )
        return dict(action, domain=[("run_id", "=", self.id)], target="main")

    @api.model
    def _show(self, customers, move=None):
        """Return the action that shows what comes next for some customers, or for one document.

        :param customers: collection.customer, of one company
        :param move: account.move: only what names it
        :raises UserError: when there is no customer's file
        """
        if not customers:
            raise UserError(
                self.env._(
                    "%s has no customer's file yet, so nothing can be said ahead; the next daily "
                    "run makes it.",
                    move.display_name if move else self.env._("This customer"),
                )
            )
        run = self.create(
            {
                "company_id": customers.company_id[:1].id,
                "customer_ids": [fields.Command.set(customers.ids)],
            }
        )
        action = dict(
            run.action_show(),
            name=self.env._("What Comes Next"),
            views=[(False, "list"), (False, "calendar"), (False, "form")],
            target="current",
        )
        if move:
            action["domain"].append(("item_ids.move_id", "=", move.id))
        return action

    # ------------------------------------------------------------
    # Deciding ahead
    # ------------------------------------------------------------

    def _forecast(self):
        """Fill ``notice_ids`` with what today and each of the next days would say."""
        self.ensure_one()
        # sudo: rows are written for the person who asks, who may see these customers
        run = self.sudo().with_company(self.company_id)
        run.notice_ids.unlink()
        customers = self.customer_ids or self._get_customers()
        DueItem = run.env["collection.due.item"]
        DueItem._flush_decision()
        run.env.flush_all()
        # compiling the query takes longer than running it
        run.env.cr.execute("SET LOCAL jit = off")
        today = self.company_id._get_collection_today()
        for batch in split_every(DECIDE_BATCH, customers.ids, tuple):
            wakes = dict.fromkeys(batch, today)
            for ahead in range(self.days + 1):
                day = today + timedelta(days=ahead)
                if awake := tuple(id_ for id_, wake in wakes.items() if wake and wake <= day):
                    wakes.update(run._forecast_day(day, awake, first=not ahead))
        run.env.invalidate_all(flush=False)

    def _get_customers(self):
        """Return all the company's customers whom the person may see, files made as a run would."""
        company = self.company_id
        # sudo: as the daily job
        files = self.env["collection.customer"].sudo().with_company(company)
        files._create_missing(company)
        files.search([("company_id", "=", company.id)])._assign_strategies()
        return self.env["collection.customer"].search([("company_id", "=", company.id)], order="id")

    def _forecast_day(self, day, customer_ids, first):
        """Decide for one day, and keep what it would say.

        :param datetime.date day: the day to decide for
        :param tuple customer_ids: whom to look at
        :param bool first: whether it is today: what waits really waits
        :return: pairs (customer id, first later day on which it is to be looked at again, or None)
        """
        DueItem = self.env["collection.due.item"]
        Run = self.env["collection.run"]
        ids = SQL("%s", customer_ids)
        return self.env.execute_query(
            SQL(
                """
                WITH items AS MATERIALIZED (
                    SELECT item.* FROM (%(query)s) item
                     -- an action holds its items: what comes after it is not foretold
                     WHERE NOT EXISTS (
                        SELECT FROM collection_dry_run_item told
                         WHERE told.run_id = %(run)s AND told.move_line_id = item.move_line_id
                           AND told.phase = 'action')
                ), decided AS MATERIALIZED (
                    %(decided)s
                ), made AS (
                    INSERT INTO collection_dry_run_notice (
                        id, run_id, date, customer_id, partner_id, collector_id, company_id, channel_id,
                        step_id, strategy_id, mode, item_count, amount,
                        create_uid, write_uid, create_date, write_date)
                    SELECT firmest.notice_id, %(run)s, %(day)s, firmest.customer_id, firmest.partner_id,
                           firmest.collector_id, %(company)s, firmest.channel_id,
                           firmest.next_step_id, firmest.strategy_id, firmest.mode,
                           firmest.item_count, firmest.total, %(uid)s, %(uid)s,
                           now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                      FROM (
                        SELECT decided.*, count(*) OVER notice AS item_count,
                               sum(decided.claimable) OVER notice AS total
                          FROM decided
                        WINDOW notice AS (PARTITION BY decided.notice_id)
                      ) firmest
                     WHERE firmest.is_firmest
                ), said AS (
                    INSERT INTO collection_dry_run_item (
                        notice_id, run_id, date, move_line_id, date_due, days_overdue,
                        residual_currency, residual, step_id, phase, level,
                        round_number, repetition, last_step_id, last_date)
                    SELECT decided.notice_id, %(run)s, %(day)s, decided.move_line_id, decided.date_due,
                           decided.days_overdue, decided.claimable_currency, decided.claimable,
                           decided.next_step_id, decided.next_phase, decided.next_level,
                           decided.round_number, decided.repetition, decided.last_step_id,
                           decided.last_date
                      FROM decided
                )
                SELECT customer_id, min(CASE
                           WHEN decision IN %(passing)s THEN %(tomorrow)s
                           WHEN decision IN ('not_due', 'waiting') THEN next_date
                           -- the step about its instalment (a proposal is held until a day)
                           WHEN decision = 'in_plan' AND hold_until IS NULL AND next_date IS NOT NULL
                           THEN GREATEST(next_date, %(tomorrow)s)
                           ELSE hold_until + 1
                       END)
                  FROM items
                 GROUP BY customer_id
                """,
                query=DueItem._get_query(
                    day,
                    ids,
                    said=self._get_said_sql(first),
                    messages=self._get_messages_sql(),
                    nets=DueItem._get_nets_sql(day, ids),
                ),
                decided=Run._get_decided_sql("collection_dry_run_notice"),
                passing=PASSING,
                run=self.id,
                company=self.company_id.id,
                day=day,
                tomorrow=day + timedelta(days=1),
                uid=self.env.uid,
            )
        )

    def _get_said_sql(self, first):
        """Return what was said of each line, with what this run has said so far.

        :param bool first: whether what waits is still waiting; else it is taken for sent
        """
        return SQL(
            """(
                SELECT real.move_line_id, real.round_number, real.phase, real.level,
                       real.repetition, real.step_id, real.date, real.pending AND %s AS pending,
                       real.bounced
                  FROM %s real
                 UNION ALL
                SELECT item.move_line_id, item.round_number, item.phase, item.level,
                       item.repetition, item.step_id, item.date, FALSE, FALSE
                  FROM collection_dry_run_item item
                 WHERE item.run_id = %s
            )""",
            first,
            self.env["collection.due.item"]._get_said_sql(),
            self.id,
        )

    def _get_messages_sql(self):
        """Return the messages that customers had, with those of this run so far."""
        return SQL(
            """(
                SELECT real.customer_id, real.date FROM %s real
                 UNION ALL
                SELECT notice.customer_id, notice.date
                  FROM collection_dry_run_notice notice
                  JOIN collection_channel channel ON channel.id = notice.channel_id
                 WHERE channel.is_message AND notice.run_id = %s
            )""",
            self.env["collection.due.item"]._get_messages_sql(),
            self.id,
        )
