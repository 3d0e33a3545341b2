from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

# What holds an item, weakest first: the invoice shows the strongest (see account.move).
HOLD_KINDS = [
    ("paused", "Paused"),
    ("promised", "Promise"),
    ("payment_reported", "Payment reported"),
    ("disputed", "Dispute"),
    ("in_plan", "Payment plan"),
    ("in_action", "In action"),
]


class CollectionHold(models.Model):
    """An open receivable line that is not claimed for now, and why.

    Written by agreements, actions and pauses only; the decision reads nothing else of them.
    """

    _name = "collection.hold"
    _description = "Hold on an Open Item"
    _order = "date_from desc, id desc"
    _rec_name = "move_id"
    _check_company_auto = True

    move_line_id = fields.Many2one(
        "account.move.line", string="Item", required=True, index=True, ondelete="cascade"
    )
    move_id = fields.Many2one(
        "account.move",
        related="move_line_id.move_id",
        string="Invoice",
        store=True,
        index=True,
    )
    partner_id = fields.Many2one(related="move_line_id.partner_id", string="Customer")
    company_id = fields.Many2one(
        related="move_line_id.company_id", store=True, index=True, precompute=True
    )
    currency_id = fields.Many2one(related="move_line_id.currency_id")
    amount = fields.Monetary(help="Open amount when the hold was placed, in the item's currency.")
    free_amount = fields.Monetary(
        string="Left Free",
        readonly=True,
        help="What of the item is not disputed: claimed all the same where the scheme says so.",
    )
    kind = fields.Selection(HOLD_KINDS, required=True, default="paused")
    reason = fields.Char(required=True)
    origin = fields.Reference(
        selection="_get_origins",
        index="btree_not_null",
        help="The agreement or action that placed the hold.",
    )
    sentence = fields.Char(
        compute="_compute_sentence", help="What the agreement says of it, in the reader's language."
    )
    date_from = fields.Date(string="From", required=True, default=fields.Date.context_today)
    date_to = fields.Date(string="Until", help="Last day of the hold. Empty: until it is lifted.")
    # indexed below, by item: by itself it would be a way to find an item's holds, and a bad one
    open = fields.Boolean(default=True)

    _open_line_idx = models.Index("(move_line_id) WHERE open IS TRUE")
    _dates_in_order = models.Constraint(
        "CHECK(date_to IS NULL OR date_to >= date_from)",
        "A hold can't end before it begins: choose a later last day.",
    )

    @api.model
    def _get_origins(self):
        """Hook: the models that may place holds, as (model, name)."""
        names = self.env["collection.agreement"]._get_models()
        models = self.env["ir.model"].sudo()
        return [(name, models._get(name).name) for name in names]

    @api.depends_context("lang")
    @api.depends("origin")
    def _compute_sentence(self):
        # sudo: whoever reads the item is told why it is held
        holds = self.sudo().filtered("origin")
        for name, placed in holds.grouped(lambda hold: hold.origin._name).items():
            # browsed together, they are fetched together
            origins = self.env[name].sudo().browse(hold.origin.id for hold in placed)
            for hold, origin in zip(placed, origins, strict=True):
                hold.sentence = origin._get_hold_sentence()
        (self - holds).sentence = False

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``base``: origins are written together, as the ORM would look up each twice."""
        origins = [vals.get("origin") for vals in vals_list]
        holds = super().create(
            [{name: vals[name] for name in vals if name != "origin"} for vals in vals_list]
        )
        holds._set_origins(origins)
        holds.move_id._update_collection_status()
        return holds

    def _set_origins(self, origins):
        """Write what placed each hold.

        :param origins: list of text (“model,id”), one for each hold; falsy: nothing did
        """
        placed = [(hold.id, origin) for hold, origin in zip(self, origins, strict=True) if origin]
        if not placed:
            return
        self.env.cr.execute_values(
            "UPDATE collection_hold SET origin = new.origin "
            "FROM (VALUES %s) new (id, origin) WHERE collection_hold.id = new.id",
            placed,
            page_size=len(placed),
        )
        self.invalidate_recordset(["origin", "sentence"], flush=False)

    def write(self, vals):
        moves = self.move_id
        result = super().write(vals)
        (moves | self.move_id)._update_collection_status()
        return result

    def unlink(self):
        moves = self.move_id
        result = super().unlink()
        moves._update_collection_status()
        return result

    def action_lift(self):
        """End the holds today; the items are decided anew on the next run."""
        for hold in self.filtered("open"):
            if hold.origin:
                raise UserError(
                    self.env._(
                        "%(item)s is held by %(agreement)s: open that and cancel it, and its items "
                        "are free.",
                        item=hold.move_line_id._get_collection_name(),
                        agreement=hold.origin.display_name,
                    )
                )
        for move, holds in self.filtered("open").grouped("move_id").items():
            move.message_post(
                body=self.env._(
                    "Collection resumed; it was held: %s", ", ".join(holds.mapped("reason"))
                )
            )
        return self.write({"open": False})

    @api.model
    def _pause(self, lines, until, reason):
        """Pause open items; an earlier pause of them is replaced.

        :param lines: account.move.line
        :param datetime.date until: last day of the pause
        :param str reason: for colleagues
        """
        self._pause_each(dict.fromkeys(lines, (until, reason)))

    @api.model
    def _pause_each(self, pauses):
        """Pause open items, each until a day and for a reason of its own.

        :param dict pauses: account.move.line -> (last day of the pause, reason)
        """
        lines = self.env["account.move.line"].union(*pauses)
        lines.fetch(["amount_residual_currency", "company_id", "currency_id", "move_id"])
        # sudo: the chosen lines are the person's to see; holds are written by the system
        holds = self.sudo()
        holds.search(
            [("move_line_id", "in", lines.ids), ("kind", "=", "paused"), ("open", "=", True)]
        ).write({"open": False})
        holds.create(
            [
                {
                    "move_line_id": line.id,
                    "amount": line.amount_residual_currency,
                    "kind": "paused",
                    "reason": reason,
                    "date_to": until,
                }
                for line, (until, reason) in pauses.items()
            ]
        )
        texts = defaultdict(dict)  # dict: the same pause of several instalments once
        for line, (until, reason) in pauses.items():
            text = self.env._(
                "Collection paused until %(until)s: %(reason)s",
                until=format_date(self.env, until),
                reason=reason,
            )
            texts[line.move_id.id][text] = None
        lines.move_id._message_log_batch(
            {move_id: Markup("<br/>").join(told) for move_id, told in texts.items()}
        )

    @api.model
    def _close_expired(self, company, today):
        """Close the holds of ``company`` (a root company) whose last day has passed."""
        expired = self.search(
            [
                ("open", "=", True),
                ("date_to", "<", today),
                ("company_id", "child_of", company.id),
            ]
        )
        expired.write({"open": False})
        return expired
