from urllib.parse import quote

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext
from odoo.tools.mail import plaintext2html

# Characters of a link that every browser opens.
LINK_LENGTH = 4000


class CollectionWhatsapp(models.TransientModel):
    """A WhatsApp message that a person sends: opened there with its text, confirmed when it left."""

    _name = "collection.whatsapp"
    _description = "WhatsApp by Hand"

    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", required=True, readonly=True
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    notice_id = fields.Many2one(
        "collection.notice", readonly=True, help="Empty: a reminder that counts as no step."
    )
    recipient_id = fields.Many2one(
        "res.partner", required=True, domain="[('commercial_partner_id', '=', partner_id)]"
    )
    number = fields.Char(compute="_compute_number")
    problem = fields.Char(compute="_compute_number")
    text = fields.Text(string="Message", compute="_compute_text", store=True, readonly=False)

    @api.model
    def _open(self, customer, notice=None):
        """Return the action that opens the message.

        :param customer: collection.customer
        :param notice: the collection.notice that it delivers; default: a reminder of what is
            overdue
        :raises UserError: when nothing is overdue that the customer may be reminded of
        """
        role = notice.step_id.recipient_role if notice else "payments"
        message = self.create(
            {
                "customer_id": customer.id,
                "notice_id": notice.id if notice else False,
                "recipient_id": customer._get_recipient(role, needs="phone").id,
            }
        )
        self.env.flush_all()  # puts it into words, or says that there are none
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("WhatsApp"),
            "res_model": self._name,
            "res_id": message.id,
            "view_mode": "form",
            "target": "new",
        }

    @api.depends("recipient_id.phone", "recipient_id.country_id")
    def _compute_number(self):
        for message in self:
            message.number = message.problem = False
            try:
                message.number = message._get_number()
            except UserError as error:
                message.problem = str(error)

    def _get_number(self):
        return self.recipient_id._get_international_phone(self.customer_id.company_id)

    @api.depends("recipient_id")
    def _compute_text(self):
        for message in self:
            message.text = message._render_text()

    def _render_text(self):
        """Return the template's words as plain text, in the contact's language."""
        self.ensure_one()
        # sudo: the words are the same, whoever sends them
        customer, notice = self.customer_id._origin.sudo(), self.notice_id._origin.sudo()
        context = {
            "collection_notice_ids": notice.ids,
            "collection_recipient_id": self.recipient_id._origin.id,
        }
        if not customer.with_context(**context).short_amount:
            raise UserError(
                self.env._(
                    "%(customer)s owes nothing overdue that you may remind of: it is paid, held, "
                    "disputed or excluded. The open items tell why.",
                    customer=customer.display_name,
                )
            )
        template = self._get_template().sudo().with_context(**context)
        body = template._render_field(
            "body_html", customer.ids, set_lang=customer._get_lang(self.recipient_id)
        )[customer.id]
        # a paragraph is told from the next by an empty line
        parts = [
            html2plaintext(f"<div>{part}</div>", include_references=False)
            for part in body.split("</p>")
        ]
        return "\n\n".join(part.strip() for part in parts if part.strip())

    def _get_template(self):
        """Return the template of the step, else the one that is shipped for its tone."""
        step = self.notice_id.step_id
        if step.whatsapp_template_id:
            return step.whatsapp_template_id
        tone = self.notice_id._get_tone() if self.notice_id else "overdue"
        name = {"upcoming": "coming_due", "debit": "debit"}.get(tone, "reminder")
        template = self.env.ref(
            f"collections_management.mail_template_whatsapp_{name}", raise_if_not_found=False
        )
        if not template:
            raise UserError(
                self.env._(
                    "The WhatsApp message that is shipped was deleted: choose one on step "
                    "“%(step)s”, or update the module to have it again.",
                    step=step.name or self.env._("Reminder"),
                )
            )
        return template

    def action_open_whatsapp(self):
        """Open WhatsApp in a new tab with number and text filled in; nothing counts as sent yet."""
        self.ensure_one()
        number = self._get_number().removeprefix("+")
        link = f"https://wa.me/{number}?text={quote(self.text)}"
        if len(link) > LINK_LENGTH:
            raise UserError(
                self.env._(
                    "The message to %(contact)s is too long for a WhatsApp link: shorten it by "
                    "about %(count)s characters.",
                    contact=self.recipient_id.display_name,
                    count=len(link) - LINK_LENGTH,
                )
            )
        return {"type": "ir.actions.act_url", "url": link, "target": "new"}

    def action_confirm_sent(self):
        """Note on the conversation what was sent; the notice counts as sent, its task is done."""
        self.ensure_one()
        notice = self.notice_id
        notice._check_state(["ready", "queued", "failed"], self.env._("send"))
        message = self.customer_id._message_log(
            body=plaintext2html(self.text),
            subject=self.env._("WhatsApp to %s", self.recipient_id.display_name),
        )
        if notice:
            notice.write({"message_id": message.id, "recipient_id": self.recipient_id.id})
            notice.action_mark_done()
        return self.env["collection.contact"]._open_register(
            customer=self.customer_id,
            channel_id=self.env.ref("collections_management.channel_whatsapp").id,
            direction="out",
            person_id=self.recipient_id.id,
        )
