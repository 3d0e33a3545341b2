"""What is still open on each receivable line while payments are being loaded."""

from dataclasses import dataclass


@dataclass(slots=True)
class Claim:
    """A receivable line: its id, its amount and what is open, both in its currency."""

    line_id: int
    amount: float
    open: float


class Claims:
    """The receivable lines of moves by the keys of a ledger, instalments in their order."""

    def __init__(self):
        self._by_move = {}

    def add(self, move_key, lines):
        """Remember the receivable lines of a move.

        :param lines: (id, amount in the document's currency) of each line, in the order in which
            an ``Allocation`` counts them
        """
        self._by_move[move_key] = [
            Claim(line_id, abs(amount), abs(amount)) for line_id, amount in lines
        ]

    def of(self, move_key, instalment=0):
        """The claims of a move: all of them, or the one instalment asked for."""
        claims = self._by_move[move_key]
        return claims if instalment == 0 else [claims[min(instalment, len(claims)) - 1]]

    def parts(self, allocations, digits=2):
        """What each allocation of a payment settles: pairs of claim and amount above zero."""
        for allocation in allocations:
            for claim in self.of(allocation.move, allocation.instalment):
                amount = claim.open
                if allocation.share < 1:
                    amount = min(amount, round(claim.amount * allocation.share, digits))
                if amount > 0:
                    yield claim, amount

    def settle(self, parts):
        """Take the amounts of ``parts`` off their claims."""
        for claim, amount in parts:
            claim.open = round(claim.open - amount, 2)

    def settle_in_turn(self, claims, amount):
        """Let ``amount`` settle ``claims`` one after the other; return the parts settled."""
        parts = []
        for claim in claims:
            part = round(min(claim.open, amount), 2)
            if part > 0:
                parts.append((claim, part))
                amount -= part
        self.settle(parts)
        return parts
