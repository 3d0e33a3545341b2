"""Companies, users, terms, products, rates and partners of a ledger, made through the ORM."""

from datetime import timedelta

from odoo import Command
from odoo.tools import float_round
from odoo.tools.translate import code_translations

from .partners import PartnerMaker

# The foreign currency of a company whose own currency is the US dollar.
FOREIGN_OF_DOLLARS = "EUR"

DEBIT_METHOD_NAMES = {"en_US": "SEPA direct debit", "es_ES": "Domiciliación SEPA"}
NON_TRADE_NAMES = {"en_US": "Staff advances", "es_ES": "Anticipos al personal"}


class Masters:
    """Makes what the documents of a ledger refer to, or finds it from an earlier load.

    After ``load()`` these dictionaries give records by the keys of the ledger: ``companies``,
    ``terms``, ``products``, ``users``, ``partners``.
    """

    def __init__(self, env, ledger, today, companies=None, chart=None):
        self.env = env
        self.ledger = ledger
        self.today = today
        self.chart = chart
        self.companies = dict(companies or {})
        self._term_rows = {row.key: row for row in ledger.terms}
        self.terms, self.products, self.users, self.partners = {}, {}, {}, {}
        self.languages = {code for code, _name in env["res.lang"].get_installed()}
        self._journals = {}
        self._non_trade = {}
        self._debit_methods = {}

    def load(self, set_based=False):
        """Make or find everything, in the order in which one thing needs another.

        :param bool set_based: write customers without contacts set-based
        """
        self.load_shared()
        self._load_rates()
        self.partners.update(PartnerMaker(self).make(set_based))
        return self

    def load_shared(self):
        """Make or find what several ledgers can share."""
        self._load_companies()
        self._load_users()
        self._load_terms()
        self._load_products()
        for key in self.companies:
            self.debit_method(key)
            self.non_trade_account(key)

    def date(self, day):
        """The date of a ``day`` of the ledger."""
        return self.today + timedelta(days=day)

    # Companies and their accounts ----------------------------------------------------------

    def _load_companies(self):
        """Create the companies that were not given, each with its chart of accounts."""
        missing = [row for row in self.ledger.companies if row.key not in self.companies]
        # Odoo would install every localisation module of the country, in mid-transaction.
        Company = self.env["res.company"].with_context(chart_template_load=True)
        for row in missing:  # branches come after their parent
            parent = self.companies.get(row.parent, Company)
            self.companies[row.key] = Company.create(self._company_values(row, parent))
        created = {row.key for row in missing}
        for row in missing:
            if row.parent not in created:  # a chart is loaded for the branches of its company too
                self._load_chart(row, self.companies[row.key])
            self._open_bank_account(row)
        self._allow_companies()

    def adopt_company(self, row, company):
        """Make an existing company, in which nothing was booked yet, the one of ``row``."""
        company = company.with_env(self.env).with_context(chart_template_load=True)
        company.write(self._company_values(row, company.browse()))
        self.companies[row.key] = company
        self._load_chart(row, company, replace=True)
        self._open_bank_account(row)

    def _allow_companies(self):
        self.env.user.company_ids |= self.env["res.company"].union(*self.companies.values())
        allowed = [company.id for company in self.companies.values()]
        self.env = self.env(context={**self.env.context, "allowed_company_ids": allowed})
        self.companies = {key: c.with_env(self.env) for key, c in self.companies.items()}

    def _company_values(self, row, parent):
        values = {
            "name": row.name,
            "country_id": self.country(row).id,
            "currency_id": parent.currency_id.id or self._currency("EUR").id,
            "state_id": self.state(row).id,
            **{
                name: getattr(row, name)
                for name in ("street", "zip", "city", "vat", "phone", "email", "website")
            },
        }
        if parent:
            values["parent_id"] = parent.id
        if "iap_enrich_auto_done" in parent._fields:  # else it asks a server about the company
            values["iap_enrich_auto_done"] = True
        return values

    def _load_chart(self, row, company, replace=False):
        """Load the asked-for chart; the generic one where its localisation is not installed."""
        present = not replace and company.root_id.chart_template
        template = present or self.chart or row.chart
        known = self.env["account.chart.template"]._get_chart_template_mapping().get(template)
        if not known or not known["installed"]:
            template = "generic_coa"
        currency = company.currency_id
        self.env["account.chart.template"].try_loading(
            template, company=company, install_demo=False
        )
        if template == "generic_coa":  # it is American: everybody else is foreign and untaxed
            company.currency_id = currency
            self.env["account.fiscal.position"].search(
                [("company_id", "=", company.id)]
            ).auto_apply = False

    def _open_bank_account(self, row):
        """Give the company's bank journal its account."""
        if not row.iban:
            return
        bank = self.env["res.bank"].search([("name", "=", row.bank)], limit=1)
        bank = bank or self.env["res.bank"].create({"name": row.bank})
        journal = self.journal(row.key, "bank")
        journal.set_bank_account(row.iban, bank.id)
        journal.bank_account_id.allow_out_payment = True

    def journal(self, company_key, kind):
        """The journal of a ``kind`` (sale, bank, general) that a company uses."""
        company = self.companies[company_key].root_id
        if (company, kind) not in self._journals:
            self._journals[company, kind] = self.env["account.journal"].search(
                [("company_id", "=", company.id), ("type", "=", kind)], limit=1
            )
        return self._journals[company, kind]

    def receivable(self, company_key, partner=None):
        """The account on which ``partner`` (or anybody) owes money to a company."""
        company = self.companies[company_key]
        partner = partner or company.partner_id
        return partner.with_company(company).property_account_receivable_id

    def non_trade_account(self, company_key):
        """A receivable account that is not for sales, made if the chart has none."""
        company = self.companies[company_key].root_id
        if company not in self._non_trade:
            Account = self.env["account.account"].with_company(company)
            domain = [
                ("company_ids", "in", company.id),
                ("account_type", "=", "asset_receivable"),
            ]
            account = Account.search([*domain, ("non_trade", "=", True)], limit=1)
            if not account:
                trade = self.receivable(company_key)
                account = Account.create(
                    {
                        "name": NON_TRADE_NAMES["en_US"],
                        "code": Account._search_new_account_code(trade.code),
                        "account_type": "asset_receivable",
                        "reconcile": True,
                        "non_trade": True,
                        "company_ids": [Command.set(company.ids)],
                    }
                )
                self._translate(account, "name", NON_TRADE_NAMES)
            self._non_trade[company] = account
        return self._non_trade[company]

    def equity_account(self, company_key):
        """The counterpart of opening entries."""
        company = self.companies[company_key].root_id
        return self.env["account.account"].search(
            [("company_ids", "in", company.id), ("account_type", "=like", "equity%")], limit=1
        )

    def debit_method(self, company_key):
        """The payment method line "direct debit" of a company's bank journal."""
        journal = self.journal(company_key, "bank")
        if journal not in self._debit_methods:
            lines = journal.inbound_payment_method_line_ids
            line = lines.filtered(lambda line: line.name in DEBIT_METHOD_NAMES.values())[:1]
            self._debit_methods[journal] = line or lines.create(
                {
                    "name": DEBIT_METHOD_NAMES["es_ES"],
                    "payment_method_id": self.env.ref(
                        "account.account_payment_method_manual_in"
                    ).id,
                    "journal_id": journal.id,
                }
            )
        return self._debit_methods[journal]

    def payment_method(self, row):
        """The payment method line that a payment was made by."""
        if row.method == "debit":
            return self.debit_method(row.company)
        return self.journal(row.company, "bank").inbound_payment_method_line_ids[:1]

    def currency(self, company_key, code):
        """The company's own currency for an empty ``code``, else a foreign one."""
        own = self.companies[company_key].currency_id
        if not code:
            return own
        return self._currency(FOREIGN_OF_DOLLARS if own.name == code else code)

    def _currency(self, code):
        currency = self.env.ref(f"base.{code}")
        if not currency.active:
            currency.active = True
        return currency

    def _load_rates(self):
        roots = self.env["res.company"].union(*(c.root_id for c in self.companies.values()))
        values = []
        for company in roots:
            key = next(key for key, c in self.companies.items() if c.root_id == company)
            for code in {row.currency for row in self.ledger.rates}:
                currency = self.currency(key, code)
                known = currency.rate_ids.filtered(lambda r, c=company: r.company_id == c)
                known = set(known.mapped("name"))
                values += [
                    {
                        "currency_id": currency.id,
                        "company_id": company.id,
                        "name": self.date(row.day),
                        "company_rate": row.rate if currency.name == code else 1 / row.rate,
                    }
                    for row in self.ledger.rates
                    if row.currency == code and self.date(row.day) not in known
                ]
        self.env["res.currency.rate"].create(values)

    # Users, terms, products ----------------------------------------------------------------

    def _load_users(self):
        Users = self.env["res.users"].with_context(no_reset_password=True)
        company_ids = [company.id for company in self.companies.values()]
        for row in self.ledger.salespeople:
            user = Users.search([("login", "=", row.key)])
            if user:
                user.company_ids = [Command.link(company_id) for company_id in company_ids]
            else:
                user = Users.create(
                    {
                        "login": row.key,
                        "name": row.name,
                        "email": row.email,
                        "company_id": company_ids[0],
                        "company_ids": [Command.set(company_ids)],
                        "lang": self.language("es_ES"),
                    }
                )
            self.users[row.key] = user

    def _load_terms(self):
        for row in self.ledger.terms:
            values = {
                "name": row.name_en,
                "early_discount": bool(row.discount),
                "discount_percentage": row.discount,
                "discount_days": row.discount_days,
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": percent, "nb_days": days})
                    for percent, days in zip(row.percents(), row.days(), strict=True)
                ],
            }
            term = self._find_or_create("account.payment.term", f"term_{row.key}", values)
            self._translate(term, "name", {"en_US": row.name_en, "es_ES": row.name_es})
            self.terms[row.key] = term

    def instalments(self, term_key):
        """The (percent, days) of the instalments of a term."""
        row = self._term_rows[term_key]
        return list(zip(row.percents(), row.days(), strict=True))

    def instalment_name(self, reference, number):
        """The label that Odoo gives to one of several instalments."""
        source = "%(name)s installment #%(number)s"
        texts = code_translations.get_python_translations("account", self.env.lang)
        return (texts.get(source, source) % {"name": reference, "number": number}).lstrip()

    def discount(self, company_key, term_key, date, untaxed, total):
        """What the early payment discount of a term says about the one instalment of a move.

        :param untaxed, total: amounts of the move, in one currency
        :return: the last day to take it (None: there is none) and the amount to pay by then
        """
        row = self._term_rows[term_key]
        if not row.discount:
            return None, 0.0
        share = row.discount / 100
        company = self.companies[company_key]
        term = self.terms[term_key].with_company(company)
        computation = term.early_pay_discount_computation
        if computation == "mixed":
            raise ValueError("early payment discounts that lower the tax need the ORM")
        taken = untaxed * share if computation == "excluded" else total * share
        return date + timedelta(days=row.discount_days), float_round(
            total - taken, precision_digits=2
        )

    def _load_products(self):
        roots = self.env["res.company"].union(*(c.root_id for c in self.companies.values()))
        for row in self.ledger.products:
            values = {
                "name": row.name_en,
                "default_code": row.key,
                "type": "service" if row.service else "consu",
                "list_price": row.price,
                "taxes_id": [Command.clear()],
            }
            product = self._find_or_create("product.product", f"product_{row.key}", values)
            self._translate(product, "name", {"en_US": row.name_en, "es_ES": row.name_es})
            for company in roots - product.taxes_id.company_id:
                product.taxes_id |= self._sales_tax(company, row)
            self.products[row.key] = product

    def _sales_tax(self, company, row):
        """The company's tax for a product: the one nearest to its rate, else the usual one."""
        usual = company.account_sale_tax_id
        scope = "service" if row.service else "consu"
        taxes = self.env["account.tax"].search(
            [
                ("company_id", "=", company.id),
                ("type_tax_use", "=", "sale"),
                ("amount_type", "=", "percent"),
                ("amount", "=", row.tax),
                ("price_include_override", "!=", "tax_included"),
                ("country_id", "=", company.account_fiscal_country_id.id),
            ]
        )
        # In some charts taxes of one rate differ by what they are for; the first is the plain one.
        fitting = taxes.filtered(lambda tax: tax.tax_scope == scope) or taxes
        return usual if usual in fitting else fitting[:1] or usual

    def _find_or_create(self, model, name, values):
        """The record of an earlier load, or a new one (found again by its external id)."""
        xml_id = f"__ledger__.{name}"
        record = self.env.ref(xml_id, raise_if_not_found=False)
        if not record:
            record = self.env[model].create(values)
            self.env["ir.model.data"]._update_xmlids(
                [{"xml_id": xml_id, "record": record, "noupdate": True}]
            )
        return record

    def _translate(self, record, name, texts):
        record.update_field_translations(
            name,
            {
                lang: texts["es_ES"] if lang.startswith("es") else texts["en_US"]
                for lang in self.languages
            },
        )

    # Words --------------------------------------------------------------------------------

    def country(self, row):
        return self.env.ref("base.uk" if row.country == "GB" else f"base.{row.country.lower()}")

    def state(self, row):
        return self.env["res.country.state"].search(
            [("country_id", "=", self.country(row).id), ("code", "=", row.state)], limit=1
        )

    def language(self, code):
        """``code`` if that language is installed, else English if it is, else none."""
        if code in self.languages:
            return code
        return "en_US" if "en_US" in self.languages else False
