"""The demonstration database: the sample ledger, a user for each role, mail."""

import time
from datetime import timedelta
from pathlib import Path

from odoo import SUPERUSER_ID, Command, fields

from .answers import enable_payments, tell_answers
from .csv_files import read_csv
from .loading import load, quiet
from .masters import DEBIT_METHOD_NAMES, Masters

SAMPLE = Path(__file__).parents[1] / "sample"

# Role, login (also the password), name, language, groups.
USERS = [
    (
        "Collector",
        "collector",
        "Clara Vives",
        "es_ES",
        ["collections_management.group_collection_collector"],
    ),
    (
        "Collector",
        "collector2",
        "Hugo Serra",
        "en_US",
        ["collections_management.group_collection_collector"],
    ),
    (
        "Supervisor",
        "supervisor",
        "Silvia Orts",
        "es_ES",
        ["collections_management.group_collection_supervisor"],
    ),
    (
        "Manager",
        "manager",
        "Manuel Ribes",
        "en_US",
        ["collections_management.group_collection_manager"],
    ),
    (
        "Accountant",
        "accountant",
        "Alba Nadal",
        "es_ES",
        ["account.group_account_user", "account.group_account_manager"],
    ),
    (
        "Logistics (disputes)",
        "logistics",
        "Laura Gil",
        "es_ES",
        ["collections_management.group_dispute_resolver"],
    ),
]
# Whose disputes the user of logistics solves.
AREAS = ("collections_management.area_logistics", "collections_management.area_quality")
PORTAL_CUSTOMER = "c00026"  # buys from two companies and is late
MAIL_DOMAIN = "suministroslevante.example"


def load_demo(env, folder=SAMPLE):
    """Load the sample kept as CSV files and make a user for each role; commit step by step.

    The database's own first company becomes the sample's main company.

    :param env: an environment of a database with l10n_es and our modules installed
    :param folder: where the CSV files are
    """
    start = time.monotonic()

    def step(message):
        env.cr.commit()
        print(f"[{time.monotonic() - start:4.0f} s] {message}", flush=True)

    ledger = read_csv(folder)
    company = env.ref("base.main_company")
    masters = Masters(quiet(env), ledger, None)
    masters.adopt_company(ledger.companies[0], company)
    step(f"{company.name} set up")
    loaded = load(env, ledger, companies={ledger.companies[0].key: company}, step=step)
    create_users(env, loaded)
    step("users made")
    return loaded


def create_users(env, loaded):
    """Make a user for each role; salespeople get their login as password too."""
    env = env(user=SUPERUSER_ID, context={**env.context, "no_reset_password": True})
    companies = env["res.company"].browse([c.id for c in loaded.companies.values()])
    installed = {code for code, _name in env["res.lang"].get_installed()}
    for _role, login, name, lang, groups in USERS:
        # to export is what users may who are made in the web client
        found = [
            env.ref(group, raise_if_not_found=False)
            for group in (*groups, "base.group_allow_export")
        ]
        env["res.users"].create(
            {
                "login": login,
                "password": login,
                "name": name,
                "email": f"{login}@{MAIL_DOMAIN}",
                "lang": lang if lang in installed else "en_US",
                "tz": "Europe/Madrid",
                "company_id": companies[0].id,
                "company_ids": [Command.set(companies.ids)],
                "group_ids": [Command.link(group.id) for group in found if group],
            }
        )
    for row in loaded.ledger.salespeople:
        env["res.users"].search([("login", "=", row.key)]).password = row.key
    env["res.users"].create(
        {
            "login": "portal",
            "password": "portal",
            "partner_id": loaded.partners[PORTAL_CUSTOMER].id,
            "company_id": companies[0].id,
            "company_ids": [Command.set(companies[0].ids)],
            "group_ids": [Command.set([env.ref("base.group_portal").id])],
        }
    )
    env.ref("base.user_admin").write(
        {"company_ids": [Command.link(company.id) for company in companies]}
    )


