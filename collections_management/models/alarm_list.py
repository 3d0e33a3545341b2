"""What a kind of alarm tells of, and what one reader is told: plain values, no records of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field

from odoo import models
from odoo.fields import Domain

# Each has a method _get_<kind> (collection_alarm_kinds.py) and a record (data/collection_alarm_data.xml).
KINDS = [
    ("broken_promise", "Broken promises"),
    ("action", "Customers to act on"),
    ("action_to_approve", "Actions to approve"),
    ("missed_instalment", "Instalments missed"),
    ("promise_due", "Promises for today"),
    ("uncredited_report", "Reported payments not credited"),
    ("dispute", "Disputes"),
    ("late_dispute", "Disputes past their deadline"),
    ("task", "Calls, letters and tasks of the day"),
    ("pending_reply", "Replies that wait"),
    ("failed_message", "Messages that failed or came back"),
    ("undelivered_invoice", "Invoices not delivered"),
    ("returned_debit", "Returned debits"),
    ("due_today", "Items that fall due today"),
    ("next_step", "Steps about to start"),
    ("over_limit", "Customers over their credit limit"),
    ("at_risk", "Customers with much overdue"),
    ("no_contact", "Customers without contact"),
    ("stale_bank", "Bank not up to date"),
    ("failed_customer", "Customers that the run failed for"),
    ("failed_day", "Companies whose run failed"),
]


@dataclass(frozen=True)
class AlarmList:
    """The records of a kind of alarm in a company, and how they are told.

    Everything is read by one query, so fields may be stored or live (see ``live_field``), and an
    amount may be the SQL of a table's alias.
    """

    # empty recordset: sudo, in the company; and which of its records
    model: models.BaseModel
    domain: Domain
    # a sentence: what the reader is to do
    to_do: str
    # xml id of the window action whose list a link opens
    action: str
    # roles that a record gives (see ROLES): the path to a user
    roles: dict = field(default_factory=dict)
    # paths from a record: the customer, the invoices, what its link opens (default: itself)
    customer: str | None = "partner_id"
    documents: str | None = None
    link: str | None = None
    # a field, or a function of an alias that returns SQL; in the currency of the field below
    amount: str | Callable | None = None
    currency: str = "currency_id"
    # a date field, from which days are told (negative: to go), and what those days are
    date: str | None = None
    since: str | None = None
    # a function of a record (sudo, in the reader's language) that returns what else is to be known
    remark: Callable | None = None
    # what the threshold means: a label, and its value where nobody chose one
    threshold: str | None = None
    default: float = 0.0


@dataclass
class Section:
    """What one reader is told of one alarm in one company, in the reader's language."""

    alarm_id: int
    company_id: int
    name: str
    company: str
    to_do: str
    since: str | None
    model: str
    action: str
    ids: list
    totals: list
    rows: list
    # the words of the link that opens the whole list
    link: str
