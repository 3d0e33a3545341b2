"""Customers' files: made, treated by rules, summed up live, and kept when partners move."""

from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError
from odoo.tests import Form
from odoo.tools import mute_logger

from odoo.addons.collections_management.hooks import post_init_hook

from .common import CollectionsCommon, days

FILES = "odoo.addons.collections_management.models.collection_customer"


class TestMaking(CollectionsCommon):
    def _prepare(self):
        self.system["collection.run"].with_company(self.company)._prepare_company(self.company)

    def _get_file(self, partner):
        return partner.collection_customer_ids.filtered(lambda f: f.company_id == self.company)

    def test_run_makes_the_file_of_a_new_debtor(self):
        partner = self._make_partner()
        self._make_invoice(partner)
        self._prepare()
        self.assertTrue(self._get_file(partner))

    def test_installing_makes_the_files_of_those_who_owe_already(self):
        partner = self._make_partner()
        self._make_invoice(partner)
        post_init_hook(self.system)
        self.assertTrue(self._get_file(partner))

    def test_partner_that_owes_nothing_gets_no_file(self):
        partner = self._make_partner()
        self._pay(self._make_invoice(partner))
        self._make_invoice(partner, kind="in_invoice")
        self._make_invoice(partner, post=False)
        self._prepare()
        self.assertFalse(self._get_file(partner))

    def test_invoice_of_a_contact_makes_the_file_of_the_customer(self):
        partner = self._make_partner()
        contact = self.env["res.partner"].create({"name": "Buyer", "parent_id": partner.id})
        self._make_invoice(contact)
        self._prepare()
        self.assertTrue(self._get_file(partner))
        self.assertFalse(self._get_file(contact))

    def test_file_is_made_once(self):
        partner = self._make_partner()
        self._make_invoice(partner)
        self._prepare()
        file = self._get_file(partner)
        self._prepare()
        self.assertEqual(self._get_file(partner), file)

    def test_second_file_of_a_customer_is_refused(self):
        customer = self._make_customer()
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation):
            self._make_customer(partner=customer.partner_id)

    def test_twenty_files_cost_no_more_queries_than_two(self):
        def count(number):
            for index in range(number):
                self._make_invoice(self._make_partner(f"Debtor {number} {index}"))
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            files = self.system["collection.customer"]._create_missing(self.company)
            self.env.flush_all()
            self.assertEqual(len(files), number)
            return self.env.cr.sql_log_count - before

        count(1)  # fills the caches
        self.assertLessEqual(count(20), count(2) + 2)

    def test_person_without_vat_is_taken_for_a_consumer(self):
        person = self._make_partner("Ana", is_company=False)
        company = self._make_partner("Ana SL")
        for partner in (person, company):
            self._make_invoice(partner)
        self._prepare()
        self.assertTrue(self._get_file(person).is_consumer)
        self.assertFalse(self._get_file(company).is_consumer)

    def test_smart_button_opens_the_file_and_makes_it_the_first_time(self):
        partner = self._make_partner()
        contact = self.env["res.partner"].create({"name": "Buyer", "parent_id": partner.id})
        action = contact.with_user(self.collector).action_open_collection_customer()
        file = self.system["collection.customer"].browse(action["res_id"])
        self.assertEqual((file.partner_id, file.company_id), (partner, self.company))
        again = partner.with_user(self.collector).action_open_collection_customer()
        self.assertEqual(again["res_id"], file.id)


