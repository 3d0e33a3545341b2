"""Loading a ledger into an Odoo database."""

from dataclasses import dataclass

from odoo import SUPERUSER_ID, fields

from . import vocabulary as words
from .bulk import BulkLoader
from .claims import Claims
from .mails import log_invoice_mails
from .masters import Masters
from .model import Ledger
from .numbering import Numbering
from .orm import OrmLoader, steady_plans
from .planning import LedgerIndex, choose_bulk

# Nobody follows or is told about what is loaded, and its changes are not logged one by one.
QUIET = {
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "skip_is_manually_modified": True,
}


@dataclass(slots=True)
class Loaded:
    """What ``load`` made; all dictionaries give records by the keys of the ledger."""

    ledger: Ledger
    today: object
    companies: dict
    partners: dict
    moves: dict
    payments: dict


def load(env, ledger, today=None, mode="auto", companies=None, chart=None, step=None):
    """Load ``ledger`` into the database of ``env`` and return a ``Loaded``.

    Nothing is committed; customers are always new ones, while users, terms and products of an
    earlier load are used again.

    :param env: any environment; everything is done as superuser
    :param Ledger ledger: what to load
    :param date today: the day that the ledger's days count from (default: today)
    :param str mode: ``orm`` posts and pays everything through the ORM; ``sql`` writes as much as
        it can set-based; ``auto`` writes what was settled long ago set-based and the rest
        through the ORM
    :param dict companies: existing companies by key of the ledger (``main``, ``second``,
        ``branch``, a branch of ``second``); those missing are created
    :param str chart: chart template for companies that are created, e.g. ``generic_coa``
        (default: the one named in the ledger, if its localisation is installed)
    :param step: called with a text whenever a part is done, e.g. to print it or to commit
    """
    step = step or (lambda message: None)
    env = quiet(env)
    today = today or fields.Date.context_today(env.user)
    masters = Masters(env, ledger, today, companies, chart).load(set_based=mode == "sql")
    step(f"{len(ledger.partners)} customers and contacts made")
    index = LedgerIndex(ledger)
    numbering = Numbering(masters.env)
    names = _number_moves(ledger, masters, numbering)
    chosen = choose_bulk(ledger, index, mode)
    claims = Claims()
    loaded = Loaded(ledger, today, masters.companies, masters.partners, {}, {})
    _load_bulk(BulkLoader(masters, index, numbering, claims), loaded, names, chosen, step)
    with steady_plans(masters.env):
        _load_orm(OrmLoader(masters, index, claims, step), loaded, names, chosen)
    _log_hints(loaded)
    if mode != "sql":
        log_invoice_mails(masters.env, loaded)
    masters.env.flush_all()
    return loaded


def _load_bulk(loader, loaded, names, chosen, step):
    """Write what was ``chosen`` set-based."""
    moves = [row for row in loaded.ledger.moves if row.key in chosen]
    payments = [row for row in loaded.ledger.payments if row.key in chosen]
    if not chosen:
        return
    loader.add_moves(moves, names)
    loader.add_credit_note_allocations([row for row in moves if row.type == "refund"])
    loader.add_payments(payments)
    loader.write()
    env = loader.env
    for key, document in loader.documents.items():
        loaded.moves[key] = env["account.move"].browse(document.id)
    for key, entry in loader.payments.items():
        loaded.payments[key] = env["account.payment"].browse(entry.id)
    step(f"{len(moves)} moves and {len(payments)} payments written set-based")


def _load_orm(loader, loaded, names, chosen):
    """Post and pay the rest."""
    moves = [row for row in loaded.ledger.moves if row.key not in chosen]
    loader.load_moves(moves, names)
    loader.note_credit_notes([row for row in moves if row.type == "refund"])
    loader.load_payments([row for row in loaded.ledger.payments if row.key not in chosen])
    loader.load_bank_lines(loaded.ledger.bank_lines)
    loaded.moves.update(loader.moves)
    loaded.payments.update(loader.payments)


def create_companies(env, ledger, chart=None):
    """Create the companies of ``ledger`` (users, terms and products too); return them by key.

    Tests that load several ledgers pass them on to ``load``: a chart of accounts takes longer
    than a small ledger.
    """
    masters = Masters(quiet(env), ledger, None, chart=chart)
    masters.load_shared()
    return masters.companies


def quiet(env):
    """The environment of the superuser, in Spanish if possible, that tells nobody."""
    languages = {code for code, _name in env["res.lang"].get_installed()}
    lang = "es_ES" if "es_ES" in languages else "en_US"
    return env(user=SUPERUSER_ID, su=True, context={**env.context, **QUIET, "lang": lang})


def _number_moves(ledger, masters, numbering):
    """The numbers of the posted moves by key, in the order of their dates."""
    names = {}
    for row in sorted(ledger.moves, key=lambda row: (row.day, row.key)):
        if row.state == "posted":
            journal = masters.journal(row.company, OrmLoader.journal_kind(row))
            move_type = {"invoice": "out_invoice", "refund": "out_refund"}.get(row.type, "entry")
            names[row.key] = numbering.next(journal, move_type, masters.date(row.day))
    return names


def _log_hints(loaded):
    """Write what people have heard about an invoice as a note on it."""
    hinted = [row for row in loaded.ledger.moves if row.hint]
    for number, row in enumerate(hinted):
        texts = words.HINTS[row.hint]
        loaded.moves[row.key]._message_log(body=texts[number % len(texts)])
