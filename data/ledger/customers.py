"""Who sells, who buys: companies, terms, products, rates, customers and their contacts."""

import math
import unicodedata
from dataclasses import dataclass, field

from . import vocabulary as words
from .identifiers import (
    digits,
    foreign_vat,
    spanish_company_vat,
    spanish_iban,
    spanish_person_vat,
)
from .model import Company, Partner, Product, Rate, Salesperson, Term

HISTORY_DAYS = 548  # eighteen months

# How customers pay: share of the customers, days late (mean and spread), share never paid.
HABITS = {
    "prompt": (40, -1, 3, 0.005),
    "slow": (24, 15, 8, 0.015),
    "late": (17, 42, 16, 0.03),
    "very_late": (9, 95, 40, 0.1),
    "partial": (5, 18, 12, 0.02),
    "erratic": (5, 28, 30, 0.06),
}

# Terms of ordinary customers and their weight.
TERM_WEIGHTS = {"30d": 44, "60d": 24, "15d": 8, "now": 8, "30-60": 7, "30-60-90": 6, "2/10": 3}


@dataclass(slots=True)
class Role:
    """What is special about a customer; anything left empty is drawn at random."""

    kind: str = ""
    country: str = ""
    companies: tuple = ()
    term: str = ""
    method: str = ""
    habit: str = ""
    currency: str = ""
    receivable: str = "trade"
    email: bool = True


# The first customers of every ledger, so that each odd case is there whatever the size and seed.
SPECIAL_ROLES = [
    Role(kind="company", country="ES", term="30-60-90", habit="late"),
    Role(kind="company", country="ES", term="30d", habit="partial"),
    Role(kind="company", country="US", term="30d", habit="late", currency="USD"),
    Role(kind="company", country="ES", term="30d", habit="prompt", method="debit"),
    Role(kind="consumer", habit="late"),
    Role(kind="public", term="60d", habit="very_late"),
    Role(kind="staff", habit="late", receivable="non_trade"),
    Role(kind="company", country="ES", companies=("branch",), term="30d", habit="late"),
    Role(kind="company", country="ES", companies=("second",), habit="slow"),
    Role(kind="company", country="ES", companies=("main", "second"), habit="late"),
    Role(kind="company", country="ES", habit="very_late", email=False),
    Role(kind="company", country="ES", term="2/10", habit="prompt"),
]


@dataclass(slots=True)
class Customer:
    """A customer while its history is written: its row and what only the generator knows.

    ``bill_to`` is the partner on its invoices (itself or its invoice contact), ``size`` scales
    its amounts, ``pays_on`` is the day of the fortnight on which it pays everything (-1: none).
    """

    partner: Partner
    companies: tuple
    currency: str
    bill_to: Partner
    size: float
    pays_on: int
    special: bool
    contacts: list = field(default_factory=list)


def add_masters(ledger, rng):
    """Fill in all that does not depend on the number of customers."""
    ledger.companies += _companies(rng)
    ledger.salespeople += [
        Salesperson("marta.soler", "Marta Soler", "marta.soler@suministroslevante.example"),
        Salesperson("jorge.medina", "Jorge Medina", "jorge.medina@suministroslevante.example"),
        Salesperson("lucia.roig", "Lucía Roig", "lucia.roig@suministroslevante.example"),
    ]
    ledger.terms += [
        Term("now", "Immediate payment", "Pago al contado", "100:0"),
        Term("15d", "15 days", "15 días", "100:15"),
        Term("30d", "30 days", "30 días", "100:30"),
        Term("60d", "60 days", "60 días", "100:60"),
        Term("30-60", "Half at 30, half at 60 days", "50% a 30 y 50% a 60 días", "50:30 50:60"),
        Term(
            "30-60-90",
            "Thirds at 30, 60 and 90 days",
            "Tres plazos: 30, 60 y 90 días",
            "33.33:30 33.33:60 33.34:90",
        ),
        Term("2/10", "30 days, 2% within 10", "30 días, 2% dto. a 10 días", "100:30", 2.0, 10),
    ]
    ledger.products += [Product(*row) for row in words.PRODUCTS]
    ledger.rates += _rates(rng)


