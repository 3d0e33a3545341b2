"""A ledger as a folder of CSV files, one for each kind of row."""

import csv
from dataclasses import astuple, fields
from pathlib import Path

from .model import Ledger


def _row_class(table):
    """The dataclass of the rows in a ``Ledger`` field such as ``list[Move]``."""
    return table.type.__args__[0]


def write_csv(ledger, folder):
    """Write the ledger into ``folder`` (made if missing); the same ledger gives the same bytes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for table in fields(Ledger):
        with open(folder / f"{table.name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(column.name for column in fields(_row_class(table)))
            writer.writerows(
                [_to_text(value) for value in astuple(row)] for row in getattr(ledger, table.name)
            )


def read_csv(folder):
    """Return the ``Ledger`` kept in ``folder``.

    :raises ValueError: a cell does not hold the kind of value that its column needs
    """
    ledger = Ledger()
    for table in fields(Ledger):
        row_class = _row_class(table)
        types = {column.name: column.type for column in fields(row_class)}
        path = Path(folder) / f"{table.name}.csv"
        with open(path, newline="", encoding="utf-8") as file:
            for number, record in enumerate(csv.DictReader(file), start=2):
                try:
                    values = {name: _from_text(types[name], record[name]) for name in types}
                except (KeyError, TypeError, ValueError) as error:
                    raise ValueError(f"{path.name}, line {number}: {error!r}") from error
                getattr(ledger, table.name).append(row_class(**values))
    return ledger


def _to_text(value):
    if isinstance(value, bool):
        return "yes" if value else ""
    return value if isinstance(value, str) else repr(value)


def _from_text(kind, text):
    return text == "yes" if kind is bool else kind(text)
