import hashlib

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError
from odoo.fields import Domain
from odoo.tools import format_amount, format_date, split_every

from .column import KEY, SHOWN, TO_FILL, Column, normalize
from .reader import OpeningReader

# What the sheet reads of an open item: facts only, nothing need be decided.
NAMES = [
    "amount_currency",
    "collector_id",
    "company_id",
    "currency_id",
    "customer_id",
    "date_due",
    "days_overdue",
    "move_id",
    "move_line_id",
    "partner_id",
    "residual",
    "residual_currency",
    "strategy_id",
]
BATCH = 5000  # items read at once
ID_MAX = 2**31 - 1


class CollectionOpeningSheet(models.AbstractModel):
    """Work in progress, known only to people: a workbook with a row per open item, filled in by them.

    The sheet knows which items it holds and how to find them again; what is taken over is told by
    its parts (``collection.opening.part``).
    """

    _name = "collection.opening.sheet"
    _description = "Opening Sheet"

    # ------------------------------------------------------------
    # Columns
    # ------------------------------------------------------------

    @api.model
    def _get_part_names(self):
        """Hook: the parts of the sheet, in the order of its columns and of writing."""
        return [
            "collection.opening.collector",
            "collection.opening.claim",
            "collection.opening.promise",
            "collection.opening.dispute",
            "collection.opening.plan",
            "collection.opening.pause",
            "collection.opening.action",
            "collection.opening.comment",
        ]

    @api.model
    def _get_parts(self):
        return [self.env[name] for name in self._get_part_names()]

    @api.model
    def _get_columns(self):
        """Return all columns: what identifies the item, what is shown, what is to be filled in."""
        columns = self._get_item_columns()
        columns += [column for part in self._get_parts() for column in part._get_columns()]
        roles = (KEY, SHOWN)
        return sorted(
            columns,
            key=lambda column: roles.index(column.role) if column.role in roles else len(roles),
        )

    @api.model
    def _get_item_columns(self):
        """Hook: the columns that the ledger fills."""
        _ = self.env._
        return [
            Column("item", _("Item"), 8, "integer", KEY, lambda item: item.id),
            Column("document", _("Document"), 18, "text", KEY, lambda item: item.move_id.name),
            Column(
                "customer",
                _("Customer"),
                30,
                "text",
                KEY,
                lambda item: item.partner_id.display_name,
            ),
            Column("date_due", _("Due Date"), 12, "date", KEY, lambda item: item.date_due),
            Column("amount", _("Amount"), 13, "amount", KEY, lambda item: item.amount_currency),
            Column("currency", _("Currency"), 9, "text", KEY, lambda item: item.currency_id.name),
            Column(
                "residual",
                _("Open in Currency"),
                13,
                "amount",
                KEY,
                lambda item: item.residual_currency,
                moves_on=True,
            ),
            Column(
                "days_overdue",
                _("Days Overdue"),
                9,
                "integer",
                SHOWN,
                lambda item: max(item.days_overdue, 0),
            ),
            Column("company", _("Company"), 20, "text", SHOWN, lambda item: item.company_id.name),
            Column("strategy", _("Scheme"), 18, "text", SHOWN, lambda item: item.strategy_id.name),
            Column(
                "strategy_id",
                _("Scheme ID"),
                8,
                "integer",
                SHOWN,
                lambda item: item.strategy_id.id,
                hidden=True,
            ),
        ]

    # ------------------------------------------------------------
    # Items
    # ------------------------------------------------------------

    @api.model
    def _in_family(self, company):
        """Return the model in the person's companies that share ``company``'s customers.

        :param company: root res.company
        :raises AccessError: when the person works in none of them
        """
        family = self.env.user.company_ids.filtered(lambda branch: branch.root_id == company)
        if not family:
            raise AccessError(
                self.env._("You don't work in that company: choose one of yours for the sheet.")
            )
        model = self.with_context(allowed_company_ids=family.ids)
        return model.with_company(company if company in family else family[0])

    @api.model
    def _get_domain(self, company):
        """Return the domain of the items of a new sheet: what customers may be asked for."""
        domain = Domain(
            [
                ("root_company_id", "=", company.id),
                ("residual_currency", ">", 0),
                ("customer_id", "!=", False),
                ("account_id.non_trade", "=", False),
            ]
        )
        # sudo: a setting of the company
        if not company.sudo().collection_claim_entries:
            domain &= ~self._get_entries_domain()
        return domain

    @api.model
    def _get_entries_domain(self):
        """Return the domain of items from journal entries (see ``is_entry`` of the decision)."""
        return Domain("move_id.move_type", "=", "entry") & Domain("journal_id.type", "=", "general")

    @api.model
    def _forget_items(self):
        """Have items be read anew: they are a query, and the ORM doesn't know when they change."""
        self.env["collection.due.item"].invalidate_model(flush=False)

    @api.model
    def _search_items(self, domain, order=None):
        """Return items with what the sheet needs of them read, by the person's rights."""
        items = self.env["collection.due.item"].with_context(collection_facts_only=True)
        items = items.search_fetch(domain, NAMES, order=order)
        items.move_id.fetch(["name", "invoice_date"])
        return items.with_context(collection_facts_only=False)

    # ------------------------------------------------------------
    # Reading a sheet that was filled in
    # ------------------------------------------------------------

    @api.model
    def _get_reader(self):
        english = self.with_context(lang="en_US")._get_columns()
        return OpeningReader(self.env, self._get_columns(), english)

    @api.model
    def _check(self, company, rows):
        """Find the items of rows, and judge all that is to be written.

        :param company: root res.company
        :param rows: list of ``OpeningRow``, which then tell what is wrong or would change
        """
        # sudo: as the daily run does; a customer without open items before has no file yet
        self.env["collection.customer"].sudo()._create_missing(company)
        self._forget_items()
        self._find_items(company, rows)
        found = [row for row in rows if row.item]
        for column in self._get_columns():
            if column.role == KEY and column.code != "item":
                self._check_key(column, found)
        for part in self._get_parts():
            codes = {column.code for column in part._get_columns()}
            part._check(company, [row for row in found if not codes & row.invalid])
        self._refuse_doubles(found)

    @api.model
    def _refuse_doubles(self, rows):
        """Refuse a second agreement about an invoice: the part that comes first keeps it."""
        taken = {}  # invoice, or item of an entry -> part and row
        for part in self._get_parts():
            for row in rows if part._takes_invoice else ():
                if part._name not in row.changes:
                    continue
                first, other = taken.setdefault(part._get_debt(row.item.move_line_id), (part, row))
                if first._name != part._name:
                    column = next(c for c in part._get_columns() if c.role == TO_FILL)
                    row.fail(
                        column.code,
                        self.env._(
                            "Row %(row)s takes over of the same invoice: %(other)s. An invoice has "
                            "one agreement: empty the cells of the other.",
                            row=other.number,
                            other=first._get_title(),
                        ),
                    )

    @api.model
    def _find_items(self, company, rows):
        by_id = {}
        for row in rows:
            by_id.setdefault(row.get("item"), []).append(row)
        without_number = by_id.pop(None, [])
        for row in without_number:
            if "item" not in row.invalid:
                row.fail(
                    "item",
                    self.env._(
                        "The number of the item is missing, so nobody knows which one is meant: "
                        "copy it from the sheet that you downloaded, or delete the row."
                    ),
                )
        for ids in split_every(BATCH, [id_ for id_ in by_id if 0 < id_ <= ID_MAX], list):
            items = self._search_items([("id", "in", ids), ("root_company_id", "=", company.id)])
            for item in items:
                by_id[item.id][0].item = item
        self._refuse_missing(
            company, {id_: same for id_, same in by_id.items() if not same[0].item}
        )
        for same in by_id.values():
            self._check_item(same)

    @api.model
    def _check_item(self, rows):
        """Refuse the rows of one item where nothing can be taken over of it."""
        item = rows[0].item
        if len(rows) > 1:
            for row in rows:
                others = ", ".join(str(other.number) for other in rows if other is not row)
                row.fail(
                    "item",
                    self.env._(
                        "The item stands in row %s too: keep one of them, and delete the others.",
                        others,
                    ),
                )
        if not item:
            return
        if not item.customer_id:
            rows[0].fail(
                "item",
                self.env._(
                    "The journal item has no customer: set the customer on it, or delete the row."
                ),
            )
        elif item.residual_currency <= 0:
            rows[0].fail(
                "item",
                self.env._(
                    "The item is in the customer's favour, so it is never claimed: delete the row."
                ),
            )
        else:
            return
        rows[0].item = None

    @api.model
    def _refuse_missing(self, company, rows):
        """Say of rows without open item what became of it.

        :param dict rows: number of the item -> list of ``OpeningRow``
        """
        # sudo: only told what is of the person's own companies
        lines = self.env["account.move.line"].sudo()
        lines = lines.browse(id_ for id_ in rows if 0 < id_ <= ID_MAX).exists()
        ours = lines.filtered(lambda line: line.company_id in self.env.companies)
        receivable = ours.filtered(lambda line: line.account_type == "asset_receivable")
        for id_, same in rows.items():
            if id_ in receivable.ids:
                problem = self.env._(
                    "%s is not open any more (paid, cancelled or taken back to draft): delete the "
                    "row.",
                    receivable.browse(id_).move_id.name,
                )
            elif id_ in lines.ids and id_ not in ours.ids:
                problem = self.env._(
                    "Item %(item)s is of another company than %(company)s and its branches in which "
                    "you work: delete the row, or upload the sheet there.",
                    item=id_,
                    company=company.sudo().name,
                )
            else:
                problem = self.env._(
                    "There is no open item %s: copy the number from the sheet that you downloaded, "
                    "or delete the row.",
                    id_,
                )
            for row in same:
                row.fail("item", problem)

    @api.model
    def _check_key(self, column, rows):
        """Compare what a row says of its item with the ledger: the row may have got mixed up."""
        for row in rows:
            if column.code in row.invalid:
                continue
            told, known = row.get(column.code), column.value(row.item)
            if not self._differs(column, row.item, told, known):
                continue
            values = {
                "told": self._format(column, row.item, told) or self.env._("nothing"),
                "known": self._format(column, row.item, known) or self.env._("nothing"),
            }
            if column.moves_on and told is not None:
                row.warn(
                    column.code,
                    self.env._(
                        "The sheet says %(told)s, the ledger %(known)s by now: the ledger's counts.",
                        **values,
                    ),
                )
            else:
                row.fail(
                    column.code,
                    self.env._(
                        "The sheet says %(told)s, the ledger %(known)s: the row was mixed up or the "
                        "ledger has changed. Write what the ledger says if it is this item, or fill "
                        "in a new sheet.",
                        **values,
                    ),
                )

    @api.model
    def _differs(self, column, item, told, known):
        if told is None or not known:
            return bool(told) != bool(known)
        if column.kind == "text":
            return normalize(told) != normalize(known)
        if column.kind == "amount":
            return bool(item.currency_id.compare_amounts(told, known))
        return told != known

    @api.model
    def _format(self, column, item, value):
        if value is None or value is False:
            return ""
        if column.kind == "amount":
            return format_amount(self.env, value, item.currency_id)
        if column.kind == "date":
            return format_date(self.env, value)
        return str(value)

    @api.model
    def _get_fingerprint(self, rows):
        """Return what tells a preview from one that says something else."""
        told = repr([(row.number, row.texts, row.errors, row.warnings) for row in rows])
        return hashlib.sha256(told.encode()).hexdigest()

    # ------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------

    @api.model
    def _lock(self, rows):
        """Lock the customers' files of rows, so that no job decides about them meanwhile.

        :raises LockError: when a job has some of them in hand
        """
        customers = self.env["collection.customer"].union(
            *(row.item.customer_id for row in rows if row.changes)
        )
        # sudo: a row's lock, whatever the rights
        locked = customers.sudo().try_lock_for_update(allow_referencing=True)
        if busy := customers - locked.sudo(False):
            raise LockError(
                self.env._(
                    "The daily run has %(customer)s in hand at this moment: try again in a minute.",
                    customer=busy[0].display_name,
                )
            )
        return customers

    @api.model
    def _write_rows(self, company, rows):
        """Write what ``_check`` found to change, all in the caller's transaction.

        :param rows: list of ``OpeningRow`` without errors
        """
        customers = self._lock(rows)
        for part in self._get_parts():
            changed = [row for row in rows if part._name in row.changes]
            if changed:
                part._write_changes(company, changed)
        # sudo: set by the system; another server that decides at this moment sees it came late
        customers.sudo().write({"decided_at": fields.Datetime.now()})