class TestSchemeRules(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vip_tag = cls.system["res.partner.category"].create({"name": "Test VIP"})
        cls.vip = cls._make_scheme(name="Nothing")
        cls.vip_rule = cls._make_rule(
            cls.vip, [("partner_id.category_id", "in", cls.vip_tag.ids)], sequence=1
        )
        cls.everyone = cls._make_rule(cls.scheme, [], sequence=9)
        cls.partner = cls._make_partner()
        cls._make_invoice(cls.partner)

    @classmethod
    def _make_rule(cls, scheme, domain, **values):
        return cls.system["collection.strategy.rule"].create(
            {"name": "Test rule", "strategy_id": scheme.id, "domain": str(domain), **values}
        )

    def _get_file(self):
        self.system["collection.run"].with_company(self.company)._prepare_company(self.company)
        return self.partner.collection_customer_ids.with_env(self.system)

    def test_first_rule_that_fits_counts(self):
        self.partner.category_id = self.vip_tag
        self.assertEqual(self._get_file().strategy_id, self.vip)

    def test_rule_that_does_not_fit_is_passed_over(self):
        self.assertEqual(self._get_file().strategy_id, self.scheme)

    def test_order_of_the_rules_is_their_sequence(self):
        self.partner.category_id = self.vip_tag
        self.vip_rule.sequence = 99
        self.assertEqual(self._get_file().strategy_id, self.scheme)

    def test_customer_whom_no_rule_fits_has_no_scheme(self):
        self.everyone.active = False
        self.assertFalse(self._get_file().strategy_id)

    def test_next_run_follows_a_customer_that_changed(self):
        file = self._get_file()
        self.partner.category_id = self.vip_tag
        self._get_file()
        self.assertEqual(file.strategy_id, self.vip)

    def test_rules_may_read_the_live_figures(self):
        self.vip_rule.domain = "[('overdue', '>', 50)]"
        self.assertEqual(self._get_file().strategy_id, self.vip)
        self.vip_rule.domain = "[('overdue', '>', 500)]"
        self.assertEqual(self._get_file().strategy_id, self.scheme)

    def test_rules_may_read_how_the_customer_pays(self):
        self.vip_rule.domain = "[('direct_debit', '=', True)]"
        self.assertEqual(self._get_file().strategy_id, self.scheme)
        self.inbound_payment_method_line.sudo().collection_direct_debit = True
        self.partner.property_inbound_payment_method_line_id = self.inbound_payment_method_line
        self.assertEqual(self._get_file().strategy_id, self.vip)

    def test_scheme_chosen_in_the_form_is_kept(self):
        file = self._get_file().with_user(self.supervisor)
        with Form(file) as form:
            form.strategy_id = self.vip
        self._get_file()
        self.assertEqual(file.strategy_id, self.vip)

    def test_scheme_chosen_in_a_list_or_an_import_is_kept(self):
        file = self._get_file().with_user(self.supervisor)
        file.write({"strategy_id": self.vip.id})
        self._get_file()
        self.assertEqual(file.strategy_id, self.vip)
        self.assertTrue(file.strategy_manual)

    def test_customer_given_back_to_the_rules_follows_them(self):
        file = self._get_file().with_user(self.supervisor)
        file.write({"strategy_id": self.vip.id})
        file.write({"strategy_manual": False})
        self._get_file()
        self.assertEqual(file.strategy_id, self.scheme)

    def test_rule_of_another_company_is_not_used(self):
        self.vip_rule.domain = "[]"
        self.vip_rule.company_id = self.system["res.company"].create({"name": "Elsewhere"})
        self.assertEqual(self._get_file().strategy_id, self.scheme)

    def test_rule_that_can_no_longer_be_read_is_skipped_and_logged(self):
        self.vip_rule.flush_recordset()
        self.env.cr.execute(
            "UPDATE collection_strategy_rule SET domain = %s WHERE id = %s",
            ["[('field_that_is_gone', '=', 1)]", self.vip_rule.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._get_file().strategy_id, self.scheme)
        logged = self.system["ir.logging"].search([("path", "=", "collections_management")])
        self.assertIn("Test rule", logged[0].message)


class TestCollectorRules(CollectionsCommon):
    def _make_file(self, **partner):
        customer = self._make_partner(**partner)
        self._make_invoice(customer)
        self.system["collection.run"].with_company(self.company)._prepare_company(self.company)
        return customer.collection_customer_ids.with_env(self.system)

    def _make_rule(self, user, domain, **values):
        return self.system["collection.collector.rule"].create(
            {"name": "Rule", "user_id": user.id, "domain": str(domain), **values}
        )

    def test_first_rule_that_fits_gives_the_collector(self):
        self._make_rule(self.collector, [("partner_id.name", "=", "Customer")], sequence=1)
        self._make_rule(self.manager, [], sequence=2)
        self.assertEqual(self._make_file().collector_id, self.collector)

    def test_customer_whom_no_rule_fits_goes_to_the_supervisor(self):
        self._make_rule(self.collector, [("partner_id.name", "=", "Somebody else")])
        self.assertEqual(self._make_file().collector_id, self.supervisor)

    def test_collector_who_has_the_customer_keeps_it(self):
        file = self._make_file()
        self._make_rule(self.collector, [])
        self.system["collection.run"]._prepare_company(self.company)
        self.assertEqual(file.collector_id, self.supervisor)


class TestFigures(CollectionsCommon):
    """Live figures are the ledger's, and lists sort, filter and group by them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.big, cls.small = cls._make_customer("Big"), cls._make_customer("Small")
        cls.quiet = cls._make_customer("Quiet")
        cls._make_invoice(cls.big, 1000, due=-40)
        cls._make_invoice(cls.big, 500, due=20)
        cls._make_credit(cls.big, 200)
        cls._make_invoice(cls.small, 10, due=-2)
        cls.files = cls.big | cls.small | cls.quiet

    def _search(self, domain, order=None):
        files = self.system["collection.customer"]
        return files.search([("id", "in", self.files.ids), *domain], order=order)

    def test_figures_are_the_ledgers(self):
        self.assertRecordValues(
            self.files,
            [
                {
                    "balance": 1300,
                    "overdue": 1000,
                    "not_due": 500,
                    "credits": -200,
                    "oldest_due_date": days(-40),
                    "days_overdue": 40,
                    "open_item_count": 3,
                },
                {
                    "balance": 10,
                    "overdue": 10,
                    "not_due": 0,
                    "credits": 0,
                    "oldest_due_date": days(-2),
                    "days_overdue": 2,
                    "open_item_count": 1,
                },
                {
                    "balance": 0,
                    "overdue": 0,
                    "not_due": 0,
                    "credits": 0,
                    "oldest_due_date": False,
                    "days_overdue": 0,
                    "open_item_count": 0,
                },
            ],
        )

    def test_figures_follow_a_payment(self):
        self._pay(self._make_invoice(self.small, 90), 40)
        self.env.invalidate_all()
        self.assertEqual(self.small.balance, 60)

    def test_lists_sort_by_them(self):
        self.assertEqual(self._search([], "balance desc"), self.big | self.small | self.quiet)
        self.assertEqual(self._search([], "days_overdue, id"), self.quiet | self.small | self.big)

    def test_lists_filter_by_them(self):
        for domain, expected in (
            ([("overdue", ">", 100)], self.big),
            ([("overdue", "=", 0)], self.quiet),
            ([("overdue", "!=", 0)], self.big | self.small),
            ([("credits", "<", 0)], self.big),
            ([("days_overdue", ">=", 2)], self.big | self.small),
            ([("oldest_due_date", "<", days(-10))], self.big),
            ([("oldest_due_date", "=", False)], self.quiet),
            ([("open_item_count", "=", 0)], self.quiet),
            (["!", ("balance", ">", 100)], self.small | self.quiet),
        ):
            with self.subTest(domain=domain):
                self.assertEqual(self._search(domain), expected)

    def test_lists_group_by_and_sum_them(self):
        files = self.system["collection.customer"]
        groups = files._read_group(
            [("id", "in", self.files.ids)], ["collector_id"], ["balance:sum", "overdue:sum"]
        )
        self.assertEqual(groups, [(self.collector, 1310, 1010)])

    def test_invoices_are_found_by_their_collector_and_next_step(self):
        moves = self.env["account.move"]
        ours = [("collector_id", "=", self.collector.id), ("company_id", "=", self.company.id)]
        self.assertEqual(len(moves.search([*ours, ("move_type", "=", "out_invoice")])), 3)
        late = moves.search([*ours, ("collection_next_step_id", "=", self.first.id)])
        self.assertIn(self.big.partner_id, late.partner_id)

    def test_invoices_are_grouped_by_collector_and_last_step(self):
        self.run_day()
        rows = self.env["account.move"]._read_group(
            [("company_id", "=", self.company.id), ("move_type", "=", "out_invoice")],
            ["collector_id", "collection_last_step_id"],
            ["__count"],
        )
        self.assertIn((self.collector.with_env(self.env), self.first.with_env(self.env), 1), rows)

    def test_invoice_of_a_customer_without_file_has_no_collector(self):
        invoice = self._make_invoice(self._make_partner("Stranger"))
        self.assertFalse(invoice.collector_id)
        self.assertFalse(invoice.collection_customer_id)

    def test_invoice_knows_its_last_step(self):
        self.run_day(self.small)
        invoice = self.env["account.move"].search([("partner_id", "=", self.small.partner_id.id)])
        self.assertFalse(invoice.collection_last_step_id)
        with self.at(1):
            self.run_day(self.small)
            self.env.invalidate_all()
            self.assertEqual(invoice.collection_last_step_id, self.first)
            self.assertEqual(invoice.collection_last_date, days(1))

    def test_paused_invoice_knows_until_when(self):
        invoice = self.env["account.move"].search([("partner_id", "=", self.small.partner_id.id)])
        self._hold(invoice, "paused", date_to=days(9))
        self.env.invalidate_all()
        self.assertEqual(invoice.collection_pause_until, days(9))
        invoice.with_user(self.collector).action_collection_resume()
        self.env.invalidate_all()
        self.assertFalse(invoice.collection_pause_until)


class TestOpenItems(CollectionsCommon):
    COLUMNS = {"date_due": {}, "decision": {}, "explanation": {}, "residual": {}}

    def _read(self, customer):
        """Return the file's items as its form reads them, and the number of queries."""
        self.env.flush_all()
        self.env.invalidate_all()
        queries = self.env.cr.sql_log_count
        [values] = customer.web_read({"due_item_ids": {"fields": self.COLUMNS, "limit": 2}})
        return values["due_item_ids"], self.env.cr.sql_log_count - queries

    def test_few_items_read_as_many_do_in_fewer_queries(self):
        customer = self._make_customer()
        for due in (-20, -10, 30):
            self._make_invoice(customer, due=due)
        customer = customer.with_user(self.collector)
        self._read(customer)
        few, queries = self._read(customer)
        with patch(f"{FILES}.FEW_ITEMS", 2):
            many, more_queries = self._read(customer)
        self.assertEqual([item.get("decision") for item in few], ["claim", "claim", None])
        self.assertEqual(few, many)
        self.assertLess(queries, more_queries)


class TestMoving(CollectionsCommon):
    """Partners that are merged or re-parented take all their history along."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls._make_customer("Old name")
        cls.target = cls._make_customer("New name")
        cls.invoice = cls._make_invoice(cls.source)

    def setUp(self):
        super().setUp()
        self.notice = self.run_day(self.source)
        self.held = self._make_invoice(self.source)
        self.hold = self._hold(self.held)
        self.note = self.source.message_post(body="Talked to the owner")
        todo = "mail.mail_activity_data_todo"
        self.task = self.source.activity_schedule(todo, user_id=self.collector.id)
        self.done = self.source.activity_schedule(todo, user_id=self.collector.id)
        self.done.action_feedback(feedback="Was here")
        self.source.write({"pause_until": days(5), "pause_reason": "Fair"})

    def _merge(self, source, target):
        self.env.flush_all()
        with patch.object(type(self.env.cr), "commit", lambda cr: None, create=True):
            self.system["base.partner.merge.automatic.wizard"]._merge(
                (source | target).ids, target, extra_checks=False
            )
        self.env.invalidate_all()

    def _check_moved(self, file):
        self.assertEqual(self.notice.customer_id, file)
        self.assertEqual(self.notice.partner_id, file.partner_id)
        self.assertEqual(self.items(self.invoice).customer_id, file)
        self.assertEqual(self.items(self.invoice).last_step_id, self.first)
        self.assertEqual(self.items(self.held).hold_id, self.hold)
        self.assertEqual((self.note.model, self.note.res_id), (file._name, file.id))
        self.assertEqual(self.notice.message_id.res_id, file.id)
        self.assertEqual((self.task.res_model, self.task.res_id), (file._name, file.id))
        self.assertEqual(self.done.exists().res_id, file.id)
        self.assertEqual((file.pause_until, file.pause_reason), (days(5), "Fair"))

    def test_merge_of_two_customers_with_files_keeps_everything(self):
        self._merge(self.source.partner_id, self.target.partner_id)
        self.assertFalse(self.source.exists())
        self._check_moved(self.target)

    def test_merge_into_a_partner_without_file_takes_the_file_along(self):
        partner = self._make_partner("Fresh")
        self._merge(self.source.partner_id, partner)
        self.assertEqual(self.source.partner_id, partner)
        self._check_moved(self.source)

    def test_merge_into_a_contact_goes_to_its_customer(self):
        contact = self._make_contact(self.target, "Buyer")
        self.source.partner_id.is_company = False
        self._merge(self.source.partner_id, contact)
        self._check_moved(self.target)

    def test_merge_of_partners_without_files_goes_through(self):
        source, target = self._make_partner("A"), self._make_partner("B")
        self._merge(source, target)
        self.assertFalse(source.exists())

    def test_what_a_person_set_on_the_target_stays(self):
        self.target.write({"channel_id": self.letter.id, "collector_id": self.manager.id})
        self.source.channel_id = self.whatsapp
        self._merge(self.source.partner_id, self.target.partner_id)
        self.assertEqual(self.target.channel_id, self.letter)
        self.assertEqual(self.target.collector_id, self.manager)

    def test_what_is_empty_on_the_target_is_taken_over(self):
        self.source.write({"channel_id": self.whatsapp.id, "insolvent": True})
        self._merge(self.source.partner_id, self.target.partner_id)
        self.assertEqual(self.target.channel_id, self.whatsapp)
        self.assertTrue(self.target.insolvent)

    def test_customer_that_becomes_a_contact_brings_its_file_along(self):
        self.source.partner_id.write({"parent_id": self.target.partner_id.id, "is_company": False})
        self.env.invalidate_all()
        self.assertFalse(self.source.exists())
        self._check_moved(self.target)

    def test_customer_that_becomes_a_contact_of_one_without_file_takes_its_own(self):
        partner = self._make_partner("Holding")
        self.source.partner_id.write({"parent_id": partner.id, "is_company": False})
        self.env.invalidate_all()
        self.assertEqual(self.source.partner_id, partner)
        self._check_moved(self.source)

    def test_subsidiary_that_becomes_a_contact_later_brings_its_file_along(self):
        self.source.partner_id.parent_id = self.target.partner_id
        self.assertTrue(self.source.exists(), "a company keeps its file below its parent")
        self.source.partner_id.is_company = False
        self.env.invalidate_all()
        self._check_moved(self.target)

    def test_next_run_after_a_merge_goes_on_where_it_was(self):
        self.source.write({"pause_until": False, "pause_reason": False})
        self._merge(self.source.partner_id, self.target.partner_id)
        with self.at(7):
            notice = self.decide(self.target)
        self.assertEqual(notice.step_id, self.second)

    def test_files_of_other_companies_move_too(self):
        company = self.system["res.company"].create({"name": "Other"})
        elsewhere = self._make_customer(
            partner=self.source.partner_id, company=company, collector_id=False, scheme=False
        )
        self._merge(self.source.partner_id, self.target.partner_id)
        self.assertEqual(elsewhere.partner_id, self.target.partner_id)


class TestDeleting(CollectionsCommon):
    def test_file_with_notices_is_kept_as_evidence(self):
        customer = self._make_customer()
        self._make_invoice(customer)
        self.decide(customer)
        with self.assertRaisesRegex(UserError, "Customer holds 1 notices"):
            customer.with_user(self.manager).unlink()

    def test_file_without_notices_may_go(self):
        customer = self._make_customer()
        customer.with_user(self.manager).unlink()
        self.assertFalse(customer.exists())

    def test_partner_takes_a_file_without_notices_along(self):
        customer = self._make_customer()
        customer.partner_id.unlink()
        self.assertFalse(customer.exists())

    def test_partner_whose_file_has_notices_stays(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        self.decide(customer)
        invoice.button_draft()
        invoice.with_context(force_delete=True).unlink()
        with self.assertRaisesRegex(UserError, "evidence"):
            customer.partner_id.unlink()

    def test_scheme_in_use_is_kept(self):
        self._make_customer()
        with self.assertRaisesRegex(UserError, "Test scheme.*1 customers"):
            self.scheme.with_user(self.manager).unlink()

    def test_scheme_that_nobody_uses_may_go(self):
        scheme = self._make_scheme(self._claim(3))
        scheme.with_user(self.manager).unlink()
        self.assertFalse(scheme.exists())

    def test_channel_with_notices_is_kept(self):
        self._make_invoice(self._make_customer())
        self.decide()
        with self.assertRaisesRegex(UserError, "archive it"):
            self.email.unlink()

    def test_copy_of_a_scheme_has_its_steps(self):
        copy = self.scheme.copy()
        self.assertEqual(copy.step_ids.mapped("name"), self.scheme.step_ids.mapped("name"))
        self.assertEqual(copy.step_ids.mapped("level"), [1, 2, 3])
        self.assertFalse(copy.step_ids & self.scheme.step_ids)
        self.assertEqual(copy.rule_ids, self.env["collection.strategy.rule"])
        self.assertNotEqual(copy.name, self.scheme.name)
