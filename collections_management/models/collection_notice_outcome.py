from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import email_normalize

# A bounce that names only an address is of what left in so many days: mail systems try for five.
REPORT_DAYS = 7


class CollectionNoticeOutcome(models.AbstractModel):
    """What came of a notice's message: answers, or the mail system's report that it came back."""

    _name = "collection.notice.outcome"
    _description = "What Came of a Notice"

    bounced_address = fields.Char(
        readonly=True,
        help="Messages to this address come back: nothing more is sent there until somebody "
        "corrects it or retries.",
    )
    reply_ids = fields.One2many("collection.reply", "notice_id", string="Replies", readonly=True)
    reply_count = fields.Integer(compute="_compute_reply_count")

    def _compute_reply_count(self):
        counts = dict(
            self.env["collection.reply"]._read_group(
                [("notice_id", "in", self.ids)], ["notice_id"], ["__count"]
            )
        )
        for notice in self:
            notice.reply_count = counts.get(notice, 0)

    def action_open_replies(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_reply_action"
        )
        return dict(action, domain=[("notice_id", "=", self.id)], context={})

    def action_retry(self):
        """Override of ``collection.delivery``: a person who retries knows that the address is right."""
        self._forget_bounces()
        return super().action_retry()

    def _retry_now(self):
        """Override of ``collection.delivery``: what came back is composed anew, as its message has left."""
        bounced = self.filtered(lambda notice: notice.state == "bounced")
        bounced._compose_again()
        super(CollectionNoticeOutcome, self - bounced)._retry_now()

    @api.model
    def _find_reported(self, message_dict):
        """Return the notices that a mail system's report is about.

        By the message it names, else by the address, of those that left in the last days.

        :param dict message_dict: as Odoo's gateway has it
        """
        message = message_dict["bounced_message"]
        address = email_normalize(message_dict["bounced_email"] or "")
        if message:
            return self.search([("message_id", "=", message.id)])
        if not address:
            return self.browse()
        since = fields.Date.context_today(self) - timedelta(days=REPORT_DAYS)
        return self.search(
            [
                ("recipient_id.email_normalized", "=", address),
                ("state", "=", "sent"),
                ("mailbox", "=", False),
                ("sent_date", ">=", since),
                ("channel_id.is_manual", "=", False),
            ]
        )

    def _bounce(self, address, cause):
        """Note that the messages came back: their steps wait until the address is corrected.

        :param str address: normalised
        :param str cause: the mail system's words
        """
        for company, notices in self.grouped("company_id").items():
            came_back = company._in_own_language(notices).filtered(lambda n: n.state == "sent")
            came_back._set_state(
                "bounced",
                bounced_address=address,
                failure=came_back.env._(
                    "It came back from %(address)s: %(cause)s. It is sent again when the contact has "
                    "another address.",
                    address=address,
                    cause=cause or came_back.env._("the mail system does not say why"),
                ),
            )

    @api.model
    def _retry_bounced(self, company):
        """Send again what came back where the contact has another address by now.

        :param company: root res.company
        """
        bounced = self.search(
            [
                ("state", "=", "bounced"),
                ("company_id", "=", company.id),
                ("mailbox", "=", False),
                ("line_ids.move_line_id.reconciled", "=", False),
            ]
        )
        corrected = bounced.filtered(lambda n: n._get_address() not in (False, n.bounced_address))
        corrected._compose_again()
        corrected.customer_id.activity_unlink(["collections_management.activity_type_bounced"])

    def _compose_again(self):
        """Have the notices composed once more; the message that came back stays on record."""
        for (company, scheme), notices in self.grouped(
            lambda n: (n.company_id, n.strategy_id)
        ).items():
            careful = "approve" in (company.collection_mode, scheme.mode)
            notices._set_state(
                "to_approve" if careful else "ready",
                by_itself=not careful,
                bounced_address=False,
                mail_id=False,
                message_id=False,
                message_uid=False,
                sent_date=False,
            )

    def _get_address(self):
        """Return the address that the notice would go to now; False: none."""
        self.ensure_one()
        return self._get_addressee().email_normalized

    def _forget_bounces(self):
        """Take the addresses of these notices' customers for good again."""
        self.search(
            [("customer_id", "in", self.customer_id.ids), ("bounced_address", "!=", False)]
        ).bounced_address = False
