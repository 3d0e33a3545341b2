from odoo import fields, models


class CollectionMarkDone(models.TransientModel):
    """What came of calls, letters or actions that a person has done: a word for the conversation."""

    _name = "collection.mark.done"
    _description = "Mark as Done"

    notice_ids = fields.Many2many("collection.notice", string="Notices", required=True)
    comment = fields.Text(help="What came of it: it is posted on the customer's conversation.")

    def action_confirm(self):
        self.ensure_one()
        self.notice_ids.action_mark_done(comment=self.comment or False)
        return {"type": "ir.actions.act_window_close"}
