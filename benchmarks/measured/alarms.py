"""Internal alarms: all kinds for many collectors, from one query each to the mails that wait to be sent."""

from datetime import timedelta

from odoo import Command, fields

from .clock import timed

COLLECTORS = 50
PROMISES = 500


def tell(env, collectors=COLLECTORS, promises=PROMISES):
    """Tell all alarms of all kinds to some collectors who share the customers, and a supervisor.

    Some promises were broken, some customers wait for a reply, and the other kinds tell of the ledger
    as it is.

    :return: dict of ``told``: times, ``mails``, ``sections`` and ``records`` told, ``customers``
    """
    company = env.ref("base.user_admin").company_id
    today = fields.Date.context_today(env.user)
    env["collection.customer"]._create_missing(company)
    users = _hire(env, company, collectors)
    customers = _share_out(env, company, users)
    _break_promises(env, customers, today, promises)
    _answer(env, customers[::10], today)
    alarms = env["collection.alarm"].with_context(active_test=False).search([])
    alarms.write({"active": True, "hour": 0})
    days = env["collection.alarm.day"]
    for alarm in alarms:
        days._ask(alarm, company)
    env.cr.commit()
    _none, told = timed(env, days._get_pending()._send)
    logs = env["collection.alarm.mail"].search([])
    return {
        "told": told,
        "mails": len(logs.mail_id),
        "sections": len(logs),
        "records": sum(logs.mapped("count")),
        "customers": len(customers),
        "failures": days.search([("failure", "!=", False)]).mapped("failure"),
    }


def _hire(env, company, number):
    """Make collectors, and a supervisor who hears of everything."""
    group = env.ref("collections_management.group_collection_collector")
    users = (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            [
                {
                    "name": f"Collector {index}",
                    "login": f"collector-{index}",
                    "email": f"collector-{index}@company.example.com",
                    "company_id": company.id,
                    "company_ids": [Command.set(company.ids)],
                    "group_ids": [Command.link(group.id)],
                }
                for index in range(number)
            ]
        )
    )
    company.collection_supervisor_id = users[0]
    return users


def _share_out(env, company, users):
    """Give each collector as many customers as the others."""
    customers = env["collection.customer"].search([("company_id", "=", company.id)], order="id")
    for index, user in enumerate(users):
        customers[index :: len(users)].with_context(tracking_disable=True).collector_id = user
    return customers


def _break_promises(env, customers, today, number):
    """Register promises of one invoice each that were broken yesterday."""
    files = {file.partner_id.id: file.id for file in customers}
    lines = env["account.move.line"].search(
        [("move_name", "like", "BENCH/"), ("account_id.account_type", "=", "asset_receivable")],
        order="partner_id, id",
    )
    chosen = lines[:: max(len(lines) // number, 1)][:number]
    promises = env["collection.promise"].create(
        [
            {
                "customer_id": files[line.partner_id.id],
                "currency_id": line.currency_id.id,
                "move_line_ids": line.ids,
                "date": today - timedelta(days=20),
                "date_promised": today - timedelta(days=10),
                "amount": line.amount_residual_currency,
            }
            for line in chosen
        ]
    )
    promises.write({"state": "broken", "closed_date": today - timedelta(days=1)})
    promises._align_holds()


def _answer(env, customers, today):
    """Let customers write, and nobody answer."""
    env["collection.reply"].create(
        [
            {
                "customer_id": customer.id,
                "company_id": customer.company_id.id,
                "subject": "When do you call?",
                "date": today - timedelta(days=2),
            }
            for customer in customers
        ]
    )
