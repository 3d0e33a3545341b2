from odoo import fields, models

ROUND_REASONS = [
    ("returned_debit", "Returned debit"),
    ("reopened", "Reconciliation undone"),
    ("broken_promise", "Broken promise"),
    ("breached_plan", "Breached payment plan"),
    ("new_date", "New due date agreed"),
    ("action_cancelled", "Action cancelled"),
]


class CollectionRound(models.Model):
    """A new round of claims on a receivable line: what made the steps begin again, and when.

    A line without one is in round 0. Within a round each step speaks once.
    """

    _name = "collection.round"
    _description = "Round of Claims"
    _order = "move_line_id, number desc"

    move_line_id = fields.Many2one("account.move.line", required=True, ondelete="cascade")
    company_id = fields.Many2one(
        related="move_line_id.company_id", store=True, index=True, precompute=True
    )
    number = fields.Integer(required=True)
    date = fields.Date(required=True)
    reason = fields.Selection(ROUND_REASONS, required=True)

    _line_number_unique = models.UniqueIndex(
        "(move_line_id, number)", "A line can be in each round only once."
    )

    def _begin(self, lines, reason):
        """Begin a new round on ``lines`` (account.move.line), once a day and reason.

        :param str reason: one of ``ROUND_REASONS``
        :return: the rounds begun
        """
        if not lines:
            return self
        today = fields.Date.context_today(self)
        latest = {
            line: (number, date)
            for line, number, date in self._read_group(
                [("move_line_id", "in", lines.ids)], ["move_line_id"], ["number:max", "date:max"]
            )
        }
        return self.create(
            [
                {
                    "move_line_id": line.id,
                    "number": latest.get(line, (0, None))[0] + 1,
                    "date": today,
                    "reason": reason,
                }
                for line in lines
                if latest.get(line, (0, None))[1] != today
            ]
        )
