"""Numbers of journal entries, given in the order of their dates."""

import re


class Numbering:
    """Continues the numbers of journals as Odoo would, without asking it for each entry."""

    def __init__(self, env):
        self.env = env
        self._formats = {}
        self._last = {}

    def next(self, journal, move_type, date, payment=False):
        """The next free number of ``journal`` for an entry of ``move_type`` on ``date``.

        :param bool payment: the entry belongs to a payment (some journals number these apart)
        """
        key = (journal.id, move_type, payment, date.year, date.month)
        if key not in self._formats:
            self._formats[key] = self._format(journal, move_type, date, payment)
        pattern, values, first = self._formats[key]
        series = (journal.id, pattern.format(**values, seq=0))
        self._last[series] = self._last.get(series, first) + 1
        return pattern.format(**values, seq=self._last[series])

    def _format(self, journal, move_type, date, payment):
        """The pattern of the numbers, its values and the last number in use."""
        Move = self.env["account.move"].with_context(is_payment=payment)
        move = Move.new({"move_type": move_type, "journal_id": journal.id, "date": date})
        pattern, values = move._get_next_sequence_format()
        return pattern, values, values.pop("seq")


def split(name):
    """The prefix and the number of a name, as Odoo keeps them in columns of their own."""
    prefix, number, _suffix = re.match(r"^(.*?)(\d{0,9})(\D*)$", name).groups()
    return prefix, int(number or 0)
