"""What Odoo's processes do in the tests of faults: functions of an environment, called by name."""

import base64
import io
import logging
import os
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from datetime import timedelta
from functools import partial, wraps

from openpyxl import load_workbook

from odoo import Command, fields
from odoo.api import SUPERUSER_ID, Environment
from odoo.exceptions import LockError, UserError
from odoo.modules.registry import Registry
from odoo.service.model import retrying
from odoo.sql_db import Cursor

from odoo.addons.base.models import ir_mail_server

MODULE = "collections_management"
JOBS = (
    f"{MODULE}.ir_cron_collection_run",
    f"{MODULE}.ir_cron_collection_deliver",
    "mail.ir_cron_mail_scheduler_action",
)
BATCH = 7  # small, so that few customers give many transactions to die between


# ------------------------------------------------------------
# The process
# ------------------------------------------------------------


def run(database, log, action, options):
    """Do an action as a process of Odoo does.

    :param options: of :func:`open_odoo`; the rest are the action's arguments
    :return: ``("done", value)``, or ``("failed", traceback)``
    """
    named = {name: options.pop(name) for name in tuple(options) if name in OPTIONS}
    try:
        with open_odoo(database, log, **named) as env:
            result = ACTIONS[action](env, **options)
            env.cr.commit()
            env.registry.signal_changes()
            return "done", result
    except Exception:
        return "failed", traceback.format_exc()


OPTIONS = ("barrier", "die_at", "smtp_timeout", "wait_in")


@contextmanager
def open_odoo(database, log, barrier=None, die_at=None, smtp_timeout=5, wait_in=None):
    """Give an environment of the superuser.

    :param barrier: where to wait for other processes before the action begins
    :param int die_at: number of the statement or commit at which the process is killed
    :param smtp_timeout: seconds after which a silent mail server is given up
    :param wait_in: method of ``collection.run``, event to set when it has returned for the first time, event to wait
        for then
    """
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(process)d %(levelname)s %(name)s %(message)s"))
    logging.getLogger().handlers = [handler]
    ir_mail_server.SMTP_TIMEOUT = smtp_timeout
    registry = Registry(database).check_signaling()
    _use_small_batches(registry)
    if wait_in:
        _wait_in(registry["collection.run"], *wait_in)
    with registry.cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        if barrier:
            barrier.wait(60)
        _die_at(die_at)
        yield env


def _use_small_batches(registry):
    # where the model is defined
    collection_run = sys.modules[registry["collection.run"].__base__.__module__]
    collection_run.DECIDE_BATCH = BATCH
    collection_run.DELIVER_BATCH = BATCH
    sys.modules[f"odoo.addons.{MODULE}.models.collection_statement_schedule"].BATCH = BATCH


def _wait_in(model, method, reached, go_on):
    original = getattr(model, method)

    @wraps(original)
    def waiting(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        if not reached.is_set():
            reached.set()
            go_on.wait(60)
        return result

    setattr(model, method, waiting)


class Steps:
    """Counts the statements and commits of this process."""

    taken = 0


def _die_at(number):
    """Count statements and commits, and kill this process before the one of that number."""

    def counted(original):
        @wraps(original)
        def method(self, *args, **kwargs):
            Steps.taken += 1
            if Steps.taken == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(self, *args, **kwargs)

        return method

    for name in ("execute", "commit"):
        setattr(Cursor, name, counted(getattr(Cursor, name)))


# ------------------------------------------------------------
# The ledger
# ------------------------------------------------------------


def prepare(env, smtp_port):
    """Make the company with its scheme.

    :param int smtp_port: port of the mail server
    """
    env["mail.mail"].search([]).unlink()
    _prepare_company(env)
    _prepare_scheme(env)
    env["ir.mail_server"].search([]).unlink()
    env["ir.mail_server"].create(
        {
            "name": "Bad line",
            "smtp_host": "127.0.0.1",
            "smtp_port": smtp_port,
            "smtp_encryption": "none",
        }
    )


def add_customers(env, first, last):
    """Make customers of these numbers, each with two overdue invoices."""
    partners = env["res.partner"].create(
        [
            {
                "name": f"Customer {number:02}",
                "email": f"customer{number:02}@example.com",
                "is_company": True,
                "lang": ("en_US", "es_ES")[number % 2],
            }
            for number in range(first, last + 1)
        ]
    )
    _make_invoices(env, partners)


def _prepare_company(env):
    company = env.company
    env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
    env.user.write({"tz": "UTC", "email": "odoo@example.com"})
    company.resource_calendar_id.tz = "UTC"
    company.write(
        {"name": "Creditor", "email": "creditor@example.com", "collection_mode": "automatic"}
    )


def _prepare_scheme(env):
    """Have the standard scheme speak at any hour of any day, once in seven days."""
    calendar = env["resource.calendar"].create(
        {
            "name": "Always",
            "tz": "UTC",
            "attendance_ids": [
                Command.create(
                    {
                        "name": "All day",
                        "dayofweek": str(day),
                        "hour_from": 0,
                        "hour_to": 24,
                        "day_period": "full_day",
                    }
                )
                for day in range(7)
            ],
        }
    )
    policy = env["collection.contact.policy"].create(
        {
            "name": "At any hour",
            "calendar_id": calendar.id,
            "interval_days": 7,
            "hour_from": 0,
            "hour_to": 24,
        }
    )
    env["collection.strategy"].search([]).write(
        {"mode": "automatic", "policy_id": policy.id, "consumer_policy_id": False}
    )


def _make_invoices(env, partners, dues=(12, 5), price=100.0):
    """Return posted invoices of each partner, due so many days ago."""
    today = fields.Date.today()
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "ref": partner.name,
                "invoice_date": today - timedelta(days=due + 30),
                "invoice_date_due": today - timedelta(days=due),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create({"name": "Goods", "price_unit": price + due, "tax_ids": False})
                ],
            }
            for partner in partners
            for due in dues
        ]
    )
    moves.action_post()
    return moves


