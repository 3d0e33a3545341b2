from odoo import api, fields, models
from odoo.exceptions import UserError

from .phone_number import to_e164


class ResPartner(models.Model):
    _inherit = "res.partner"

    collection_customer_ids = fields.One2many(
        "collection.customer", "partner_id", string="Customer Files"
    )
    collection_overdue = fields.Monetary(
        string="Overdue",
        compute="_compute_collection_overdue",
        groups="account.group_account_invoice,account.group_account_readonly",
        help="Overdue in the current company, in its currency.",
    )

    collection_suspended = fields.Char(
        string="Suspended",
        compute="_compute_collection_suspended",
        help="Why nothing should be supplied to the customer; empty: nothing speaks against it.",
    )

    @api.depends_context("company")
    @api.depends("commercial_partner_id.collection_customer_ids.suspended")
    def _compute_collection_suspended(self):
        for partner in self:
            partner.collection_suspended = partner._get_collection_suspension(self.env.company)

    def _get_collection_suspension(self, company):
        """Return why nothing should be supplied to the customer; falsy: nothing speaks against it.

        For sales documents and whatever else supplies: anybody may ask.

        :param company: res.company; a branch stands for its main company
        """
        self.ensure_one()
        # sudo: who sells need not have rights on collections
        files = self.commercial_partner_id.sudo().collection_customer_ids
        file = files.filtered(lambda file: file.suspended and file.company_id == company.root_id)
        return file and (file.suspension_reason or self.env._("Suspended by collections."))

    @api.depends_context("company")
    def _compute_collection_overdue(self):
        company = self.env.company.root_id
        files = self.env["collection.customer"].search(
            [
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "=", company.id),
            ]
        )
        by_partner = files.grouped("partner_id")
        for partner in self:
            file = by_partner.get(partner.commercial_partner_id)
            partner.collection_overdue = file.overdue if file else 0.0

    def action_open_collection_customer(self):
        """Open the customer's file in the current company; the first time it is made."""
        self.ensure_one()
        Customer = self.env["collection.customer"]
        Customer.check_access("read")
        # sudo: the file is made by the system; reading it needs the person's own rights
        file = Customer.sudo()._get_or_create(self, self.env.company).with_env(self.env)
        return {
            "type": "ir.actions.act_window",
            "res_model": "collection.customer",
            "res_id": file.id,
            "view_mode": "form",
        }

    def _get_postal_line(self):
        """Return the contact's address in one line, without its name."""
        self.ensure_one()
        lines = self._display_address(without_company=True).split("\n")
        return ", ".join(line.strip() for line in lines if line.strip())

    def _get_international_phone(self, company):
        """Return the contact's phone in international form (E.164), as +34600111222.

        By Odoo's ``phone_validation`` where it works, else by the plain rules of E.164.

        :param company: res.company, whose country counts where neither contact nor customer has one
        :raises UserError: when there is none, or it can't be a number
        """
        self.ensure_one()
        if not self.phone:
            raise UserError(
                self.env._(
                    "%(contact)s has no phone number: add one to the contact, or choose another "
                    "payments contact on the customer's file.",
                    contact=self.display_name,
                )
            )
        country = self.country_id or self.commercial_partner_id.country_id or company.country_id
        phone, reason = self.phone, ""
        if hasattr(self, "_phone_format"):
            try:
                # without its library, phone_validation returns the number as it is
                phone = self._phone_format(number=phone, country=country, raise_exception=True)
            except UserError as error:
                phone, reason = "", str(error)
        number = to_e164(phone, country.code, country.phone_code)
        if not number:
            raise UserError(
                self.env._(
                    "“%(phone)s” of %(contact)s is no phone number that can be called from abroad: "
                    "write it with its country code, such as +34 600 111 222, or give the contact "
                    "a country (now: %(country)s). %(reason)s",
                    phone=self.phone,
                    contact=self.display_name,
                    country=country.name or self.env._("none"),
                    reason=reason,
                ).strip()
            )
        return number

    def write(self, vals):
        """Override of ``base``: a customer that becomes a contact brings its file along."""
        if not vals.get("parent_id") and "is_company" not in vals:
            return super().write(vals)
        before = {partner: partner.commercial_partner_id for partner in self}
        result = super().write(vals)
        for partner, commercial in before.items():
            if partner == commercial and partner.commercial_partner_id != partner:
                self.env["collection.customer"]._move_partners(
                    partner, partner.commercial_partner_id
                )
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_collection_customers(self):
        """Take files without history along; those with notices say why they stay."""
        self.sudo().with_context(active_test=False).collection_customer_ids.unlink()
