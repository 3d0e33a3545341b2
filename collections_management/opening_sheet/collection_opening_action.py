from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import format_date

from .column import SHOWN, Column, normalize

# What can be in others' hands when collections begin to be done here.
EFFECTS = ("legal", "agency")


class CollectionOpeningAction(models.AbstractModel):
    """A legal case, or an agency's, that is in progress: it becomes an open action."""

    _name = "collection.opening.action"
    _inherit = "collection.opening.part"
    _description = "Opening Sheet: Legal Case"

    _takes_invoice = True

    @api.model
    def _get_title(self):
        return self.env._("Legal Case")

    @api.model
    def _get_columns(self):
        _ = self.env._
        return [
            Column("in_action", _("In Action"), 20, role=SHOWN),
            Column(
                "legal",
                self._get_title(),
                20,
                help=_(
                    "“Yes”, or which action is in progress, by the name of its type. The other "
                    "instalments of the invoice come along; none of it is claimed until the action "
                    "ends."
                ),
                validation={"validate": "list", "source": "=actions", "show_error": False},
            ),
            Column(
                "legal_date",
                _("In Progress Since"),
                12,
                "date",
                help=_("The day on which it began, today or earlier. Empty: today."),
                validation={"validate": "date", "criteria": "<=", "value": "=TODAY()"},
            ),
        ]

    @api.model
    def _get_lists(self, company, items):
        return {"actions": (self.env._("Actions"), self._get_types(company).mapped("name"))}

    @api.model
    def _get_types(self, company):
        """Return the types of actions that can be taken over."""
        return self.env["collection.action.type"].search(
            [("effect", "in", EFFECTS), ("company_id", "in", (False, company.id))]
        )

    @api.model
    def _get_actions(self, items):
        """Return the actions that items ever were in: dict id of the item -> collection.action."""
        # sudo: of the items that the person sees
        actions = self.env["collection.action"].sudo()
        found = defaultdict(actions.browse)
        for action in actions.search([("move_line_ids", "in", items.ids)]):
            for line in action.move_line_ids:
                found[line.id] |= action
        return found

    @api.model
    def _get_present(self, items):
        return {
            id_: {"in_action": ", ".join(actions.filtered("holds_items").type_id.mapped("name"))}
            for id_, actions in self._get_actions(items).items()
        }

    # ------------------------------------------------------------
    # Checking
    # ------------------------------------------------------------

    @api.model
    def _check(self, company, rows):
        """The rules of the dialog: somebody is responsible, and nothing else was agreed."""
        rows = [row for row in rows if row.get("legal") or row.get("legal_date")]
        items = self.env["collection.due.item"].union(*(row.item for row in rows))
        names = self._get_names(company)
        present, held = self._get_actions(items), self._get_held(items)
        chosen = {}
        for row in rows:
            action_type = self._find(row, names)
            if not action_type or self._is_known(row, action_type, present[row.item.id]):
                continue
            problem = self._get_problem(row, company, action_type, held)
            if problem:
                row.fail(*problem)
            else:
                chosen[row] = (action_type, row.get("legal_date") or self._get_today(company))
        for row, same in self._get_same_invoice(chosen).items():
            if any(chosen[other] != chosen[row] for other in same):
                row.fail(
                    "legal",
                    self.env._(
                        "Other rows of %s say something else: an invoice is whole in one action. "
                        "Write the same in all of them.",
                        row.item.move_id.name,
                    ),
                )
            else:
                row.change(self, chosen[row], None, self._get_text(*chosen[row]))

    @api.model
    def _is_known(self, row, action_type, actions):
        """Tell whether an action holds already, or was taken over and has ended: nothing to do."""
        return any(
            action.holds_items or action.date == row.get("legal_date")
            for action in actions
            if action.type_id == action_type
        )

    @api.model
    def _get_today(self, company):
        # sudo: where the company works
        return company.sudo()._get_collection_today()

    @api.model
    def _get_names(self, company):
        """Return the types by what they may be called: dict normalised text -> type."""
        types = self._get_types(company)
        names = {}
        for action_type in types:
            for text in (action_type.name, action_type.with_context(lang="en_US").name):
                names.setdefault(normalize(text), action_type)
        legal = types.filtered(lambda action_type: action_type.effect == "legal")[:1]
        for text in ("yes", self.env._("Yes"), "x"):
            names.setdefault(normalize(text), legal)
        return names

    @api.model
    def _get_held(self, items):
        """Return what else holds items: dict id of the item -> collection.hold."""
        # sudo: of the items that the person sees
        holds = self.env["collection.hold"].sudo()
        return holds.search(
            [
                ("move_line_id", "in", items.ids),
                ("open", "=", True),
                ("kind", "not in", ("paused", "in_action")),
            ]
        ).grouped(lambda hold: hold.move_line_id.id)

    @api.model
    def _find(self, row, names):
        """Return the type that a row names, or refuse the row."""
        text = row.get("legal")
        if not text:
            row.fail(
                "legal",
                self.env._(
                    "There is a day and no action: write “Yes” or the action, or empty the day."
                ),
            )
            return None
        found = names.get(normalize(text))
        if not found:
            known = {action_type.name for action_type in names.values() if action_type}
            row.fail(
                "legal",
                self.env._(
                    "There is no action “%(text)s” that can be in progress: write “Yes” or one of "
                    "these: %(known)s.",
                    text=text,
                    known=", ".join(sorted(known)) or "–",
                ),
            )
        return found

    @api.model
    def _get_problem(self, row, company, action_type, held):
        """Return what is wrong with a case, as (column, sentence)."""
        day = row.get("legal_date")
        if day and day > self._get_today(company):
            return "legal_date", self.env._(
                "The case would begin on %s, which is to come: write today or an earlier day.",
                format_date(self.env, day),
            )
        if not action_type._get_responsible(company):
            return "legal", self.env._(
                "Nobody is responsible for “%s”: name a supervisor in the settings first.",
                action_type.name,
            )
        if hold := held.get(row.item.id):
            kinds = dict(hold._fields["kind"]._description_selection(self.env))
            return "legal", self.env._(
                "The item is held already: %(kind)s (%(reason)s). End that first, or empty the cell.",
                kind=kinds[hold[0].kind],
                reason=hold[0].reason,
            )
        return None

    @api.model
    def _get_same_invoice(self, rows):
        """Return for each row those of the same invoice; items of journal entries stay alone."""
        by_move = defaultdict(list)
        for row in rows:
            line = row.item.move_line_id
            whole = line.display_type == "payment_term"
            by_move[row.item.move_id if whole else line].append(row)
        return {row: same for same in by_move.values() for row in same}

    @api.model
    def _get_text(self, action_type, day):
        return self.env._(
            "%(type)s since %(date)s", type=action_type.name, date=format_date(self.env, day)
        )

    # ------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------

    @api.model
    def _write_changes(self, company, rows):
        """Open an action for each customer, type, day and currency."""
        groups = defaultdict(self.env["account.move.line"].browse)
        for row in rows:
            lines = row.item.move_line_id._get_collection_whole_invoices()
            action_type, day = row.changes[self._name]
            for currency, items in lines.grouped("currency_id").items():
                groups[row.item.customer_id, action_type, day, currency] |= items
        # sudo: what was begun elsewhere is taken over as it stands, on its own day
        actions = self.env["collection.action"].sudo()
        # nobody gets a mail for each
        actions.with_context(mail_auto_subscribe_no_notify=True).create(
            [
                {
                    "customer_id": customer.id,
                    "type_id": action_type.id,
                    "user_id": action_type._get_responsible(company).id,
                    "currency_id": currency.id,
                    "move_line_ids": lines.ids,
                    "amount": actions._get_default_amount(lines),
                    "date": day,
                    "date_deadline": fields.Date.add(
                        self._get_today(company), days=action_type.days
                    ),
                    "needs_approval": False,
                    "note": self.env._("Taken over from an opening sheet."),
                }
                for (customer, action_type, day, currency), lines in groups.items()
            ]
        )
