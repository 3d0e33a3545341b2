"""Which documents of a ledger are written set-based and which go through the ORM."""

from collections import defaultdict

RECENT_DAYS = 15  # what happened since then goes through the ORM


def index_by(rows, name):
    """Rows grouped by the value of one of their fields."""
    groups = defaultdict(list)
    for row in rows:
        groups[getattr(row, name)].append(row)
    return groups


class LedgerIndex:
    """Rows of a ledger by the key that other rows refer to."""

    def __init__(self, ledger):
        self.moves = {row.key: row for row in ledger.moves}
        self.payments = {row.key: row for row in ledger.payments}
        self.lines = index_by(ledger.move_lines, "move")
        self.entry_lines = index_by(ledger.entry_lines, "move")
        self.allocations = index_by(ledger.allocations, "source")
        self._terms = {row.key: len(row.days()) for row in ledger.terms}

    def instalments(self, move):
        """The number of instalments of a move."""
        return self._terms.get(move.term, 1)


def choose_bulk(ledger, index, mode):
    """The keys of the moves and payments to write set-based.

    What belongs together (an invoice, its credit notes, its payments, what else these paid)
    goes one way as a whole.

    :param mode: ``orm``: none; ``sql``: all that can be; ``auto``: what was settled long ago
    """
    if mode == "orm":
        return set()
    chosen = set()
    for group in _connected(ledger):
        moves = [index.moves[key] for key in group if key in index.moves]
        payments = [index.payments[key] for key in group if key in index.payments]
        if not all(map(_can_be_bulk, moves)) or not all(map(_can_be_bulk_payment, payments)):
            continue
        foreign = any(row.currency for row in moves + payments)
        if foreign and (len(group) > 1 or mode == "auto"):
            continue  # exchange differences
        if any(row.currency and len(index.lines[row.key]) > 1 for row in moves):
            continue  # rounding of several lines in two currencies
        if mode == "auto" and not _is_old_and_settled(moves, payments, index):
            continue
        chosen.update(group)
    return chosen


def _connected(ledger):
    """Lists of keys of moves and payments that hang together by allocations and reversals."""
    links = defaultdict(list)
    pairs = [(row.source, row.move) for row in ledger.allocations]
    pairs += [(row.key, row.origin) for row in ledger.moves if row.origin]
    for one, other in pairs:
        links[one].append(other)
        links[other].append(one)
    seen = set()
    for row in [*ledger.moves, *ledger.payments]:
        if row.key in seen:
            continue
        group, waiting = [], [row.key]
        seen.add(row.key)
        while waiting:
            key = waiting.pop()
            group.append(key)
            waiting += [other for other in links[key] if other not in seen]
            seen.update(links[key])
        yield group


def _can_be_bulk(move):
    return move.type != "entry" and move.state == "posted"


def _can_be_bulk_payment(payment):
    return payment.outcome == "ok" and not payment.discount


def _is_old_and_settled(moves, payments, index):
    """Nothing is open and nothing happened of late."""
    if any(row.day > -RECENT_DAYS for row in moves + payments):
        return False
    if any(row.extra for row in payments):
        return False
    settled = defaultdict(set)
    for row in moves + payments:
        for allocation in index.allocations[row.key]:
            if allocation.share == 1 and _settles_all(row, allocation, index):
                settled[allocation.move].add(allocation.instalment)
    return all(
        0 in settled[row.key] or len(settled[row.key]) == index.instalments(row)
        for row in moves
        if row.type == "invoice"
    ) and not any(row.type == "refund" and not index.allocations[row.key] for row in moves)


def _settles_all(source, allocation, index):
    """A payment settles what it is for; a credit note only if it reverses the whole invoice."""
    if source.key in index.payments:
        return True
    return _total(index.lines[source.key]) >= _total(index.lines[allocation.move])


def _total(lines):
    return round(sum(line.quantity * line.price for line in lines), 2)