def configure_demo(env, smtp_port, smtp_host="127.0.0.1"):
    """Have mail go out through one SMTP server, with sensible senders; configure collections.

    :param int smtp_port: of the mail server
    :return: the logins: lists of role, login and password
    """
    env = env(user=SUPERUSER_ID)
    companies = env["res.company"].search([])
    domain = env["mail.alias.domain"].search([("name", "=", MAIL_DOMAIN)]) or env[
        "mail.alias.domain"
    ].create(
        {
            "name": MAIL_DOMAIN,
            "bounce_alias": "rebotes",
            "catchall_alias": "respuestas",
            "default_from": "administracion",
        }
    )
    companies.alias_domain_id = domain
    # what jobs leave on records is in the company's language
    if env["res.lang"]._get_code("es_ES"):
        companies.partner_id.lang = "es_ES"
    server = {"name": "Demo", "smtp_host": smtp_host, "smtp_port": smtp_port, "sequence": 1}
    present = env["ir.mail_server"].search([("name", "=", server["name"])])
    if present:
        present.write(server)
    else:
        present.create({**server, "smtp_encryption": "none", "smtp_authentication": "login"})
    env.ref("base.user_admin").partner_id.email = f"admin@{MAIL_DOMAIN}"
    configure_collections(env)
    enable_online_payment(env, companies)
    salespeople = (
        env["res.users"]
        .search([("login", "like", ".")])
        .filtered(lambda user: user.email and user.email.endswith(MAIL_DOMAIN))
    )
    return [
        *([role, login, login] for role, login, *_rest in USERS),
        *(["Salesperson", user.login, user.login] for user in salespeople),
        ["Customer (portal)", "portal", "portal"],
    ]


def enable_online_payment(env, companies):
    """Let customers pay on the portal by Odoo's demonstration provider, where it is installed."""
    original = env.ref("payment.payment_provider_demo", raise_if_not_found=False)
    if not original or original.module_state != "installed":
        return
    # branches are paid through their main company
    for company in companies.filtered(lambda company: not company.parent_id):
        provider = env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", company.id)], limit=1
        ) or original.copy({"company_id": company.id})
        provider.write({"state": "test", "is_published": True})


def configure_collections(env):
    """Set collections up for the demonstration, where that module is installed.

    Automatic, at any hour of any day (a demonstration may begin on a Sunday evening), with opening
    entries claimed, a rule that shares out the customers, one customer paused, a way to pay on the
    portal, and what the customers answered in the last weeks.
    """
    companies = env["res.company"].search([("parent_id", "=", False)])
    if "collection_mode" not in companies._fields:
        return
    users = {user.login: user for user in env["res.users"].search([])}
    companies.write(
        {
            "collection_mode": "automatic",
            "collection_supervisor_id": users["supervisor"].id,
            "collection_accountant_id": users["accountant"].id,
            "collection_claim_entries": True,
            "collection_delivery_from": fields.Date.context_today(companies) - timedelta(days=60),
        }
    )
    env["collection.contact.policy"].search([]).write(
        {"calendar_id": _make_calendar(env).id, "hour_from": 0, "hour_to": 24}
    )
    env["account.payment.method.line"].search(
        [("name", "in", list(DEBIT_METHOD_NAMES.values()))]
    ).collection_direct_debit = True
    if not env["collection.collector.rule"].search([]):
        env["collection.collector.rule"].create(
            [
                {
                    "name": "Customers abroad",
                    "sequence": 10,
                    "domain": "[('partner_id.country_id.code', '!=', 'ES')]",
                    "user_id": users["collector2"].id,
                },
                {
                    "name": "Customers in Spain",
                    "sequence": 20,
                    "domain": "[('partner_id.country_id.code', '=', 'ES'), ('is_consumer', '=', False)]",
                    "user_id": users["collector"].id,
                },
            ]
        )
    for number, company in enumerate(companies.sorted("id")):
        company.collection_alias_name = f"cobros-{number + 1}" if number else "cobros"
    for company in companies:
        customers = env["collection.customer"].with_company(company)
        customers._create_missing(company)
        customers.search([("company_id", "=", company.id)])._assign_strategies()
        customers.search([("company_id", "=", company.id)])._assign_collectors()
    for company in companies:
        accounts = env["account.account"].with_company(company)
        company.collection_write_off_account_id = accounts.search(
            [*accounts._check_company_domain(company), ("code", "=like", "650%")], limit=1
        )
    _pause_one(env, companies[0])
    enable_payments(env, companies)
    for area in AREAS:
        env.ref(area).responsible_id = users["logistics"]
    portal_user = env["res.users"].search([("login", "=", "portal")])
    for company in companies.sorted("id"):
        tell_answers(env, company, users, portal_user)


def _make_calendar(env):
    """A calendar that never closes."""
    days = range(7)
    return env["resource.calendar"].create(
        {
            "name": "Demo: always open",
            "tz": "Europe/Madrid",
            "company_id": False,
            "attendance_ids": [
                Command.clear(),
                *(
                    Command.create(
                        {"name": str(day), "dayofweek": str(day), "hour_from": 0, "hour_to": 24}
                    )
                    for day in days
                ),
            ],
        }
    )


def _pause_one(env, company):
    """Pause the customer with the most overdue, for two weeks."""
    customers = env["collection.customer"].with_company(company)
    customers.search([("company_id", "=", company.id)], order="overdue desc", limit=1).write(
        {
            "pause_until": fields.Date.context_today(customers) + timedelta(days=14),
            "pause_reason": "Su gerente nos visita la semana que viene",
        }
    )
