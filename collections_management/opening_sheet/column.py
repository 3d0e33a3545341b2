from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KEY, SHOWN, TO_FILL = "key", "shown", "to_fill"
# How a column is called in the sheet's hidden row: titles may be translated and columns moved.
PREFIX = "collections:"


@dataclass(frozen=True)
class Column:
    """A column of the opening sheet."""

    code: str
    """Technical name, unique in the sheet."""
    title: str
    """In the reader's language."""
    width: int
    """In characters."""
    kind: str = "text"
    """``text``, ``date``, ``integer`` or ``amount``."""
    role: str = TO_FILL
    """``KEY``: shown, and compared with the ledger; ``SHOWN``: for people only; ``TO_FILL``."""
    value: Callable[[Any], Any] | None = None
    """What the ledger says: a function of an open item."""
    help: str = ""
    """What to write, for the instructions; required where a person writes."""
    validation: dict | None = None
    """How the spreadsheet program helps, as ``xlsxwriter`` takes it. ``{code}`` in the source of a
    list stands for the cell of that column in the same row."""
    moves_on: bool = False
    """A key that changes by itself (the open amount): a difference is told, not refused."""
    hidden: bool = False

    @property
    def technical_name(self):
        return PREFIX + self.code


def normalize(text):
    """Return a text so that it compares as people do.

    >>> normalize("  First   CLAIM ")
    'first claim'
    """
    return " ".join((text or "").split()).casefold()
