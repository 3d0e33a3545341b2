"""Customers with a login to their page: some with ten open invoices, one with 2,000, one with 200."""

from odoo import Command
from odoo.tools import SQL

LOGINS = 50
# Open invoices of the first customers; the others have as many as the ledger gave them.
MANY, SOME = 2_000, 200
PASSWORD = "benchmark"


def prepare(env, address):
    """Give customers logins, and two of them more open invoices: those of the last customers.

    :param str address: of the server that serves the database; PDFs load their style sheets there
    :return: list of dicts by customer, the one with most first: ``login``, ``password``, ``name``,
        ``items``, ``link`` (the address of its page that needs no login), ``invoice``: id of one
        that was sent, with its PDF, and ``unprinted``: of one without
    """
    parameters = env["ir.config_parameter"]
    parameters.set_param("web.base.url", address)
    parameters.set_param("web.base.url.freeze", "True")
    company = env.ref("base.user_admin").company_id
    partners = env["res.partner"].browse(_read_customers(env))
    counts = _count_invoices(env)
    most = _pass_on(env, partners[0], partners, MANY, counts)
    _pass_on(env, partners[1], most, SOME, counts)
    env["collection.customer"]._create_missing(company)
    users = _make_logins(env, company, partners[:LOGINS])
    env.cr.commit()
    _print_invoices(env, users.partner_id.commercial_partner_id)
    env.cr.commit()
    env.cr._cnx.autocommit = True
    env.cr.execute("VACUUM (ANALYZE)")
    env.cr._cnx.autocommit = False
    return [_describe(env, company, user) for user in users]


def _read_customers(env):
    """Return the ids of the customers of the ledger, by number."""
    rows = env.execute_query(
        SQL(
            "SELECT id FROM res_partner WHERE email LIKE 'accounts%%@customers.example.com' ORDER BY id"
        )
    )
    return [id_ for [id_] in rows]


def _count_invoices(env):
    """Return how many invoices each customer has: dict of partner's id -> number."""
    return dict(
        env.execute_query(
            SQL(
                "SELECT partner_id, count(*) FROM account_move WHERE name LIKE 'BENCH/%%' "
                "GROUP BY partner_id"
            )
        )
    )


def _pass_on(env, partner, partners, number, counts):
    """Give a customer the invoices of the last ones, until it has so many; return those who are left."""
    givers = []
    have = counts[partner.id]
    while have < number:
        giver, partners = partners[-1], partners[:-1]
        givers.append(giver.id)
        have += counts[giver.id]
    env.cr.execute(
        "UPDATE account_move SET partner_id = %(to)s, commercial_partner_id = %(to)s, "
        "partner_shipping_id = %(to)s WHERE partner_id IN %(from)s AND name LIKE 'BENCH/%%'",
        {"to": partner.id, "from": tuple(givers)},
    )
    env.cr.execute(
        "UPDATE account_move_line SET partner_id = %(to)s "
        "WHERE partner_id IN %(from)s AND move_name LIKE 'BENCH/%%'",
        {"to": partner.id, "from": tuple(givers)},
    )
    env.invalidate_all()
    return partners


def _make_logins(env, company, partners):
    """Make a contact with a login for each of the customers."""
    contacts = env["res.partner"].create(
        [
            {
                "name": f"Visitor {number}",
                "parent_id": partner.id,
                "type": "contact",
                "email": f"visitor{number}@customers.example.com",
                "lang": "en_US",
            }
            for number, partner in enumerate(partners)
        ]
    )
    users = (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            [
                {
                    "login": contact.email,
                    "partner_id": contact.id,
                    "company_id": company.id,
                    "company_ids": [Command.set(company.ids)],
                    "group_ids": [Command.set(env.ref("base.group_portal").ids)],
                }
                for contact in contacts
            ]
        )
    )
    # one for all: making it takes as long as it is meant to
    encrypted = users._crypt_context().hash(PASSWORD)
    env.cr.execute(
        "UPDATE res_users SET password = %s WHERE id IN %s", [encrypted, tuple(users.ids)]
    )
    return users


def _print_invoices(env, partners):
    """Store the PDF of one invoice of each, as sending it does: one is printed, the others get copies."""
    moves = env["account.move"].browse(
        id_
        for [id_] in env.execute_query(
            SQL(
                "SELECT min(id) FROM account_move WHERE name LIKE 'BENCH/%%' AND partner_id IN %s "
                "GROUP BY partner_id",
                tuple(partners.ids),
            )
        )
    )
    content, _type = env["ir.actions.report"]._render_qweb_pdf(
        "account.account_invoices", moves[:1].ids
    )
    env["ir.attachment"].create(
        [
            {
                "name": f"{move.name.replace('/', '_')}.pdf",
                "raw": content,
                "mimetype": "application/pdf",
                "res_model": "account.move",
                "res_field": "invoice_pdf_report_file",
                "res_id": move.id,
            }
            for move in moves
        ]
    )


def _describe(env, company, user):
    """Return what a visitor has to know."""
    contact = user.partner_id
    partner = contact.commercial_partner_id
    file = env["collection.customer"].search(
        [("partner_id", "=", partner.id), ("company_id", "=", company.id)]
    )
    [attachment] = env["ir.attachment"].search(
        [
            ("res_model", "=", "account.move"),
            ("res_field", "=", "invoice_pdf_report_file"),
            (
                "res_id",
                "in",
                env["account.move"]._search([("commercial_partner_id", "=", partner.id)]),
            ),
        ]
    )
    return {
        "login": user.login,
        "password": PASSWORD,
        "name": partner.name,
        "items": env["collection.portal.account"]._count_items(file),
        "link": file._get_portal_url(contact),
        "invoice": attachment.res_id,
        "unprinted": env["account.move"]
        .search(
            [("commercial_partner_id", "=", partner.id), ("id", "!=", attachment.res_id)], limit=1
        )
        .id,
    }
