from psycopg2.errors import LockNotAvailable

from odoo import api, fields, models
from odoo.exceptions import LockError
from odoo.tools import SQL
from odoo.tools.misc import hash_sign, verify_hash_signed

SCOPE = "collections_portal.link"
# Who reads what customers ask for on the portal.
READERS = "collections_management.group_collection_collector,account.group_account_readonly"
NEWS = "collections_portal/news"
WAIT = "10s"  # for who was first


class CollectionCustomer(models.Model):
    """The customer's file: its page on the portal, and the links that open it without a login."""

    _inherit = "collection.customer"

    portal_link_version = fields.Integer(
        string="Version of Links",
        readonly=True,
        copy=False,
        default=0,
        help="Links in messages carry it: raised, the links sent before open nothing any more.",
    )
    portal_turn = fields.Integer(
        readonly=True,
        copy=False,
        help="Raised by all that is sent from the customer's page, so that nothing happens twice.",
    )
    portal_request_ids = fields.One2many(
        "collection.portal.request", "customer_id", string="Portal Requests", groups=READERS
    )
    portal_request_count = fields.Integer(
        string="Portal Requests to Confirm",
        compute="_compute_portal_request_count",
        groups=READERS,
    )

    def _compute_portal_request_count(self):
        counts = dict(
            self.env["collection.portal.request"]._read_group(
                [("customer_id", "in", self.ids), ("state", "=", "waiting")],
                ["customer_id"],
                ["__count"],
            )
        )
        for customer in self:
            customer.portal_request_count = counts.get(customer, 0)

    # ------------------------------------------------------------
    # Links
    # ------------------------------------------------------------

    def _get_portal_token(self, contact=None):
        """Return the token that opens this customer's page without a login.

        It is signed, expires after the days that the company's settings say, and is void as soon
        as the file's links are renewed. Nothing of it is stored.

        :param contact: res.partner whom it is given to; default: the payments contact
        """
        self.ensure_one()
        contact = contact or self._get_recipient()
        # sudo: the key of the database signs
        customer = self.sudo()
        days = customer.company_id.collection_portal_link_days
        return hash_sign(
            customer.env,
            SCOPE,
            [customer.id, customer.portal_link_version, contact.id],
            expiration_hours=24 * days,
        )

    @api.model
    def _find_by_portal_token(self, token):
        """Return the file that a token opens and the contact it was given to, both as superuser.

        :return: two empty recordsets when it is altered, expired or withdrawn
        """
        # sudo: the token is the right of access
        files, contacts = self.sudo(), self.env["res.partner"].sudo()
        nobody = files.browse(), contacts.browse()
        try:
            values = verify_hash_signed(files.env, SCOPE, token or "")
        except (ValueError, IndexError):  # no token of ours
            return nobody
        if not values:
            return nobody
        customer_id, version, contact_id = values
        customer = files.browse(customer_id).exists()
        contact = contacts.browse(contact_id).exists()
        if customer.portal_link_version != version or not contact:
            return nobody
        # who has left the company has lost its page
        if contact.commercial_partner_id != customer.partner_id:
            return nobody
        return customer, contact

    def _get_portal_url(self, contact=None, path=""):
        """Return the address of one of the customer's pages, with a token that opens it."""
        self.ensure_one()
        token = self._get_portal_token(contact)
        return f"{self.get_base_url()}/my/collections{path}?access_token={token}"

    def _take_portal_turn(self):
        """Have what is sent from this customer's pages follow one another, whichever worker gets it.

        Who comes second waits here for the first; then its transaction fails to serialize, so Odoo
        repeats the request, which finds what the first has made. A mere lock would not do: after
        the wait it would still look at the ledger as it was before.

        :raises LockError: when a job has the customer in hand and doesn't come to an end
        """
        self.ensure_one()
        try:
            with self.env.cr.savepoint():
                self.env.cr.execute(SQL("SET LOCAL lock_timeout = %s", WAIT))
                self.env.cr.execute(
                    SQL(
                        "UPDATE collection_customer SET portal_turn = COALESCE(portal_turn, 0) + 1 "
                        "WHERE id = %s",
                        self.id,
                    )
                )
                self.env.cr.execute(SQL("SET LOCAL lock_timeout TO DEFAULT"))
        except LockNotAvailable:
            raise LockError(
                self.env._(
                    "We are working on your account at this moment: please try again in a minute."
                )
            ) from None

    def action_renew_portal_links(self):
        """Withdraw all links sent so far: they open nothing any more; new messages carry new ones."""
        self.check_access("write")
        for customer in self:
            # sudo: the version is the system's
            customer.sudo().portal_link_version += 1
            customer.message_post(
                body=self.env._(
                    "The links to the customer's page in messages sent so far were withdrawn."
                )
            )

    def action_open_portal_page(self):
        """Open the page that the payments contact sees."""
        self.ensure_one()
        self.check_access("read")
        return {"type": "ir.actions.act_url", "url": self._get_portal_url(), "target": "new"}

    def action_open_portal_requests(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_portal.collection_portal_request_action"
        )
        return dict(action, domain=[("customer_id", "=", self.id)], context={})

    # ------------------------------------------------------------
    # The conversation, live
    # ------------------------------------------------------------

    def _get_portal_messages_domain(self, contact):
        """Return the domain of the messages that a contact sees: no notes, no logs.

        A restricted contact sees what it wrote, and what was sent to it.
        """
        own = ["|", ("author_id", "=", contact.id), ("partner_ids", "in", contact.ids)]
        return [
            *(own if contact._is_portal_restricted() else []),
            ("model", "=", self._name),
            ("res_id", "in", self.ids),
            ("message_type", "in", ("comment", "email", "email_outgoing", "auto_comment")),
            ("subtype_id.internal", "=", False),
            ("is_internal", "=", False),
            ("subtype_id", "!=", False),
        ]

    def _message_post_after_hook(self, message, msg_values):
        """Override of ``mail``: tell the customer's open pages that there is something to read.

        The news carries no content: a page asks for it with its own right of access.
        """
        result = super()._message_post_after_hook(message, msg_values)
        if message.message_type in ("comment", "email", "auto_comment"):
            for customer in self:
                self.env["bus.bus"]._sendone((customer, "portal"), NEWS, {})
        return result
