"""Rows on their way into tables by COPY, each made from a template row."""

import io
import json
from datetime import date, datetime

ROWS_AT_ONCE = 20000


class CopyTable:
    """A table that rows are copied into; what a row does not say comes from its template."""

    def __init__(self, cr, name):
        self.cr = cr
        self.name = name
        cr.execute(f'SELECT * FROM "{name}" LIMIT 0')
        self.columns = [column.name for column in cr.description]
        self.position = {column: number for number, column in enumerate(self.columns)}
        self._rows = []

    def read(self, ids):
        """The rows with these ids as dictionaries, in the order of their ids."""
        self.cr.execute(f'SELECT * FROM "{self.name}" WHERE id IN %s ORDER BY id', [tuple(ids)])
        return self.cr.dictfetchall()

    def template(self, values):
        """The texts of a row (a dictionary) from which others are made."""
        return [_text(values.get(column)) for column in self.columns]

    def add(self, template, values):
        """Add a row: the template with other ``values`` (by column)."""
        texts = template.copy()
        for column, value in values.items():
            texts[self.position[column]] = _text(value)
        self._rows.append("\t".join(texts))

    def flush(self):
        """Copy the rows added so far into the table.

        PostgreSQL checks each row's foreign keys by a plan that it keeps: made while the other
        table was nearly empty it reads all of that table, so it must hear how large each became.
        """
        columns = ", ".join(f'"{column}"' for column in self.columns)
        for start in range(0, len(self._rows), ROWS_AT_ONCE):
            rows = io.StringIO("\n".join(self._rows[start : start + ROWS_AT_ONCE]) + "\n")
            self.cr.copy_expert(f'COPY "{self.name}" ({columns}) FROM STDIN', rows)
        if self._rows:
            self.cr.execute(f'ANALYZE "{self.name}"')
        self._rows.clear()


class Ids:
    """Ids taken from a table's sequence in large portions."""

    PORTION = 5000

    def __init__(self, cr, table):
        self.cr = cr
        self.sequence = f"{table}_id_seq"
        self._free = []

    def next(self):
        """An id that nobody else gets."""
        if not self._free:
            self.cr.execute(
                "SELECT nextval(%s::regclass) FROM generate_series(1, %s)",
                [self.sequence, self.PORTION],
            )
            self._free = [row[0] for row in self.cr.fetchall()][::-1]
        return self._free.pop()


def _text(value):
    """A value as COPY's text format wants it."""
    if value is None or value is False:
        return r"\N" if value is None else "f"
    if value is True:
        return "t"
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (dict, list)):
        return _escaped(json.dumps(value))
    return str(value)


def _escaped(text):
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\\", "\\\\").replace("\n", "\\n")
        text = text.replace("\t", "\\t").replace("\r", "\\r")
    return text
