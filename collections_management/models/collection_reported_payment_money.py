from odoo import api, fields, models
from odoo.tools import SQL, escape_psql

from .account_move_line import OPEN_LINE
from .collection_payment_match import SOURCES

SHOWN = 8  # proposals of a report
LOOKED_AT = 30  # candidates of a report from each place where they are looked for
EARLIER = 15  # days before the day reported: people err about the day
CHARGES = 0.02  # share that a bank may have kept: nearly the same amount
SHORTEST = 4  # signs of a reference that says something
ENOUGH = 50  # score of money that neither payer nor reference ties to the customer


class CollectionReportedPayment(models.Model):
    """Where the money of a reported payment may be: looked for and proposed, with the reasons."""

    _inherit = "collection.reported.payment"

    match_ids = fields.One2many(
        "collection.payment.match",
        "report_id",
        string="Money Found",
        domain=[("state", "!=", "dismissed")],
    )
    proposal_count = fields.Integer(string="Proposals", compute="_compute_proposal_count")

    @api.depends("match_ids.state")
    def _compute_proposal_count(self):
        counts = dict(
            self.env["collection.payment.match"]._read_group(
                [("report_id", "in", self.ids), ("state", "=", "proposed")],
                ["report_id"],
                ["__count"],
            )
        )
        for report in self:
            report.proposal_count = counts.get(report, 0)

    # ------------------------------------------------------------
    # When it is looked for
    # ------------------------------------------------------------

    def _begin(self):
        """Override: the money may be there already."""
        super()._begin()
        self._propose()

    @api.model
    def _judge_company(self, company, customers=None):
        """Override: the daily run also looks for the money."""
        reports = self.with_context(collection_look_for_money=True)
        return super(CollectionReportedPayment, reports)._judge_company(company, customers)

    def _judge(self):
        if self.env.context.get("collection_look_for_money"):
            self._propose()
        return super()._judge()

    @api.model
    def _look_soon(self, companies):
        """Have the job look for the money of open reports: the bank of main companies has news."""
        domain = [("company_id", "in", companies.ids), ("state", "in", self._get_open_states())]
        # sudo: whoever imports the bank need not have rights on collections
        if self.sudo().search_count(domain, limit=1):
            self.env.ref("collections_management.ir_cron_collection_find_money").sudo()._trigger()

    @api.model
    def _cron_find_money(self):
        """Look for the money of all open reports."""
        for company in self.env["res.company"].search([("parent_id", "=", False)]):
            self.with_company(company)._judge_company(company)
            self.env["ir.cron"]._commit_progress()

    def action_look_again(self):
        """Look for the money of these reports now."""
        self._check_may_match()
        # sudo: proposals are the system's
        self.sudo()._propose()

    @api.model
    def _get_linked_sql(self):
        """Override: what was accepted and waits."""
        matches = self.env["collection.payment.match"]
        return SQL(
            """
            EXISTS (
                SELECT FROM collection_payment_match match
                 WHERE match.report_id = report.id AND match.state = 'accepted' AND %s)
            """,
            matches._get_waiting_sql(),
        )

    def _get_proposals_action(self):
        """Override: where money was found, a person looks at it at once."""
        found = self.filtered("proposal_count")
        if not found:
            return super()._get_proposals_action()
        action = self._open([("id", "in", found.ids)])
        if len(found) == 1:
            action.update(views=[(False, "form")], res_id=found.id)
        return action

    # ------------------------------------------------------------
    # Proposals
    # ------------------------------------------------------------

    def _propose(self):
        """Look for the money of open reports among what is not allocated; keep the best proposals."""
        reports = self.filtered(lambda report: report.state in self._get_open_states())
        wanted = reports._rate(reports._find_money())
        existing = self.env["collection.payment.match"].search([("report_id", "in", reports.ids)])
        proposed = self.env["collection.payment.match"]
        for match in existing:
            key = (match.report_id.id, match.kind, match[SOURCES[match.kind]].id)
            values = wanted.pop(key, None)
            if match.state != "proposed":
                continue
            if values is None:
                proposed |= match
            elif any(match[name] != values[name] for name in ("amount", "score", "evidence")):
                match.write(values)
        proposed.unlink()
        existing.create(
            [
                dict(values, report_id=report_id, kind=kind, **{SOURCES[kind]: source_id})
                for (report_id, kind, source_id), values in wanted.items()
            ]
        )

    def _find_money(self):
        """Return the money that may be these reports': some rows each, by indexes.

        :return: list of dict of report_id, kind, source_id, date, currency_id, amount (not allocated,
            in that currency), label, partner_id, payer (as the bank names it), ``own`` (the
            customer's) and ``account`` (from the customer's bank account)
        """
        if not self:
            return []
        self.env.flush_all()
        words = self._get_words()
        return self.env.execute_query_dict(
            SQL(
                """
                WITH report AS MATERIALIZED (
                    SELECT report.id, report.company_id, report.partner_id, report.amount,
                           report.date_reported AS date
                      FROM collection_reported_payment report
                     WHERE report.id IN %(ids)s
                ), word AS MATERIALIZED (
                    SELECT unnest(%(word_ids)s::int[]) AS report_id,
                           unnest(%(words)s::text[]) AS pattern
                )
                SELECT money.*
                  FROM (%(money)s) money
                 WHERE NOT EXISTS (
                    SELECT FROM collection_payment_match taken
                      JOIN collection_reported_payment other ON other.id = taken.report_id
                     WHERE taken.state = 'accepted' AND other.state IN %(open)s
                       AND other.id <> money.report_id
                       AND CASE money.kind
                            WHEN 'credit' THEN taken.credit_line_id = money.source_id
                            WHEN 'payment' THEN taken.payment_id = money.source_id
                            ELSE taken.statement_line_id = money.source_id END)
                """,
                ids=tuple(self.ids),
                word_ids=[report.id for report, texts in words.items() for _text in texts],
                words=[f"%{escape_psql(text)}%" for texts in words.values() for text in texts],
                money=SQL(" UNION ALL ").join(self._get_money_sqls()),
                open=self._get_open_states(),
            )
        )

    def _get_words(self):
        """Return what a label may name: dict of report -> dict of text -> kind of evidence."""
        words = {}
        for report in self:
            texts = words.setdefault(report, {})
            # sudo: branches' invoices
            for move in report.sudo().move_ids:
                for text in (move.name, move.payment_reference):
                    texts[text] = "invoice"
            texts[report.reference and report.reference.strip()] = "reference"
        return {
            report: {text: kind for text, kind in texts.items() if text and len(text) >= SHORTEST}
            for report, texts in words.items()
        }

    @api.model
    def _get_money_sqls(self):
        """Hook: where money is looked for.

        :return: list of SQL queries with the columns of ``_find_money``, of the ``report``s and the
            ``word``s (report_id, pattern) that their labels may name
        """
        return [self._get_credits_sql(), self._get_payments_sql(), self._get_bank_sql()]

    @api.model
    def _get_credits_sql(self):
        """Payments and other credits of the customer that are not allocated; no credit notes."""
        return SQL(
            """
            SELECT report.id AS report_id, 'credit' AS kind, credit.*,
                   NULL AS payer, TRUE AS own, FALSE AS account
              FROM report
              CROSS JOIN LATERAL (
                SELECT line.id AS source_id, line.date, line.currency_id,
                       -line.amount_residual_currency AS amount,
                       concat_ws(' ', move.name, line.name, NULLIF(move.ref, line.name),
                                 payment.memo, payment.payment_reference) AS label,
                       line.partner_id
                  FROM res_partner relative
                  JOIN account_move_line line ON line.partner_id = relative.id
                  JOIN account_account account ON account.id = line.account_id
                  JOIN account_move move ON move.id = line.move_id
                  LEFT JOIN account_payment payment ON payment.id = move.origin_payment_id
                 WHERE relative.commercial_partner_id = report.partner_id
                   AND %(root)s = report.company_id
                   AND account.account_type = 'asset_receivable'
                   AND account.non_trade IS NOT TRUE
                   AND line.amount_residual_currency < 0
                   AND %(open)s
                   AND move.move_type <> 'out_refund'
                 ORDER BY abs(line.date - report.date)
                 LIMIT %(limit)s
              ) credit
            """,
            root=self.env["res.company"]._get_root_sql(SQL.identifier("line", "company_id")),
            open=SQL(OPEN_LINE.format("line.")),
            limit=LOOKED_AT,
        )

    @api.model
    def _get_payments_sql(self):
        """Payments on their way, where they make no entry before the bank has them."""
        return SQL(
            """
            SELECT report.id, 'payment', found.*, NULL, TRUE, FALSE
              FROM report
              CROSS JOIN LATERAL (
                SELECT payment.id, payment.date, payment.currency_id, payment.amount,
                       concat_ws(' ', payment.name, payment.memo, payment.payment_reference),
                       payment.partner_id
                  FROM res_partner relative
                  JOIN account_payment payment ON payment.partner_id = relative.id
                 WHERE relative.commercial_partner_id = report.partner_id
                   AND %(root)s = report.company_id
                   AND payment.state = 'in_process' AND payment.move_id IS NULL
                   AND payment.payment_type = 'inbound' AND payment.partner_type = 'customer'
                 ORDER BY abs(payment.date - report.date)
                 LIMIT %(limit)s
              ) found
            """,
            root=self.env["res.company"]._get_root_sql(SQL.identifier("payment", "company_id")),
            limit=LOOKED_AT,
        )

    @api.model
    def _get_bank_sql(self):
        """Bank transactions that nobody has looked at: by amount, payer, account, label.

        Each is found by an index of its own, however many there are.
        """
        return SQL(
            """
            SELECT report.id, 'bank', bank.id, move.date,
                   COALESCE(bank.foreign_currency_id, bank.currency_id),
                   -bank.amount_residual::numeric,
                   concat_ws(' ', bank.payment_ref, NULLIF(move.ref, bank.payment_ref)),
                   bank.partner_id, bank.partner_name,
                   COALESCE(payer.commercial_partner_id = report.partner_id, FALSE),
                   EXISTS (
                    SELECT FROM res_partner relative
                      JOIN res_partner_bank held ON held.partner_id = relative.id
                     WHERE relative.commercial_partner_id = report.partner_id
                       AND held.sanitized_acc_number =
                           upper(regexp_replace(bank.account_number, '\\W', '', 'g')))
              FROM report
              CROSS JOIN LATERAL (%(found)s) found
              JOIN account_bank_statement_line bank ON bank.id = found.id
              JOIN account_move move ON move.id = bank.move_id AND move.state = 'posted'
              LEFT JOIN res_partner payer ON payer.id = bank.partner_id
            """,
            found=SQL(" UNION ").join(
                SQL(
                    """
                    (SELECT bank.id
                       FROM account_bank_statement_line bank %(source)s
                        AND bank.is_reconciled IS NOT TRUE
                        AND bank.amount_residual < 0
                        AND %(root)s = report.company_id
                      ORDER BY %(order)s
                      LIMIT %(limit)s)
                    """,
                    source=source,
                    root=self.env["res.company"]._get_root_sql(
                        SQL.identifier("bank", "company_id")
                    ),
                    order=order,
                    limit=LOOKED_AT,
                )
                for source, order in self._get_bank_sources()
            ),
        )

    @api.model
    def _get_bank_sources(self):
        """Hook: how bank transactions are found for a ``report``.

        :return: list of pairs of SQL: joins and conditions, and the order (the best first)
        """
        newest, unaccent = SQL("bank.internal_index DESC"), self.env.registry.unaccent
        return [
            # the same amount, the nearest day first
            (
                SQL(
                    """
                    WHERE bank.amount_residual
                          BETWEEN (-report.amount - 0.005)::float8 AND (-report.amount + 0.005)::float8
                      AND bank.internal_index >= to_char(report.date - %s, 'YYYYMMDD')
                    """,
                    EARLIER,
                ),
                SQL("abs(to_date(left(bank.internal_index, 8), 'YYYYMMDD') - report.date)"),
            ),
            # the customer is the payer
            (
                SQL(
                    """
                    JOIN res_partner relative ON relative.id = bank.partner_id
                    WHERE relative.commercial_partner_id = report.partner_id
                    """
                ),
                newest,
            ),
            # from the customer's bank account
            (
                SQL(
                    """
                    WHERE bank.account_number IN (
                        SELECT unnest(ARRAY[held.acc_number, held.sanitized_acc_number])
                          FROM res_partner relative
                          JOIN res_partner_bank held ON held.partner_id = relative.id
                         WHERE relative.commercial_partner_id = report.partner_id)
                    """
                ),
                newest,
            ),
            # in the customer's name
            (
                SQL(
                    """
                    WHERE bank.partner_name IN (
                        SELECT unnest(ARRAY[relative.name, upper(relative.name)])
                          FROM res_partner relative
                         WHERE relative.commercial_partner_id = report.partner_id
                           AND length(relative.name) >= %s)
                    """,
                    SHORTEST,
                ),
                newest,
            ),
            # the label names the reference or an invoice
            (
                SQL(
                    """
                    JOIN word ON word.report_id = report.id AND %s ILIKE %s
                    WHERE TRUE
                    """,
                    # as the label's own index is written
                    unaccent(SQL("bank.payment_ref")),
                    unaccent(SQL("word.pattern")),
                ),
                newest,
            ),
        ]

    # ------------------------------------------------------------
    # How likely it is
    # ------------------------------------------------------------

    def _rate(self, rows):
        """Return the best of the money found for each report.

        :param list rows: as ``_find_money`` returns them
        :return: dict of (report id, kind, source id) -> values of a collection.payment.match
        """
        words = self._get_words()
        by_report = {}
        for row in rows:
            report = self.browse(row["report_id"])
            values = report._prepare_match(row, words[report])
            if values["score"] >= (1 if report._is_tied(values["evidence"]) else ENOUGH):
                by_report.setdefault(report, []).append((row, values))
        return {
            (report.id, row["kind"], row["source_id"]): values
            for report, rated in by_report.items()
            for row, values in sorted(
                rated, key=lambda one: (one[1]["other_currency"], -one[1]["score"], one[1]["date"])
            )[:SHOWN]
        }

    def _prepare_match(self, row, words):
        """Return the values of the match that a row makes, with its score and why."""
        self.ensure_one()
        currency = self.env["res.currency"].browse(row["currency_id"])
        amount = float(row["amount"])
        other = currency != self.currency_id
        converted = amount
        if other:
            converted = currency._convert(amount, self.currency_id, self.company_id, row["date"])
        evidence = self._get_evidence(row, words, converted, other)
        return {
            "date": row["date"],
            "label": row["label"],
            "partner_id": row["partner_id"],
            "currency_id": currency.id,
            "amount": amount,
            "other_currency": other,
            "converted_amount": converted,
            "evidence": evidence,
            "score": min(self._get_score(evidence), 100),
        }

    def _get_evidence(self, row, words, amount, other):
        """Return what ties money to this report: dict of kind -> value for its sentence.

        :param dict row: as ``_find_money`` returns it
        :param float amount: not allocated, in the report's currency
        :param bool other: whether the money is in another one
        """
        evidence = {}
        wanted = self.amount
        if not other and not self.currency_id.compare_amounts(amount, wanted):
            evidence["amount"] = True
        elif wanted * (1 - CHARGES) <= amount <= wanted * (1 + (CHARGES if other else 0)):
            evidence["nearly"] = True
        apart = abs((row["date"] - self.date_reported).days)
        if not apart:
            evidence["same_day"] = True
        elif apart == 1:
            evidence["next_day"] = True
        elif apart <= EARLIER:
            evidence["days"] = apart
        label = (row["label"] or "").casefold()
        for text, kind in words.items():
            if text.casefold() in label:
                evidence[kind] = text
        evidence.update(self._get_payer_evidence(row, label))
        if other:
            evidence["other_currency"] = True
        return evidence

    def _get_payer_evidence(self, row, label):
        name = (self.partner_id.name or "").casefold()
        if row["own"]:
            return {"customer": True}
        if row["account"]:
            return {"account": True}
        if len(name) >= SHORTEST and name in f"{row['payer'] or ''} {label}".casefold():
            return {"name": True}
        if row["partner_id"]:
            return {"other_payer": self.env["res.partner"].browse(row["partner_id"]).sudo().name}
        return {}

    @api.model
    def _is_tied(self, evidence):
        """Tell whether more than amount and day ties money to the customer."""
        return bool({"customer", "account", "name", "reference", "invoice"} & set(evidence))

    @api.model
    def _get_score(self, evidence):
        """Hook: how likely it is, from 0 to 100."""
        points = {
            "amount": 40,
            "nearly": 20,
            "same_day": 20,
            "next_day": 17,
            "days": max(18 - evidence.get("days", 0), 3),
            "reference": 30,
            "invoice": 25,
            "customer": 20,
            "account": 20,
            "name": 15,
            "other_payer": -5,
            "other_currency": -10,
        }
        return max(sum(points[kind] for kind in evidence), 1)
