"""Customers and contacts of a ledger: through the ORM, or thousands of alike ones set-based."""

from collections import defaultdict

from odoo import Command

from .copying import CopyTable, Ids
from .templates import rolled_back

# What differs between customers that are otherwise alike, as columns may repeat it.
OWN_WORDS = ("name", "vat", "street", "zip", "city", "email")


class PartnerMaker:
    """Makes the partners of a ledger for its companies, users and terms (``Masters``)."""

    def __init__(self, masters):
        self.masters = masters
        self.env = masters.env
        self.tags = self._tags()

    def make(self, set_based):
        """Make all partners and return them by key.

        :param bool set_based: where many customers are alike, copy them from one of their kind
            that is made through the ORM
        """
        customers = [row for row in self.masters.ledger.partners if not row.parent]
        contacts = [row for row in self.masters.ledger.partners if row.parent]
        alike = len({self._kind(row) for row in customers}) * 10 < len(customers)
        copied = set_based and alike
        partners = self._copy(customers) if copied else self._create(customers, {})
        partners.update(self._create(contacts, partners))
        self.env["res.partner.bank"].create(
            [
                {"acc_number": row.iban, "partner_id": partners[row.key].id}
                for row in customers
                if row.iban
            ]
        )
        return partners

    def _create(self, rows, parents):
        Partner = self.env["res.partner"].with_context(no_vat_validation=True)
        partners = Partner.create([self._values(row, parents) for row in rows])
        created = dict(zip([row.key for row in rows], partners.with_env(self.env), strict=True))
        self._set_company_properties(rows, created)
        return created

    def _values(self, row, parents):
        masters = self.masters
        values = {
            "name": row.name,
            "ref": "" if row.parent else row.key.upper(),
            "is_company": row.kind in ("company", "public"),
            "type": row.type,
            "parent_id": parents[row.parent].id if row.parent else False,
            "company_id": masters.companies[row.company].id if row.company else False,
            "function": row.function,
            "country_id": masters.country(row).id,
            "state_id": masters.state(row).id,
            "user_id": masters.users[row.salesperson].id if row.salesperson else False,
            "category_id": [Command.set([self.tags[tag] for tag in row.tags.split("|") if tag])],
            "lang": masters.language(row.lang),
            **{name: getattr(row, name) for name in ("street", "zip", "city", "email", "phone")},
        }
        if not row.parent:
            industry = row.industry and f"base.res_partner_industry_{row.industry}"
            values["industry_id"] = industry and self.env.ref(industry).id
            values.update(vat=row.vat, customer_rank=1)
        return values

    def _set_company_properties(self, rows, partners):
        """Write what a customer has in each company that it may deal with."""
        masters = self.masters
        groups = defaultdict(list)
        for row in rows:
            if row.parent:
                continue
            for key in [row.company] if row.company else masters.companies:
                values = {}
                if row.term:
                    values["property_payment_term_id"] = masters.terms[row.term].id
                # Odoo refuses a branch's customers a method of the parent's bank journal.
                if row.method == "debit" and not masters.companies[key].parent_id:
                    method = masters.debit_method(key)
                    values["property_inbound_payment_method_line_id"] = method.id
                if row.receivable == "non_trade":
                    account = masters.non_trade_account(key)
                    values["property_account_receivable_id"] = account.id
                if row.credit_limit:
                    values["credit_limit"] = row.credit_limit
                for item in values.items():
                    groups[key, item].append(partners[row.key].id)
        for (key, (name, value)), ids in groups.items():
            company = masters.companies[key]
            self.env["res.partner"].with_company(company).browse(ids).write({name: value})

    def _tags(self):
        """Ids of the partner tags by name."""
        Tag = self.env["res.partner.category"]
        names = {tag for row in self.masters.ledger.partners for tag in row.tags.split("|") if tag}
        tags = {name: Tag.search([("name", "=", name)], limit=1) for name in sorted(names)}
        return {name: (tag or Tag.create({"name": name})).id for name, tag in tags.items()}

    # Set-based -----------------------------------------------------------------------------

    def _copy(self, rows):
        """Copy each row from the first of its kind."""
        table = CopyTable(self.env.cr, "res_partner")
        tagged = CopyTable(self.env.cr, "res_partner_res_partner_category_rel")
        ids = Ids(self.env.cr, "res_partner")
        kinds, copied = {}, {}
        for row in rows:
            kind = self._kind(row)
            if kind not in kinds:
                kinds[kind] = self._template(row, table)
            template, own_columns = kinds[kind]
            copied[row.key] = partner_id = ids.next()
            table.add(
                template,
                {
                    "id": partner_id,
                    "ref": row.key.upper(),
                    **{
                        column: partner_id if name == "id" else getattr(row, name)
                        for column, name in own_columns.items()
                    },
                },
            )
            for tag in filter(None, row.tags.split("|")):
                tagged.add([""] * 2, {"partner_id": partner_id, "category_id": self.tags[tag]})
        table.flush()
        tagged.flush()
        partners = self.env["res.partner"].browse(copied.values())
        return dict(zip(copied, partners, strict=True))

    @staticmethod
    def _kind(row):
        """All but the words of its own."""
        return tuple(
            bool(getattr(row, name)) if name in OWN_WORDS else getattr(row, name)
            for name in type(row).__slots__
            if name not in ("key", "habit", "iban")
        )

    def _template(self, row, table):
        """A row made through the ORM, and which of its columns hold the customer's own words."""
        with rolled_back(self.env):
            partner = self._create([row], {})[row.key]
            self.env.flush_all()
            values = table.read(partner.ids)[0]
        words = {getattr(row, name): name for name in OWN_WORDS if getattr(row, name)}
        own_columns = {
            column: words[value]
            for column, value in values.items()
            if isinstance(value, str) and value in words
        }
        own_columns["commercial_partner_id"] = "id"
        return table.template(values), own_columns
