"""What tests of collections stand on: customers, schemes, invoices and a run of the day.

Modules that build on this one use it for their own tests.
"""

from datetime import date, timedelta

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command
from odoo.tests import tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.mail.tests.common import MailCase, mail_new_test_user

TODAY = date(2026, 3, 11)  # a Wednesday


def days(number):
    """Return the day so many days from today; negative: before it."""
    return TODAY + timedelta(days=number)


@tagged("post_install", "-at_install")
class CollectionsCase(AccountTestInvoicingCommon, MailCase):
    """A company in automatic mode with a plain scheme, and a user of each role, on the real day.

    ``scheme``: claims after 3 and 10 days, then an action after 30, by e-mail and at any hour.
    ``system``: the environment of the scheduled jobs; ``env`` is an accountant's.
    """

    today = None

    @classmethod
    def _day(cls, number):
        """Return the day so many days from today; negative: before it."""
        return (cls.today or date.today()) + timedelta(days=number)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._init_mail_gateway()
        cls.system = cls.env(
            user=SUPERUSER_ID,
            context={
                "lang": "en_US",
                "tracking_disable": True,
                "allowed_company_ids": cls.env.company.ids,
            },
        )
        cls.company = cls.env.company.with_env(cls.system)
        cls.currency = cls.company.currency_id
        cls.company.email = "company@example.com"
        cls.company.collection_mode = "automatic"
        cls.company.resource_calendar_id.tz = "UTC"
        cls._make_users()
        cls.company.collection_supervisor_id = cls.supervisor
        cls.email = cls.system.ref("collections_management.channel_email")
        cls.call = cls.system.ref("collections_management.channel_call")
        cls.letter = cls.system.ref("collections_management.channel_letter")
        cls.whatsapp = cls.system.ref("collections_management.channel_whatsapp")
        cls.action = cls.system.ref("collections_management.channel_action")
        cls.template = cls._make_template("Claim")
        # the rules of the database would choose schemes; tests give each file its own
        cls.system["collection.strategy.rule"].search([]).active = False
        cls.scheme = cls._make_scheme(
            cls._claim(3, name="First claim"),
            cls._claim(10, name="Second claim", gap_days=7),
            cls._act(30, name="Lawyer", gap_days=7),
        )
        cls.first, cls.second, cls.lawyer = cls.scheme.step_ids

    @classmethod
    def _make_users(cls):
        groups = {
            "collector": "collections_management.group_collection_collector",
            "supervisor": "collections_management.group_collection_supervisor",
            "manager": "collections_management.group_collection_manager",
            "accountant": "account.group_account_invoice",
            "auditor": "account.group_account_readonly",
            "employee": "base.group_user",
            "visitor": "base.group_portal",
        }
        for role, group in groups.items():
            user = mail_new_test_user(
                cls.system,
                login=f"test_{role}",
                name=f"Test {role}",
                email=f"{role}@company.example.com",
                groups=group,
                company_id=cls.company.id,
                notification_type="inbox" if role != "visitor" else "email",
            )
            setattr(cls, role, user)

    # ------------------------------------------------------------
    # Schemes
    # ------------------------------------------------------------

    @classmethod
    def _make_template(cls, word, **values):
        """Return a short message in English (and Spanish, if it is installed)."""
        return cls.system["mail.template"].create(
            {
                "name": f"Test {word}",
                "model_id": cls.system["ir.model"]._get_id("collection.customer"),
                "subject": f"{word}: {{{{ object.notice_id.claimed_text }}}}",
                "body_html": '<p><t t-out="object.notice_id.greeting"/></p>'
                '<div><t t-out="object.notice_id.items_html"/></div>',
                "email_from": "collections@example.com",
                "use_default_to": True,
                "lang": "{{ object.notice_id.lang }}",
                "auto_delete": False,
                **values,
            }
        )

    @classmethod
    def _make_scheme(cls, *steps, **values):
        """Return a scheme with these steps (see ``_claim``, ``_announce``, ``_act``, ``_issue``)."""
        return cls.system["collection.strategy"].create(
            {
                "name": "Test scheme",
                "step_ids": [
                    Command.create(dict(step, sequence=(index + 1) * 10))
                    for index, step in enumerate(steps)
                ],
                "sends_nothing": not steps,
                **values,
            }
        )

    @classmethod
    def _prepare_step(cls, phase, after, channels, values):
        return {
            "name": f"{phase} {after}",
            "phase": phase,
            "days": after,
            "gap_days": 0,
            "channel_ids": [Command.set(channels.ids)],
            "template_id": cls.template.id,
            **values,
        }

    @classmethod
    def _claim(cls, after, channels=None, **values):
        return cls._prepare_step("overdue", after, channels or cls.email, values)

    @classmethod
    def _announce(cls, before, channels=None, **values):
        return cls._prepare_step("upcoming", -before, channels or cls.email, values)

    @classmethod
    def _act(cls, after, channels=None, **values):
        return cls._prepare_step(
            "action", after, channels or cls.action, {"template_id": False, **values}
        )

    @classmethod
    def _issue(cls):
        return cls._prepare_step(
            "issued", 0, cls.email.browse(), {"anchor": "invoice", "template_id": False}
        )

    @classmethod
    def _make_policy(cls, **values):
        """Return a contact policy that is always open, but for what ``values`` say."""
        return cls.system["collection.contact.policy"].create(
            {"name": "Test policy", "interval_days": 0, "hour_from": 0, "hour_to": 24, **values}
        )

    @classmethod
    def _make_branch(cls, name="Branch"):
        """Return a branch of the company, in which the accountant may work."""
        branch = cls.system["res.company"].create({"name": name, "parent_id": cls.company.id})
        cls.env.user.company_ids |= branch.with_env(cls.env)
        cls.env.cr.flush()  # its accounts are made then
        cls.env.invalidate_all()
        return branch

    # ------------------------------------------------------------
    # Customers and their ledger
    # ------------------------------------------------------------

    @classmethod
    def _make_partner(cls, name="Customer", **values):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "email": f"{name.lower().replace(' ', '.')}@example.com",
                "is_company": True,
                "lang": "en_US",
                "property_account_receivable_id": cls.company_data["default_account_receivable"].id,
                "invoice_sending_method": "manual",
                **values,
            }
        )

    @classmethod
    def _make_customer(cls, name="Customer", scheme=None, company=None, partner=None, **values):
        """Return the file of a new customer.

        :param scheme: collection.strategy; default: ``scheme``; ``False``: none
        :param partner: res.partner that exists already
        """
        scheme = cls.scheme if scheme is None else scheme
        return cls.system["collection.customer"].create(
            {
                "partner_id": (partner or cls._make_partner(name)).id,
                "company_id": (company or cls.company).id,
                "strategy_id": scheme.id if scheme else False,
                "strategy_manual": True,
                "collector_id": cls.collector.id,
                **values,
            }
        )

    @classmethod
    def _make_contact(cls, customer, name, **values):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "parent_id": customer.partner_id.id,
                "email": f"{name.lower().replace(' ', '.')}@example.com",
                "lang": "en_US",
                **values,
            }
        )

    @classmethod
    def _make_invoice(
        cls, customer, amount=100.0, due=-5, issued=None, kind="out_invoice", post=True, **values
    ):
        """Return a posted invoice.

        :param customer: collection.customer or res.partner
        :param float amount: in the invoice's currency, without tax
        :param int due: days from today; negative: overdue
        :param int issued: days from today; default: 30 days before it is due
        """
        partner = customer if customer._name == "res.partner" else customer.partner_id
        issued = min(due - 30, -1) if issued is None else issued
        company = values.pop("company", cls.env.company)
        move = (
            cls.env["account.move"]
            .with_company(company)
            .create(
                {
                    "move_type": kind,
                    "partner_id": partner.id,
                    "invoice_date": cls._day(issued),
                    "date": cls._day(issued),
                    "invoice_date_due": cls._day(due),
                    "invoice_payment_term_id": False,
                    "invoice_line_ids": [
                        Command.create({"name": "Goods", "price_unit": amount, "tax_ids": False})
                    ],
                    **values,
                }
            )
        )
        if post:
            move.action_post()
        return move

    @classmethod
    def _make_terms(cls, *parts):
        """Return payment terms of instalments: (percent, days after the invoice)."""
        return cls.env["account.payment.term"].create(
            {
                "name": "Test terms",
                "line_ids": [
                    Command.create(
                        {
                            "value": "percent",
                            "value_amount": percent,
                            "delay_type": "days_after",
                            "nb_days": after,
                        }
                    )
                    for percent, after in parts
                ],
            }
        )

    @classmethod
    def _make_credit(cls, customer, amount, **values):
        """Return a posted credit note that is applied to no invoice."""
        return cls._make_invoice(customer, amount, kind="out_refund", **values)

    @classmethod
    def _make_payment(cls, customer, amount, **values):
        """Return a posted payment that is applied to no invoice."""
        payment = cls.env["account.payment"].create(
            {
                "amount": amount,
                "date": cls._day(0),
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": customer.partner_id.id,
                "currency_id": cls.currency.id,
                "payment_method_line_id": cls.inbound_payment_method_line.id,
                **values,
            }
        )
        payment.action_post()
        return payment

    @classmethod
    def _make_entry(cls, *amounts, account=None, due=-5, **values):
        """Return a posted opening entry: a receivable line for each (customer, amount).

        The customer may be None.
        """
        receivable = account or cls.company_data["default_account_receivable"]
        lines = [
            Command.create(
                {
                    "name": "Opening",
                    "account_id": receivable.id,
                    "partner_id": customer.partner_id.id if customer else False,
                    "debit": max(amount, 0),
                    "credit": max(-amount, 0),
                    "date_maturity": cls._day(due),
                }
            )
            for customer, amount in amounts
        ]
        total = sum(amount for _customer, amount in amounts)
        balance = Command.create(
            {
                "name": "Opening",
                "account_id": cls.company_data["default_account_revenue"].id,
                "debit": max(-total, 0),
                "credit": max(total, 0),
            }
        )
        entry = cls.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": cls.company_data["default_journal_misc"].id,
                "date": cls._day(-60),
                "line_ids": [*lines, balance],
                **values,
            }
        )
        entry.action_post()
        return entry

    @classmethod
    def _pay(cls, invoice, amount=None, **values):
        """Pay an invoice, in full unless ``amount`` is given; return the payment."""
        if amount:
            values["amount"] = amount
        return cls._register_payment(invoice, payment_date=cls._day(0), **values)

    @classmethod
    def _get_receivable_lines(cls, move):
        return move.line_ids.filtered(lambda line: line.account_type == "asset_receivable")

    @classmethod
    def _hold(cls, move, kind="disputed", **values):
        """Place a hold on the receivable lines of a move, as an agreement would."""
        return cls.system["collection.hold"].create(
            [
                {
                    "move_line_id": line.id,
                    "kind": kind,
                    "reason": f"Reason of {kind}",
                    "amount": line.amount_residual_currency,
                    **values,
                }
                for line in cls._get_receivable_lines(move)
            ]
        )

    # ------------------------------------------------------------
    # The run of the day
    # ------------------------------------------------------------

    def at(self, moment):
        """Return a context manager in which it is another moment.

        :param moment: days from today, or an UTC date and time as text
        """
        if isinstance(moment, int):
            moment = f"{self._day(moment)} 10:00:00"
        return freeze_time(moment)

    def decide(self, *customers, company=None):
        """Make today's notices as the scheduled job does.

        :param customers: collection.customer to restrict to; default: all of the company
        :return: the collection.notice made
        """
        company = company or self.company
        run = self.system(context={})["collection.run"].with_company(company)
        run._prepare_company(company)
        files = run.env["collection.customer"].browse(run._get_customer_ids(company))
        if customers:
            files &= run.env["collection.customer"].union(*customers)
        return run._decide_locked(company, files).with_env(self.system)

    def deliver(self):
        """Deliver what is ready and send it, as the scheduled job does (to a mocked server).

        :return: the mails that were built, as ``mock_mail_gateway`` has them
        """
        with self.mock_mail_gateway():
            self._run_job("_cron_deliver")
        return self._mails

    def _run_job(self, name):
        """Call a method of ``collection.run`` that commits and rolls back by itself."""
        self.env.flush_all()
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            getattr(self.system(cr=cr, context={})["collection.run"], name)()
        self.env.invalidate_all()

    def run_day(self, *customers):
        """Decide and deliver; return the notices made."""
        notices = self.decide(*customers)
        self.deliver()
        return notices

    def items(self, record):
        """Return the open items of a move, customer or journal item, decided at this moment."""
        self.env.flush_all()
        self.env.invalidate_all()
        name = {
            "account.move": "move_id",
            "account.move.line": "move_line_id",
            "collection.customer": "customer_id",
        }[record._name]
        return self.system["collection.due.item"].search([(name, "in", record.ids)])

    def decision(self, record):
        """Return the decision of a record's only open item."""
        item = self.items(record)
        self.assertEqual(len(item), 1, "the record should have one open item")
        return item.decision

    def assertDecision(self, record, decision):
        """Check what is decided for all open items of a record."""
        decisions = self.items(record).mapped("decision")
        self.assertTrue(decisions, "the record has no open item")
        self.assertEqual(set(decisions), {decision})


@freeze_time("2026-03-11 10:00:00")
class CollectionsCommon(CollectionsCase):
    """The same on ``TODAY``, at ten o'clock."""

    today = TODAY
