"""What customers bought and how they paid: eighteen months of documents."""

import math
from collections import defaultdict
from dataclasses import dataclass

from .customers import HABITS, HISTORY_DAYS
from .model import Allocation, BankLine, EntryLine, Move, MoveLine, Payment


@dataclass(slots=True)
class Sale:
    """An invoice while its fate is decided; ``fate`` is "" for an ordinary one."""

    customer: object
    move: Move
    fate: str = ""


class HistoryWriter:
    """Writes the documents of customers into a ledger."""

    def __init__(self, ledger, rng):
        self.ledger = ledger
        self.rng = rng
        self.terms = {term.key: term for term in ledger.terms}
        self.lines = defaultdict(list)
        self.entries = 0

    def write(self, customers, invoices):
        """Add ``invoices`` invoices and everything that follows from them."""
        sales = self._write_invoices(customers, invoices)
        self._choose_fates(sales)
        self._write_credit_notes(sales)
        self._write_payments(sales)
        self._write_opening_entries(customers)
        self._write_money_nobody_allocated(customers)
        self._write_hints(sales)

    # Invoices ------------------------------------------------------------------------------

    def _write_invoices(self, customers, invoices):
        sales = []
        shares = self._shares(customers, invoices)
        for customer, count in zip(customers, shares, strict=True):
            days = sorted(self._invoice_day() for _ in range(count))
            if customer.special:  # one whose due date has passed, not too long ago
                days[0] = -self.rng.randrange(95, 125)
            sales += [self._write_invoice(customer, day) for day in sorted(days)]
        return sales

    def _shares(self, customers, invoices):
        """How many invoices each customer gets: one or two for all, the rest very unevenly."""
        rng = self.rng
        counts = [2 if customer.special else 1 for customer in customers]
        if invoices < sum(counts):
            raise ValueError(f"{len(customers)} customers need at least {sum(counts)} invoices")
        weights = [
            customer.size * math.exp(rng.gauss(0, 0.8)) * _appetite(customer)
            for customer in customers
        ]
        for number in rng.choices(range(len(customers)), weights, k=invoices - sum(counts)):
            counts[number] += 1
        return counts

    def _invoice_day(self):
        return -round(HISTORY_DAYS * self.rng.random() ** 1.1)

    def _write_invoice(self, customer, day):
        move = self._add_move("invoice", customer, day)
        target = math.exp(self.rng.gauss(math.log(620), 0.9)) * customer.size * _appetite(customer)
        for product, quantity, price in self._basket(target):
            self._add_line(move, product, quantity, price)
        return Sale(customer, move)

    def _add_line(self, move, product, quantity, price):
        line = MoveLine(move.key, product, float(quantity), price)
        self.ledger.move_lines.append(line)
        self.lines[move.key].append(line)

    def _add_move(self, kind, customer, day):
        move = Move(
            key=f"{kind[0]}{len(self.ledger.moves) + 1:06d}",
            type=kind,
            company=self.rng.choice(customer.companies),
            day=day,
            partner=customer.bill_to.key,
            currency=customer.currency,
        )
        if kind == "invoice":
            move.term = customer.partner.term
        self.ledger.moves.append(move)
        return move

    def _basket(self, target):
        """Lines (product, quantity, price) that add up to about ``target``."""
        count = self.rng.choice([1, 1, 2, 2, 3, 4])
        for product in self.rng.sample(self.ledger.products, count):
            quantity = max(1, round(target / count / product.price))
            yield product.key, quantity, product.price

    # What becomes of them ------------------------------------------------------------------

    def _choose_fates(self, sales):
        """Mark the odd invoices; each fate is given to one invoice at least, if one fits."""
        for fate, share, fits in (
            ("returned", 0.15, lambda s: _is_debit(s) and -125 <= s.move.day < -40),
            ("cancelled", 0.04, lambda s: _is_debit(s) and -300 <= s.move.day < -40),
            ("undone", 0.005, lambda s: -120 <= s.move.day < -60 and _is_simple(s)),
            ("discount", 0.08, lambda s: s.move.term == "2/10" and s.move.day < -15),
            ("reversed", 0.02, lambda s: s.move.day < -20 and not s.move.currency),
            ("credited", 0.05, lambda s: -150 <= s.move.day < -15),
            ("credit_waiting", 0.03, lambda s: -150 <= s.move.day < -10),
            ("overpaid", 0.02, lambda s: -150 <= s.move.day < -50 and _is_simple(s)),
            ("draft", 0.05, lambda s: s.move.day >= -30),
            ("cancel", 0.02, lambda s: s.move.day < -5),
        ):
            candidates = [sale for sale in sales if not sale.fate and fits(sale)]
            count = min(len(candidates), max(1, round(share * len(candidates))))
            for sale in self.rng.sample(candidates, count):
                sale.fate = fate
        for sale in sales:
            if sale.fate in ("draft", "cancel"):
                sale.move.state, sale.move.sent = sale.fate, "no"
        self._choose_undelivered([s for s in sales if s.move.state == "posted"])

    def _choose_undelivered(self, sales):
        """Some recent invoices never left, some came back; the old ones all arrived."""
        for sent, share in (("no", 0.05), ("bounced", 0.03)):
            recent = [s.move for s in sales if s.move.day >= -60 and s.move.sent == "yes"]
            for move in self.rng.sample(recent, min(len(recent), 1 + round(share * len(recent)))):
                move.sent = sent

    def _write_credit_notes(self, sales):
        for sale in sales:
            if sale.fate not in ("reversed", "credited", "credit_waiting"):
                continue
            invoice = sale.move
            day = min(-1, invoice.day + self.rng.randrange(2, 12))
            refund = self._add_move("refund", sale.customer, day)
            refund.company = invoice.company
            if sale.fate == "reversed":
                for line in self.lines[invoice.key]:
                    self._add_line(refund, line.product, line.quantity, line.price)
            else:  # a few pieces of the first product came back
                line = self.lines[invoice.key][0]
                self._add_line(refund, line.product, max(1, line.quantity // 4), line.price)
            if sale.fate == "credit_waiting":
                refund.ref = "Abono comercial"
            else:  # posting a credit note that says what it reverses allocates it
                refund.origin = invoice.key
                self.ledger.allocations.append(Allocation(refund.key, invoice.key))

    # Payments ------------------------------------------------------------------------------

    def _write_payments(self, sales):
        waiting = defaultdict(list)  # what a customer pays on one day, to be paid together
        for sale in sales:
            if sale.fate in ("returned", "cancelled", "undone", "discount", "overpaid"):
                self._pay_oddly(sale)
            elif sale.fate not in ("draft", "cancel", "reversed", "credited"):
                for day, instalment, share in self._intentions(sale):
                    if instalment or sale.customer.partner.habit == "partial":
                        self._pay(day, sale.customer, [(sale.move, instalment, share)])
                    else:
                        waiting[sale.customer.partner.key, sale.move.company, day].append(sale)
        for (_partner, _company, day), group in waiting.items():
            for start in range(0, len(group), 5):
                batch = group[start : start + 5]
                self._pay(day, batch[0].customer, [(sale.move, 0, 1.0) for sale in batch])

    def _intentions(self, sale):
        """The payments (day, instalment, share) of a sale that have been made until day 0."""
        rng = self.rng
        days = self.terms[sale.move.term].days()
        habit = sale.customer.partner.habit
        _weight, mean, spread, never = HABITS[habit]
        if rng.random() < never:
            return
        for number, after in enumerate(days, start=1):
            instalment = number if len(days) > 1 else 0
            due = sale.move.day + after
            day = self._on_its_day(sale, max(sale.move.day, due + round(rng.gauss(mean, spread))))
            if habit == "partial" and rng.random() < 0.7:
                share = rng.choice([0.25, 0.4, 0.5, 0.7])
                parts = [(day, share), (day + rng.randrange(25, 90), 1.0)]
            else:
                parts = [(day, 1.0)]
            for part_day, share in parts:
                if part_day <= 0:
                    yield part_day, instalment, share

    def _on_its_day(self, sale, day):
        """Customers with a payment day wait for it."""
        if sale.customer.pays_on < 0:
            return day
        return day + (sale.customer.pays_on - day) % 14

    def _pay(self, day, customer, what, **values):
        """Add a payment that settles ``what``: a list of (move, instalment, share)."""
        payment = Payment(
            key=f"p{len(self.ledger.payments) + 1:06d}",
            company=what[0][0].company,
            partner=customer.partner.key,
            day=day,
            currency=what[0][0].currency,
            method=customer.partner.method,
            **values,
        )
        self.ledger.payments.append(payment)
        self.ledger.allocations += [
            Allocation(payment.key, move.key, instalment, share) for move, instalment, share in what
        ]
        return payment

    def _pay_oddly(self, sale):
        rng, move = self.rng, sale.move
        due = min(-8, move.day + max(self.terms[move.term].days()))
        what = [(move, 0, 1.0)]
        if sale.fate == "discount":
            self._pay(min(0, move.day + rng.randrange(3, 10)), sale.customer, what, discount=True)
        elif sale.fate == "overpaid":
            self._pay(due, sale.customer, what, extra=round(rng.uniform(5, 60), 2))
        elif sale.fate == "undone":
            self._pay(due, sale.customer, what, outcome="undone", outcome_day=due + 3)
        else:
            returned = min(-1, due + rng.randrange(2, 8))
            self._pay(due, sale.customer, what, outcome=sale.fate, outcome_day=returned)
            if sale.fate == "cancelled" and returned < -30:
                self._pay(returned + 20, sale.customer, what)

    # Opening balances, money to allocate, notes --------------------------------------------

    def _write_opening_entries(self, customers):
        """Debts from before the ledger: of one customer, of several in one move, of nobody."""
        rng = self.rng
        local = [c for c in customers if c.companies == ("main",) and not c.currency]
        trade = [c for c in local if c.partner.receivable == "trade"]
        one, *several = rng.sample(trade, min(len(trade), 5))
        start = -HISTORY_DAYS
        entry = self._add_entry(start, "Asiento de apertura")
        self._add_entry_line(entry, one, rng.uniform(200, 900), start + 20)
        entry = self._add_entry(start, "Asiento de apertura, saldos de clientes")
        for customer in several:
            amount = rng.uniform(150, 2500)
            self._add_entry_line(entry, customer, amount, start + rng.randrange(0, 60))
        self._add_entry_line(entry, one, -rng.uniform(20, 90), start, label="Anticipo sin aplicar")
        for number, customer in enumerate(several, start=1):
            if number > 1 and rng.random() < 0.6:
                share = rng.choice([0.5, 1.0, 1.0])
                self._pay(start + 70, customer, [(entry, number, share)])
        entry = self._add_entry(-rng.randrange(40, 200), "Cobro de cliente por identificar")
        self._add_entry_line(entry, None, rng.uniform(50, 400), entry.day)
        staff = [c for c in customers if c.partner.receivable == "non_trade"]
        for customer in staff[:1]:
            entry = self._add_entry(-90, "Anticipo al personal")
            self._add_entry_line(entry, customer, 600.0, -30, account="non_trade")

    def _add_entry(self, day, ref):
        self.entries += 1
        entry = Move(f"e{self.entries:06d}", "entry", "main", day, sent="no", ref=ref)
        self.ledger.moves.append(entry)
        return entry

    def _add_entry_line(self, entry, customer, amount, due, **values):
        partner = customer.partner.key if customer else ""
        self.ledger.entry_lines.append(
            EntryLine(entry.key, partner, round(amount, 2), due, **values)
        )

    def _write_money_nobody_allocated(self, customers):
        rng = self.rng
        dollars = [c for c in customers if c.currency]
        payers = rng.sample(customers, max(2, len(customers) // 60)) + rng.sample(dollars, 1)
        for customer in payers:
            self.ledger.payments.append(
                Payment(
                    key=f"p{len(self.ledger.payments) + 1:06d}",
                    company=customer.companies[0],
                    partner=customer.partner.key,
                    day=-rng.randrange(1, 45),
                    currency=customer.currency,
                    extra=round(rng.uniform(60, 1500), 2),
                    memo="Pago a cuenta",
                )
            )
        local = [c for c in customers if c.companies == ("main",) and not c.currency]
        for number, customer in enumerate(rng.sample(local, min(len(local), 6)), start=1):
            self.ledger.bank_lines.append(
                BankLine(
                    key=f"b{number:03d}",
                    company="main",
                    day=-(number // 2),
                    label=f"TRANSF. {customer.partner.name.upper()}",
                    amount=round(rng.uniform(90, 2400), 2),
                    partner=customer.partner.key if number % 2 else "",
                )
            )

    def _write_hints(self, sales):
        """What people have heard about some invoices that are late now."""
        paid = {allocation.move for allocation in self.ledger.allocations}
        late = [
            sale.move
            for sale in sales
            if sale.move.key not in paid
            and sale.move.state == "posted"
            and sale.move.day + min(self.terms[sale.move.term].days()) < -5
        ]
        hints = ["disputed", "promised", "reported"]
        for number, move in enumerate(self.rng.sample(late, min(len(late), 3 + len(late) // 12))):
            move.hint = hints[number % 3]


def _appetite(customer):
    """How much more than an ordinary company this kind of customer buys."""
    return {"consumer": 0.25, "staff": 0.2, "public": 1.8}.get(customer.partner.kind, 1.0)


def _is_debit(sale):
    return sale.customer.partner.method == "debit"


def _is_simple(sale):
    """In the company's currency, paid at once and by transfer."""
    move = sale.move
    return not move.currency and not _is_debit(sale) and move.term in ("now", "15d", "30d", "60d")
