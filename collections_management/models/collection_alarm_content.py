from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .alarm_list import Section
from .collection_alarm import OWN_ROLES

SHOWN_ROWS = 20  # of a section; the rest is behind its link
SHOWN_DOCUMENTS = 3  # of a row
TO_SUPERVISOR = ("collector", "responsible", "area")  # what nobody is responsible for is theirs


class CollectionAlarmContent(models.AbstractModel):
    """What an alarm tells whom: one query finds it, each reader's rights filter it."""

    _name = "collection.alarm.content"
    _description = "What Alarms Tell"

    # ------------------------------------------------------------
    # Finding and sharing out
    # ------------------------------------------------------------

    @api.model
    def _collect(self, alarm, company, reader=None):
        """Return what an alarm tells its readers in a company. Those without anything are left out.

        :param alarm: collection.alarm
        :param company: root res.company
        :param reader: res.users, the only one asked for; default: all
        :return: dict of res.users id -> ``Section``
        """
        # sudo: what each reader may see of it is asked for below
        alarm, company = alarm.sudo(), company.sudo()
        listed = alarm._get_list(company)
        facts = self._get_facts(alarm, listed, company, reader)
        shares = self._share_out(alarm, company, facts)
        if reader is not None:
            shares = {id_: rows for id_, rows in shares.items() if id_ == reader.id}
        readers = self._get_colleagues(shares, company)
        told = {}
        for user in readers:
            ids = self._get_readable_ids(user, listed, company, shares[user.id])
            if rows := [row for row in shares[user.id] if row["id"] in ids]:
                told[user] = rows
        return self._write_sections(alarm, company, told)

    @api.model
    def _get_facts(self, alarm, listed, company, reader=None):
        """Read what there is to tell, the greatest first. One query.

        :param reader: res.users, the only one asked for
        :return: list of dict: id, amount, currency_id, date, and a user's id for each role
        """
        self.env.flush_all()
        model = listed.model
        query = model._search(
            listed.domain & self._get_reader_domain(alarm, listed, company, reader)
        )
        if query.is_empty():
            return []
        alias = model._table
        columns = {
            role: model._read_group_groupby(alias, path, query)
            for role, path in listed.roles.items()
            if alarm[OWN_ROLES[role]]
        }
        columns["id"] = SQL.identifier(alias, "id")
        columns["date"] = self._get_column(model, listed.date, query)
        columns["amount"] = (
            listed.amount(alias)
            if callable(listed.amount)
            else self._get_column(model, listed.amount, query)
        )
        columns["currency_id"] = self._get_currency_column(listed, company, query)
        rows = self.env.execute_query_dict(
            query.select(
                *(SQL("%s AS %s", sql, SQL.identifier(name)) for name, sql in columns.items())
            )
        )
        self._sort(rows, company)
        return rows

    @api.model
    def _get_reader_domain(self, alarm, listed, company, reader):
        """Return the domain of what can be for a reader at all; their rights come on top of it."""
        if reader is None or reader.id in self._get_told_everything(alarm, company):
            return Domain.TRUE
        own = Domain.FALSE
        for role, path in listed.roles.items():
            if alarm[OWN_ROLES[role]]:
                own |= Domain(path, "=", reader.id)
                if role in TO_SUPERVISOR and reader == company.collection_supervisor_id:
                    own |= Domain(path, "=", False)
        return own

    @api.model
    def _get_told_everything(self, alarm, company):
        """Return the ids of the users who are told of all records, whosever they are."""
        supervisor = company.collection_supervisor_id
        users = alarm.user_ids
        if alarm.to_supervisor:
            users |= supervisor
        if alarm.to_accounting:
            users |= company.collection_accountant_id or supervisor
        return set(users.ids)

    @api.model
    def _get_column(self, model, name, query):
        return model._field_to_sql(model._table, name, query) if name else SQL("NULL")

    @api.model
    def _get_currency_column(self, listed, company, query):
        """The currency of the amounts: the company's where the model has none of its own."""
        if not listed.amount:
            return SQL("NULL")
        field = listed.model._fields[listed.currency]
        if field.store or listed.model._table_query is not None:
            return self._get_column(listed.model, listed.currency, query)
        return SQL("%s", company.currency_id.id)

    @api.model
    def _sort(self, rows, company):
        """Sort by amount in company currency, then by date; keep that amount in each row."""
        currencies = self.env["res.currency"].browse(
            {row["currency_id"] for row in rows if row["currency_id"]}
        )
        today = company._get_collection_today()
        rates = {
            currency.id: self.env["res.currency"]._get_conversion_rate(
                currency, company.currency_id, company, today
            )
            for currency in currencies
        }
        for row in rows:
            row["amount"] = float(row["amount"] or 0)
            row["company_amount"] = row["amount"] * rates.get(row["currency_id"], 1)
        rows.sort(key=lambda row: (-row["company_amount"], str(row["date"] or ""), row["id"]))

    @api.model
    def _share_out(self, alarm, company, facts):
        """Return which facts are for whom.

        :return: dict of res.users id -> rows of ``_get_facts``
        """
        supervisor = company.collection_supervisor_id.id
        everything = self._get_told_everything(alarm, company)
        roles = [role for role, name in OWN_ROLES.items() if alarm[name]]
        shares = defaultdict(list)
        for row in facts:
            readers = set(everything)
            for role in roles:
                readers.add(row.get(role) or (supervisor if role in TO_SUPERVISOR else None))
            for user_id in readers:
                if user_id:
                    shares[user_id].append(row)
        return shares

    @api.model
    def _get_colleagues(self, user_ids, company):
        """Return who of some users is an internal one who works in the company."""
        branches = self._get_branches(company)
        # sudo: who reads alarms is nobody's secret here
        users = self.env["res.users"].sudo().browse(sorted(user_ids))
        return users.filtered(
            lambda user: user.active and not user.share and user.company_ids & branches
        )

    @api.model
    def _get_branches(self, company):
        """Return a main company and its branches."""
        # sudo: the ledger is told of over all branches
        return self.env["res.company"].sudo().search([("id", "child_of", company.id)])

    @api.model
    def _get_companies_of(self, user, company):
        """Return where a reader works of a main company and its branches, the main one first."""
        companies = user.company_ids & self._get_branches(company)
        return companies & company | companies

    @api.model
    def _get_readable_ids(self, user, listed, company, rows):
        """Return the ids of the records that a reader may see, by their own rights. One query."""
        companies = self._get_companies_of(user, company)
        model = listed.model.with_user(user).with_context(allowed_company_ids=companies.ids)
        if not model.has_access("read"):
            return set()
        return set(model.search([("id", "in", [row["id"] for row in rows])], order="id").ids)

    # ------------------------------------------------------------
    # In words
    # ------------------------------------------------------------

    @api.model
    def _write_sections(self, alarm, company, told):
        """Put into words what each reader is told, in their language.

        :param dict told: res.users -> rows of ``_get_facts``
        :return: dict of res.users id -> ``Section``
        """
        languages = defaultdict(list)
        for user in told:
            languages[user.lang].append(user)
        sections = {}
        for lang, users in languages.items():
            spoken = alarm.with_context(lang=lang or self.env.lang)
            listed = spoken._get_list(company)
            shown = {row["id"]: row for user in users for row in told[user][:SHOWN_ROWS]}
            lines = spoken.env[self._name]._write_rows(listed, company, shown)
            for user in users:
                sections[user.id] = Section(
                    alarm_id=alarm.id,
                    company_id=company.id,
                    name=spoken.name,
                    company=company.name,
                    to_do=listed.to_do,
                    since=listed.since,
                    model=listed.model._name,
                    action=listed.action,
                    ids=[row["id"] for row in told[user]],
                    totals=spoken.env[self._name]._write_totals(company, told[user]),
                    rows=[
                        lines[row["id"]] for row in told[user][:SHOWN_ROWS] if row["id"] in lines
                    ],
                    link=spoken.env[self._name]._write_link(len(told[user]) - SHOWN_ROWS),
                )
        return sections

    @api.model
    def _write_rows(self, listed, company, shown):
        """Put rows into words: all at once, so that what they name is fetched together.

        :param dict shown: id -> row of ``_get_facts``
        :return: dict id -> dict of texts
        """
        today = company._get_collection_today()
        # the decision belongs to what is told, though it was not needed to find it
        model = listed.model.with_context(collection_facts_only=False, lang=self.env.lang)
        lines = {}
        for record in model.browse(shown):
            row = shown[record.id]
            target = record[listed.link] if listed.link else record
            customer = record.mapped(listed.customer) if listed.customer else record
            lines[record.id] = {
                "customer": customer.display_name or self.env._("(no customer)"),
                "documents": self._write_documents(record, listed.documents),
                "amount": self._write_amount(row["amount"], row["currency_id"]),
                "days": self._write_days(row["date"], today),
                "remark": (listed.remark and listed.remark(record)) or "",
                # Odoo's own way to a record, which chooses its company
                "path": f"/mail/view?model={target._name}&res_id={target.id}",
            }
        return lines

    @api.model
    def _write_documents(self, record, path):
        """Return the names of the first documents of a record, and how many more there are."""
        if not path:
            return ""
        documents = record if path == "id" else record.mapped(path)
        names = [document.name or document.display_name for document in documents]
        text = ", ".join(names[:SHOWN_DOCUMENTS])
        if (more := len(names) - SHOWN_DOCUMENTS) and more > 0:
            return self.env._("%(documents)s and %(count)s more", documents=text, count=more)
        return text

    @api.model
    def _write_amount(self, amount, currency_id):
        if not currency_id:
            return ""
        return self.env["res.currency"].browse(currency_id).format(amount)

    @api.model
    def _write_days(self, date, today):
        if not date:
            return ""
        count = (today - date).days
        if count == 0:
            return self.env._("today")
        if count in (1, -1):
            return self.env._("1 day") if count == 1 else self.env._("tomorrow")
        if count < 0:
            return self.env._("in %s days", -count)
        return self.env._("%s days", count)

    @api.model
    def _write_link(self, more):
        """Return the words of the link to a list of which so many records have no row."""
        if more > 0:
            return self.env._("and %s more: open them all", more)
        return self.env._("Open the list")

    @api.model
    def _write_totals(self, company, rows):
        """Return the sum in each currency; of several also all in the company's."""
        sums = defaultdict(float)
        for row in rows:
            if row["currency_id"]:
                sums[row["currency_id"]] += row["amount"]
        totals = [self._write_amount(amount, currency) for currency, amount in sorted(sums.items())]
        if len(sums) > 1:
            whole = sum(row["company_amount"] for row in rows)
            text = self._write_amount(whole, company.currency_id.id)
            totals.append(self.env._("all in all %s", text))
        return totals

    @api.model
    def _render_mail(self, user, sections, links=None):
        """Return subject and body of a reader's mail, in the language of the sections.

        :param user: res.users
        :param list sections: ``Section``, in the order of the mail
        :param dict links: (alarm's id, company's id) -> path that opens exactly the section's list
        """
        content = self.with_context(lang=user.lang or self.env.lang)
        subject = content.env._(
            "Collections today: %s",
            ", ".join(f"{section.name} ({len(section.ids)})" for section in sections[:3])
            + (", …" if len(sections) > 3 else ""),
        )
        companies = {section.company_id for section in sections}
        body = content.env["ir.qweb"]._render(
            "collections_management.alarm_mail",
            {
                "user": user,
                "sections": sections,
                "several": len(companies) > 1,
                "company": self.env["res.company"].sudo().browse(sections[0].company_id),
                "base": self.get_base_url(),
                "links": links or {},
                "mine": "/collections/alarms",
                "subject": subject,
                "today": fields.Date.context_today(content.with_context(tz=user.tz)),
            },
            minimal_qcontext=True,
        )
        return subject, body
