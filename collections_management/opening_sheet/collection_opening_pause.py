from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import format_date

from .column import SHOWN, Column, normalize


class CollectionOpeningPause(models.AbstractModel):
    """Until when the item is left alone, and why."""

    _name = "collection.opening.pause"
    _inherit = "collection.opening.part"
    _description = "Opening Sheet: Pause"

    @api.model
    def _get_title(self):
        return self.env._("Pause")

    @api.model
    def _get_columns(self):
        _ = self.env._
        return [
            Column("paused_until", _("Paused Until"), 12, "date", SHOWN),
            Column(
                "pause_until",
                _("Pause Until"),
                12,
                "date",
                help=_("The last day on which the item is left alone, today or later."),
                validation={"validate": "date", "criteria": ">=", "value": "=TODAY()"},
            ),
            Column(
                "pause_reason",
                _("Reason of the Pause"),
                30,
                help=_("Why, for colleagues; required where a pause is written."),
            ),
        ]

    @api.model
    def _get_holds(self, items):
        """Return the pauses that were ever placed on items, the latest last."""
        # sudo: of the items that the person sees
        holds = self.env["collection.hold"].sudo()
        return holds.search_fetch(
            [("move_line_id", "in", items.ids), ("kind", "=", "paused")],
            ["move_line_id", "date_to", "reason", "open"],
            order="id",
        )

    @api.model
    def _get_present(self, items):
        today = fields.Date.context_today(self)
        return {
            hold.move_line_id.id: {"paused_until": hold.date_to}
            for hold in self._get_holds(items)
            if hold.open and hold.date_to and hold.date_to >= today
        }

    @api.model
    def _check(self, company, rows):
        """The rules of the pause dialog: a day from today on, and a reason."""
        today = fields.Date.context_today(self)
        rows = [row for row in rows if row.get("pause_until") or row.get("pause_reason")]
        items = self.env["collection.due.item"].union(*(row.item for row in rows))
        holds = defaultdict(list)
        for hold in self._get_holds(items):
            holds[hold.move_line_id.id].append(hold)
        for row in rows:
            until, reason = row.get("pause_until"), row.get("pause_reason")
            problem = self._get_problem(until, reason, today)
            if self._is_known(holds[row.item.id], until, reason, today):
                continue
            if problem:
                row.fail(*problem)
                continue
            row.change(
                self,
                (until, reason),
                next(
                    (
                        self._get_text(hold.date_to, hold.reason)
                        for hold in reversed(holds[row.item.id])
                        if hold.open
                    ),
                    None,
                ),
                self._get_text(until, reason),
            )

    @api.model
    def _is_known(self, holds, until, reason, today):
        """Tell whether a pause holds already, or ran its time: then there is nothing to do."""
        return any(
            hold.date_to == until
            and normalize(hold.reason) == normalize(reason)
            and (hold.open or until < today)
            for hold in holds
            if until
        )

    @api.model
    def _get_problem(self, until, reason, today):
        """Return what is wrong with a pause, as (column, sentence)."""
        if not until:
            return "pause_until", self.env._(
                "There is a reason and no day: write the last day of the pause, or empty the "
                "reason."
            )
        if until < today:
            return "pause_until", self.env._(
                "The pause would end on %s, before today: write a later day, or empty the cell.",
                format_date(self.env, until),
            )
        if not reason:
            return "pause_reason", self.env._(
                "There is a pause and no reason: write one, for colleagues will ask."
            )
        return None

    @api.model
    def _get_text(self, until, reason):
        return f"{format_date(self.env, until)} ({reason})" if until else reason

    @api.model
    def _write_changes(self, company, rows):
        self.env["collection.hold"]._pause_each(
            {row.item.move_line_id: row.changes[self._name] for row in rows}
        )