# ------------------------------------------------------------
# The jobs, and the button
# ------------------------------------------------------------


def run_day(env):
    """Run the scheduled jobs as the scheduler does, and those they trigger, until none has anything to do now.

    :return: how many statements and commits it took
    """
    jobs = env["ir.cron"].union(*map(env.ref, JOBS))
    _run_jobs(env, jobs)
    return Steps.taken


def let_scheduler_run(env):
    """Run the jobs that the scheduler would run now, because their moment came or they were triggered.

    :return: whether there were any
    """
    return bool(_run_jobs(env, _get_ready_jobs(env)))


def _run_jobs(env, ready):
    """Run jobs, then those that are ready then, until none is; return all that ran."""
    ran = env["ir.cron"]
    for _round in range(20):
        for job in ready:
            trouble = job.method_direct_trigger()
            env.cr.commit()
            if isinstance(trouble, dict):
                raise RuntimeError(trouble["params"]["data"]["debug"])
        ran |= ready
        env.invalidate_all()
        ready = _get_ready_jobs(env)
        if not ready:
            return ran
    raise TimeoutError("the jobs don't come to an end")


def _get_ready_jobs(env):
    now = fields.Datetime.now()
    triggered = env["ir.cron.trigger"].search([("call_at", "<=", now)]).cron_id
    jobs = env["ir.cron"].union(*map(env.ref, JOBS))
    return jobs.filtered(lambda job: job.nextcall <= now or job in triggered)


def make_files(env):
    """Make the customers' files, which the run does otherwise."""
    env["collection.run"].with_company(env.company)._prepare_company(env.company)


def decide(env):
    """Call the method of the job that decides."""
    env["collection.run"]._cron_run()


def call_jobs(env):
    """Call the methods of the jobs directly, not as the scheduler, which lets only one process do so."""
    env["collection.run"]._cron_run()
    env["collection.run"]._cron_deliver()


def make_statements(env):
    """Call the method of the job that makes the statements that schemes ask for."""
    env["collection.statement"].with_company(env.company)._make_periodic(env.company)


def deliver_statements(env):
    """Call the method of the job that delivers statements, as :func:`call_jobs`."""
    env["collection.run"]._cron_deliver("collection.statement")


def call_deliver(env):
    """Call the method of the job that delivers, as :func:`call_jobs`."""
    env["collection.run"]._cron_deliver()


