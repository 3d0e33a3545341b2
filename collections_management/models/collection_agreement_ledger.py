import logging

from odoo import api, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, split_every

from .account_move_line import OPEN_LINE

_logger = logging.getLogger(__name__)

JUDGE_BATCH = 2000  # agreements judged in one go: if one of them fails, the others are judged again


class CollectionAgreement(models.AbstractModel):
    """What the ledger says of an agreement: what was paid, and when to look at it again."""

    _inherit = "collection.agreement"

    # ------------------------------------------------------------
    # What was paid: asked of the ledger
    # ------------------------------------------------------------

    def _get_paid(self):
        """Return what was paid of the items since each agreement was registered.

        :return: dict id -> amount in the agreement's currency
        """
        if not self.ids:
            return {}
        self.env.flush_all()
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT paid.agreement_id, sum(paid.amount) FROM (%s) paid GROUP BY 1",
                    self._get_paid_sql(),
                )
            )
        )

    def _get_paid_sql(self):
        """Return the relation of what was reconciled with the items since the registration.

        Columns: agreement_id, line_id (the item), date (of the money), ``amount`` that counts as
        payment, and ``other``: what does not. All of it is asked of the reconciliations that
        there are now, so one that is undone counts no more, and one that was undone and done
        again counts once. In the items' currency.
        """
        return SQL(
            """
            WITH since AS MATERIALIZED (
                SELECT agreement.id AS agreement_id, covered.line_id, matched.move_id, matched.date,
                       matched.amount - COALESCE(
                           (agreement.matched_before
                                ->> (covered.line_id || '-' || matched.line_id))::numeric,
                           0) AS amount
                  FROM %(table)s agreement
                  JOIN %(covered)s covered ON covered.agreement_id = agreement.id
                  JOIN account_move_line item
                    ON item.id = covered.line_id AND item.parent_state = 'posted'
                  JOIN LATERAL (%(matched)s) matched ON TRUE
                 WHERE agreement.id IN %(ids)s
            ), entry AS MATERIALIZED (
                -- once, however many items the same entry pays: it may have thousands of lines
                %(entries)s
            )
            SELECT agreement.id AS agreement_id, since.line_id, since.date,
                   round(since.amount * counted.share, currency.decimal_places) AS amount,
                   since.amount - round(since.amount * counted.share, currency.decimal_places)
                       AS other
              FROM since
              JOIN %(table)s agreement ON agreement.id = since.agreement_id
              JOIN res_currency currency ON currency.id = agreement.currency_id
              JOIN account_move move ON move.id = since.move_id
              JOIN entry ON entry.move_id = since.move_id
              CROSS JOIN LATERAL (SELECT %(share)s AS share) counted
             WHERE since.amount > 0
            """,
            table=SQL.identifier(self._table),
            covered=self._get_covered_sql(),
            matched=self._get_matched_sql(),
            entries=self._get_entries_sql(),
            share=self._get_share_sql(),
            ids=tuple(self.ids) or (0,),
        )

    @api.model
    def _get_covered_sql(self):
        """Return the relation of agreements and their items: agreement_id, line_id."""
        field = self._fields["move_line_ids"]
        return SQL(
            "(SELECT %s AS agreement_id, %s AS line_id FROM %s)",
            SQL.identifier(field.column1),
            SQL.identifier(field.column2),
            SQL.identifier(field.relation),
        )

    @api.model
    def _get_matched_sql(self):
        """What is reconciled with ``covered.line_id``, by counterpart, in the item's currency.

        Differences of exchange rates are no money.
        """
        return SQL(
            """
            SELECT money.id AS line_id, money.move_id, money.date,
                   sum(partial.debit_amount_currency) AS amount
              FROM account_partial_reconcile partial
              JOIN account_move_line money ON money.id = partial.credit_move_id
             WHERE partial.debit_move_id = covered.line_id
               AND NOT EXISTS (
                    SELECT FROM account_partial_reconcile exchanged
                     WHERE exchanged.exchange_move_id = money.move_id)
             GROUP BY money.id
            """
        )

    @api.model
    def _get_entries_sql(self):
        """What the entries of ``since`` book as losses or discounts, and credit to customers."""
        return SQL(
            """
            SELECT part.move_id,
                   sum(part.balance) FILTER (
                        WHERE account.account_type LIKE 'income%%'
                           OR account.account_type LIKE 'expense%%'
                           OR part.tax_line_id IS NOT NULL) AS lost,
                   -sum(part.balance) FILTER (
                        WHERE account.account_type = 'asset_receivable' AND part.balance < 0)
                        AS credited
              FROM account_move_line part
              JOIN account_account account ON account.id = part.account_id
             WHERE part.move_id IN (SELECT since.move_id FROM since)
             GROUP BY part.move_id
            """
        )

    @api.model
    def _get_share_sql(self):
        """Which share of what an entry (``move``, ``entry``) paid counts as payment.

        A credit note: all or nothing. Else: what its entry books neither as a loss nor as a
        discount. (Where the losses are more than what it credits to customers, the entry is about
        something else, as an opening balance is.)
        """
        return SQL(
            """
            CASE
                WHEN move.move_type = 'out_refund'
                THEN CASE WHEN agreement.count_credit_notes THEN 1 ELSE 0 END
                WHEN agreement.count_write_offs THEN 1
                WHEN entry.lost > 0 AND entry.lost <= entry.credited
                THEN 1 - entry.lost / entry.credited
                ELSE 1 END
            """
        )

    # ------------------------------------------------------------
    # Money in doubt never accuses
    # ------------------------------------------------------------

    @api.model
    def _get_doubtful_money(self):
        """Hook: where a customer's money can be that is not allocated yet.

        :return: list of SQL queries with the columns agreement_id, date and amount, in the
            agreement's currency, of the late ones (``is_late``) among the agreements ``judged``.
            Companies and currencies are no way to join (``IS TRUE``): each has very many, and money
            is to be found by its partner
        """
        root = self.env["res.company"]._get_root_sql
        return [
            # credits of the customer: payments and, where they count, credit notes
            SQL(
                """
                SELECT judged.id AS agreement_id, line.date, -line.amount_residual_currency AS amount
                  FROM judged
                  JOIN res_partner relative ON relative.commercial_partner_id = judged.partner_id
                 CROSS JOIN LATERAL (
                    SELECT line.account_id, line.amount_residual_currency, line.company_id,
                           line.currency_id, line.date, line.move_id
                      FROM account_move_line line
                     WHERE line.partner_id = relative.id AND line.amount_residual_currency < 0
                       AND %(open)s
                    -- by the partner and not first of all, however few credits PostgreSQL expects
                    OFFSET 0
                  ) line
                  JOIN account_account account ON account.id = line.account_id
                  JOIN account_move move ON move.id = line.move_id
                 WHERE judged.is_late
                   AND (%(root)s = judged.company_id) IS TRUE
                   AND (line.currency_id = judged.currency_id) IS TRUE
                   AND account.account_type = 'asset_receivable'
                   AND account.non_trade IS NOT TRUE
                   AND (judged.count_credit_notes OR move.move_type <> 'out_refund')
                """,
                root=root(SQL.identifier("line", "company_id")),
                open=SQL(OPEN_LINE.format("line.")),
            ),
            # bank transactions of the customer that nobody has looked at
            SQL(
                """
                SELECT judged.id AS agreement_id, move.date,
                       COALESCE(NULLIF(bank.amount_currency, 0), bank.amount) AS amount
                  FROM judged
                  JOIN res_partner payer ON payer.commercial_partner_id = judged.partner_id
                  JOIN account_bank_statement_line bank ON bank.partner_id = payer.id
                  JOIN account_move move ON move.id = bank.move_id AND move.state = 'posted'
                 WHERE judged.is_late
                   AND (%(root)s = judged.company_id) IS TRUE
                   AND (COALESCE(bank.foreign_currency_id, bank.currency_id) = judged.currency_id)
                       IS TRUE
                   AND bank.is_reconciled IS NOT TRUE AND bank.amount > 0
                """,
                root=root(SQL.identifier("bank", "company_id")),
            ),
            # payments on their way, where they make no entry before the bank has them
            SQL(
                """
                SELECT judged.id AS agreement_id, payment.date, payment.amount
                  FROM judged
                  JOIN res_partner payer ON payer.commercial_partner_id = judged.partner_id
                  JOIN account_payment payment ON payment.partner_id = payer.id
                 WHERE judged.is_late
                   AND (%(root)s = judged.company_id) IS TRUE
                   AND (payment.currency_id = judged.currency_id) IS TRUE
                   AND payment.state = 'in_process' AND payment.move_id IS NULL
                   AND payment.payment_type = 'inbound' AND payment.partner_type = 'customer'
                """,
                root=root(SQL.identifier("payment", "company_id")),
            ),
        ]

    # ------------------------------------------------------------
    # Following the ledger
    # ------------------------------------------------------------

    @api.model
    def _follow_lines(self, line_ids):
        """Look again at the agreements about some journal items: what is paid of them has changed.

        One indexed query for all items and kinds, when there is none.
        """
        self._follow_found(SQL("IN %s", tuple(line_ids))) if line_ids else None

    @api.model
    def _follow_moves(self, moves):
        """Look again at the agreements about moves that were posted, cancelled or set to draft."""
        self._follow_found(
            SQL("IN (SELECT id FROM account_move_line WHERE move_id IN %s)", tuple(moves.ids))
        )
        for name in self._get_models():
            self._follow(self.env[name]._find_by_documents(moves))

    @api.model
    def _find_by_documents(self, moves):
        """Hook: the agreements of this kind that brought about some of these moves."""
        return self.browse()

    @api.model
    def _follow_found(self, lines):
        """Look again at the agreements about ``lines``: SQL operator and operand."""
        # sudo: whoever reconciles need not have rights on agreements
        kinds = [self.env[name].sudo() for name in self._get_models()]
        for kind in kinds:
            kind.flush_model(["move_line_ids", "state"])
        rows = self.env.execute_query(
            SQL(" UNION ALL ").join(
                SQL(
                    """
                    SELECT DISTINCT %(name)s, agreement.id
                      FROM %(covered)s covered
                      JOIN %(table)s agreement ON agreement.id = covered.agreement_id
                     WHERE covered.line_id %(lines)s AND agreement.state NOT IN %(final)s
                    """,
                    name=kind._name,
                    covered=kind._get_covered_sql(),
                    table=SQL.identifier(kind._table),
                    lines=lines,
                    final=tuple(kind._get_final_states()),
                )
                for kind in kinds
            )
        )
        for kind in kinds:
            self._follow(kind.browse(id_ for name, id_ in rows if name == kind._name))

    @api.model
    def _follow(self, agreements):
        """Look again at some agreements."""
        # sudo: verdicts are the system's
        if agreements:
            agreements.sudo().with_context(mail_activity_quick_update=True)._judge()

    # ------------------------------------------------------------
    # Every day
    # ------------------------------------------------------------

    @api.model
    def _judge_all(self, company, customers=None):
        """Judge the open agreements of every kind of a main company.

        :param customers: collection.customer to restrict to; default: all
        """
        for name in self._get_models():
            self.env[name]._judge_company(company, customers)

    @api.model
    def _judge_company(self, company, customers=None):
        """Judge the open agreements of this kind of a main company; one that fails keeps its cause.

        :param customers: collection.customer to restrict to; default: all
        """
        domain = [("company_id", "=", company.id), ("state", "in", self._get_open_states())]
        if customers is not None:
            domain.append(("customer_id", "in", customers.ids))
        # a customer's together: one task, written once
        agreements = self.search(domain, order="customer_id.id, id").with_context(
            mail_activity_quick_update=True
        )
        for ids in split_every(JUDGE_BATCH, agreements.ids):
            agreements.browse(ids)._judge_safely()

    def _judge_safely(self):
        """Judge a batch; if it fails, halve it until the agreement is found that makes it fail."""
        try:
            with self.env.cr.savepoint():
                self._judge()
                self.env.flush_all()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as error:
            self.env.invalidate_all(flush=False)
            if len(self) > 1:
                middle = len(self) // 2
                for half in (self[:middle], self[middle:]):
                    half._judge_safely()
                return
            _logger.exception("Collections: %s %s could not be judged", self._name, self.id)
            self.failure = str(error)  # shown on the agreement; the next run tries again
            self._align_holds()
        else:
            self.filtered("failure").failure = False
