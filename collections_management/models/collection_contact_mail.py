import re
from datetime import datetime, time, timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_amount, format_date

# So many PDFs at most go with the e-mail; of more invoices goes the statement of account.
ATTACHED = 10


class CollectionContactMail(models.Model):
    """The e-mail with invoices that goes to a customer after a contact, some minutes later.

    So long a slip can be undone. A person chose to send it, so it is not held by the company's
    mode; the contact policy's hours count, and for consumers its days between messages too.
    """

    _name = "collection.contact.mail"
    _description = "E-Mail After a Contact"
    _inherit = ["collection.delivery"]
    _order = "id desc"
    _check_company_auto = True

    _written_key = "collection_contact_mail_ids"
    _delivery_job = "collections_management.ir_cron_collection_contact_mails"
    _delivery_batch = 20  # invoices are printed

    contact_id = fields.Many2one(
        "collection.contact", required=True, index=True, ondelete="cascade", readonly=True
    )
    template_id = fields.Many2one("mail.template", readonly=True, ondelete="restrict")
    person_id = fields.Many2one(
        "res.partner",
        readonly=True,
        ondelete="set null",
        help="To whom it goes. Empty: the payments contact.",
    )
    greeting = fields.Char(
        compute="_compute_words", help="For message templates: how the recipient is addressed."
    )
    amount_text = fields.Char(
        compute="_compute_words",
        help="For message templates: what the chosen invoices are open for, one amount per currency.",
    )
    items_html = fields.Html(
        compute="_compute_words",
        sanitize=False,
        help="For message templates: the table of the chosen invoices.",
    )

    _pending_idx = models.Index("(state, retry_at) WHERE state IN ('ready', 'queued', 'failed')")

    @api.depends("partner_id", "date")
    def _compute_display_name(self):
        for mail in self:
            mail.display_name = (
                f"{format_date(self.env, mail.date)} · {mail.partner_id.display_name}"
            )

    @api.model
    def _ask_approval_again(self, domain):
        """Override: a person chose to send each, so they wait for nobody's approval."""

    # ------------------------------------------------------------
    # Words
    # ------------------------------------------------------------

    @api.depends("contact_id", "lang", "recipient_id")
    def _compute_words(self):
        for mail in self:
            worded = mail.with_context(lang=mail.lang or self.env.lang)
            groups = worded._get_groups()
            mail.greeting = worded._get_greeting()
            mail.amount_text = " + ".join(group["total"] for group in groups)
            mail.items_html = worded._render_items(groups)

    def _get_open_lines(self):
        """Return the chosen items that are still open; in a template's test what is overdue."""
        lines = self.contact_id.move_line_ids
        if not self.contact_id:
            items = self.env["collection.due.item"].with_context(collection_facts_only=True)
            mine = [
                ("customer_id", "=", self.customer_id._origin.id),
                ("residual_currency", ">", 0),
            ]
            lines = lines.browse(items.search(mine).ids)._get_collection_overdue()
        return lines.filtered(lambda line: not line.reconciled and line.parent_state == "posted")

    def _get_groups(self):
        """Return what is said of the chosen items: a dict of texts for each currency."""
        lines = self._get_open_lines().sorted(lambda line: (line._get_collection_due(), line.id))
        return [
            {
                "total": format_amount(
                    self.env, sum(group.mapped("amount_residual_currency")), currency
                ),
                "rows": [
                    {
                        "name": line._get_collection_name(),
                        "due": format_date(self.env, line._get_collection_due()),
                        "open": format_amount(self.env, line.amount_residual_currency, currency),
                    }
                    for line in group
                ],
            }
            for currency, group in lines.grouped("currency_id").items()
        ]

    def _render_items(self, groups):
        content = self.env["ir.qweb"]._render(
            "collections_management.contact_mail_items", {"groups": groups}, lang=self.env.lang
        )
        return Markup(re.sub(r">\s+<", "><", content))

    # ------------------------------------------------------------
    # Making
    # ------------------------------------------------------------

    @api.model
    def _make(self, contact, template, minutes, person=None):
        """Make the e-mail of a contact; it leaves when the policy allows, not before some minutes.

        :param contact: collection.contact
        :param template: mail.template
        :param int minutes: until it leaves
        :param person: res.partner it goes to; default: the payments contact
        :raises UserError: when the customer's policy allows no e-mail, or there is no address
        """
        customer = contact.customer_id
        if reason := self._get_refusal(customer, person):
            raise UserError(reason)
        moment = self._get_first_moment(customer, minutes)
        mail = self.create(
            {
                "contact_id": contact.id,
                "customer_id": customer.id,
                "company_id": customer.company_id.id,
                "date": customer.company_id._get_collection_today(),
                "template_id": template.id,
                "person_id": person.id if person else False,
                "retry_at": moment,
            }
        )
        mail._trigger_delivery(moment)
        return mail

    @api.model
    def _get_refusal(self, customer, person=None):
        """Return why no e-mail can go to a customer; falsy: it can.

        :param customer: collection.customer
        :param person: res.partner it would go to; default: the payments contact
        """
        channel = customer._get_policy().channel_id
        if channel and channel.code != "email":
            return self.env._(
                "%(customer)s may be written to by %(channel)s only, as its contact policy says: "
                "untick “Send the Invoices by E-Mail”.",
                customer=customer.partner_id.display_name,
                channel=channel.name,
            )
        person = person or customer._get_recipient()
        if not person.email_normalized:
            return self.env._(
                "%(contact)s has no valid e-mail address: write it into “E-Mail” of this dialog, or "
                "untick “Send the Invoices by E-Mail”.",
                contact=person.display_name,
            )
        return False

    @api.model
    def _get_first_moment(self, customer, minutes):
        """Return the first moment (naive UTC) at which an e-mail may leave.

        :param customer: collection.customer
        :param int minutes: it waits at least so long
        """
        moment = fields.Datetime.now() + timedelta(minutes=minutes)
        interval = customer.is_consumer and customer._get_policy().interval_days
        last = interval and self._get_last_message_date(customer)
        if last and last + timedelta(days=interval) > moment.date():
            # the hours of the policy are asked when it is delivered
            moment = datetime.combine(last + timedelta(days=interval), time())
        return moment

    @api.model
    def _get_last_message_date(self, customer):
        """Return the day of the last message that a customer had or is about to have."""
        self.env.flush_all()
        [[last]] = self.env.execute_query(
            SQL(
                "SELECT max(spoken.date) FROM %s spoken WHERE spoken.customer_id = %s",
                self.env["collection.due.item"]._get_messages_sql(),
                customer.id,
            )
        )
        return last

    # ------------------------------------------------------------
    # Delivery
    # ------------------------------------------------------------

    def _recheck(self, in_hand=False):
        """Override of ``collection.delivery``: what was paid meanwhile is sent no more."""
        paid = self.filtered(lambda mail: not mail._get_open_lines())
        paid._withdraw(self.env._("Paid before it was sent."))
        return self - paid

    def _deliver(self):
        """Compose the messages in batch; they wait in the mail queue as outgoing."""
        addressed = self._set_recipients()
        for template, mails in addressed.grouped("template_id").items():
            for batch in mails._one_per_customer():
                batch._compose(template=template)

    def _get_addressee(self):
        """Override of ``collection.delivery``: whom the collector chose."""
        return self.person_id.exists() or super()._get_addressee()

    def _get_attachments(self):
        """Override of ``collection.delivery``: the invoices as PDF; of many, the statement."""
        self.ensure_one()
        moves = self._get_open_lines().move_id
        if len(moves) > ATTACHED:
            return self._make_attachment(*self.customer_id._print_statement())
        return self._get_invoice_files(moves)
