from odoo import api, fields, models
from odoo.tools import format_date

from ..models.collection_step import PHASES


class CollectionDryRunItem(models.TransientModel):
    """An open item that a dry run's message would name, and why."""

    _name = "collection.dry.run.item"
    _description = "Dry Run: Item"
    _order = "date, date_due, id"
    notice_id = fields.Many2one(
        "collection.dry.run.notice", required=True, index=True, ondelete="cascade"
    )
    # a number, and no more relations than screens need: keys are checked for each of very many rows
    run_id = fields.Integer(required=True)
    date = fields.Date(readonly=True)
    move_line_id = fields.Many2one(
        "account.move.line", string="Item", readonly=True, ondelete="cascade"
    )
    move_id = fields.Many2one(related="move_line_id.move_id", string="Invoice")
    date_due = fields.Date(string="Due Date", readonly=True)
    days_overdue = fields.Integer(readonly=True, help="On the day it would be said.")
    currency_id = fields.Many2one(related="move_line_id.currency_id")
    company_currency_id = fields.Many2one(
        related="notice_id.company_currency_id", string="Company Currency"
    )
    residual_currency = fields.Monetary(
        string="Open in Currency", currency_field="currency_id", readonly=True
    )
    residual = fields.Monetary(
        string="Open Amount", currency_field="company_currency_id", readonly=True
    )
    step_id = fields.Many2one("collection.step", readonly=True, ondelete="cascade")
    phase = fields.Selection(PHASES, readonly=True)
    level = fields.Integer(readonly=True)
    round_number = fields.Integer(string="Round", readonly=True)
    repetition = fields.Integer(readonly=True)
    last_step_id = fields.Many2one("collection.step", readonly=True, ondelete="cascade")
    last_date = fields.Date(string="Last Said", readonly=True)
    explanation = fields.Char(string="Why", compute="_compute_explanation")

    _said_idx = models.Index("(move_line_id, run_id)")

    @api.depends_context("lang")
    @api.depends("days_overdue", "last_date", "last_step_id", "step_id", "repetition")
    def _compute_explanation(self):
        for item in self:
            sentences = [item._get_age_text()]
            if item.repetition:
                sentences.append(self.env._("The last claim is said again."))
            elif item.last_step_id:
                sentences.append(
                    self.env._(
                        "After “%(step)s” on %(date)s.",
                        step=item.last_step_id.name,
                        date=format_date(self.env, item.last_date),
                    )
                )
            item.explanation = " ".join(sentences)

    def _get_age_text(self):
        """Return how late the item would be on the day."""
        if self.days_overdue > 0:
            return self.env._("%s days overdue on that day.", self.days_overdue)
        if self.days_overdue < 0:
            return self.env._("Due in %s days on that day.", -self.days_overdue)
        return self.env._("Due on that day.")
