from itertools import count

from odoo import api, models
from odoo.tools import SQL

BATCH = 2000  # journal items in memory at once
READINGS = count()


class CollectionStatementLedger(models.AbstractModel):
    """What statements of account say, read from the journal items: nothing else is summed up.

    A group is one customer in one currency. Its sums and its rows come from two queries over the
    same lines: the posted trade receivables of the customer and its contacts, over the branches of
    the company. Without a period they are what is open today, with one all that was booked.
    """

    _name = "collection.statement.ledger"
    _description = "Ledger of Statements"

    @api.model
    def _iterate_groups(self, customers, period=None):
        """Yield each group's sums and rows, by customer's name and currency.

        Rows are read in batches and forgotten: take them before you go on to the next group.

        :param customers: collection.customer of one company
        :param period: None for what is open today, or tuple of first and last day
        :return: pairs of a dict (``_read_sums``) and an iterator of dicts: ``move_id``, ``name``,
            ``is_payment``, ``reference``, ``currency_id``, ``date_due`` and for open items
            ``date_invoice``, ``days_overdue``, ``bucket_id``, ``amount_currency``,
            ``residual_currency``, ``residual`` (company currency); for movements ``date``,
            ``amount_currency``, ``balance`` (company currency)
        """
        if not customers:
            return
        self._flush()
        groups = self._read_in_batches(self._get_sums_sql(customers, period))
        rows = _Rows(self._read_in_batches(self._get_rows_sql(customers, period)))
        for sums in groups:
            group = rows.take(sums["customer_id"], sums["currency_id"])
            yield sums, group
            for _left in group:
                pass  # to where the next group begins

    @api.model
    def _read_sums(self, customers, period=None):
        """Return the sums of each group, in the order of ``_iterate_groups``.

        :return: list of dicts: ``customer_id``, ``customer``, ``currency_id``, ``balance``,
            ``company_balance`` (in company currency, as the other ``company_...``). Of open items:
            ``overdue``, ``not_due``, ``credits`` (negative), ``bucket_<id>``, what is owed by age, and
            ``items``, how many there are. Of movements: ``opening``, ``debit``, ``credit`` (positive) and
            ``company_opening``; the balance is the closing one.
        """
        if not customers:
            return []
        self._flush()
        return self.env.execute_query_dict(self._get_sums_sql(customers, period))

    @api.model
    def _get_currencies(self, customers, period=None):
        """Return the currencies of all groups."""
        if not customers:
            return self.env["res.currency"]
        self._flush()
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT sums.currency_id FROM (%s) sums",
                self._get_sums_sql(customers, period),
            )
        )
        return self.env["res.currency"].browse(id_ for [id_] in rows)

    @api.model
    def _get_sums_sql(self, customers, period):
        """Return the query of ``_read_sums``."""
        make = self._get_movement_sums_sql if period else self._get_open_sums_sql
        return SQL(
            """
            SELECT sums.*, partner.complete_name AS customer
              FROM (%s) sums
              JOIN collection_customer file ON file.id = sums.customer_id
              JOIN res_partner partner ON partner.id = file.partner_id
              JOIN res_currency currency ON currency.id = sums.currency_id
             ORDER BY partner.complete_name, sums.customer_id, currency.name
            """,
            make(customers, period),
        )

    @api.model
    def _get_rows_sql(self, customers, period):
        """Return the query of the rows of ``_iterate_groups``."""
        make = self._get_movements_sql if period else self._get_open_items_sql
        return SQL(
            """
            %s
             ORDER BY partner.complete_name, item.customer_id, currency.name,
                      item.sorted_on, item.move_line_id
            """,
            self._get_described_sql(make(customers, period)),
        )

    @api.model
    def _get_described_sql(self, items):
        """Return the query that adds to items whose they are and what their documents are called.

        :param SQL items: query of open items or movements
        """
        return SQL(
            """
            SELECT item.*, %(document)s, line.move_id, NULLIF(move.ref, '') AS reference
              FROM (%(items)s) item
              JOIN account_move_line line ON line.id = item.move_line_id
              JOIN account_move move ON move.id = line.move_id
              JOIN collection_customer file ON file.id = item.customer_id
              JOIN res_partner partner ON partner.id = file.partner_id
              JOIN res_currency currency ON currency.id = item.currency_id
            """,
            document=self.env["collection.notice.content"]._get_document_sql(),
            items=items,
        )

    # ------------------------------------------------------------
    # What is open
    # ------------------------------------------------------------

    @api.model
    def _get_open_items_sql(self, customers, _period):
        """The open items: the facts of ``collection.due.item``, without any decision."""
        DueItem = self.env["collection.due.item"]
        return SQL(
            """
            SELECT item.customer_id, item.move_line_id, item.currency_id, item.date_invoice,
                   item.date_due, item.days_overdue, item.bucket_id, item.amount_currency,
                   item.residual_currency, item.residual, item.date_due AS sorted_on
              FROM (%s) item
             WHERE item.account_id IN (
                    SELECT id FROM account_account WHERE non_trade IS NOT TRUE)
            """,
            DueItem._get_query(
                customers.company_id._get_collection_today(),
                SQL("%s", tuple(customers.ids)),
                facts_only=True,
            ),
        )

    @api.model
    def _get_open_sums_sql(self, customers, period):
        buckets = self.env["collection.bucket"]._get_of_company(customers.company_id)
        return SQL(
            """
            SELECT item.customer_id, item.currency_id,
                   sum(item.residual_currency) AS balance,
                   sum(item.residual) AS company_balance,
                   COALESCE(sum(item.residual_currency)
                       FILTER (WHERE item.residual_currency > 0 AND item.days_overdue > 0), 0)
                       AS overdue,
                   COALESCE(sum(item.residual_currency)
                       FILTER (WHERE item.residual_currency > 0 AND item.days_overdue <= 0), 0)
                       AS not_due,
                   COALESCE(sum(item.residual_currency)
                       FILTER (WHERE item.residual_currency < 0), 0) AS credits,
                   count(*) FILTER (WHERE item.residual_currency <> 0) AS items
                   %(buckets)s
              FROM (%(items)s) item
             GROUP BY item.customer_id, item.currency_id
            """,
            buckets=SQL().join(
                SQL(
                    ", COALESCE(sum(item.residual_currency) FILTER ("
                    "WHERE item.residual_currency > 0 AND item.bucket_id = %s), 0) AS %s",
                    bucket.id,
                    SQL.identifier(f"bucket_{bucket.id}"),
                )
                for bucket in buckets
            ),
            items=self._get_open_items_sql(customers, period),
        )

    # ------------------------------------------------------------
    # What was booked
    # ------------------------------------------------------------

    @api.model
    def _get_booked_sql(self, customers, condition):
        """The posted lines of customers.

        :param SQL condition: on their date
        """
        return SQL(
            """
            SELECT file.id AS customer_id, other.id AS move_line_id, other.currency_id, other.date,
                   other.date_maturity AS date_due, other.amount_currency, other.balance,
                   other.date AS sorted_on
              FROM %(trade)s
               AND other.parent_state = 'posted' AND other.date %(condition)s
            """,
            trade=self.env["collection.due.item"]._get_trade_sql(
                SQL("IN %s", tuple(customers.ids))
            ),
            condition=condition,
        )

    @api.model
    def _get_movements_sql(self, customers, period):
        return self._get_booked_sql(customers, SQL("BETWEEN %s AND %s", *period))

    @api.model
    def _get_movement_sums_sql(self, customers, period):
        first, last = period
        return SQL(
            """
            SELECT item.customer_id, item.currency_id,
                   COALESCE(sum(item.amount_currency) FILTER (WHERE item.date < %(first)s), 0)
                       AS opening,
                   COALESCE(sum(item.amount_currency)
                       FILTER (WHERE item.date >= %(first)s AND item.amount_currency > 0), 0)
                       AS debit,
                   - COALESCE(sum(item.amount_currency)
                       FILTER (WHERE item.date >= %(first)s AND item.amount_currency < 0), 0)
                       AS credit,
                   sum(item.amount_currency) AS balance,
                   COALESCE(sum(item.balance) FILTER (WHERE item.date < %(first)s), 0)
                       AS company_opening,
                   sum(item.balance) AS company_balance
              FROM (%(items)s) item
             GROUP BY item.customer_id, item.currency_id
            HAVING max(item.date) >= %(first)s
                OR sum(item.amount_currency) <> 0 OR sum(item.balance) <> 0
            """,
            first=first,
            items=self._get_booked_sql(customers, SQL("<= %s", last)),
        )

    # ------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------

    @api.model
    def _flush(self):
        """Write what is read to the database."""
        self.env["collection.due.item"]._flush_decision()
        self.env["collection.notice.content"]._flush_documents()
        self.env["account.move.line"].flush_model(["date", "parent_state"])
        self.env["res.partner"].flush_model(["complete_name"])

    @api.model
    def _read_in_batches(self, query):
        """Yield the rows of a query as dicts; only a batch of them is in memory.

        :param SQL query: the rows
        """
        # a reading that is broken off leaves its cursor behind until the transaction ends
        rows = SQL.identifier(f"collection_statement_{next(READINGS)}")
        # all rows are wanted, not the first ones soon; compiling takes longer than running
        self.env.cr.execute("SET LOCAL cursor_tuple_fraction = 1; SET LOCAL jit = off")
        self.env.cr.execute(SQL("DECLARE %s NO SCROLL CURSOR FOR %s", rows, query))
        while batch := self.env.execute_query_dict(SQL("FETCH %s FROM %s", BATCH, rows)):
            yield from batch
        self.env.cr.execute(SQL("CLOSE %s", rows))


class _Rows:
    """Rows in the order of groups, handed out group by group."""

    def __init__(self, rows):
        self.rows = rows
        self.following = next(rows, None)

    def take(self, *key):
        """Yield the rows of a customer in a currency that come next."""
        while row := self.following:
            if (row["customer_id"], row["currency_id"]) != key:
                return
            self.following = next(self.rows, None)
            yield row
