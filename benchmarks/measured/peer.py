"""The same job done by OCA's account_credit_control, through its own buttons' methods."""

from odoo import Command, fields

from . import plain
from .clock import timed

CUSTOMERS, CUSTOMERS_WITH_PDF = 100, 8


def run_twice(env):
    """Let the peer decide and make its communications, and decide again on the same day.

    :return: dict of ``lines`` (time to decide and make its lines), ``communications`` (time to make
        those), ``second`` (time of a second run) and the numbers that it made
    """
    run = _make_run(env)
    _none, lines = timed(env, _generate, run)
    made, communications = timed(env, _communicate, run)
    _none, second = timed(env, _repeat, env)
    return {
        "lines": lines,
        "communications": communications,
        "second": second,
        "made": {"lines": len(run.line_ids), "communications": len(made)},
    }


def _make_run(env):
    company = env.ref("base.user_admin").company_id
    return (
        env["credit.control.run"]
        .with_company(company)
        .create({"date": fields.Date.context_today(env.user), "company_id": company.id})
    )


def _generate(run):
    run.generate_credit_lines()
    run.set_to_ready_lines()
    run.env.cr.commit()


def _communicate(run):
    """Do what ``run_channel_action`` does before it mails."""
    lines = run.line_ids.filtered(lambda line: line.channel == "email")
    made = run.env["credit.control.communication"]._generate_comm_from_credit_lines(lines)
    run.env.cr.commit()
    return made


def _repeat(env):
    run = _make_run(env)
    _generate(run)
    _communicate(run)


def compose(env):
    """Let the peer compose e-mails for some customers, without its PDF and with it.

    :return: dict of ``plain`` and ``pdf``, each of times and the number of ``messages``
    """
    return {
        "plain": _compose(env, CUSTOMERS, offset=0, with_pdf=False),
        "pdf": _compose(env, CUSTOMERS_WITH_PDF, offset=CUSTOMERS, with_pdf=True),
    }


def _compose(env, customers, offset, with_pdf):
    template = env.ref("account_credit_control.email_template_credit_control_base")
    if not with_pdf:
        template.report_template_ids = [Command.clear()]
    else:
        template.report_template_ids = env.ref("account_credit_control.credit_control_summary")
    communications = _make_communications(env, customers + 1, offset)
    # mails stay in the queue, as ours do
    communications = communications.with_context(mail_notify_force_send=False)
    communications[:1]._generate_emails()  # warms up: templates are compiled once
    env.cr.commit()
    _none, taken = timed(env, _mail, communications[1:])
    return {"messages": len(communications) - 1, **taken}


def _mail(communications):
    communications._generate_emails()
    communications.env.cr.commit()


def _make_communications(env, customers, offset):
    """Make the communications of some customers only: a whole run takes minutes."""
    company = env.ref("base.user_admin").company_id
    env = company.with_company(company).env
    partners = env["res.partner"].search(
        [("email", "=like", "accounts%")], order="id", limit=customers, offset=offset
    )
    level = env.ref("account_credit_control.3_time_1")
    today = fields.Date.context_today(env.user)
    items = env["account.move.line"].search([*plain.DOMAIN, ("partner_id", "in", partners.ids)])
    lines = env["credit.control.line"].create_or_update_from_mv_lines(
        level.get_level_lines(today, items), level, today, company
    )
    lines.write({"state": "to_be_sent"})
    made = env["credit.control.communication"]._generate_comm_from_credit_lines(lines)
    env.cr.commit()
    return made
