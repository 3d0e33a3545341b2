from odoo import api, models


class CollectionOpeningPart(models.AbstractModel):
    """One thing that an opening sheet takes over: its columns, what it refuses, what it writes.

    What else can be taken over adds a part: an abstract model that inherits this one, or
    ``collection.opening.agreement`` for a kind of agreement, and its name in
    ``collection.opening.sheet._get_part_names``. A part asks the database once for all rows, never
    for each.
    """

    _name = "collection.opening.part"
    _description = "Part of the Opening Sheet"

    # Whether it agrees something about whole invoices: only one part does so of each.
    _takes_invoice = False

    @api.model
    def _get_title(self):
        """Return what the part is called in the preview, in the person's language."""
        raise NotImplementedError

    @api.model
    def _get_columns(self):
        """Return the part's columns, a list of ``Column``; an empty cell leaves all as it is."""
        raise NotImplementedError

    @api.model
    def _get_lists(self, company, items):
        """Hook: the lists of allowed values for the instructions and for choosing in cells.

        :param items: the collection.due.item of the sheet
        :return: dict name -> (title, list of texts); a column's validation refers to the name
        """
        return {}

    @api.model
    def _get_present(self, items):
        """Hook: what holds now, for the columns that are only shown.

        :return: dict id of the item -> {code of the column: value}
        """
        return {}

    @api.model
    def _check(self, company, rows):
        """Judge rows: refuse (``row.fail``), remark (``row.warn``), or note what would change.

        What holds already is no change, so that the same sheet can be read again.

        :param company: root res.company
        :param rows: list of ``OpeningRow`` with an item, whose columns of this part could be read
        """
        raise NotImplementedError

    @api.model
    def _write_changes(self, company, rows):
        """Write what ``_check`` noted in ``row.changes``; the customers' files are locked.

        :param rows: list of the ``OpeningRow`` that this part has something to write of
        """
        raise NotImplementedError

    @api.model
    def _get_debt(self, line):
        """Return what is agreed on as a whole: the invoice, or the item of a journal entry."""
        return line.move_id if line.display_type == "payment_term" else line
