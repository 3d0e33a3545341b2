"""What is claimed is what the ledger says at this moment: amounts, currencies, companies, rounds."""

from odoo import Command

from .common import CollectionsCommon, days


class TestAmounts(CollectionsCommon):
    def test_each_instalment_counts_by_its_own_date(self):
        terms = self._make_terms((30, 10), (50, 25), (20, 60))
        invoice = self._make_invoice(
            self._make_customer(),
            1000,
            issued=-30,
            invoice_payment_term_id=terms.id,
            invoice_date_due=False,
        )
        self.assertEqual(
            [(i.residual, i.days_overdue, i.decision) for i in self.items(invoice)],
            [(300, 20, "claim"), (500, 5, "claim"), (200, -30, "not_due")],
        )

    def test_partial_payment_lowers_what_is_claimed(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._pay(invoice, 30)
        item = self.items(invoice)
        self.assertEqual((item.amount, item.residual), (100, 70))
        self.assertEqual(self.decide(customer).line_ids.residual, 70)

    def test_payment_in_full_ends_the_claim(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        self._pay(invoice)
        self.assertFalse(self.items(invoice))
        self.assertFalse(self.decide(customer))

    def test_payment_of_the_first_instalment_leaves_the_second(self):
        terms = self._make_terms((50, 10), (50, 20))
        invoice = self._make_invoice(
            self._make_customer(),
            issued=-30,
            invoice_payment_term_id=terms.id,
            invoice_date_due=False,
        )
        self._pay(invoice, 50)
        self.assertEqual(self.items(invoice).date_due, days(-10))

    def test_credit_note_that_is_applied_lowers_the_invoice(self):
        customer = self._make_customer()
        invoice, credit = self._make_invoice(customer, 100), self._make_credit(customer, 40)
        self._get_receivable_lines(invoice + credit).reconcile()
        self.assertEqual(self.items(invoice).residual, 60)
        self.assertFalse(self.items(credit))

    def test_credits_that_are_not_applied_are_shown_in_the_customers_favour(self):
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        self._make_credit(customer, 40)
        self._make_payment(customer, 25)
        credits = self.items(customer).filtered(lambda item: item.decision == "credit")
        self.assertEqual(sorted(credits.mapped("residual")), [-40, -25])

    def test_credit_is_in_no_notice(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._make_credit(customer, 40)
        self.assertEqual(self.decide(customer).line_ids.move_id, invoice)

    def test_invoice_paid_this_minute_is_never_claimed(self):
        customer = self._make_customer()
        paid, open_one = self._make_invoice(customer, 100), self._make_invoice(customer, 50)
        notice = self.decide(customer)
        self._pay(paid)
        self.deliver()
        self.assertEqual(notice.state, "sent")
        self.assertEqual(notice.line_ids.filtered("live").move_id, open_one)

    def test_item_is_sorted_into_the_bucket_of_its_days_overdue(self):
        customer = self._make_customer()
        buckets = (
            (5, "Not due"),
            (0, "Not due"),
            (-1, "1-30"),
            (-30, "1-30"),
            (-31, "31-60"),
            (-90, "61-90"),
            (-120, "91-120"),
            (-121, "Over 120"),
        )
        for due, bucket in buckets:
            with self.subTest(due=due):
                invoice = self._make_invoice(customer, due=due)
                self.assertEqual(self.items(invoice).bucket_id.name, bucket)

    def test_company_may_have_buckets_of_its_own(self):
        self.system["collection.bucket"].create(
            [
                {"name": "Good", "days_from": -999, "company_id": self.company.id},
                {"name": "Bad", "days_from": 8, "company_id": self.company.id},
            ]
        )
        customer = self._make_customer()
        self.assertEqual(self.items(self._make_invoice(customer, due=-7)).bucket_id.name, "Good")
        self.assertEqual(self.items(self._make_invoice(customer, due=-8)).bucket_id.name, "Bad")


class TestCurrencies(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.setup_other_currency("EUR")  # 2 for 1 of the company's
        cls.customer = cls._make_customer()
        cls.foreign = cls._make_invoice(cls.customer, 100, currency_id=cls.euro.id)
        cls.domestic = cls._make_invoice(cls.customer, 100)

    def test_item_has_its_own_currency_and_the_companys(self):
        item = self.items(self.foreign)
        self.assertEqual((item.residual_currency, item.residual), (100, 50))
        self.assertEqual(item.currency_id, self.euro)
        self.assertEqual(item.company_currency_id, self.currency)

    def test_notice_claims_each_in_its_own_and_totals_in_the_companys(self):
        notice = self.decide(self.customer)
        claimed = {line.currency_id: line.residual_currency for line in notice.line_ids}
        self.assertEqual(claimed, {self.euro: 100, self.currency: 100})
        self.assertEqual(notice.amount, 150)

    def test_message_names_an_amount_per_currency(self):
        text = self.decide(self.customer).claimed_text
        self.assertEqual(text.count("100.00"), 2)

    def test_file_totals_in_the_companys_currency(self):
        self.assertEqual(self.customer.balance, 150)

    def test_credit_of_one_currency_is_not_netted_with_the_other(self):
        self._make_credit(self.customer, 500)
        self.assertDecision(self.domestic, "covered")
        self.assertDecision(self.foreign, "claim")

    def test_payment_lowers_both_amounts(self):
        self._pay(self.foreign, 40, currency_id=self.euro.id)
        item = self.items(self.foreign)
        self.assertEqual((item.residual_currency, item.residual), (60, 30))


class TestCompanies(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.setup_other_company()["company"].with_env(cls.system)
        cls.other_company.collection_mode = "automatic"
        cls.other_company.resource_calendar_id.tz = "UTC"
        cls.partner = cls._make_partner("Shared")
        cls._set_receivable(cls.partner, cls.other_company)
        cls.here = cls._make_customer(partner=cls.partner)
        cls.there = cls._make_customer(
            partner=cls.partner, company=cls.other_company, collector_id=False
        )

    @classmethod
    def _set_receivable(cls, partner, company):
        partner.with_company(company).property_account_receivable_id = (
            cls.env["account.account"]
            .with_company(company)
            .search(
                [("account_type", "=", "asset_receivable"), ("company_ids", "in", company.ids)],
                limit=1,
            )
        )

    def test_each_company_has_its_own_file_and_items(self):
        ours = self._make_invoice(self.partner, 100)
        theirs = self._make_invoice(self.partner, 70, company=self.other_company)
        self.assertEqual(self.items(self.here).move_id, ours)
        self.assertEqual(self.items(self.there).move_id, theirs)
        self.assertEqual((self.here.balance, self.there.balance), (100, 70))

    def test_run_of_one_company_claims_nothing_of_the_other(self):
        ours = self._make_invoice(self.partner)
        self._make_invoice(self.partner, company=self.other_company)
        self.assertEqual(self.decide().line_ids.move_id, ours)

    def test_credit_in_one_company_does_not_cover_in_the_other(self):
        ours = self._make_invoice(self.partner, 100)
        self._make_credit(self.partner, 100, company=self.other_company)
        self.assertDecision(ours, "claim")

    def test_pause_in_one_company_does_not_pause_the_other(self):
        self.there.write({"pause_until": days(9), "pause_reason": "Fair"})
        self.assertDecision(self._make_invoice(self.partner), "claim")
        self.assertDecision(self._make_invoice(self.partner, company=self.other_company), "paused")

    def test_mode_is_each_companys_own(self):
        self.company.collection_mode = "simulation"
        self._make_invoice(self.partner)
        theirs = self._make_invoice(self.partner, company=self.other_company)
        self.assertFalse(self.decide())
        self.assertEqual(self.decide(company=self.other_company).line_ids.move_id, theirs)

    def test_scheme_of_one_company_is_refused_in_the_other(self):
        scheme = self._make_scheme(self._claim(3), company_id=self.company.id)
        self.here.strategy_id = scheme
        with self.assertRaisesRegex(Exception, "belongs to company"):
            self.there.strategy_id = scheme


class TestBranches(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls._make_branch()
        cls.customer = cls._make_customer()

    def test_branch_shares_the_file_of_its_main_company(self):
        invoice = self._make_invoice(self.customer, 70, company=self.branch)
        self._make_invoice(self.customer, 100)
        self.assertEqual(self.items(invoice).customer_id, self.customer)
        self.assertEqual(self.items(invoice).root_company_id, self.company)
        self.assertEqual(self.customer.balance, 170)

    def test_items_of_branch_and_main_company_go_in_one_message(self):
        invoices = self._make_invoice(self.customer, company=self.branch)
        invoices |= self._make_invoice(self.customer)
        notice = self.decide(self.customer)
        self.assertEqual(len(notice), 1)
        self.assertEqual(notice.line_ids.move_id, invoices)
        self.assertEqual(notice.company_id, self.company)

    def test_credit_in_a_branch_covers_in_the_main_company(self):
        invoice = self._make_invoice(self.customer, 100)
        self._make_credit(self.customer, 100, company=self.branch)
        self.assertDecision(invoice, "covered")

    def test_customer_of_a_branch_gets_a_file_of_the_main_company(self):
        partner = self._make_partner("Branch customer")
        self._make_invoice(partner, company=self.branch)
        self.decide()
        self.assertEqual(partner.collection_customer_ids.company_id, self.company)

    def test_branch_has_no_run_of_its_own(self):
        self.branch.collection_mode = "automatic"
        self._make_invoice(self.customer, company=self.branch)
        self.assertEqual(len(self.decide()), 1)
        self._run_job("_cron_run")
        self.assertEqual(len(self.customer.notice_ids), 1)


class TestContacts(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Factory")
        cls.buyer = cls._make_contact(cls.customer, "Buyer")

    def test_contacts_invoice_belongs_to_the_commercial_partner(self):
        item = self.items(self._make_invoice(self.buyer))
        self.assertEqual(item.customer_id, self.customer)
        self.assertEqual(item.partner_id, self.customer.partner_id)
        self.assertEqual(item.contact_id, self.buyer)

    def test_invoices_of_several_contacts_go_in_one_message(self):
        self._make_invoice(self.buyer)
        self._make_invoice(self._make_contact(self.customer, "Second buyer"))
        self._make_invoice(self.customer)
        notice = self.decide()
        self.assertEqual(len(notice), 1)
        self.assertEqual(len(notice.line_ids), 3)

    def _get_recipient_of_run(self):
        self._make_invoice(self.buyer)
        notice = self.run_day(self.customer)
        self.assertEqual(notice.state, "sent", notice.failure)
        return notice.recipient_id

    def test_message_goes_to_the_invoice_contact(self):
        contact = self._make_contact(self.customer, "Accounts payable", type="invoice")
        self.assertEqual(self._get_recipient_of_run(), contact)

    def test_message_goes_to_the_customer_where_there_is_no_invoice_contact(self):
        self.assertEqual(self._get_recipient_of_run(), self.customer.partner_id)

    def test_invoice_contact_without_address_gives_way_to_the_customer(self):
        self._make_contact(self.customer, "Accounts payable", type="invoice", email=False)
        self.assertEqual(self._get_recipient_of_run(), self.customer.partner_id)

    def test_payments_contact_comes_before_the_invoice_contact(self):
        self._make_contact(self.customer, "Accounts payable", type="invoice")
        self.customer.payments_contact_id = self.buyer
        self.assertEqual(self._get_recipient_of_run(), self.buyer)

    def test_step_for_the_management_goes_to_the_management_contact(self):
        self.customer.management_contact_id = self._make_contact(self.customer, "Director")
        self.first.recipient_role = "management"
        self.assertEqual(self._get_recipient_of_run().name, "Director")

    def test_step_for_the_management_falls_back_to_the_payments_contact(self):
        self.customer.payments_contact_id = self.buyer
        self.first.recipient_role = "management"
        self.assertEqual(self._get_recipient_of_run(), self.buyer)

    def test_message_is_in_the_language_of_the_contact(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.template.with_context(
            lang="es_ES"
        ).subject = "Reclamación: {{ object.notice_id.claimed_text }}"
        self._make_contact(self.customer, "Tesorería", type="invoice", lang="es_ES")
        self._make_invoice(self.buyer)
        notice = self.run_day(self.customer)
        self.assertEqual(notice.lang, "es_ES")
        self.assertIn("Reclamación", notice.mail_id.subject)

    def test_message_to_another_customer_of_the_same_run_is_in_its_own(self):
        self.env["res.lang"]._activate_lang("es_ES")
        spanish = self._make_customer("Taller")
        spanish.partner_id.lang = "es_ES"
        self._make_invoice(self.buyer)
        self._make_invoice(spanish)
        langs = {n.customer_id: n.lang for n in self.run_day()}
        self.assertEqual(langs, {self.customer: "en_US", spanish: "es_ES"})


class TestRounds(CollectionsCommon):
    def _undo(self, invoice):
        self._get_receivable_lines(invoice).remove_move_reconcile()

    def test_undone_reconciliation_begins_a_new_round(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        self.run_day(customer)
        payment = self._pay(invoice)
        with self.at(20):
            self._undo(invoice)
            payment.action_cancel()
            item = self.items(invoice)
            self.assertEqual((item.round_number, item.next_step_id), (1, self.first))
            self.assertEqual(item.decision, "claim")
            self.assertEqual(self.run_day(customer).line_ids.round_number, 1)

    def test_undone_reconciliation_leaves_the_payment_as_a_credit_that_covers(self):
        invoice = self._make_invoice(self._make_customer())
        self._pay(invoice)
        self._undo(invoice)
        self.assertDecision(invoice, "covered")

    def test_undone_part_payment_goes_on_in_the_same_round(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self.run_day(customer)
        self._pay(invoice, 30)
        self._undo(invoice)
        item = self.items(invoice)
        self.assertEqual((item.round_number, item.next_step_id), (0, self.second))

    def test_undoing_twice_in_a_day_is_one_round(self):
        invoice = self._make_invoice(self._make_customer())
        for _time in range(2):
            payment = self._pay(invoice)
            self._undo(invoice)
            payment.action_draft()
        self.assertEqual(self.items(invoice).round_number, 1)

    def test_undoing_leaves_other_invoices_alone(self):
        customer = self._make_customer()
        invoice, other = self._make_invoice(customer), self._make_invoice(customer)
        self._pay(invoice)
        self._undo(invoice)
        self.assertEqual(self.items(other).round_number, 0)

    def test_accountant_without_rights_on_collections_may_undo(self):
        invoice = self._make_invoice(self._make_customer())
        self._pay(invoice)
        self._undo(invoice.with_user(self.accountant))
        self.assertEqual(self.items(invoice).round_number, 1)

    def test_old_round_keeps_what_was_said(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        line = self.run_day(customer).line_ids
        self._pay(invoice)
        self._undo(invoice)
        self.assertTrue(line.live)
        self.assertEqual(line.round_number, 0)


class TestReturnedDebits(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inbound_payment_method_line.sudo().collection_direct_debit = True
        cls.debits = cls._make_scheme(
            cls._announce(5),
            cls._claim(0, name="Returned", only_returned=True, urgent=True),
            cls._claim(20, name="Late"),
            is_direct_debit=True,
            policy_id=cls._make_policy(interval_days=10).id,
        )
        cls.announced, cls.returned, cls.late = cls.debits.step_ids
        cls.customer = cls._make_customer(scheme=cls.debits)

    def _return(self, invoice):
        """Have the payment of an invoice come back, as an accountant books it."""
        payment = self._pay(invoice)
        payment.action_draft()
        payment.action_cancel()

    def test_returned_debit_has_its_own_first_step_at_once(self):
        invoice = self._make_invoice(self.customer, due=-2)
        self._return(invoice)
        item = self.items(invoice)
        self.assertEqual((item.decision, item.next_step_id), ("claim", self.returned))

    def test_return_that_is_matched_with_the_payment_is_one_too(self):
        invoice = self._make_invoice(self.customer, due=-2)
        paid = self._pay(invoice)
        self._get_receivable_lines(invoice).remove_move_reconcile()
        back = self._make_payment(self.customer, 100, payment_type="outbound")
        self._get_receivable_lines(paid.move_id + back.move_id).reconcile()
        item = self.items(invoice)
        self.assertEqual((item.decision, item.next_step_id), ("claim", self.returned))

    def test_return_booked_as_a_debit_of_the_bank_is_one_too(self):
        """The invoice stays paid; the bank's line stands open on the customer."""
        self._pay(self._make_invoice(self.customer, due=-9))
        back = self._make_payment(self.customer, 100, payment_type="outbound", date=days(-1))
        item = self.items(back.move_id)
        self.assertEqual((item.decision, item.next_step_id), ("claim", self.returned))
        self.customer.strategy_id = self.scheme
        self.assertNotEqual(self.items(back.move_id).next_step_id, self.returned)

    def test_debit_that_was_not_returned_does_not_get_it(self):
        invoice = self._make_invoice(self.customer, due=-2)
        self.assertEqual(self.items(invoice).next_step_id, self.late)

    def test_returned_debit_does_not_wait_for_the_contact_policy(self):
        self._make_invoice(self.customer, due=5, issued=-1)
        self.run_day(self.customer)
        invoice = self._make_invoice(self.customer, due=-2)
        self._return(invoice)
        self.assertDecision(invoice, "claim")

    def test_payment_by_other_means_that_is_undone_is_no_returned_debit(self):
        self.inbound_payment_method_line.sudo().collection_direct_debit = False
        invoice = self._make_invoice(self.customer, due=-2)
        self._return(invoice)
        self.assertEqual(self.items(invoice).next_step_id, self.late)

    def test_days_of_the_step_count_from_the_return(self):
        self.returned.days = 3
        invoice = self._make_invoice(self.customer, due=-10)
        self._return(invoice)
        self.assertEqual(self.items(invoice).next_date, days(3))

    def test_second_return_on_a_later_day_is_said_again(self):
        invoice = self._make_invoice(self.customer, due=-2)
        self._return(invoice)
        self.run_day(self.customer)
        with self.at(5):
            self._return(invoice)
            self.assertDecision(invoice, "claim")
            self.assertEqual(self.items(invoice).next_step_id, self.returned)


class TestSums(CollectionsCommon):
    """The items' sums are the ledger's, however they are asked for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.setup_other_currency("EUR")
        cls.one, cls.two = cls._make_customer("One"), cls._make_customer("Two")
        cls._make_invoice(cls.one, 100, due=-40)
        cls._pay(cls._make_invoice(cls.one, 200), 50)
        cls._make_invoice(cls.one, 300, due=20, currency_id=cls.euro.id)
        cls._make_credit(cls.two, 70)
        cls._make_payment(cls.two, 30)
        cls._make_entry((cls.one, 11), (cls.two, 22), (None, 33))
        cls._pay(cls._make_invoice(cls.two, 999))

    def _get_ledger_balance(self):
        lines = self.env["account.move.line"].search(
            [
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("company_id", "=", self.company.id),
            ]
        )
        return sum(lines.mapped("balance"))

    def _get_items(self):
        return self.system["collection.due.item"].with_context(allowed_company_ids=self.company.ids)

    def _sum(self, *groupby):
        return self._get_items()._read_group(
            [("company_id", "=", self.company.id)], groupby, ["residual:sum"]
        )

    def test_sum_of_items_is_the_balance_of_the_accounts(self):
        [(total,)] = self._sum()
        self.assertAlmostEqual(total, self._get_ledger_balance())

    def test_groups_add_up_to_the_same(self):
        for group in ("decision", "bucket_id", "customer_id", "currency_id", "strategy_id"):
            with self.subTest(group=group):
                rows = self._sum(group)
                self.assertAlmostEqual(sum(row[-1] for row in rows), self._get_ledger_balance())

    def test_items_of_each_currency_are_its_open_amounts(self):
        items = self._get_items().search([("currency_id", "=", self.euro.id)])
        self.assertEqual(sum(items.mapped("residual_currency")), 300)

    def test_every_item_has_one_decision(self):
        items = self._get_items().search([("company_id", "=", self.company.id)])
        self.assertEqual(len(items), len(items.move_line_id))
        self.assertTrue(all(items.mapped("decision")))

    def test_what_is_decided_before_the_run_is_what_the_run_sends(self):
        decided = self._get_items().search(
            [("company_id", "=", self.company.id), ("decision", "in", ("claim", "notify", "act"))]
        )
        expected = {(item.move_line_id, item.next_step_id) for item in decided}
        notices = self.decide()
        said = {(line.move_line_id, line.step_id) for line in notices.line_ids}
        self.assertEqual(said, expected)
        self.deliver()
        self.assertEqual(set(notices.mapped("state")), {"sent"})

    def test_merged_tags_do_not_double_an_item(self):
        tags = self.env["res.partner.category"].create([{"name": "A"}, {"name": "B"}])
        self.one.partner_id.category_id = [Command.set(tags.ids)]
        [(total,)] = self._sum()
        self.assertAlmostEqual(total, self._get_ledger_balance())
        tagged = self._get_items().search([("category_ids", "in", tags.ids)])
        self.assertEqual(tagged.customer_id, self.one)
