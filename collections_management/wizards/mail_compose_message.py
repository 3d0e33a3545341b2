from odoo import models


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    def _prepare_mail_values(self, res_ids):
        """Override of ``mail``: add the PDFs that a notice's step asks for; divert trials."""
        values = super()._prepare_mail_values(res_ids)
        notices = self.env["collection.notice"].browse(
            self.env.context.get("collection_notice_ids") or []
        )
        for notice in notices:
            attachments = notice._get_attachments()
            if attachments and notice.customer_id.id in values:
                mail_values = values[notice.customer_id.id]
                mail_values["attachment_ids"] = [
                    *(mail_values.get("attachment_ids") or []),
                    *[(4, attachment.id) for attachment in attachments],
                ]
            mailbox = notice.company_id.collection_mailbox
            if mailbox and notice.customer_id.id in values:
                self._divert(values[notice.customer_id.id], notice, mailbox)
        return values

    def _divert(self, mail_values, notice, mailbox):
        """Send a message to the mailbox of a trial; its subject says to whom it would have gone."""
        mail_values.update(
            recipient_ids=[],
            email_cc=False,
            email_to=mailbox,
            subject=f"[{notice.recipient_id.email_formatted}] {mail_values['subject']}",
        )