def ask_alarm(env, readers):
    """Have an alarm told to so many colleagues today, whatever the day and hour; the others are archived."""
    make_files(env)
    users = env["res.users"].create(
        [
            {
                "name": f"Reader {number:02}",
                "login": f"reader{number:02}",
                "email": f"reader{number:02}@creditor.example.com",
                "group_ids": [Command.link(env.ref(f"{MODULE}.group_collection_collector").id)],
            }
            for number in range(1, readers + 1)
        ]
    )
    env["collection.alarm"].search([]).active = False
    alarm = env["collection.alarm"].create(
        {"name": "Overdue", "kind": "at_risk", "threshold": 1, "user_ids": users.ids}
    )
    env["collection.alarm.day"]._ask(alarm, env.company)


def send_alarms(env):
    """Call the method of the job that sends alarms, as :func:`call_jobs`."""
    env["collection.alarm.day"]._cron_send()


def press_button(env, names):
    """Press “Run now” on some customers' files, again and again as long as others have them in hand.

    As the web client does, which tries again when transactions collide.
    """
    files = env["collection.customer"].search([("partner_id.name", "in", names)])
    for name in names:
        file = files.filtered(lambda file, name=name: file.partner_id.name == name)
        retrying(partial(_press, env, file), env)
        env.cr.commit()


def press_button_once(env, name):
    """Press “Run now” on a customer's file; return what the person is told when it can't be done."""
    file = env["collection.customer"].search([("partner_id.name", "=", name)])
    try:
        file.action_run_now()
    except LockError as error:
        env.cr.rollback()
        return str(error)


def _press(env, file):
    for _try in range(200):
        try:
            return file.action_run_now()
        except LockError:
            env.cr.rollback()
            time.sleep(0.02)
    raise TimeoutError("the file stays locked")


# ------------------------------------------------------------
# What people do
# ------------------------------------------------------------


def execute(env, model, method, domain, *args):
    """Call a public method on the records that fit, as the web client does."""
    records = env[model].with_context(active_test=False).search(domain)
    assert records
    retrying(lambda: getattr(records, method)(*args) and None, env)


def write(env, model, domain, values):
    """Write on the records that fit."""
    execute(env, model, "write", domain, values)


def set_message(env, template, body):
    """Have a message template say something else, in all languages.

    :param str template: xmlid without module
    :param str body: QWeb
    """
    template = env.ref(f"{MODULE}.{template}")
    for lang, _name in env["res.lang"].get_installed():
        template.with_context(lang=lang).body_html = body


def add_contact(env, customer, name, email):
    """Make a contact below a customer to whom its notices go."""
    file = env["collection.customer"].search([("partner_id.name", "=", customer)])
    file.payments_contact_id = file.partner_id.create(
        {"name": name, "email": email, "parent_id": file.partner_id.id, "type": "contact"}
    )


def add_company(env, customer):
    """Make another company, decided before ours, to which a customer owes, and return its id."""
    company = env["res.company"].create({"name": "Other", "sequence": -1})
    env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
    env = env(context={"allowed_company_ids": company.ids})
    _make_invoices(env, env["res.partner"].search([("name", "=", customer)]))
    return company.id


def pay(env, customer, due=None):
    """Register the payment of a customer's invoices.

    :param str customer: name
    :param int due: only of the one due so many days ago
    """
    domain = [("partner_id.name", "=", customer), ("move_type", "=", "out_invoice")]
    if due:
        domain.append(("invoice_date_due", "=", fields.Date.today() - timedelta(days=due)))
    invoices = env["account.move"].search(domain)
    wizard = env["account.payment.register"].with_context(
        active_model="account.move", active_ids=invoices.ids
    )
    retrying(lambda: wizard.create({"group_payment": True})._create_payments() and None, env)
    return invoices.mapped("name")


def await_answers(env):
    """Give the company an e-mail domain, and the address for answers in it, which is returned."""
    env["mail.alias.domain"].create(
        {"name": "creditor.example", "bounce_alias": "bounce", "catchall_alias": "catchall"}
    )
    return env.company._get_collection_address()


def get_portal_links(env, address):
    """Return the links to all customers' pages, which are served at that address."""
    env["ir.config_parameter"].set_param("web.base.url", address)
    env["collection.customer"]._create_missing(env.company)
    return [file._get_portal_url() for file in env["collection.customer"].search([])]


def go_live(env, **values):
    """Change what the page “Going Live” says, and apply it."""
    page = env["collection.going.live"].create({})
    page.write(values)
    page.action_apply()


def stop_everything(env):
    """Press the button that stops everything."""
    env["collection.going.live"].create({}).action_stop()


