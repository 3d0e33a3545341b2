from odoo import models


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    def _prepare_mail_values(self, res_ids):
        """Override of ``mail``: add the files that a notice or statement brings; divert trials."""
        values = super()._prepare_mail_values(res_ids)
        for kind in self.env["collection.delivery"]._get_kinds():
            for delivery in kind._get_being_written():
                self._complete(values.get(delivery.customer_id.id), delivery)
        return values

    def _complete(self, mail_values, delivery):
        """Add to a mail's values what its delivery brings.

        :param mail_values: dict, or None when no mail is made for the customer
        :param delivery: record of ``collection.delivery``
        """
        if mail_values is None:
            return
        if attachments := delivery._get_attachments():
            mail_values["attachment_ids"] = [
                *(mail_values.get("attachment_ids") or []),
                *[(4, attachment.id) for attachment in attachments],
            ]
        if mailbox := delivery.company_id.collection_mailbox:
            self._divert(mail_values, delivery, mailbox)

    def _divert(self, mail_values, delivery, mailbox):
        """Send a message to the mailbox of a trial; its subject says to whom it would have gone."""
        mail_values.update(
            recipient_ids=[],
            email_cc=False,
            email_to=mailbox,
            subject=f"[{delivery.recipient_id.email_formatted}] {mail_values['subject']}",
        )
