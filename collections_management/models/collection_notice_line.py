from odoo import api, fields, models


class CollectionNoticeLine(models.Model):
    """One open item as a notice named it: it keeps its document, date and amounts for ever."""

    _name = "collection.notice.line"
    _description = "Notice Item"
    _order = "notice_id, date_due, id"
    # who and when is the notice's; each user's key would be checked for each of very many lines
    _log_access = False

    notice_id = fields.Many2one("collection.notice", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="notice_id.company_id")
    # indexed for whoever deletes journal items
    move_line_id = fields.Many2one(
        "account.move.line", string="Item", index=True, ondelete="set null"
    )
    move_id = fields.Many2one("account.move", string="Invoice", index=True, ondelete="set null")
    name = fields.Char(string="Document", required=True)
    date_due = fields.Date(string="Due Date")
    currency_id = fields.Many2one("res.currency", required=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    residual_currency = fields.Monetary(string="Claimed", currency_field="currency_id")
    residual = fields.Monetary(
        string="Claimed in Company Currency", currency_field="company_currency_id"
    )
    step_id = fields.Many2one("collection.step", required=True, index=True, ondelete="restrict")
    phase = fields.Selection(related="step_id.phase", store=True, related_sudo=True)
    level = fields.Integer(help="Rung of the step's ladder when it was said.")
    channel_id = fields.Many2one("collection.channel", required=True, ondelete="restrict")
    round_number = fields.Integer(string="Round")
    repetition = fields.Integer(help="How often the same claim had been said before in the round.")
    live = fields.Boolean(
        default=True, help="The step counts as said. A cancelled notice's lines are not live."
    )

    # A step speaks once: the last defence when two servers decide at the same moment.
    _said_once = models.UniqueIndex(
        "(move_line_id, step_id, channel_id, round_number, repetition) WHERE live IS TRUE",
        "This step was already said of this item.",
    )

    @api.model
    def _name_instalments(self, notice_ids):
        """Let the lines of new notices about payment plans name what the instalments ask for.

        :param list notice_ids: ids of collection.notice
        """
        lines = self.search([("notice_id", "in", notice_ids), ("round_number", "<", 0)])
        rows = [
            {
                "line": line,
                "notice_id": line.notice_id.id,
                "round_number": line.round_number,
                "date_due": line.date_due,
                "move_line_id": line.move_line_id.id,
                "residual": line.residual,
                "residual_currency": line.residual_currency,
            }
            for line in lines
        ]
        self.env["collection.plan.line"]._ask(rows)
        for row in rows:
            row["line"].write({name: row[name] for name in ("residual", "residual_currency")})

    def _get_firmest(self):
        """Return the line with the firmest step: the highest rung, overdue before coming due."""
        return self.sorted(lambda line: (line.phase != "upcoming", line.level), reverse=True)[:1]
