from odoo import models
from odoo.exceptions import UserError


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

    def action_collection_register_contact(self):
        """Open the dialog that registers what came of this task; it finishes the task.

        :raises UserError: when it is not about a customer's file
        """
        self.ensure_one()
        if self.res_model != "collection.customer":
            raise UserError(
                self.env._(
                    "“%s” is not about a customer's file: open the customer, and register the contact "
                    "there.",
                    self.display_name,
                )
            )
        notice = self.env["collection.notice"].search(
            [("activity_id", "=", self.id), ("state", "in", ("ready", "queued", "failed"))], limit=1
        )
        if notice:
            return notice.action_register_contact()
        customer = self.env["collection.customer"].browse(self.res_id)
        tasks = self.env["collection.register.contact"]._get_due_tasks(customer) | self
        return self.env["collection.contact"]._open_register(
            customer=customer,
            channel_id=self._get_collection_channel().id,
            task_ids=tasks.ids,
        )

    def _get_collection_channel(self):
        """Return the channel of the contact that the task asks for: a visit, else a call."""
        self.ensure_one()
        visit = self.env.ref("collections_management.activity_type_visit", raise_if_not_found=False)
        channels = self.env["collection.channel"]
        found = visit == self.activity_type_id and channels.search(
            [("code", "=", "visit"), ("for_contacts", "=", True)], limit=1
        )
        return found or self.env["collection.register.contact"]._get_default_channel()
