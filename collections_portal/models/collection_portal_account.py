from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.collections_management.models.collection_notice_content import PORTAL_TYPES


class CollectionPortalAccount(models.AbstractModel):
    """What a customer sees on the portal: sums, open items, invoices.

    It reads the statement's ledger, so page, statement and pivot agree. Context ``portal_contact``:
    the contact who looks; one that is restricted sees what is addressed to it.
    """

    _name = "collection.portal.account"
    _inherit = "collection.statement.ledger"
    _description = "Customer's Account on the Portal"

    @api.model
    def _get_open_items_sql(self, customers, period):
        """Override: a restricted contact's own items only."""
        items = super()._get_open_items_sql(customers, period)
        contact = self._get_restricted_contact()
        if not contact:
            return items
        return SQL(
            """
            SELECT item.*
              FROM (%(items)s) item
              JOIN account_move_line line ON line.id = item.move_line_id
              JOIN account_move move ON move.id = line.move_id
             WHERE move.partner_id IN %(contacts)s
            """,
            items=items,
            contacts=tuple(self._get_contact_ids(contact)),
        )

    @api.model
    def _get_restricted_contact(self):
        # sudo: whoever looks; the contact is who they are
        contact = self.env["res.partner"].sudo().browse(self.env.context.get("portal_contact"))
        return contact if contact and contact._is_portal_restricted() else contact.browse()

    @api.model
    def _get_contact_ids(self, contact):
        return contact.search([("id", "child_of", contact.id)]).ids

    # ------------------------------------------------------------
    # Open items
    # ------------------------------------------------------------

    @api.model
    def _read_items(self, customer, limit=None, offset=0, line_ids=None):
        """Return open items, oldest due date first. One query, whatever there is.

        :param customer: collection.customer
        :param line_ids: ids of account.move.line to restrict to
        :return: list of dicts: the rows of ``_iterate_groups``, ``kind``, ``until``, ``origin``
            of what holds the item (not of our own pauses; of a promise the day that was promised),
            and ``discount_date`` of its payment terms
        """
        self._flush()
        self.env["collection.hold"].flush_model()
        self.env["collection.promise"].flush_model(["date_promised"])
        # the page is chosen first: what else is told of items is looked up for its own only
        chosen = SQL(
            """
            SELECT item.*
              FROM (%(items)s) item
             WHERE item.residual_currency <> 0 AND %(wanted)s
             ORDER BY item.residual_currency < 0, item.date_due, item.move_line_id
             LIMIT %(limit)s OFFSET %(offset)s
            """,
            items=self._get_open_items_sql(customer, None),
            wanted=SQL("TRUE")
            if line_ids is None
            else SQL("item.move_line_id IN %s", tuple(line_ids) or (0,)),
            limit=limit,
            offset=offset,
        )
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT row.*, hold.kind, hold.until, hold.origin, move.move_type,
                       debt.discount_date
                  FROM (%(rows)s) row
                  JOIN account_move move ON move.id = row.move_id
                  JOIN account_move_line debt ON debt.id = row.move_line_id
                  LEFT JOIN LATERAL (
                    SELECT held.kind, held.origin, COALESCE((
                               SELECT promise.date_promised
                                 FROM collection_promise promise
                                WHERE held.origin LIKE 'collection.promise,%%'
                                  AND promise.id = split_part(held.origin, ',', 2)::integer
                           ), held.date_to) AS until
                      FROM collection_hold held
                     WHERE held.move_line_id = row.move_line_id AND held.open IS TRUE
                       AND held.kind <> 'paused'
                     ORDER BY held.id DESC
                     LIMIT 1
                  ) hold ON TRUE
                 ORDER BY row.residual_currency < 0, row.date_due, row.move_line_id
                """,
                rows=self._get_described_sql(chosen),
            )
        )

    @api.model
    def _count_items(self, customer):
        """Return how many open items there are."""
        self._flush()
        [(count,)] = self.env.execute_query(
            SQL(
                "SELECT count(*) FROM (%s) item WHERE item.residual_currency <> 0",
                self._get_open_items_sql(customer, None),
            )
        )
        return count

    @api.model
    def _find_lines(self, customer, line_ids):
        """Return the journal items of some open debts of the customer, as superuser.

        :param line_ids: ids as the browser sent them
        :return: account.move.line; falsy when one of them is not the customer's, not open, or not
            for this contact to see
        """
        rows = self._read_items(customer, line_ids=line_ids)
        found = {row["move_line_id"] for row in rows if row["residual_currency"] > 0}
        # sudo: they were found among what the contact may see
        lines = self.env["account.move.line"].sudo()
        return lines.browse(line_ids) if found == set(line_ids) else lines

    @api.model
    def _read_overdue(self, customer):
        """Return the rows of what is overdue and nothing holds: neither disputed nor promised..."""
        return [
            row
            for row in self._read_items(customer)
            if row["residual_currency"] > 0 and row["days_overdue"] > 0 and not row["kind"]
        ]

    @api.model
    def _find_overdue_currency(self, customer):
        """Return the currency of the debt that is overdue longest; empty: nothing is."""
        rows = self._read_overdue(customer)
        return self.env["res.currency"].sudo().browse(row["currency_id"] for row in rows[:1])

    @api.model
    def _find_overdue_lines(self, customer, currency):
        """Return the journal items of all overdue debts in a currency, oldest first.

        :param str currency: its name, as the browser sent it
        """
        # sudo: a currency is no secret, and they were found among what the contact may see
        names = self.env["res.currency"].sudo().search([("name", "=", currency)])
        return (
            self.env["account.move.line"]
            .sudo()
            .browse(
                row["move_line_id"]
                for row in self._read_overdue(customer)
                if row["currency_id"] in names.ids
            )
        )

    # ------------------------------------------------------------
    # What comes next
    # ------------------------------------------------------------

    @api.model
    def _read_next_dates(self, customer, limit=5):
        """Return the next dates of a customer: what falls due, was promised, and instalments.

        One query, whatever there is. Promises and plans are the company's: a restricted contact
        sees due dates alone.

        :return: list of dicts, the earliest first: ``kind`` (due, promise, instalment), ``date``,
            ``amount``, ``currency_id``, ``count`` of items that fall due, ``number`` of the
            instalment, ``plan_id``
        """
        self._flush()
        parts = [self._get_next_dues_sql(customer)]
        self.env["collection.hold"].flush_model()
        if not self._get_restricted_contact():
            parts += [
                self._get_next_promises_sql(customer),
                self._get_next_instalments_sql(customer),
            ]
        return self.env.execute_query_dict(
            SQL(
                "SELECT * FROM (%s) coming ORDER BY date, kind, plan_id LIMIT %s",
                SQL(" UNION ALL ").join(parts),
                limit,
            )
        )

    @api.model
    def _get_next_dues_sql(self, customer):
        """What is not due yet and nothing holds, by day and currency."""
        return SQL(
            """
            SELECT 'due' AS kind, item.date_due AS date, sum(item.residual_currency) AS amount,
                   item.currency_id, count(*) AS count, NULL::integer AS number,
                   NULL::integer AS plan_id
              FROM (%s) item
             WHERE item.residual_currency > 0 AND item.days_overdue <= 0
               AND NOT EXISTS (
                    SELECT FROM collection_hold held
                     WHERE held.move_line_id = item.move_line_id AND held.open IS TRUE
                       AND held.kind <> 'paused')
             GROUP BY item.date_due, item.currency_id
            """,
            self._get_open_items_sql(customer, None),
        )

    @api.model
    def _get_next_promises_sql(self, customer):
        """What the customer promised and was not judged yet."""
        self.env["collection.promise"].flush_model()
        return SQL(
            """
            SELECT 'promise', promise.date_promised, promise.amount, promise.currency_id, 1,
                   NULL::integer, NULL::integer
              FROM collection_promise promise
             WHERE promise.customer_id = %s AND promise.state = 'open'
            """,
            customer.id,
        )

    @api.model
    def _get_next_instalments_sql(self, customer):
        """The instalments of plans that count, late ones too."""
        self.env["collection.plan.line"].flush_model()
        return SQL(
            """
            SELECT 'instalment', line.date, line.amount, line.currency_id, 1, line.number, plan.id
              FROM collection_plan plan
              JOIN collection_plan_line line ON line.plan_id = plan.id
             WHERE plan.customer_id = %s AND plan.state = 'active' AND line.settled IS NOT TRUE
            """,
            customer.id,
        )

    # ------------------------------------------------------------
    # What was agreed
    # ------------------------------------------------------------

    @api.model
    def _get_agreements_domain(self, customer):
        """Return the domain of the agreements that the contact may see.

        A restricted contact sees those that are wholly about what is addressed to it.
        """
        domain = Domain("customer_id", "=", customer.id)
        if contact := self._get_restricted_contact():
            own = Domain("move_id.partner_id", "in", self._get_contact_ids(contact))
            domain &= Domain("move_line_ids", "any", own)
            domain &= Domain("move_line_ids", "not any", ~own)
        return domain

    @api.model
    def _find_plan(self, customer, plan_id):
        """Return a plan that the contact may see, as superuser; empty: none of that id.

        :param plan_id: as the browser sent it
        """
        # sudo: the domain says what the contact may see
        plans = self.env["collection.plan"].sudo()
        if not str(plan_id).isdecimal() or len(str(plan_id)) > 9:
            return plans
        return plans.search(
            self._get_agreements_domain(customer) & Domain("id", "=", int(plan_id)), limit=1
        )

    # ------------------------------------------------------------
    # Invoices, paid ones too
    # ------------------------------------------------------------

    @api.model
    def _get_invoices_domain(self, customer):
        """Return the domain of the documents that the contact may see."""
        domain = Domain(
            [
                ("commercial_partner_id", "=", customer.partner_id.id),
                ("company_id", "child_of", customer.company_id.id),
                ("move_type", "in", PORTAL_TYPES),
                ("state", "=", "posted"),
            ]
        )
        if contact := self._get_restricted_contact():
            domain &= Domain("partner_id", "in", self._get_contact_ids(contact))
        return domain

    @api.model
    def _find_invoice(self, customer, move_id):
        """Return a document that the contact may see, as superuser; empty: none of that id."""
        # sudo: the domain says what the contact may see
        moves = self.env["account.move"].sudo()
        return moves.search(
            self._get_invoices_domain(customer) & Domain("id", "=", move_id), limit=1
        )
