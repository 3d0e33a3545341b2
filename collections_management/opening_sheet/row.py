class OpeningRow:
    """A row that was read from an opening sheet, and what was found about it.

    :param reader: the ``OpeningReader``, which names cells for people
    :param int number: as the spreadsheet program shows it
    """

    __slots__ = (
        "changes",
        "errors",
        "invalid",
        "item",
        "meant",
        "number",
        "reader",
        "texts",
        "values",
        "warnings",
    )

    def __init__(self, reader, number):
        self.reader = reader
        self.number = number
        self.values = {}  # code of the column -> text, date, int or float; empty cells are left out
        self.invalid = set()  # codes of the columns that could not be read
        self.item = None  # collection.due.item
        self.meant = {}  # code of the column -> what its text was found to mean
        self.changes = {}  # part -> what it writes
        self.texts = []  # what would change, for people
        self.errors = []
        self.warnings = []

    def get(self, code):
        """Return the value of a column, None if the cell is empty."""
        return self.values.get(code)

    def fail(self, code, problem):
        """Refuse the row, and with it the whole sheet.

        :param str code: the column that is to be corrected
        :param str problem: the rule and the way out, a sentence
        """
        self.invalid.add(code)
        self.errors.append(self.reader.locate(self.number, code, problem))

    def warn(self, code, problem):
        self.warnings.append(self.reader.locate(self.number, code, problem))

    def change(self, part, value, old, new):
        """Note that a part has something to write.

        :param part: record of the part (``collection.opening.part``)
        :param value: for its ``_write``
        :param str old: what holds now; falsy: nothing
        :param str new: what will
        """
        self.changes[part._name] = value
        self.texts.append(f"{part._get_title()}: {old or '–'} → {new}")
