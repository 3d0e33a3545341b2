"""Contacts: what registering one on many invoices at once costs the person who waits for it."""

from datetime import timedelta

from odoo import fields
from odoo.tools import SQL

from .clock import typical

INVOICES = 200
RUNS = 5


def register(env, invoices=INVOICES):
    """Register contacts, each on so many invoices of one customer, as the dialog does.

    :return: dict result -> median times: ``promise``, ``not_reached``, ``none``
    """
    company = env.ref("base.user_admin").company_id
    env = env(user=env.ref("base.user_admin"), context={"lang": "en_US"})
    env["collection.customer"].sudo()._create_missing(company)
    kinds = ("promise", "not_reached", "none")
    files = _gather(env, company, len(kinds) * (RUNS + 1), invoices)
    return {
        kind: typical(env, _register(env, kind), files[number :: len(kinds)])
        for number, kind in enumerate(kinds)
    }


def _gather(env, company, number, invoices):
    """Give some customers so many open invoices each, set-based; return pairs of file and items."""
    files = env["collection.customer"].search(
        [("company_id", "=", company.id), ("partner_id.email", "!=", False)], limit=number
    )
    lines = env["account.move.line"].search(
        [("move_name", "like", "BENCH/"), ("account_id.account_type", "=", "asset_receivable")],
        order="id",
        limit=number * invoices,
    )
    pairs = []
    for index, file in enumerate(files):
        mine = lines[index * invoices : (index + 1) * invoices]
        for statement in (
            "UPDATE account_move_line SET partner_id = %s WHERE move_id IN %s",
            "UPDATE account_move SET (partner_id, commercial_partner_id) = (%s, %s) WHERE id IN %s",
        ):
            owner = [file.partner_id.id] * (statement.count("%s") - 1)
            env.cr.execute(SQL(statement, *owner, tuple(mine.move_id.ids)))
        pairs.append((file, mine))
    env.cr.commit()
    env.invalidate_all()
    return pairs


def _register(env, kind):
    """Return the function that registers a contact with this result on a pair's items."""
    result = env.ref(f"collections_management.contact_result_{kind}")
    date = fields.Date.context_today(env.user) + timedelta(days=5)

    def register(pair):
        _file, lines = pair
        action = lines.move_id.action_collection_register_contact()
        dialogs = env[action["res_model"]].with_context(**action["context"])
        dialog = dialogs.create({"result_id": result.id, "date_promised": date})
        dialog.action_register()
        env.flush_all()

    return register