def _companies(rng):
    def iban(bank):
        return spanish_iban(rng, bank)

    return [
        Company(
            key="main",
            name="Suministros Levante S.L.",
            vat=spanish_company_vat(rng, "B"),
            street="Carrer dels Fusters, 14 (Polígono Fuente del Jarro)",
            zip="46988",
            city="Paterna",
            state="V",
            phone="+34 960 555 100",
            email="administracion@suministroslevante.example",
            website="https://www.suministroslevante.example",
            iban=iban("2100"),
            bank="Banco de Levante",
        ),
        Company(
            key="second",
            name="Levante Servicios Técnicos S.L.",
            vat=spanish_company_vat(rng, "B"),
            street="Avenida de Elche, 151",
            zip="03008",
            city="Alicante",
            state="A",
            phone="+34 965 555 200",
            email="administracion@levanteservicios.example",
            website="https://www.levanteservicios.example",
            iban=iban("0049"),
            bank="Banco Mediterráneo",
        ),
        Company(
            key="branch",
            name="Levante Servicios Técnicos, delegación de Murcia",
            parent="second",
            street="Avenida de la Libertad, 8",
            zip="30009",
            city="Murcia",
            state="MU",
            phone="+34 968 555 300",
            email="murcia@levanteservicios.example",
        ),
    ]


def _rates(rng):
    """A rate of the US dollar every two weeks for two years, wandering around 1.09."""
    rate, rows = 1.09, []
    for day in range(-730, 1, 14):
        rate = min(max(rate * (1 + rng.gauss(0, 0.006)), 1.02), 1.17)
        rows.append(Rate("USD", day, round(rate, 4)))
    return rows


