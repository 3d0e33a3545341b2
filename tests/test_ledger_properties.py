"""Whatever the ledger looks like: items add up to it, each has one decision, and the run keeps to it."""

from collections import defaultdict
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import SUPERUSER_ID
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.collections_management.models.collection_due_item import DECISIONS, TO_SAY
from odoo.addons.mail.tests.common import MailCase

from data.ledger import create_companies, generate, load

SEEDS = (1, 2, 3, 4)


@tagged("post_install", "-at_install", "standard")
@freeze_time("2026-03-11 10:00:00")
class TestLedgerProperties(MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._init_mail_gateway()
        cls.env = cls.env(user=SUPERUSER_ID)
        shared = create_companies(cls.env, generate(12, 60), chart="generic_coa")
        for seed in SEEDS:
            load(cls.env, generate(12, 60, seed=seed), companies=shared)
        cls.companies = cls.env["res.company"].union(*shared.values())
        cls.companies.email = "company@example.com"
        cls.roots = cls.companies.root_id

    def prepare(self, mode="automatic", entries=False):
        """Set the companies up as settings would, with files made for all customers."""
        self.companies.write({"collection_mode": mode, "collection_claim_entries": entries})
        for company in self.roots:
            self.env["collection.run"].with_company(company)._prepare_company(company)

    def decide(self):
        """Run the day's decision for all companies; return the notices made."""
        notices = self.env["collection.notice"]
        for company in self.roots:
            run = self.env["collection.run"].with_company(company)
            files = run.env["collection.customer"].browse(run._get_customer_ids(company))
            notices |= run._decide_locked(company, files)
        return notices

    def get_items(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return (
            self.env["collection.due.item"]
            .with_context(allowed_company_ids=self.companies.ids)
            .search([("company_id", "in", self.companies.ids)])
        )

    def get_ledger(self, *domain):
        return self.env["account.move.line"].search(
            [
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("company_id", "in", self.companies.ids),
                *domain,
            ]
        )

    def sum_by(self, records, amount, *keys):
        sums = defaultdict(float)
        for record in records:
            sums[tuple(record[key] for key in keys)] += record[amount]
        return {key: round(total, 2) for key, total in sums.items() if round(total, 2)}

    def test_items_add_up_to_the_receivable_accounts(self):
        self.prepare()
        self.assertEqual(
            self.sum_by(self.get_items(), "residual", "company_id", "account_id"),
            self.sum_by(self.get_ledger(), "balance", "company_id", "account_id"),
        )

    def test_items_of_each_currency_add_up_to_its_open_amounts(self):
        self.prepare()
        self.assertEqual(
            self.sum_by(self.get_items(), "residual_currency", "company_id", "currency_id"),
            self.sum_by(self.get_ledger(), "amount_residual_currency", "company_id", "currency_id"),
        )

    def test_files_add_up_to_their_customers_ledger(self):
        self.prepare()
        trade = self.get_ledger(("account_id.non_trade", "=", False), ("partner_id", "!=", False))
        expected = defaultdict(float)
        for line in trade:
            key = (line.company_id.root_id, line.partner_id.commercial_partner_id)
            expected[key] += line.amount_residual
        files = self.env["collection.customer"].search([("company_id", "in", self.roots.ids)])
        self.assertEqual(
            self.sum_by(files, "balance", "company_id", "partner_id"),
            {key: round(total, 2) for key, total in expected.items() if round(total, 2)},
        )

    def test_statements_of_open_items_add_up_to_the_ledger(self):
        self.prepare()
        self.check_statements(None, "amount_residual_currency", "amount_residual")

    def test_statements_of_any_period_close_with_the_ledgers_balance(self):
        self.prepare()
        today = date(2026, 3, 11)
        for first, last in ((0, 0), (-30, 0), (-400, -200), (-200, -31), (-2000, 0)):
            period = (today + timedelta(days=first), today + timedelta(days=last))
            with self.subTest(period=period):
                self.check_statements(
                    period, "amount_currency", "balance", ("date", "<=", period[1])
                )

    def check_statements(self, period, amount, company_amount, *domain):
        """Check the sums of all customers' statements, and the rows that lead to them.

        :param period: as ``collection.statement.ledger`` takes it
        :param str amount: field of the lines in their currency, ``company_amount`` in the company's
        :param domain: of the lines that count
        """
        ledger = self.env["collection.statement.ledger"]
        files = self.env["collection.customer"].search([("company_id", "in", self.roots.ids)])
        told, told_company = defaultdict(float), defaultdict(float)
        for _company, customers in files.grouped("company_id").items():
            for sums, rows in ledger._iterate_groups(customers, period):
                key = (sums["customer_id"], sums["currency_id"])
                self.assertNotIn(key, told, "a customer has one group a currency")
                told[key] = round(sums["balance"], 2)
                told_company[sums["customer_id"]] += sums["company_balance"]
                moved = sum(row[amount.replace("amount_residual", "residual")] for row in rows)
                start = sums["opening"] if period else 0
                self.assertAlmostEqual(start + moved, sums["balance"], 2)
                if not period:
                    parts = sums["overdue"] + sums["not_due"] + sums["credits"]
                    self.assertAlmostEqual(parts, sums["balance"], 2)
                    aged = sum(v for k, v in sums.items() if k.startswith("bucket_"))
                    self.assertAlmostEqual(aged + sums["credits"], sums["balance"], 2)
        expected, expected_company = defaultdict(float), defaultdict(float)
        by_partner = {(file.company_id, file.partner_id): file.id for file in files}
        for line in self.get_ledger(
            ("account_id.non_trade", "=", False), ("partner_id", "!=", False), *domain
        ):
            key = (line.company_id.root_id, line.partner_id.commercial_partner_id)
            if file_id := by_partner.get(key):
                expected[file_id, line.currency_id.id] += line[amount]
                expected_company[file_id] += line[company_amount]
        self.assertTrue(expected or period)
        self.assertEqual(self.keep_amounts(told), self.keep_amounts(expected))
        self.assertEqual(self.keep_amounts(told_company), self.keep_amounts(expected_company))

    def keep_amounts(self, sums):
        """Return the sums that are not zero, rounded."""
        return {key: round(total, 2) for key, total in sums.items() if round(total, 2)}

    def test_every_open_line_is_one_item_with_one_decision(self):
        self.prepare(entries=True)
        known = dict(DECISIONS)
        items = self.get_items()
        ledger = self.get_ledger().filtered(
            lambda line: line.amount_residual or line.amount_residual_currency
        )
        self.assertEqual(items.move_line_id, ledger)
        self.assertEqual(len(items), len(ledger))
        for item in items:
            self.assertIn(item.decision, known)
            self.assertTrue(item.explanation, item.decision)

    def test_nothing_is_said_to_who_waits_for_our_reply_and_the_same_to_the_others(self):
        self.prepare(entries=True)
        before = {item: item.decision for item in self.get_items()}
        files = self.env["collection.customer"].search([("company_id", "in", self.roots.ids)])
        waiting = files[::3]
        self.env["collection.reply"].create(
            [
                {
                    "customer_id": customer.id,
                    "company_id": customer.company_id.id,
                    "subject": "Re: Claim",
                    "date": "2026-03-10",
                }
                for customer in waiting
            ]
        )
        changed = 0
        for item in self.get_items():
            if item.customer_id in waiting:
                self.assertNotIn(item.decision, (*TO_SAY, "waiting", "not_due"))
                changed += item.decision == "pending_reply"
            else:
                self.assertEqual(item.decision, before[item])
        self.assertTrue(changed)
        self.assertFalse(self.decide().customer_id & waiting)

    def test_what_is_decided_before_the_run_is_what_the_run_says(self):
        self.prepare(entries=True)
        decided = self.get_items().filtered(lambda item: item.decision in TO_SAY)
        expected = {(item.move_line_id, item.next_step_id) for item in decided}
        self.assertTrue(expected)
        notices = self.decide()
        self.check_said(notices, expected)
        self.deliver()
        # what could not be delivered for want of an address says so and is kept
        self.assertLessEqual(set(notices.mapped("state")), {"sent", "queued", "failed"})
        self.assertIn("sent", notices.mapped("state"))
        self.check_said(notices, expected)

    def check_said(self, notices, expected):
        lines = notices.line_ids.filtered("live")
        self.assertEqual({(line.move_line_id, line.step_id) for line in lines}, expected)
        by_customer = notices.grouped(lambda n: (n.customer_id, n.channel_id))
        self.assertTrue(all(len(group) == 1 for group in by_customer.values()))

    def test_sums_and_counts_without_decisions_are_those_of_the_items(self):
        """What is asked for without deciding (``FACTS``) comes from a query of its own."""
        self.prepare()
        items = self.get_items()
        domain = [("id", "in", items.ids)]
        self.assertEqual(items.search_count(domain), len(items))
        for key in ("partner_id", "bucket_id", "strategy_id", "mode", "days_overdue"):
            with self.subTest(key=key):
                groups = items._read_group(domain, [key], ["residual:sum", "__count"])
                self.assertEqual(
                    {group: (round(total, 2), count) for group, total, count in groups},
                    {
                        group: (round(sum(found.mapped("residual")), 2), len(found))
                        for group, found in items.grouped(key).items()
                    },
                )

    def test_sums_made_once_decide_as_sums_made_for_each_line(self):
        self.prepare()
        for company in self.roots:
            items = self.env["collection.due.item"].with_company(company)
            items._flush_decision()
            files = self.env["collection.customer"].search([("company_id", "=", company.id)])
            date, ids = company._get_collection_today(), SQL("%s", tuple(files.ids))
            once = items._get_query(date, ids, nets=items._get_nets_sql(date, ids))
            each = items._get_query(date, ids)
            self.assertEqual(
                sorted(self.env.execute_query(once)), sorted(self.env.execute_query(each))
            )

    def test_dry_run_says_what_the_days_then_say(self):
        """Today's job says what a dry run foretold, and so does that of each day after it."""
        self.prepare(entries=True)
        foretold = {}
        for company in self.roots:
            run = self.env["collection.dry.run"].create({"company_id": company.id, "days": 16})
            run._forecast()
            self.assertFalse(self.env["collection.notice"].search([]), "nothing is made")
            for notice in run.notice_ids:
                key = (notice.date, notice.customer_id, notice.channel_id, notice.step_id)
                self.assertNotIn(key, foretold)
                foretold[key] = {
                    (item.move_line_id, item.step_id, item.repetition) for item in notice.item_ids
                }
        said = {}
        for ahead in range(17):
            day = date(2026, 3, 11) + timedelta(days=ahead)
            with freeze_time(f"{day} 10:00:00"):
                for notice in self.decide():
                    key = (day, notice.customer_id, notice.channel_id, notice.step_id)
                    said[key] = {
                        (line.move_line_id, line.step_id, line.repetition)
                        for line in notice.line_ids
                    }
                    notice.write({"state": "sent", "sent_date": day})
                self.env.flush_all()
        self.assertGreater(len({key[0] for key in said}), 7, "on most days something is said")
        self.assertEqual(foretold, said)

    def test_second_run_of_the_day_says_nothing(self):
        self.prepare()
        self.assertTrue(self.decide())
        self.assertFalse(self.decide())
        self.assertFalse(self.get_items().filtered(lambda item: item.decision in TO_SAY))

    def test_simulation_decides_and_says_nothing(self):
        self.prepare(mode="simulation")
        self.assertTrue(self.get_items().filtered(lambda item: item.decision in TO_SAY))
        self.assertFalse(self.decide())

    def deliver(self):
        self.env.flush_all()
        with (
            self.mock_mail_gateway(),
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            self.env(cr=cr, context={})["collection.run"]._cron_deliver()
        self.env.invalidate_all()