def choose_pilot(env, names):
    """Mark some customers as pilot, as the list of customers does."""
    page = env["collection.going.live"].create({})
    chosen = env["collection.customer"].search(page.action_choose_pilot()["domain"])
    chosen.filtered(lambda file: file.partner_id.name in names).action_set_pilot(True)


def count_foretold(env, days):
    """Return how many messages the dry run foretells for so many days."""
    dry_run = env["collection.dry.run"].create({"days": days})
    dry_run.action_show()
    return len(dry_run.notice_ids)


def take_over(env, rows):
    """Download the opening sheet, fill in rows, upload it, look at the preview, and write it.

    :param dict rows: customer's name -> values by code of the column, for all their items
    :return: what the preview said that was wrong; then nothing is written
    """
    page = env["collection.opening.import"].create({})
    file = io.BytesIO()
    env["collection.opening.workbook"]._write_workbook(file, page.company_id)
    book = load_workbook(file)
    sheet = book.worksheets[0]
    positions = {cell.value.split(":")[1]: cell.column for cell in sheet[1]}
    for row in range(3, sheet.max_row + 1):
        customer = sheet.cell(row, positions["customer"]).value
        for code, value in rows.get(customer, {}).items():
            sheet.cell(row, positions[code]).value = value
    file = io.BytesIO()
    book.save(file)
    page.write({"file": base64.b64encode(file.getvalue()), "file_name": "sheet.xlsx"})
    page.action_preview()
    if not page.error_count:
        page.action_write()
    return page.row_ids.filtered(lambda row: row.kind == "error").mapped("remarks")


def prepare_portal(env, customer):
    """Let customers pay online by the provider of tests; return what a customer's browser gets.

    :return: dict of ``token`` of the link, ``items`` that are open, ``provider`` and ``method``
    """
    make_files(env)
    provider, method = (
        env.ref(f"payment.payment_{name}") for name in ("provider_demo", "method_card")
    )
    provider.write({"state": "test", "is_published": True, "payment_method_ids": method.ids})
    method.active = True
    file = env["collection.customer"].search([("partner_id.name", "=", customer)])
    items = env["collection.due.item"].search([("customer_id", "=", file.id)])
    return {
        "token": file._get_portal_token(),
        "items": items.ids,
        "provider": provider.id,
        "method": method.id,
    }


def write_to_customer(env, customer, text):
    """Write to a customer in its conversation, as its collector does."""
    file = env["collection.customer"].search([("partner_id.name", "=", customer)])
    file.message_post(
        body=text,
        message_type="comment",
        subtype_xmlid="mail.mt_comment",
        partner_ids=file.partner_id.ids,
    )


def get_decisions(env, customer):
    """Return what is decided for a customer's items at this moment."""
    items = env["collection.due.item"].search([("partner_id.name", "=", customer)])
    return sorted(items.mapped("decision"))


def hold(env, customer, due):
    """Dispute one invoice of a customer."""
    invoices = env["account.move"].search(
        [
            ("partner_id.name", "=", customer),
            ("invoice_date_due", "=", fields.Date.today() - timedelta(days=due)),
        ]
    )
    for line in invoices.line_ids.filtered(lambda line: line.account_type == "asset_receivable"):
        env["collection.hold"].create(
            {"move_line_id": line.id, "kind": "disputed", "reason": "Wrong price"}
        )


def hang_below(env, partner, parent, is_company=False):
    """Make a customer a contact of another."""
    find = env["res.partner"].search
    values = {"parent_id": find([("name", "=", parent)]).id, "is_company": is_company}
    record = find([("name", "=", partner)])
    retrying(lambda: record.write(values) and None, env)


def merge_partners(env, sources, target):
    """Merge contacts with Odoo's wizard, as a person does who knows what they do."""
    find = env["res.partner"].search
    destination = find([("name", "=", target)])
    partners = find([("name", "in", sources)]) | destination
    wizard = env["base.partner.merge.automatic.wizard"].create({})

    def merge():
        wizard._merge(partners.ids, destination, extra_checks=False)

    retrying(merge, env)


# ------------------------------------------------------------
# Plans that are paid by themselves
# ------------------------------------------------------------