class CustomerMaker:
    """Makes customers with their contacts and adds them to a ledger."""

    def __init__(self, ledger, rng):
        self.ledger = ledger
        self.rng = rng
        self.names = set()

    def make(self, count):
        """Return ``count`` new customers; the first ones have the special roles."""
        return [
            self._make_customer(
                SPECIAL_ROLES[number] if number < len(SPECIAL_ROLES) else self._draw_role(),
                special=number < len(SPECIAL_ROLES),
            )
            for number in range(count)
        ]

    def _draw_role(self):
        rng = self.rng
        kind = self._weighted({"company": 86, "consumer": 9, "public": 4, "staff": 1})
        country = "ES"
        if kind == "company" and rng.random() < 0.12:
            country = self._weighted({place[0]: place[1] for place in words.FOREIGN_PLACES})
        dollars = country in ("US", "MX") and rng.random() < 0.6
        return Role(
            kind=kind,
            country=country,
            companies=self._weighted(
                {("main",): 80, ("second",): 10, ("branch",): 6, ("main", "second"): 4}
            ),
            currency="USD" if dollars else "",
            method="debit" if country == "ES" and rng.random() < 0.12 else "",
            receivable="non_trade" if kind == "staff" else "trade",
            email=rng.random() > 0.06,
        )

    def _make_customer(self, role, special):
        rng = self.rng
        kind = role.kind or "company"
        partner = Partner(key=f"c{len(self.names) + 1:05d}", name="", kind=kind)
        self._name_and_place(partner, role)
        companies = role.companies or ("main",)
        partner.company = "" if "main" in companies else companies[0]
        partner.habit = role.habit or self._weighted({k: v[0] for k, v in HABITS.items()})
        partner.term = role.term or self._draw_term(kind)
        partner.receivable = role.receivable
        partner.salesperson = rng.choice(self.ledger.salespeople).key
        partner.tags = "|".join(sorted(rng.sample(words.TAGS, rng.choice([0, 0, 1, 1, 2]))))
        if role.method == "debit":
            partner.method = "debit"
            partner.iban = spanish_iban(rng, rng.choice(["0081", "2100", "0182", "3058"]))
        if not role.email:
            partner.email = ""
        size = math.exp(rng.gauss(0, 0.6))
        if kind == "company" and rng.random() < 0.3:
            partner.credit_limit = round(size * 12, 0) * 500.0
        self.ledger.partners.append(partner)
        customer = Customer(
            partner=partner,
            companies=companies,
            currency=role.currency,
            bill_to=partner,
            size=size,
            pays_on=rng.randrange(14) if rng.random() < 0.3 else -1,
            special=special,
        )
        if kind in ("company", "public"):
            self._add_contacts(customer)
        return customer

    def _draw_term(self, kind):
        if kind == "public":
            return "60d"
        if kind in ("consumer", "staff"):
            return "now"
        return self._weighted(TERM_WEIGHTS)

    def _name_and_place(self, partner, role):
        rng = self.rng
        if role.country not in ("", "ES"):
            self._foreign_name_and_place(partner, role.country)
            return
        self._spanish_address(partner)
        if partner.kind in ("consumer", "staff"):
            partner.name = self._unused(self._person_name)
            partner.vat = spanish_person_vat(rng)
            partner.email = f"{_slug(partner.name)}@example.com"
        elif partner.kind == "public":
            partner.name = self._unused(lambda: f"Ayuntamiento de {self._town()}")
            partner.city = partner.name.removeprefix("Ayuntamiento de ")
            partner.vat = spanish_company_vat(rng, "P")
            partner.industry = "O"
            partner.email = f"intervencion@{_slug(partner.city)}.example"
        else:
            partner.industry = self._weighted({k: v[0] for k, v in words.INDUSTRIES.items()})
            trade, surname = self._unused_pair(words.INDUSTRIES[partner.industry][1])
            form, letter = self._weighted({row[:2]: row[2] for row in words.LEGAL_FORMS})
            partner.name = f"{trade} {surname}, {form}"
            partner.vat = spanish_company_vat(rng, letter)
            partner.email = f"administracion@{_slug(trade)}-{_slug(surname)}.example"

    def _spanish_address(self, partner):
        rng = self.rng
        city, zip_start, state, _weight = self._weighted(
            {place: place[3] for place in words.SPANISH_PLACES}
        )
        partner.street = f"{rng.choice(words.STREETS)}, {rng.randrange(1, 180)}"
        partner.zip, partner.city, partner.state = zip_start + digits(rng, 2), city, state
        partner.lang = "es_ES"
        partner.phone = f"+34 96{rng.randrange(0, 9)} 555 {digits(rng, 3)}"

    def _foreign_name_and_place(self, partner, country):
        rng = self.rng
        places = [place for place in words.FOREIGN_PLACES if place[0] == country]
        _country, _weight, lang, city, zip_code, street, phone, form = rng.choice(places)
        name, trade = self._unused_pair(words.FOREIGN_NAMES, words.FOREIGN_TRADES)
        partner.name = f"{name} {trade} {form}"
        partner.industry = {"Foods": "I", "Hotels": "I", "Industries": "C"}.get(trade, "G")
        partner.country, partner.lang = country, lang
        partner.street, partner.zip, partner.city = (
            f"{street} {rng.randrange(1, 90)}",
            zip_code,
            city,
        )
        partner.phone = f"{phone} {digits(rng, 4)}"
        partner.vat = foreign_vat(rng, country)
        partner.email = f"accounts@{_slug(name)}-{_slug(trade)}.example"

    def _add_contacts(self, customer):
        rng = self.rng
        parent = customer.partner
        domain = parent.email.split("@")[-1] or "correo.example"
        if rng.random() < 0.55:
            invoice_contact = self._add_contact(customer, "invoice", "Administración")
            if parent.email and rng.random() < 0.85:
                invoice_contact.email = f"facturas@{domain}"
            if rng.random() < 0.5:
                customer.bill_to = invoice_contact
        for _ in range(rng.choice([0, 1, 1, 2])):
            contact = self._add_contact(customer, "contact", rng.choice(words.JOBS))
            if parent.email and rng.random() < 0.7:
                contact.email = f"{_slug(contact.name.split()[0])}@{domain}"
        if rng.random() < 0.15:
            self._add_contact(customer, rng.choice(["delivery", "other"]), "Almacén")

    def _add_contact(self, customer, kind, function):
        parent = customer.partner
        contact = Partner(
            key=f"{parent.key}.{len(customer.contacts) + 1}",
            name=self._person_name(),
            parent=parent.key,
            company=parent.company,
            kind="person",
            type=kind,
            function=function,
            street=parent.street,
            zip=parent.zip,
            city=parent.city,
            state=parent.state,
            country=parent.country,
            lang=parent.lang,
        )
        customer.contacts.append(contact)
        self.ledger.partners.append(contact)
        return contact

    def _person_name(self):
        first = self.rng.choice(words.WOMEN + words.MEN)
        return f"{first} {self.rng.choice(words.SURNAMES)} {self.rng.choice(words.SURNAMES)}"

    def _town(self):
        towns = words.TOWNS + [f"{name} del Río" for name in words.SURNAMES]
        return self.rng.choice(towns)

    def _unused(self, draw):
        """A name that no other customer has; after many tries a number makes it different."""
        name = draw()
        for _ in range(50):
            if name not in self.names:
                break
            name = draw()
        else:
            name = f"{name} {len(self.names)}"
        self.names.add(name)
        return name

    def _unused_pair(self, first_words, second_words=None):
        rng = self.rng
        pairs = {}

        def draw():
            first = rng.choice(first_words)
            second = rng.choice(second_words or words.SURNAMES)
            if not second_words and rng.random() < 0.4:
                second = f"{second} {rng.choice(['Hermanos', 'e Hijos', 'Levante', 'y Asociados'])}"
            pairs[f"{first} {second}"] = first, second
            return f"{first} {second}"

        name = self._unused(draw)
        return pairs.get(name) or (name.split()[0], name.split(maxsplit=1)[1])

    def _weighted(self, weights):
        """A key of ``weights``, as likely as its value says."""
        return self.rng.choices(list(weights), list(weights.values()))[0]


def _slug(text):
    """Lower-case ASCII letters and digits of ``text``, dots between words."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return ".".join("".join(c if c.isalnum() else " " for c in plain.lower()).split())
