"""What people look at, in a big ledger: asked for as the web client does, by the administrator."""

from lxml import etree

from odoo.tools import SQL

from . import plain
from .clock import typical

SAMPLES = 25
PAGES = 7
PAGE = 80
# The web client counts no further.
COUNT_LIMIT = 10001
BANNER = ("collection_decision", "collection_status", "collection_pause_until", "collector_id")


def one_move(env):
    """Read one invoice's banner; beside it, the invoice's open journal items.

    :return: dict of ``ours`` and ``bare`` (times), as the following functions do
    """
    env = _as_person(env)
    moves = _sample(env, "move_id")
    return {
        "ours": typical(env, lambda move: _read_banner(env, move), moves),
        "bare": typical(env, lambda move: _read_page(env, *_native("move_id", move)), moves),
    }


def one_customer(env):
    """Read one customer's open items as the file shows them; beside it, the open journal items."""
    env = _as_person(env)
    partners = _sample(env, "partner_id")
    files = env["collection.customer"].search([("partner_id", "in", partners)])
    items = _get_tab(files)
    return {
        "ours": typical(env, lambda file: file.web_read({"due_item_ids": items}), files),
        "bare": typical(
            env, lambda partner: _read_page(env, *_native("partner_id", partner)), partners
        ),
    }


def list_page(env):
    """Read the first page of all open items; beside it, the first page of the open journal items."""
    env = _as_person(env)
    return {
        "ours": typical(env, lambda page: _read_page(env, *_ours([]), page), range(PAGES)),
        "bare": typical(env, lambda page: _read_page(env, *_native(), page), range(PAGES)),
    }


def pivot(env):
    """Read the ageing pivot, customers by bucket; beside it, the plain sum by customer."""
    env = _as_person(env)
    sets = [[], ["partner_id"], ["bucket_id"], ["partner_id", "bucket_id"]]
    due_item = env["collection.due.item"]
    return {
        "ours": typical(
            env,
            lambda _number: due_item.formatted_read_grouping_sets(
                [], sets, ["residual:sum", "__count"]
            ),
            range(3),
        ),
        "bare": typical(env, env.execute_query, [plain.SUM_BY_PARTNER] * 3),
    }


def _as_person(env):
    user = env.ref("base.user_admin")
    context = {"allowed_company_ids": user.company_id.ids, "lang": "en_US", "tz": "Europe/Madrid"}
    return env(user=user.id, context=context)


def _sample(env, column):
    """Return some values of a column of the open receivables, spread over all of them."""
    rows = env.execute_query(
        SQL(
            "SELECT DISTINCT %s %s AND line.move_name LIKE 'BENCH/%%' ORDER BY 1",
            SQL.identifier("line", column),
            plain.OPEN_RECEIVABLES,
        )
    )
    values = [value for [value] in rows]
    return values[:: max(len(values) // SAMPLES, 1)][:SAMPLES]


def _ours(domain):
    return "collection.due.item", "collections_management.collection_due_item_view_list", domain


def _native(column=None, value=None):
    domain = [*plain.DOMAIN, (column, "=", value)] if column else plain.DOMAIN
    return "account.move.line", "account.view_move_line_tree", domain


def _read_banner(env, move):
    return env["account.move"].browse(move).web_read({name: {} for name in BANNER})


def _read_page(env, model, view, domain, page=0):
    """Read a page of a list as the web client does, with all columns of its view."""
    records = env[model]
    return records.web_search_read(
        domain,
        _get_specification(records, view),
        offset=page * PAGE,
        limit=PAGE,
        count_limit=COUNT_LIMIT,
    )


def _get_tab(files):
    """Return what the form of a customer's file asks for of its open items."""
    view = files.env.ref("collections_management.collection_customer_view_form")
    arch = etree.fromstring(files.get_view(view.id, "form")["arch"])
    [tab] = arch.xpath("//field[@name='due_item_ids']/list")
    fields = _get_fields(files.due_item_ids, tab)
    return {"fields": fields, "limit": int(tab.get("limit"))}


def _get_specification(records, view):
    """Return the fields that the list asks for."""
    arch = etree.fromstring(records.get_view(records.env.ref(view).id, "list")["arch"])
    return _get_fields(records, arch)


def _get_fields(records, arch):
    """Return the fields of a list, hidden ones too, as the web client asks for them."""
    specification = {}
    for node in arch.xpath("./field"):
        name = node.get("name")
        relational = records._fields[name].type in ("many2one", "many2many", "one2many")
        specification[name] = {"fields": {"display_name": {}}} if relational else {}
    return specification
