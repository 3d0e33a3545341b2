from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date

from .column import SHOWN, Column


class CollectionOpeningPromise(models.AbstractModel):
    """Until when the customer has promised to pay.

    It may have begun before today, and its day may have passed, as long as its days of grace have
    not: what is broken already is no promise in progress.
    """

    _name = "collection.opening.promise"
    _inherit = "collection.opening.agreement"
    _description = "Opening Sheet: Promise"

    _amount_column = "promise_amount"

    @api.model
    def _get_title(self):
        return self.env._("Promise")

    @api.model
    def _get_columns(self):
        _ = self.env._
        return [
            Column("present_promise", _("Present Promise"), 12, "date", SHOWN),
            Column(
                "promise_date",
                _("Promised For"),
                12,
                "date",
                help=_(
                    "The day until which the customer has promised to pay. Rows of a customer with "
                    "the same day are one promise. The day may have passed, its days of grace not."
                ),
                validation={"validate": "date", "criteria": ">", "value": "=DATE(2000,1,1)"},
            ),
            Column(
                self._amount_column,
                _("Promised Amount"),
                13,
                "amount",
                help=_(
                    "How much of the item is still to be paid by then, in its currency. Empty: all "
                    "that it is open for."
                ),
                validation={"validate": "decimal", "criteria": ">", "value": 0},
            ),
            Column(
                "promise_made",
                _("Date of the Promise"),
                12,
                "date",
                help=_(
                    "The day on which the customer promised it, today or earlier; empty: today. "
                    "What was paid since and not allocated speaks for the customer."
                ),
                validation={"validate": "date", "criteria": "<=", "value": "=TODAY()"},
            ),
        ]

    @api.model
    def _get_present(self, items):
        return {
            id_: {"present_promise": self._get_open(promises)[:1].date_promised}
            for id_, promises in self._get_recorded(items.ids).items()
        }

    # ------------------------------------------------------------
    # What a kind of agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_model(self):
        return "collection.promise"

    @api.model
    def _get_terms(self, row):
        return row.get("promise_date"), row.get("promise_made")

    @api.model
    def _has_terms(self, agreement, row):
        until, made = self._get_terms(row)
        return agreement.date_promised == until and (not made or agreement.date == made)

    @api.model
    def _prepare_terms(self, terms):
        until, made = terms
        # nobody promises for a day that has passed
        return {
            "date_promised": until,
            "date": made or min(until, fields.Date.context_today(self)),
        }

    @api.model
    def _get_terms_text(self, terms):
        until, made = terms
        values = {"until": format_date(self.env, until)}
        if made:
            return self.env._(
                "until %(until)s (promised on %(made)s)",
                made=format_date(self.env, made),
                **values,
            )
        return self.env._("until %(until)s", **values)

    @api.model
    def _get_terms_problem(self, company, row):
        until, made = self._get_terms(row)
        if not until:
            return "promise_date", self.env._(
                "There is a promise and no day: write the day promised, or empty the other cells "
                "of the promise."
            )
        return self._get_until_problem(company, until) or (
            made and self._get_made_problem(row.item, until, made)
        )

    @api.model
    def _get_until_problem(self, company, until):
        deadline = self._get_deadline(company, until)
        if deadline >= fields.Date.context_today(self):
            return None
        return "promise_date", self.env._(
            "A promise for %(date)s would be broken already, as its days of grace ended on "
            "%(deadline)s: empty the cells, so that the item is claimed; a comment can tell of it.",
            date=format_date(self.env, until),
            deadline=format_date(self.env, deadline),
        )

    @api.model
    def _get_deadline(self, company, until):
        # sudo: a setting of the company
        return until + timedelta(days=company.sudo().collection_promise_days)

    @api.model
    def _get_made_problem(self, item, until, made):
        values = {"made": format_date(self.env, made)}
        if made > fields.Date.context_today(self):
            return "promise_made", self.env._(
                "It would have been promised on %(made)s, after today: write the day on which it "
                "was.",
                **values,
            )
        if made > until:
            return "promise_made", self.env._(
                "It would have been promised on %(made)s for %(date)s, an earlier day: correct one "
                "of them.",
                date=format_date(self.env, until),
                **values,
            )
        issued = item.move_id.invoice_date
        if issued and made < issued:
            return "promise_made", self.env._(
                "It would have been promised on %(made)s, before the invoice of %(issued)s: write "
                "the day on which it was.",
                issued=format_date(self.env, issued),
                **values,
            )
        return None

    @api.model
    def _add_remarks(self, company, row):
        """What is right and yet looks like a slip."""
        until, made = self._get_terms(row)
        today = fields.Date.context_today(self)
        strategy = row.item.strategy_id
        if until < today:
            row.warn(
                "promise_date",
                self.env._(
                    "The day has passed: if nothing is paid until %s, the promise is broken.",
                    format_date(self.env, self._get_deadline(company, until)),
                ),
            )
        elif strategy.promise_days and until > (made or today) + timedelta(
            days=strategy.promise_days
        ):
            row.warn(
                "promise_date",
                self.env._(
                    "Scheme “%(scheme)s” allows promises of at most %(days)s days: is the day right?",
                    scheme=strategy.name,
                    days=strategy.promise_days,
                ),
            )