def plan_automatically(env, names):
    """Have some customers pay 100 today and the rest in a month, charged to a card that they saved."""
    provider = _offer_cards(env)
    make_files(env)
    today = fields.Date.today()
    for file in env["collection.customer"].search([("partner_id.name", "in", names)]):
        lines = env["account.move.line"].search(
            [("partner_id", "=", file.partner_id.id), ("account_type", "=", "asset_receivable")]
        )
        rest = sum(lines.mapped("amount_residual")) - 100
        plan = env["collection.plan"]._make(
            lines, schedules={lines.currency_id: [(today, 100), (today + timedelta(30), rest)]}
        )
        plan._confirm("oral")
        plan._turn_on_charges(_save_card(env, provider, file.partner_id), file.partner_id)


def _offer_cards(env):
    journal = env["account.journal"].search([("type", "=", "bank")], limit=1)
    provider = env.ref("payment.payment_provider_demo").copy({"company_id": env.company.id})
    provider.write({"state": "test", "journal_id": journal.id})
    card = env.ref("payment.payment_method_card")
    provider.payment_method_ids = card
    card.active = True
    account = env["account.account"].create(
        {"name": "On its way", "code": "199999", "account_type": "asset_current", "reconcile": True}
    )
    journal.inbound_payment_method_line_ids.filtered(
        lambda line: line.payment_provider_id == provider
    ).payment_account_id = account
    return provider


def _save_card(env, provider, partner):
    return env["payment.token"].create(
        {
            "provider_id": provider.id,
            "payment_method_id": provider.payment_method_ids.id,
            "partner_id": partner.id,
            "payment_details": "4242",
            "provider_ref": "card",
            "demo_simulated_state": "done",
        }
    )


def charge(env, bank, die=None, slow=0):
    """Call the method of the job that charges instalments, as :func:`call_jobs`.

    :param str bank: file in which the provider notes what it has taken, which no rollback undoes
    :param str die: be killed when the provider is about to be asked (``before``), has taken the money (``taken``), or
        has answered and nothing is committed (``answered``)
    :param float slow: seconds that the provider takes to answer
    :return: how many statements and commits it took
    """
    _use_bank(env, bank, die, slow)
    env["collection.plan.charge"]._cron_charge()
    return Steps.taken


def _use_bank(env, bank, die=None, slow=0):
    model = env.registry["payment.transaction"]
    original = model._send_payment_request

    def die_at(moment):
        if die == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def send(self):
        die_at("before")
        with open(bank, "a") as file:
            file.write(f"{self.reference} {self.amount}\n")
            file.flush()
            os.fsync(file.fileno())
        time.sleep(slow)
        die_at("taken")
        original(self)
        die_at("answered")

    model._send_payment_request = send


def pay_all_on_page(env, bank, customer):
    """Pay all that a customer owes with the saved card, as the page does; return whether it was taken.

    As the web server does, which tries again when transactions collide.
    """
    _use_bank(env, bank)
    file = env["collection.customer"].search([("partner_id.name", "=", customer)])
    orders = env["collection.portal.order"]
    lines = env["collection.plan"].search([("customer_id", "=", file.id)]).move_line_ids
    card = env["payment.token"].search([("partner_id", "=", file.partner_id.id)])

    def pay():
        # the page has read what is open before
        lines.mapped("amount_residual")
        file._take_portal_turn()
        rows = orders._make(lines)
        payment = env["payment.transaction"].create(
            {
                "provider_id": card.provider_id.id,
                "payment_method_id": card.payment_method_id.id,
                "token_id": card.id,
                "operation": "online_token",
                "amount": sum(row["amount"] for row in rows),
                "currency_id": lines.currency_id.id,
                "partner_id": file.partner_id.id,
                **orders._prepare_transaction_values(rows),
            }
        )
        payment._charge_with_token()
        payment._post_process()

    try:
        retrying(pay, env)
    except UserError:
        env.cr.rollback()
        return False
    return True


ACTIONS = {
    action.__name__: action
    for action in (
        prepare,
        add_customers,
        run_day,
        let_scheduler_run,
        make_files,
        decide,
        call_jobs,
        call_deliver,
        make_statements,
        deliver_statements,
        ask_alarm,
        send_alarms,
        press_button,
        press_button_once,
        execute,
        write,
        set_message,
        add_contact,
        add_company,
        pay,
        await_answers,
        get_portal_links,
        go_live,
        stop_everything,
        choose_pilot,
        count_foretold,
        take_over,
        prepare_portal,
        write_to_customer,
        get_decisions,
        hold,
        hang_below,
        merge_partners,
        plan_automatically,
        charge,
        pay_all_on_page,
    )
}
