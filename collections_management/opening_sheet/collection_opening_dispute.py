from odoo import Command, api, fields, models
from odoo.tools import format_date

from .column import SHOWN, Column, normalize


class CollectionOpeningDispute(models.AbstractModel):
    """What the customer objects to, and who is finding out.

    It may have begun before today; the area has its working days from today on. Only the items
    whose rows say so are disputed.
    """

    _name = "collection.opening.dispute"
    _inherit = "collection.opening.agreement"
    _description = "Opening Sheet: Dispute"

    _amount_column = "dispute_amount"

    @api.model
    def _get_title(self):
        return self.env._("Dispute")

    @api.model
    def _get_columns(self):
        _ = self.env._
        return [
            Column("present_dispute", _("Present Dispute"), 20, role=SHOWN),
            Column(
                "dispute",
                _("Disputed Because"),
                22,
                help=_(
                    "The reason for which the customer disputes the item, one of the list. Rows of "
                    "a customer that say the same are one dispute."
                ),
                validation={"validate": "list", "source": "=reasons", "show_error": False},
            ),
            Column(
                self._amount_column,
                _("Disputed Amount"),
                13,
                "amount",
                help=_(
                    "How much of the item is disputed, in its currency. Empty: all that it is open "
                    "for."
                ),
                validation={"validate": "decimal", "criteria": ">", "value": 0},
            ),
            Column(
                "dispute_date",
                _("Disputed Since"),
                12,
                "date",
                help=_("The day on which the customer objected, today or earlier. Empty: today."),
                validation={"validate": "date", "criteria": "<=", "value": "=TODAY()"},
            ),
            Column(
                "dispute_area",
                _("Area That Solves It"),
                18,
                help=_("One of the list. Empty: the reason's."),
                validation={"validate": "list", "source": "=areas", "show_error": False},
            ),
            Column(
                "dispute_owner",
                _("Who Solves It"),
                20,
                help=_(
                    "Login, e-mail address or name of who solves it. Empty: the area's responsible."
                ),
            ),
            Column(
                "dispute_comment",
                _("About the Dispute"),
                30,
                help=_("What the customer says, for whoever solves it."),
            ),
        ]

    @api.model
    def _get_lists(self, company, items):
        return {
            "reasons": (
                self.env._("Reasons for Disputes"),
                self._get_choices("collection.dispute.reason", company).mapped("name"),
            ),
            "areas": (
                self.env._("Areas"),
                self._get_choices("collection.area", company).mapped("name"),
            ),
        }

    @api.model
    def _get_choices(self, model, company):
        """Return what can be chosen in a company from a catalogue."""
        return self.env[model].search([("company_id", "in", (False, company.id))])

    @api.model
    def _get_present(self, items):
        return {
            id_: {"present_dispute": ", ".join(self._get_open(disputes).reason_id.mapped("name"))}
            for id_, disputes in self._get_recorded(items.ids).items()
        }

    # ------------------------------------------------------------
    # What the texts mean
    # ------------------------------------------------------------

    @api.model
    def _check(self, company, rows):
        """Override: the reason, area and person that a row names are found first."""
        catalogues = {
            "dispute": self._get_by_name("collection.dispute.reason", company),
            "dispute_area": self._get_by_name("collection.area", company),
        }
        told = any(row.get("dispute_owner") for row in rows)
        users = self.env["collection.opening.collector"]._get_by_name(company) if told else {}
        for row in rows:
            for code, names in catalogues.items():
                self._find_choice(row, code, names)
            self._find_owner(row, users)
        super()._check(company, [row for row in rows if not self._get_codes() & row.invalid])

    @api.model
    def _get_codes(self):
        return {column.code for column in self._get_columns()}

    @api.model
    def _get_by_name(self, model, company):
        """Return what can be chosen by what it may be called: dict normalised text -> record."""
        names = {}
        for choice in self._get_choices(model, company):
            for text in (choice.name, choice.with_context(lang="en_US").name):
                names.setdefault(normalize(text), choice)
        return names

    @api.model
    def _find_choice(self, row, code, names):
        """Note which record of a catalogue a cell means, or refuse the row."""
        text = row.get(code)
        if not text:
            return
        if found := names.get(normalize(text)):
            row.meant[code] = found
            return
        row.fail(
            code,
            self.env._(
                "There is no “%(text)s” to choose from: write one of these: %(known)s.",
                text=text,
                known=", ".join(sorted({choice.name for choice in names.values()})) or "–",
            ),
        )

    @api.model
    def _find_owner(self, row, users):
        """Note which user a cell means, or refuse the row."""
        text = row.get("dispute_owner")
        if not text:
            return
        found = users.get(normalize(text), ())
        if len(found) == 1:
            row.meant["dispute_owner"] = found
            return
        row.fail(
            "dispute_owner",
            self.env._(
                "%(count)s users of the company are called “%(text)s”: write the login of who "
                "solves it.",
                count=len(found),
                text=text,
            ),
        )

    @api.model
    def _find_known(self, rows, recorded):
        """Override: areas, owners and comments are changed here, by people, and never by a sheet."""
        known = super()._find_known(rows, recorded)
        for row in known:
            self._remark_on_known(row, recorded[row.item.id])
        return known

    @api.model
    def _remark_on_known(self, row, disputes):
        dispute = self._get_open(disputes)[:1]
        for code, name in (("dispute_area", "area_id"), ("dispute_owner", "owner_id")):
            said = row.meant.get(code)
            if dispute and said and said != dispute[name]:
                row.warn(
                    code,
                    self.env._(
                        "%(dispute)s is registered already, and %(present)s has it: hand it over "
                        "there.",
                        dispute=dispute.number,
                        present=dispute[name].name or "–",
                    ),
                )

    # ------------------------------------------------------------
    # What a kind of agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_model(self):
        return "collection.dispute"

    @api.model
    def _get_terms(self, row):
        return (
            row.meant.get("dispute"),
            row.get("dispute_date"),
            row.meant.get("dispute_area"),
            row.meant.get("dispute_owner"),
            row.get("dispute_comment"),
        )

    @api.model
    def _has_terms(self, agreement, row):
        reason, since, *_changing = self._get_terms(row)
        return agreement.reason_id == reason and (not since or agreement.date == since)

    @api.model
    def _prepare_terms(self, terms):
        reason, since, area, owner, comment = terms
        return {
            "reason_id": reason.id,
            "date": since or fields.Date.context_today(self),
            "area_id": area and area.id,
            "owner_id": owner and owner.id,
            "note": comment,
        }

    @api.model
    def _prepare_agreement(self, rows, whole):
        """Override: of each item what its row says; an invoice's other instalments are undisputed."""
        values = super()._prepare_agreement(rows, whole)
        items = [(row.item.move_line_id.id, self._get_amount(row)) for row in rows]
        return {
            **values,
            "move_line_ids": [line_id for line_id, _amount in items],
            "item_ids": [
                Command.create({"move_line_id": line_id, "amount": amount})
                for line_id, amount in items
            ],
        }

    @api.model
    def _get_terms_text(self, terms):
        reason, since, area, owner, _comment = terms
        solver = ", ".join(who.name for who in (owner, area or reason.area_id) if who)
        values = {"reason": reason.name, "solver": solver}
        if since:
            return self.env._(
                "disputed since %(date)s: %(reason)s (%(solver)s)",
                date=format_date(self.env, since),
                **values,
            )
        return self.env._("disputed: %(reason)s (%(solver)s)", **values)

    @api.model
    def _get_terms_problem(self, company, row):
        reason, since, area, owner, _comment = self._get_terms(row)
        if not reason:
            return "dispute", self.env._(
                "There is a dispute and no reason: write one of the list, or empty the other cells "
                "of the dispute."
            )
        if not (area or reason.area_id):
            return "dispute_area", self.env._(
                "Reason “%s” has no area: write the area that solves the dispute.", reason.name
            )
        if problem := self._get_owner_problem(company, owner):
            return "dispute_owner", problem
        return self._get_begun_problem("dispute_date", row.item, since)

    @api.model
    def _get_owner_problem(self, company, owner):
        """Return why a person can't solve disputes; falsy: they can, or nobody is named."""
        return owner and self._get_agreements()._get_solver_problem(owner, company)
