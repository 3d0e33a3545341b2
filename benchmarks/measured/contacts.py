"""Contacts: what registering one on many invoices at once costs the person who waits for it."""

from datetime import timedelta

from odoo import fields
from odoo.tools import SQL

from odoo.addons.collections_management.models.collection_contact_result import RESULT_KINDS

from .clock import typical

INVOICES = 200
RUNS = 5


def register(env, invoices=INVOICES):
    """Register contacts, each on so many invoices of one customer, as the dialog does.

    :return: dict kind of result -> median times
    """
    company = env.ref("base.user_admin").company_id
    env = env(user=env.ref("base.user_admin"), context={"lang": "en_US"})
    env["collection.customer"].sudo()._create_missing(company)
    kinds = [kind for kind, _label in RESULT_KINDS]
    chosen = _gather(env, company, len(kinds) * (RUNS + 1), invoices)
    return {
        kind: typical(env, _register(env, kind, chosen[number :: len(kinds)]), range(RUNS))
        for number, kind in enumerate(kinds)
    }


def _gather(env, company, number, invoices):
    """Give some customers so many open invoices each, set-based; return the items of each."""
    files = env["collection.customer"].search(
        [("company_id", "=", company.id), ("partner_id.email", "!=", False)], limit=number
    )
    lines = env["account.move.line"].search(
        [("move_name", "like", "BENCH/"), ("account_id.account_type", "=", "asset_receivable")],
        order="id",
        limit=number * invoices,
    )
    gathered = []
    for index, file in enumerate(files):
        mine = lines[index * invoices : (index + 1) * invoices]
        for statement in (
            "UPDATE account_move_line SET partner_id = %s WHERE move_id IN %s",
            "UPDATE account_move SET (partner_id, commercial_partner_id) = (%s, %s) WHERE id IN %s",
        ):
            owner = [file.partner_id.id] * (statement.count("%s") - 1)
            env.cr.execute(SQL(statement, *owner, tuple(mine.move_id.ids)))
        gathered.append(mine)
    env.cr.commit()
    env.invalidate_all()
    return gathered


def _register(env, kind, chosen):
    """Return the function that registers a contact with this result on one more customer's items."""
    values = {
        "result_id": env.ref(f"collections_management.contact_result_{kind}").id,
        "date_promised": fields.Date.context_today(env.user) + timedelta(days=5),
        "dispute_reason_id": env.ref("collections_management.dispute_reason_damaged").id,
        "delay_reason_id": env.ref("collections_management.delay_reason_bank").id,
    }

    def register(_number):
        action = chosen.pop().move_id.action_collection_register_contact()
        dialogs = env[action["res_model"]].with_context(**action["context"])
        dialogs.create(values).action_register()
        env.flush_all()

    return register
