from collections import defaultdict

from odoo import api, models

from .column import SHOWN, Column, normalize


class CollectionOpeningCollector(models.AbstractModel):
    """Who looks after the customer: one for all of the customer's items."""

    _name = "collection.opening.collector"
    _inherit = "collection.opening.part"
    _description = "Opening Sheet: Collector"

    @api.model
    def _get_title(self):
        return self.env._("Collector")

    @api.model
    def _get_columns(self):
        return [
            Column("present_collector", self.env._("Present Collector"), 20, role=SHOWN),
            Column(
                "collector",
                self._get_title(),
                22,
                help=self.env._(
                    "Login, e-mail address or name of who looks after the customer. One row of a "
                    "customer is enough; rows that name one must all name the same."
                ),
                # others may be written than are offered: e-mail addresses, names
                validation={"validate": "list", "source": "=collectors", "show_error": False},
            ),
        ]

    @api.model
    def _get_lists(self, company, items):
        users = self._get_collectors(company)
        return {"collectors": (self.env._("Collectors"), sorted(users.mapped("login")))}

    @api.model
    def _get_present(self, items):
        return {item.id: {"present_collector": item.collector_id.name} for item in items}

    @api.model
    def _get_users(self, company):
        """Return the internal users who work in ``company``."""
        # sudo: their names and groups, whatever the rights on users
        users = self.env["res.users"].sudo()
        return users.search([("share", "=", False), ("company_ids", "in", company.ids)])

    @api.model
    def _get_collectors(self, company):
        """Return those of them who have rights on collections."""
        group = self.env.ref("collections_management.group_collection_collector")
        return self._get_users(company) & group.sudo().all_user_ids

    @api.model
    def _check(self, company, rows):
        """A customer has one collector, who has rights on collections."""
        users, collectors = self._get_by_name(company), self._get_collectors(company)
        chosen, of_customer = {}, defaultdict(set)
        for row in rows:
            if text := row.get("collector"):
                user = self._find(row, users.get(normalize(text), []), text)
                if user and user not in collectors and user != row.item.collector_id:
                    row.fail(
                        "collector",
                        self.env._(
                            "%s has no rights on collections: have your administrator make them a "
                            "collector, or write another.",
                            user.name,
                        ),
                    )
                elif user:
                    chosen[row] = user
                    of_customer[row.item.customer_id].add(user)
        for row, user in chosen.items():
            others = of_customer[row.item.customer_id] - {user}
            if others:
                row.fail(
                    "collector",
                    self.env._(
                        "Other rows give %(customer)s to %(others)s, and a customer has one "
                        "collector: write the same in all of them, or leave the others empty.",
                        customer=row.item.partner_id.display_name,
                        others=", ".join(sorted(other.name for other in others)),
                    ),
                )
            elif user != row.item.collector_id:
                row.change(self, user, row.item.collector_id.name, user.name)

    @api.model
    def _get_by_name(self, company):
        """Return the users who answer to a text: by login, else by e-mail address, else by name."""
        found = {}
        users = self._get_users(company)
        for name in ("login", "email", "name"):
            for text, same in users.grouped(lambda user, name=name: normalize(user[name])).items():
                found.setdefault(text, same)
        return found

    @api.model
    def _find(self, row, users, text):
        """Return the only user of ``users``, or refuse the row."""
        if len(users) == 1:
            return users
        if users:
            problem = self.env._(
                "%(count)s users are called “%(name)s”: write the login of the one you mean.",
                count=len(users),
                name=text,
            )
        else:
            problem = self.env._(
                "There is no user “%s” in the company: write the login, the e-mail address or the "
                "name of a collector.",
                text,
            )
        row.fail("collector", problem)
        return None

    @api.model
    def _write_changes(self, company, rows):
        customers = defaultdict(self.env["collection.customer"].browse)
        for row in rows:
            customers[row.changes[self._name]] |= row.item.customer_id
        for user, files in customers.items():
            files.write({"collector_id": user.id})
