from odoo import models


class MailActivity(models.Model):
    _inherit = "mail.activity"

    def _action_done(self, feedback=False, attachment_ids=None):
        """Override of ``mail``: a task that is done is a notice that is delivered."""
        # sudo: whoever may finish the task need not have rights on notices
        notices = (
            self.env["collection.notice"]
            .sudo()
            .search([("activity_id", "in", self.ids), ("state", "=", "queued")])
        )
        notices._mark_sent()
        return super()._action_done(feedback=feedback, attachment_ids=attachment_ids)
