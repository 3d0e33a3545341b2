"""The rows of a ledger: plain dataclasses that know nothing of Odoo or of any database.

Conventions shared by all rows:

* ``key`` names a row inside its ledger; other rows refer to it by that key.
* ``day`` (and every other date) is a whole number of days relative to the day the ledger is
  loaded: 0 is that day, -30 thirty days before it.
* ``currency`` is empty for the company's own currency; ``USD`` stands for a foreign one.
* Amounts of invoices follow from their lines and from the taxes of the company that they are
  loaded into. Payments are therefore told by what they pay (``Allocation``), not by an amount,
  and one ledger fits any chart of accounts.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Company:
    """A company; ``parent`` makes it a branch of another one."""

    key: str
    name: str
    parent: str = ""
    country: str = "ES"
    chart: str = "es_pymes"
    vat: str = ""
    street: str = ""
    zip: str = ""
    city: str = ""
    state: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    iban: str = ""
    bank: str = ""


@dataclass(slots=True)
class Salesperson:
    """A person of the sales department; ``key`` is also the login."""

    key: str
    name: str
    email: str


@dataclass(slots=True)
class Term:
    """Payment terms: ``instalments`` as "percent:days" joined by blanks, e.g. "50:30 50:60".

    ``discount`` is the percentage offered for paying within ``discount_days`` (0: none).
    """

    key: str
    name_en: str
    name_es: str
    instalments: str
    discount: float = 0.0
    discount_days: int = 0

    def days(self):
        """The days after the invoice's date at which each instalment is due."""
        return [int(part.split(":")[1]) for part in self.instalments.split()]

    def percents(self):
        """The percentage of each instalment."""
        return [float(part.split(":")[0]) for part in self.instalments.split()]


@dataclass(slots=True)
class Product:
    """Something sold; ``tax`` is its Spanish VAT in percent, ``price`` before tax."""

    key: str
    name_en: str
    name_es: str
    price: float
    tax: float = 21.0
    service: bool = False


@dataclass(slots=True)
class Rate:
    """Units of ``currency`` for one euro from ``day`` on."""

    currency: str
    day: int
    rate: float


@dataclass(slots=True)
class Partner:
    """A customer, or a contact of one (``parent``).

    * ``company``: the only company that sees it; empty when it is shared.
    * ``kind``: company, public, consumer (a private person) or staff.
    * ``type``: contact, invoice, delivery or other, as in Odoo.
    * ``method``: transfer or debit (direct debit, from the account ``iban``).
    * ``habit``: how it pays; only the generator acts on it.
    * ``receivable``: trade, or non_trade for an account that is not for sales.
    """

    key: str
    name: str
    parent: str = ""
    company: str = ""
    kind: str = "company"
    type: str = "contact"
    industry: str = ""
    tags: str = ""
    function: str = ""
    vat: str = ""
    street: str = ""
    zip: str = ""
    city: str = ""
    state: str = ""
    country: str = "ES"
    lang: str = ""
    email: str = ""
    phone: str = ""
    salesperson: str = ""
    term: str = ""
    method: str = "transfer"
    iban: str = ""
    habit: str = ""
    receivable: str = "trade"
    credit_limit: float = 0.0


@dataclass(slots=True)
class Move:
    """An invoice, a credit note (``refund``) or an opening ``entry`` of the general journal.

    * ``state``: posted, draft or cancel.
    * ``sent``: yes, no (never sent to the customer) or bounced.
    * ``origin``: the invoice that a credit note reverses.
    * ``hint``: what a person would know about it: disputed, promised, reported.
    """

    key: str
    type: str
    company: str
    day: int
    partner: str = ""
    term: str = ""
    currency: str = ""
    state: str = "posted"
    sent: str = "yes"
    origin: str = ""
    ref: str = ""
    hint: str = ""


@dataclass(slots=True)
class MoveLine:
    """A line of an invoice or credit note; ``price`` per unit in the document's currency."""

    move: str
    product: str
    quantity: float
    price: float


@dataclass(slots=True)
class EntryLine:
    """A receivable line of an opening entry (its counterpart is added when loading).

    ``amount`` is positive for a debt and negative for a credit, in ``currency``.
    """

    move: str
    partner: str
    amount: float
    due: int
    account: str = "trade"
    currency: str = ""
    label: str = ""


@dataclass(slots=True)
class Payment:
    """Money from a customer: what its allocations add up to, plus ``extra``.

    * ``extra``: the amount, in ``currency``, that nobody has allocated.
    * ``method``: transfer or debit.
    * ``outcome``: ok; returned (a direct debit that the bank took back by a bank line);
      cancelled (taken back by cancelling the payment); undone (the payment stands, its
      reconciliation was undone).
    * ``outcome_day``: when the money was returned.
    * ``discount``: pays less, taking the early payment discount of its terms.
    """

    key: str
    company: str
    partner: str
    day: int
    currency: str = ""
    method: str = "transfer"
    extra: float = 0.0
    memo: str = ""
    outcome: str = "ok"
    outcome_day: int = 0
    discount: bool = False


@dataclass(slots=True)
class Allocation:
    """An instalment of ``move`` is settled by ``source``, a payment or a credit note.

    * ``instalment`` counts from 1 (lines of an opening entry in their order); 0 means all.
    * ``share``: 1 is all that is still open by then, less is a part of the whole amount. A
      payment with a share below 1 has that one allocation only.

    Credit notes pay the oldest instalments first, as far as they go.
    """

    source: str
    move: str
    instalment: int = 0
    share: float = 1.0


@dataclass(slots=True)
class BankLine:
    """A line of the bank statement that nobody has matched yet."""

    key: str
    company: str
    day: int
    label: str
    amount: float
    partner: str = ""


@dataclass(slots=True)
class Ledger:
    """Everything that is loaded together; one list for each kind of row."""

    companies: list[Company] = field(default_factory=list)
    salespeople: list[Salesperson] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    partners: list[Partner] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    move_lines: list[MoveLine] = field(default_factory=list)
    entry_lines: list[EntryLine] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    bank_lines: list[BankLine] = field(default_factory=list)
