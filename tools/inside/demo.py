"""Fills the demo database, and runs today's collection in it.

``python -m tools.inside.demo load DATABASE SMTP_PORT ADDRESS``, then ``collect DATABASE``.
"""

import json
import sys
import time

from odoo import fields

from data.ledger.demo import configure_demo, load_demo

from ..console import say, step
from . import open_environment

SECONDS_TO_DELIVER = 600


def load(database, smtp_port, address):
    """Load the sample ledger and configure the companies; print a line of JSON with the logins.

    :param database: name of a database with the modules installed
    :param smtp_port: port of the mail server on 127.0.0.1
    :param address: where the web client is served, for the links in messages
    """
    with open_environment(database) as env:
        with step("Loading the sample ledger"):
            load_demo(env)
            env.cr.commit()
        print(json.dumps({"logins": configure(env, int(smtp_port), address)}))


def collect(database):
    """Run today's collection; print the summary, and a line of JSON with the numbers of mails."""
    with open_environment(database) as env:
        sent_before = count_mails(env)["sent"]  # the sample ledger's invoices, sent long ago
        with step("Running today's collection"):
            run_job(env, env.ref("collections_management.ir_cron_collection_run"))
            run_job(env, env.ref("mail.ir_cron_mail_scheduler_action"))
        with step("Sending today's alarms"):
            ask_alarms(env)
            run_job(env, env.ref("collections_management.ir_cron_collection_alarm"))
        env.invalidate_all()
        print_summary(env)
        print_agreements(env)
        print_alarms(env)
        mails = count_mails(env)
        mails["sent"] -= sent_before
        print(json.dumps(mails))


def ask_alarms(env):
    """Have all alarms told today, whatever the day of the week and the hour: a demo may be made at any."""
    for company in env["res.company"].search([("parent_id", "=", False)]):
        for alarm in env["collection.alarm"].search([("company_id", "in", (False, company.id))]):
            env["collection.alarm.day"]._ask(alarm, company)
    env.cr.commit()


def configure(env, smtp_port, address):
    """Configure the companies for the demo and return the logins as lists of role, login and password."""
    parameters = env["ir.config_parameter"]
    parameters.set_param("web.base.url", address)
    parameters.set_param("web.base.url.freeze", "True")
    logins = configure_demo(env, smtp_port=smtp_port)
    env.ref("base.user_admin").company_ids = env["res.company"].search([])
    env.cr.commit()
    return [["Administrator", "admin", "admin"], *(logins or [])]


def run_job(env, job):
    """Run a scheduled job as the scheduler does, then those that it triggers, until none has anything to do now.

    :raises RuntimeError: when a job logs an error
    :raises TimeoutError: when they don't come to an end
    """
    deadline = time.monotonic() + SECONDS_TO_DELIVER
    ran = ready = job
    while ready:
        for each in ready:
            say(f"Scheduled job: {each.name}")
            trouble = each.method_direct_trigger()
            env.cr.commit()
            if isinstance(trouble, dict):
                raise RuntimeError(trouble["params"]["data"]["debug"])
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"The scheduled jobs still have work to do after {SECONDS_TO_DELIVER} seconds"
            )
        ran |= ready
        env.invalidate_all()
        ready = get_ready_jobs(env, ran)


def get_ready_jobs(env, ran):
    """Return the jobs that were triggered, and those among ``ran`` that haven't finished."""
    now = fields.Datetime.now()
    triggered = env["ir.cron.trigger"].search([("call_at", "<=", now)]).cron_id.filtered("active")
    return triggered | ran.filtered(lambda job: job.active and job.nextcall <= now)


def count_mails(env):
    """Return how many messages Odoo says were sent, and how many wait or failed."""
    sent = [("notification_type", "=", "email"), ("notification_status", "=", "sent")]
    # alarms go to colleagues, without notification
    alarms = env["collection.alarm.mail"].search([("state", "=", "sent")]).mail_id
    return {
        "sent": env["mail.notification"].search_count(sent) + len(alarms),
        "waiting": env["mail.mail"].search_count([("state", "=", "outgoing")]),
        "failed": env["mail.mail"].search_count([("state", "=", "exception")]),
    }


def print_summary(env):
    """Print what the run came to for each main company, whose currencies may differ."""
    admin = env.ref("base.user_admin")
    for company in env["res.company"].search([("parent_id", "=", False)]):
        branches = env["res.company"].search([("id", "child_of", company.id)])
        customers = env["collection.customer"].with_user(admin)
        summary = customers.with_context(allowed_company_ids=branches.ids)._get_run_summary()
        if summary["items"]:
            print_company(company, summary)


def print_company(company, summary):
    """Print the summary of one company."""
    # in the language of the words beside it
    amount = company.with_context(lang="en_US").currency_id.format(summary["amount"])
    print(f"\n{company.name}\nOpen items: {summary['items']}, {amount}")
    decisions = {reason or "(none)": number for reason, number in summary["decisions"].items()}
    print_counts("Decisions", decisions)
    notices = {", ".join(key): number for key, number in summary["notices"].items()}
    print_counts("Notices", notices)


def print_alarms(env):
    """Print what the readers of alarms were told."""
    counts = {}
    for log in env["collection.alarm.mail"].search([]):
        key = f"{log.user_id.name}: {log.name}"
        counts[key] = counts.get(key, 0) + log.count
    print_counts("\nAlarms, sent to each reader in one mail", counts)


def print_agreements(env):
    """Print what customers answered: contacts by result, agreements by kind and state."""
    contacts = env["collection.contact"]._read_group([], ["result_id"], ["__count"])
    print_counts("\nContacts", {result.name: number for result, number in contacts})
    kinds = env["collection.agreement"]._get_models()
    portal = ("collection.portal.request", "collection.plan.charge")
    for name in [*kinds, *(name for name in portal if name in env)]:
        model = env[name]
        states = dict(model._fields["state"]._description_selection(env))
        found = model._read_group([], ["state"], ["__count"])
        print_counts(model._description, {states[state]: number for state, number in found})


def print_counts(title, counts):
    """Print numbers by name, the greatest first."""
    print(f"{title}:" if counts else f"{title}: none")
    for name, number in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"  {number:>6}  {name}")


if __name__ == "__main__":
    {"load": load, "collect": collect}[sys.argv[1]](*sys.argv[2:])
