from odoo import fields, models
from odoo.exceptions import UserError


class CollectionPreview(models.TransientModel):
    """The message that a customer would get today, shown and not sent."""

    _name = "collection.preview"
    _description = "Preview of a Message"

    customer_id = fields.Many2one("collection.customer", readonly=True)
    step_name = fields.Char(string="Step", readonly=True)
    recipient = fields.Char(readonly=True)
    subject = fields.Char(readonly=True)
    body = fields.Html(readonly=True, sanitize=False)

    def _open(self, customer, notice=None):
        """Return the action that shows the message.

        :param customer: collection.customer
        :param notice: an existing collection.notice; default: the one that today's run would make
        :raises UserError: when there is nothing to say to the customer today
        """
        values = self._render(notice.sudo()) if notice else self._render_todays(customer.sudo())
        preview = self.create(dict(values, customer_id=customer.id))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Preview"),
            "res_model": self._name,
            "res_id": preview.id,
            "view_mode": "form",
            "target": "new",
        }

    def _render_todays(self, customer):
        """Make today's notices, read the message and undo it all."""
        savepoint = self.env.cr.savepoint()
        try:
            notices = (
                self.env["collection.run"]
                .sudo()
                .with_company(customer.company_id)
                ._decide(customer.company_id, customer, simulate=True)
            )
            message = notices.filtered(lambda n: n.is_message and n.step_id.template_id)[:1]
            values = self._render(message) if message else None
            tasks = ", ".join(notices.mapped("display_name"))
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)
        if values is None:
            raise UserError(
                self.env._("Today there is a task, no message: %s", tasks)
                if tasks
                else self.env._(
                    "There is nothing to say to %s today; the open items tell why.",
                    customer.partner_id.display_name,
                )
            )
        return values

    def _render(self, notice):
        if notice.body:
            subject, body = notice.subject, notice.body
        else:
            subject, body = notice._render_message()
        return {
            "step_name": notice.step_id.name,
            "recipient": notice.recipient_id.email_formatted or notice.recipient_id.display_name,
            "subject": subject,
            "body": body,
        }
