from collections import defaultdict

from lxml import html
from markupsafe import Markup

from odoo import api, models

from .column import Column, normalize

# Marks the notes, so that a comment is not written twice.
CLASS = "o_collection_opening_comments"


class CollectionOpeningComment(models.AbstractModel):
    """What colleagues should know: a note on the customer's conversation that names the document."""

    _name = "collection.opening.comment"
    _inherit = "collection.opening.part"
    _description = "Opening Sheet: Comment"

    @api.model
    def _get_title(self):
        return self.env._("Comment")

    @api.model
    def _get_columns(self):
        return [
            Column(
                "comment",
                self._get_title(),
                40,
                help=self.env._(
                    "Anything that colleagues should know. It becomes a note on the customer's "
                    "file, never seen by the customer."
                ),
            )
        ]

    @api.model
    def _check(self, company, rows):
        rows = [row for row in rows if row.get("comment")]
        known = self._get_known(
            self.env["collection.customer"].union(*(row.item.customer_id for row in rows))
        )
        for row in rows:
            line = self._get_line(row.item, row.get("comment"))
            if normalize(line) not in known[row.item.customer_id.id]:
                row.change(self, line, None, row.get("comment"))

    @api.model
    def _get_line(self, item, comment):
        return f"{item.move_id.name}: {comment}"

    @api.model
    def _get_known(self, customers):
        """Return the comments that were written before: dict id of the file -> set of texts."""
        known = defaultdict(set)
        # sudo: texts are only compared
        messages = (
            self.env["mail.message"]
            .sudo()
            .search_fetch(
                [
                    ("model", "=", "collection.customer"),
                    ("res_id", "in", customers.ids),
                    ("body", "like", CLASS),
                ],
                ["body", "res_id"],
            )
        )
        for message in messages:
            for item in html.fromstring(message.body).iter("li"):
                known[message.res_id].add(normalize(item.text_content()))
        return known

    @api.model
    def _write_changes(self, company, rows):
        """One note per customer."""
        lines = defaultdict(dict)  # dict: each line once, in the order of the sheet
        for row in rows:
            lines[row.item.customer_id][row.changes[self._name]] = None
        customers = self.env["collection.customer"].union(*lines)
        customers._message_log_batch(
            {
                customer.id: Markup("<p>%s</p><ul class='%s'>%s</ul>")
                % (
                    self.env._("Comments of the opening sheet:"),
                    CLASS,
                    Markup().join(Markup("<li>%s</li>") % line for line in texts),
                )
                for customer, texts in lines.items()
            }
        )
