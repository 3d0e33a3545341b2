from odoo import models


class MailActivity(models.Model):
    _inherit = "mail.activity"

    def _action_done(self, feedback=False, attachment_ids=None):
        """Override of ``mail``: a task that is done is a notice delivered, a reply answered, an action taken."""
        # sudo: whoever may finish the task need not have rights on notices
        notices = (
            self.env["collection.notice"]
            .sudo()
            .search([("activity_id", "in", self.ids), ("state", "=", "queued")])
        )
        notices._mark_sent()
        task_type = self.env.ref(
            "collections_management.activity_type_reply", raise_if_not_found=False
        )
        tasks = self.filtered(lambda task: task.activity_type_id == task_type)
        # sudo: as above
        replies = self.env["collection.reply"].sudo().browse(tasks.mapped("res_id")).exists()
        task_type = self.env.ref(
            "collections_management.activity_type_action", raise_if_not_found=False
        )
        taken = self.filtered(
            lambda task: (
                task.activity_type_id == task_type and task.res_model == "collection.action"
            )
        )
        actions = self.env["collection.action"].browse(taken.mapped("res_id")).exists()
        result = super()._action_done(feedback=feedback, attachment_ids=attachment_ids)
        pending = replies.filtered(lambda reply: reply.state == "pending")
        pending._close("answered", self.env.user)
        actions.filtered(lambda action: action.state == "open").action_done()
        return result
