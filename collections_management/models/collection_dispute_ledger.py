from odoo import api, models
from odoo.tools import SQL

from .collection_dispute import OPEN


class CollectionDispute(models.Model):
    """What the ledger says of a dispute: what is left of it, and whether it was credited."""

    _inherit = "collection.dispute"

    # ------------------------------------------------------------
    # Facts
    # ------------------------------------------------------------

    @api.model
    def _get_parts_sql(self):
        """Return the relation of the items of ``agreement`` as the ledger has them now.

        Columns: move_line_id, posted, left_open, credited (since the registration) and
        ``disputed``: what is left of what is disputed, or of what was accepted of it. In the
        items' currency.
        """
        return SQL(
            """
            SELECT item.move_line_id, line.parent_state = 'posted' AS posted,
                   owed.amount AS left_open, credit.amount AS credited,
                   GREATEST(LEAST(
                       CASE WHEN agreement.resolution IN ('accepted', 'partly')
                            THEN item.accepted_amount ELSE item.amount END - credit.amount,
                       owed.amount), 0) AS disputed
              FROM collection_dispute_item item
              JOIN account_move_line line ON line.id = item.move_line_id
             CROSS JOIN LATERAL (
                SELECT CASE WHEN line.parent_state = 'posted'
                            THEN GREATEST(line.amount_residual_currency, 0) ELSE 0 END AS amount
             ) owed
             CROSS JOIN LATERAL (
                SELECT COALESCE(sum(GREATEST(matched.amount - COALESCE(
                           (agreement.matched_before
                            ->> (covered.line_id || '-' || matched.line_id))::numeric, 0), 0)), 0)
                       AS amount
                  FROM (SELECT item.move_line_id AS line_id) covered
                 CROSS JOIN LATERAL (%s) matched
                  JOIN account_move note
                    ON note.id = matched.move_id AND note.move_type = 'out_refund'
             ) credit
             WHERE item.dispute_id = agreement.id
            """,
            self._get_matched_sql(),
        )

    def _get_hold_free_sql(self):
        """Override: the undisputed rest of the item."""
        return SQL(
            "(SELECT part.left_open - part.disputed FROM (%s) part "
            "WHERE part.move_line_id = held.move_line_id)",
            self._get_parts_sql(),
        )

    def _get_left_by_item(self):
        """Return what is still disputed: dict collection.dispute.item -> amount above zero."""
        return self._read_parts("disputed")

    def _get_credited_by_item(self):
        """Return what was credited since the registration: dict collection.dispute.item -> amount."""
        return self._read_parts("credited")

    def _read_parts(self, column):
        """Return a column of ``_get_parts_sql``: dict collection.dispute.item -> amount above zero.

        :param str column: ``disputed`` or ``credited``
        """
        self.ensure_one()
        self.env.flush_all()
        amounts = dict(
            self.env.execute_query(
                SQL(
                    "SELECT part.move_line_id, part.%s::float FROM collection_dispute agreement "
                    "CROSS JOIN LATERAL (%s) part WHERE agreement.id = %s",
                    SQL.identifier(column),
                    self._get_parts_sql(),
                    self.id,
                )
            )
        )
        return {
            item: amounts[item.move_line_id.id]
            for item in self.item_ids
            if not self.currency_id.is_zero(amounts.get(item.move_line_id.id, 0.0))
        }

    def _get_facts(self):
        """Ask the ledger what a verdict needs. One query for all.

        :return: dict id -> dict of ``items`` (how many are posted), ``left`` (what they are open
            for), ``disputed`` (of that), ``credited``, and of the credit notes that were prepared
            ``drafts``, ``posted`` and ``unapplied`` (how many)
        """
        if not self.ids:
            return {}
        self.env.flush_all()
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT agreement.id, sums.*, notes.*
                  FROM collection_dispute agreement
                 CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE part.posted) AS items,
                           COALESCE(sum(part.left_open), 0)::float AS left,
                           COALESCE(sum(part.disputed), 0)::float AS disputed,
                           COALESCE(sum(part.credited), 0)::float AS credited
                      FROM (%(parts)s) part
                 ) sums
                 CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE note.state = 'draft') AS drafts,
                           count(*) FILTER (WHERE note.state = 'posted') AS posted,
                           count(*) FILTER (WHERE note.state = 'posted'
                                            AND note.amount_residual <> 0) AS unapplied
                      FROM account_move note
                     WHERE note.collection_credited_dispute_id = agreement.id
                 ) notes
                 WHERE agreement.id IN %(ids)s
                """,
                parts=self._get_parts_sql(),
                ids=tuple(self.ids),
            )
        )
        return {row["id"]: row for row in rows}

    # ------------------------------------------------------------
    # The verdict
    # ------------------------------------------------------------

    def _judge(self):
        """Close what nothing is left of, open again what was undone, escalate what is late."""
        disputes = self.filtered(lambda dispute: dispute.state not in self._get_final_states())
        facts = disputes._get_facts()
        today = {company: company._get_collection_today() for company in disputes.company_id}
        states = {
            dispute: dispute._get_verdict(facts[dispute.id], today[dispute.company_id])
            for dispute in disputes
        }
        changed = disputes.filtered(lambda dispute: dispute.state != states[dispute])
        for state, found in changed.grouped(states.get).items():
            found._set_state(state)
        disputes._align_holds()
        changed._log(*[dispute.explanation for dispute in changed])
        changed._follow_tasks()
        disputes._escalate()

    def _get_verdict(self, facts, today):
        """Return the state that the facts of the ledger ask for.

        :param dict facts: as ``_get_facts`` returns them
        :param datetime.date today: where the company works
        """
        self.ensure_one()
        currency = self.currency_id
        nothing_left = currency.is_zero(facts["left"])
        if self.resolution in ("accepted", "partly"):
            credited = currency.compare_amounts(facts["credited"], self.accepted_amount) >= 0
            applied = facts["posted"] and not facts["unapplied"]
            done = not facts["drafts"] and (applied or nothing_left)
            return self.resolution if credited or done else "to_credit"
        if self.resolution == "rejected":
            waits = self.grace_until and today <= self.grace_until and not nothing_left
            return "grace" if waits else "rejected"
        return "settled" if currency.is_zero(facts["disputed"]) else "open"

    def _set_state(self, state):
        """Set the state of the verdict; what is open again is closed no more."""
        for company, disputes in self.grouped("company_id").items():
            today = company._get_collection_today()
            disputes.write({"state": state, "closed_date": state not in OPEN and today})
            if state in ("settled", "open"):
                # solved by the ledger, without anybody's answer
                disputes.write({"resolved_date": state == "settled" and today})

    def _follow_tasks(self):
        """Let the tasks follow the states: what is open again is somebody's again."""
        waiting = self.filtered(lambda dispute: dispute.state == "open")
        (self - waiting)._drop_tasks()
        waiting._move_solve_tasks()
        closed = self.filtered(lambda dispute: dispute.state in ("accepted", "partly"))
        closed._drop_credit_tasks()

    @api.model
    def _find_by_documents(self, moves):
        """Override: the credit notes that were prepared."""
        # sudo: whoever posts need have no right on disputes
        return moves.sudo().collection_credited_dispute_id
