"""The daily job: deciding for everyone and making notices."""

from odoo import fields
from odoo.tools import SQL

from . import plain
from .clock import timed, typical

REPEAT = 7


def run_twice(env):
    """Run the day's job for the first time, and again.

    :return: dict of ``first`` and ``second`` (times), ``notices`` and ``lines`` made by the first,
        ``written`` rows by the second, by table, and ``bare``: the time of the plain sum before it
    """
    bare = typical(env, env.execute_query, [plain.SUM] * REPEAT)
    _none, first = timed(env, _run, env)
    made = {
        "notices": _count(env, "collection_notice"),
        "lines": _count(env, "collection_notice_line"),
    }
    before = _written_rows(env)
    _none, second = timed(env, _run, env)
    after = _written_rows(env)
    written = {table: rows - before[table] for table, rows in after.items() if rows > before[table]}
    return {"bare": bare, "first": first, "second": second, **made, "written": written}


def run_misled(env):
    """Run the job twice where PostgreSQL takes the tables that it writes for empty.

    So it is after a first run that failed at its end, when what it wrote was cleaned away.

    :return: dict of ``first`` and ``second`` (times)
    """
    run = env["collection.run"]
    company = env.ref("base.user_admin").company_id
    customers = env["collection.customer"].browse(run._get_customer_ids(company))
    run._decide(company, customers)
    env.cr.rollback()
    env.cr._cnx.autocommit = True
    env.cr.execute("VACUUM (ANALYZE, TRUNCATE FALSE) collection_notice, collection_notice_line")
    env.cr._cnx.autocommit = False
    _none, first = timed(env, _run, env)
    _none, second = timed(env, _run, env)
    return {"first": first, "second": second}


def _run(env):
    env["collection.run"]._cron_run()
    env.cr.commit()


def _count(env, table):
    [(number,)] = env.execute_query(SQL("SELECT count(*) FROM %s", SQL.identifier(table)))
    return number


def _written_rows(env):
    """Return how many rows were ever inserted, changed or deleted, by table."""
    env.cr.execute("SELECT pg_stat_force_next_flush()")
    env.cr.commit()
    return dict(
        env.execute_query(
            SQL("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables")
        )
    )


def decide(env):
    """Ask the decision on every open line, and the plain sum of the same lines.

    :return: dict of ``ours`` and ``bare`` (times)
    """
    due_item = env["collection.due.item"]
    query = SQL(
        "SELECT decision, count(*), sum(residual) FROM (%s) item GROUP BY decision",
        due_item._get_query(fields.Date.context_today(env.user)),
    )
    # as the job does
    env.cr.execute("SET LOCAL jit = off")
    return {
        "ours": typical(env, env.execute_query, [query] * REPEAT),
        "bare": typical(env, env.execute_query, [plain.SUM] * REPEAT),
    }


def dry_run(env):
    """Foretell today and the next 30 days.

    :return: dict of ``ours`` and ``bare`` (times), and of how many ``messages``, ``items`` and
        ``days`` it foretold
    """
    bare = typical(env, env.execute_query, [plain.SUM] * REPEAT)
    company = env.ref("base.user_admin").company_id
    foretold = env["collection.dry.run"].create({"company_id": company.id, "days": 30})
    _none, ours = timed(env, foretold._forecast)
    notices = foretold.notice_ids
    return {
        "ours": ours,
        "bare": bare,
        "messages": len(notices),
        "items": _count(env, "collection_dry_run_item"),
        "days": len(set(notices.mapped("date"))),
    }
