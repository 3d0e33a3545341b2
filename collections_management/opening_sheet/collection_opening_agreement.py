from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from .column import TO_FILL


class CollectionOpeningAgreement(models.AbstractModel):
    """An agreement in progress, of one kind: what was agreed before collections were done here.

    A part for a kind (a promise, a dispute...) inherits this one and says which cells it takes,
    what is wrong with them, and what they agree. Rows of a customer that say the same are one
    agreement, marked as taken over. It holds whole invoices, so an invoice is in one agreement.
    """

    _name = "collection.opening.agreement"
    _inherit = "collection.opening.part"
    _description = "Opening Sheet: Agreement in Progress"

    # The column that holds what is agreed of the item, in its currency; empty cell: all that is open.
    _amount_column = None
    _takes_invoice = True

    # ------------------------------------------------------------
    # Hooks: what each kind of agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_model(self):
        """Hook: the name of the kind's model, one of ``collection.agreement._get_models``."""
        raise NotImplementedError

    @api.model
    def _get_terms(self, row):
        """Hook: what a row agrees, beside the amount: a tuple that is the same for one agreement."""
        raise NotImplementedError

    @api.model
    def _has_terms(self, agreement, row):
        """Hook: tell whether an agreement on record is the one that a row names."""
        raise NotImplementedError

    @api.model
    def _prepare_terms(self, terms):
        """Hook: the values of an agreement of these terms.

        :param tuple terms: as ``_get_terms`` returns them
        """
        raise NotImplementedError

    @api.model
    def _get_terms_text(self, terms):
        """Hook: the terms in words, for the preview."""
        raise NotImplementedError

    @api.model
    def _get_terms_problem(self, company, row):
        """Hook: what is wrong with a row's cells, as (column, sentence); None if they are right."""
        return

    @api.model
    def _add_remarks(self, company, row):
        """Hook: remark (``row.warn``) on a row that is right."""

    # ------------------------------------------------------------
    # What is on record
    # ------------------------------------------------------------

    @api.model
    def _get_agreements(self):
        """Return the kind's model, as an empty recordset."""
        # sudo: of items that the person sees; the days and numbers of agreements are the system's
        return self.env[self._get_model()].sudo()

    @api.model
    def _get_recorded(self, line_ids):
        """Return the agreements of this kind about items, but for those cancelled, the latest first.

        :return: dict id of the item -> agreements
        """
        agreements = self._get_agreements()
        recorded = defaultdict(agreements.browse)
        if not line_ids:
            return recorded
        self.env.flush_all()
        for line_id, id_ in self.env.execute_query(
            SQL(
                """
                SELECT covered.line_id, agreement.id
                  FROM %(covered)s covered
                  JOIN %(table)s agreement ON agreement.id = covered.agreement_id
                 WHERE covered.line_id IN %(lines)s AND agreement.state <> 'cancelled'
                 ORDER BY agreement.id DESC
                """,
                covered=agreements._get_covered_sql(),
                table=SQL.identifier(agreements._table),
                lines=tuple(line_ids),
            )
        ):
            recorded[line_id] += agreements.browse(id_)
        # read together
        agreements.browse().union(*recorded.values()).fetch(["amount", "state"])
        return recorded

    @api.model
    def _get_open(self, agreements):
        states = agreements._get_open_states()
        return agreements.filtered(lambda agreement: agreement.state in states)

    @api.model
    def _get_whole(self, rows):
        """Return for each debt of rows its open items."""
        lines = self.env["account.move.line"].union(*(row.item.move_line_id for row in rows))
        return lines._get_collection_whole_invoices().grouped(self._get_debt)

    # ------------------------------------------------------------
    # Checking
    # ------------------------------------------------------------

    @api.model
    def _check(self, company, rows):
        codes = [column.code for column in self._get_columns() if column.role == TO_FILL]
        told = dict.fromkeys(
            row for row in rows if any(row.get(code) is not None for code in codes)
        )
        if not told:
            return
        whole = self._get_whole(told)
        lines = self.env["account.move.line"].union(*whole.values())
        recorded = self._get_recorded(lines.ids)
        known = self._find_known(told, recorded)
        holds = self._get_other_holds(lines)
        by_debt = defaultdict(list)
        for row in told:
            by_debt[self._get_debt(row.item.move_line_id)].append(row)
        for row in told:
            if row in known:
                continue
            debt = self._get_debt(row.item.move_line_id)
            present = self._get_open(recorded[row.item.id])
            problem = (
                self._get_terms_problem(company, row)
                or self._get_amount_problem(row)
                or self._get_debt_problem(row, by_debt[debt])
                or self._get_held_problem(row, whole[debt], holds)
                or self._get_present_problem(present)
            )
            if problem:
                row.fail(problem[0] or codes[0], problem[1])
                continue
            self._add_remarks(company, row)
            row.change(
                self,
                self._get_terms(row),
                ", ".join(agreement._get_task_text() for agreement in present),
                self._get_text(row),
            )

    @api.model
    def _get_begun_problem(self, code, item, day):
        """Return what is wrong with the day on which something began; None if it is right."""
        if not day:
            return None
        values = {"day": format_date(self.env, day)}
        if day > fields.Date.context_today(self):
            return code, self.env._(
                "%(day)s is after today: write the day on which it began, or empty the cell.",
                **values,
            )
        issued = item.move_id.invoice_date
        if issued and day < issued:
            return code, self.env._(
                "%(day)s is before the invoice of %(issued)s: write the day on which it began, or "
                "empty the cell.",
                issued=format_date(self.env, issued),
                **values,
            )
        return None

    @api.model
    def _get_text(self, row):
        amount = row.item.currency_id.format(self._get_amount(row))
        return f"{amount} {self._get_terms_text(self._get_terms(row))}"

    @api.model
    def _get_amount(self, row):
        """Return what is agreed of the row's item, in its currency."""
        amount = row.get(self._amount_column)
        item = row.item
        return item.residual_currency if amount is None else item.currency_id.round(amount)

    @api.model
    def _find_known(self, rows, recorded):
        """Return the rows whose agreement is on record, with the same amount.

        Amounts are known of the whole agreement only, so its rows are judged together: what a row
        does not say, and items of other rows that are gone, count as they were open then.
        """
        found = defaultdict(list)
        for row in rows:
            same = recorded[row.item.id].filtered(lambda a, row=row: self._has_terms(a, row))
            if same:
                found[same[0]].append(row)
        agreements = self._get_agreements().union(*found)
        open_then = defaultdict(dict)  # id of the agreement -> item -> amount
        for hold in agreements._get_holds() if agreements else ():
            open_then[hold.origin.id][hold.move_line_id] = hold.amount
        known = set()
        for agreement, same in found.items():
            amounts = open_then[agreement.id]
            debts = {self._get_debt(row.item.move_line_id) for row in same}
            said = [row.get(self._amount_column) for row in same]
            total = sum(
                amounts.get(row.item.move_line_id, 0) if amount is None else amount
                for row, amount in zip(same, said, strict=True)
            ) + sum(amount for line, amount in amounts.items() if self._get_debt(line) not in debts)
            if all(amount is None for amount in said) or not agreement.currency_id.compare_amounts(
                total, agreement.amount
            ):
                known.update(same)
        return known

    @api.model
    def _get_other_holds(self, lines):
        """Return by item the hold of an agreement of another kind."""
        # sudo: whoever takes over sees why, not the other agreement itself
        holds = self.env["collection.hold"].sudo()
        ours = self._get_agreements()._get_hold_kind()
        found = holds.search(
            [
                ("move_line_id", "in", lines.ids),
                ("open", "=", True),
                ("kind", "not in", ["paused", ours]),
            ]
        )
        return {hold.move_line_id: hold for hold in found}

    @api.model
    def _get_amount_problem(self, row):
        currency, amount = row.item.currency_id, self._get_amount(row)
        open_amount = row.item.residual_currency
        if currency.compare_amounts(amount, 0) > 0 >= currency.compare_amounts(amount, open_amount):
            return None
        return self._amount_column, self.env._(
            "%(amount)s can't be agreed: write an amount above zero, at most the %(open)s that the "
            "item is open for, or empty the cell for all of it.",
            amount=currency.format(amount),
            open=currency.format(open_amount),
        )

    @api.model
    def _get_debt_problem(self, row, same):
        """An invoice is agreed on as a whole, so all its instalments say the same."""
        others = [other for other in same if self._get_terms(other) != self._get_terms(row)]
        if not others:
            return None
        return None, self.env._(
            "Row %(row)s is of the same invoice and says something else, and an invoice has one "
            "agreement: write the same in all its rows, or in one of them only.",
            row=", ".join(str(other.number) for other in others),
        )

    @api.model
    def _get_held_problem(self, row, lines, holds):
        for line in lines:
            if reason := line._get_collection_refusal():
                return None, reason
            if hold := holds.get(line):
                kinds = dict(hold._fields["kind"]._description_selection(self.env))
                return None, self.env._(
                    "%(item)s is held already: %(kind)s (%(reason)s). End that first, or empty the "
                    "cells.",
                    item=line._get_collection_name(),
                    kind=kinds[hold.kind],
                    reason=hold.reason,
                )
        return None

    @api.model
    def _get_present_problem(self, present):
        """What people registered here is theirs to change; an earlier sheet's is replaced."""
        ours = present.filtered(lambda agreement: not agreement.taken_over)
        if not ours:
            return None
        return None, self.env._(
            "%s is registered here: change it there, or empty the cells.",
            ours[0]._get_task_text(),
        )

    # ------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------

    @api.model
    def _write_changes(self, company, rows):
        """Register one agreement for each customer, currency and terms."""
        whole = self._get_whole(rows)
        self._withdraw_replaced(self.env["account.move.line"].union(*whole.values()))
        groups = defaultdict(list)
        for row in rows:
            item = row.item
            groups[item.customer_id, item.currency_id, row.changes[self._name]].append(row)
        agreements = self._get_agreements().create(
            [
                {
                    **self._prepare_agreement(same, whole),
                    **self._prepare_terms(terms),
                    "customer_id": customer.id,
                    "currency_id": currency.id,
                }
                for (customer, currency, terms), same in groups.items()
            ]
        )
        agreements._log(self.env._("Taken over from the opening sheet."))

    @api.model
    def _prepare_agreement(self, rows, whole):
        """Return what every kind of agreement says of the items of some rows.

        :param dict whole: as ``_get_whole`` returns it
        """
        lines = self.env["account.move.line"].union(
            *(whole[self._get_debt(row.item.move_line_id)] for row in rows)
        )
        return {
            "move_line_ids": lines.ids,
            "amount": sum(self._get_amount(row) for row in rows),
            "taken_over": True,
        }

    @api.model
    def _withdraw_replaced(self, lines):
        """Have an earlier sheet's agreements about items hold them no more; this one knows better."""
        recorded = self._get_recorded(lines.ids)
        replaced = self._get_open(self._get_agreements().union(*recorded.values()))
        for agreement in replaced:
            rest = agreement.move_line_ids - lines
            if any(not line.reconciled for line in rest):
                agreement._release(agreement.move_line_ids & lines)
            else:
                agreement._close("cancelled")
        replaced._log(self.env._("A later opening sheet says something else."))
