from odoo import fields, models

from ..models.collection_strategy import MODES


class CollectionDryRunNotice(models.TransientModel):
    """What a dry run would say to one customer by one channel on one day."""

    _name = "collection.dry.run.notice"
    _description = "Dry Run: Message or Task"
    _order = "date, partner_id, id"
    _rec_name = "partner_id"

    run_id = fields.Many2one("collection.dry.run", required=True, ondelete="cascade")
    date = fields.Date(readonly=True)
    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", readonly=True, ondelete="cascade"
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, ondelete="cascade"
    )
    collector_id = fields.Many2one("res.users", readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", readonly=True, ondelete="cascade")
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    channel_id = fields.Many2one("collection.channel", readonly=True, ondelete="cascade")
    step_id = fields.Many2one("collection.step", readonly=True, ondelete="cascade")
    phase = fields.Selection(related="step_id.phase")
    strategy_id = fields.Many2one(
        "collection.strategy", string="Scheme", readonly=True, ondelete="cascade"
    )
    mode = fields.Selection(MODES, readonly=True)
    item_ids = fields.One2many("collection.dry.run.item", "notice_id", readonly=True)
    item_count = fields.Integer(string="Items", readonly=True)
    amount = fields.Monetary(currency_field="company_currency_id", readonly=True)

    # one for both: PostgreSQL would combine two, and read a whole run for each item
    _said_idx = models.Index("(run_id, customer_id)")

    def _compute_display_name(self):
        for notice in self:
            notice.display_name = f"{notice.partner_id.display_name}: {notice.step_id.name}"

    def action_open_customer(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "collection.customer",
            "res_id": self.customer_id.id,
            "view_mode": "form",
        }
