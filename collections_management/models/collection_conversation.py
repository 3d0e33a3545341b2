from odoo import models


class CollectionConversation(models.AbstractModel):
    """A conversation with customers: what comes in waits for an answer, what a person sends answers it."""

    _name = "collection.conversation"
    _description = "Conversation with Customers"
    _inherit = ["mail.thread"]

    def _message_post_after_hook(self, message, msg_values):
        """Override of ``mail``: see what comes in, by mail or from a customer's own page.

        What a colleague writes from a mail program is an answer of ours; what no person wrote
        (see ``mail.thread._message_route_process``) is filed and neither asks nor answers.
        """
        result = super()._message_post_after_hook(message, msg_values)
        if message.message_type == "email":
            if self._is_ours(message):
                self._answer(message)
            else:
                self._receive(message, bool(self.env.context.get("collection_automatic")))
        elif message.message_type == "comment" and message.author_id.partner_share:
            self._receive(message, automatic=False)
        return result

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """Override of ``mail``: no copy of each answer to ourselves, in whose name notices are sent."""
        recipients = super()._notify_get_recipients(message, msg_vals=msg_vals, **kwargs)
        ourselves = self.sudo().company_id.partner_id.id
        return [recipient for recipient in recipients if recipient["id"] != ourselves]

    def _notify_thread(self, message, msg_vals=False, **kwargs):
        """Override of ``mail``: a person's message that goes to someone outside is an answer."""
        recipients = super()._notify_thread(message, msg_vals=msg_vals, **kwargs)
        if (
            message.message_type == "comment"
            and self._is_ours(message)
            and any(recipient["share"] for recipient in recipients)
        ):
            self._answer(message)
        return recipients

    def _is_ours(self, message):
        """Tell whether a colleague wrote the message: a person, not Odoo itself.

        Odoo takes itself for the author of mails without sender.
        """
        author = message.author_id
        return (
            bool(author)
            and not author.partner_share
            and author != self.env.ref("base.partner_root")
        )

    def _answer(self, message):
        """Close the pending replies of the conversation: a colleague has answered."""
        if self.env.context.get("collection_automatic"):
            return
        # sudo: whoever answers need not have rights on replies
        user = message.sudo().author_id.user_ids.filtered(lambda user: not user.share)[:1]
        self._get_pending_replies()._close("answered", user or self.env.user)

    def _receive(self, message, automatic):
        """Keep what came in.

        :param message: mail.message
        :param bool automatic: no person wrote it
        """
        raise NotImplementedError

    def _get_pending_replies(self):
        """Return the replies of the conversation that wait for an answer, as superuser."""
        raise NotImplementedError

    def _find_author(self, address):
        """Return who among the people of this conversation has an e-mail address.

        :param str address: as in a mail's header
        :rtype: res.partner
        """
        return self.env["res.partner"]
