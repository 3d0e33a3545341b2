"""Contacts: what collectors register, what follows by itself, and how a slip is undone."""

from datetime import datetime

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from .common import days
from .test_promise import PromiseCommon

REPORT = "report.collections_management.report_preparation"


class ContactCommon(PromiseCommon):
    """A customer with two overdue invoices of 100 and 50, who can be phoned."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.partner_id.phone = "960 111 222"
        cls.people = cls.env(user=cls.collector.id, context={"lang": "en_US"})

    @classmethod
    def _result(cls, kind):
        return cls.people.ref(f"collections_management.contact_result_{kind}")

    def _dialog(self, record=None, method="action_register_contact", user=None):
        person = user or self.collector
        record = (record or self.customer).with_env(
            self.env(user=person.id, context={"lang": "en_US"})
        )
        action = getattr(record, method)()
        return Form(record.env[action["res_model"]].with_context(**action["context"]))

    def _register(self, kind, record=None, user=None, dialog=None, **values):
        """Register a contact by the dialog; return it and what the collector is told."""
        dialog = dialog or self._dialog(record, user=user)
        dialog.result_id = self._result(kind)
        for name, value in values.items():
            setattr(dialog, name, value)
        told = dialog.save().action_register()
        self.env.invalidate_all()
        contact = self.system["collection.contact"].search([], limit=1)
        return contact.with_user(user or self.collector), told["params"]

    def _contact_tasks(self):
        return self.system["mail.activity"].search(
            [("res_model", "=", "collection.customer"), ("res_id", "=", self.customer.id)]
        )

    def _conversation(self):
        return self.system["mail.message"].search(
            [("model", "=", "collection.customer"), ("res_id", "=", self.customer.id)]
        )


class TestRegister(ContactCommon):
    def test_dialog_ticks_what_is_overdue_and_knows_whom_to_call(self):
        later = self._make_invoice(self.customer, 70, due=9)
        dialog = self._dialog()
        wizard = dialog.save()
        chosen = wizard._get_chosen().move_id
        self.assertEqual(chosen, (self.invoice | self.other).with_env(wizard.env))
        self.assertIn(later, wizard.line_ids.move_line_id.move_id.with_env(self.env))
        self.assertEqual(wizard.phone, "960 111 222")
        self.assertEqual(wizard.channel_id.code, "call")
        self.assertEqual(wizard.chosen_text, "2 of 3: $\xa0150.00")

    def test_dialog_leaves_out_what_somebody_else_solves(self):
        self._hold(self.other, "disputed")
        wizard = self._dialog().save()
        self.assertEqual(wizard._get_chosen().move_id.ids, self.invoice.ids)
        status = dict(wizard.line_ids.mapped(lambda line: (line.document, line.status)))
        self.assertEqual(status[self.other.name], "Dispute")

    def test_dialog_tells_what_the_collector_needs_while_talking(self):
        self._make_credit(self.customer, 30)
        self._promise(self.invoice, after=1)
        self._run_on(4)
        self.customer.guidelines = "<p>Ask for Ms Vega</p>"
        self._register("none", comment="They wait for a grant")
        briefing = self._dialog().save().briefing
        for text in (
            "$\xa0150.00",
            "30.00",
            "Ask for Ms Vega",
            "Broken",
            "They wait for a grant",
            "A promise to pay until 04/10/2026 at the latest.",
        ):
            self.assertIn(text, briefing)

    def test_invoices_of_a_list_are_ticked(self):
        dialog = self._dialog(self.other, "action_collection_register_contact")
        self.assertEqual(dialog.save()._get_chosen().move_id.ids, self.other.ids)

    def test_open_items_are_ticked(self):
        item = self.items(self.other)
        dialog = self._dialog(item, "action_register_contact")
        self.assertEqual(dialog.save()._get_chosen().move_id.ids, self.other.ids)

    def test_contact_says_who_spoke_to_whom_how_and_when(self):
        vega = self._make_contact(self.customer, "Ms Vega")
        contact, _told = self._register("other", person_id=vega, comment="Closed in August")
        self.assertRecordValues(
            contact.sudo(),
            [
                {
                    "partner_id": self.customer.partner_id.id,
                    "company_id": self.company.id,
                    "user_id": self.collector.id,
                    "collector_id": self.collector.id,
                    "person_id": vega.id,
                    "direction": "out",
                    "kind": "other",
                    "date": datetime(2026, 3, 11, 10),
                }
            ],
        )

    def test_conversation_has_one_message_and_each_invoice_a_line(self):
        before = self._conversation()
        contact, _told = self._register("none", comment="They wait for a grant")
        [message] = self._conversation() - before
        self.assertEqual(message, contact.sudo().message_id)
        for text in ("No commitment", "They wait for a grant", self.invoice.name):
            self.assertIn(text, message.body)
        for move in (self.invoice, self.other):
            self.assertIn(
                "No commitment",
                self.system["mail.message"]
                .search([("model", "=", "account.move"), ("res_id", "=", move.id)], limit=1)
                .body,
            )
            self.assertEqual(move.collection_contact_count, 1)
        self.assertEqual(self.customer.contact_count, 1)

    def test_customer_who_owes_nothing_can_be_noted(self):
        self._pay(self.invoice)
        self._pay(self.other)
        contact, _told = self._register("other", comment="Thanked for the payment")
        self.assertFalse(contact.move_line_ids)

    def test_results_of_channels_and_days_are_the_companys_to_choose(self):
        self._result("none").sudo().write({"follow_up_days": 10})
        contact, _told = self._register("none")
        self.assertEqual(contact.sudo().task_ids.date_deadline, days(14), "ten working days")


class TestPromise(ContactCommon):
    def test_promise_is_made_in_one_step(self):
        contact, told = self._register("promise", promise_when="7", comment="By transfer")
        promise = contact._get_agreements()
        self.assertEqual((promise.amount, promise.date_promised), (150, days(7)))
        self.assertEqual((promise.note, promise.contact_id), ("By transfer", contact))
        self.assertDecision(self.invoice, "promised")
        self.assertIn(promise.number, told["message"])

    def test_days_that_are_offered_are_working_days(self):
        dialog = self._dialog()
        dialog.result_id = self._result("promise")
        dialog.promise_when = "3"
        self.assertEqual(dialog.date_promised, days(5), "Saturday becomes Monday")
        dialog.promise_when = "month"
        self.assertEqual(str(dialog.date_promised), "2026-03-31")

    def test_part_of_it_can_be_promised(self):
        dialog = self._dialog()
        dialog.result_id = self._result("promise")
        with dialog.amount_ids.edit(0) as amount:
            amount.amount = 60
        contact, _told = self._register("promise", dialog=dialog, date_promised=days(3))
        self.assertEqual(contact._get_agreements().amount, 60)

    def test_ticks_decide_the_amount_in_each_currency(self):
        euro = self.setup_other_currency("EUR")
        self._make_invoice(self.customer, 80, currency_id=euro.id)
        dialog = self._dialog()
        with dialog.line_ids.edit(0) as line:
            first = line.document
            line.chosen = False
        amounts = dialog.save().amount_ids
        total = {self.invoice.name: 100, self.other.name: 50}
        self.assertEqual(
            {amount.currency_id.name: amount.amount for amount in amounts},
            {"USD": 150 - total[first], "EUR": 80},
        )

    def test_undone_it_is_as_before(self):
        contact, _told = self._register("promise", date_promised=days(3))
        promise = contact._get_agreements()
        contact.action_undo()
        self.assertEqual((promise.state, contact.state), ("cancelled", "undone"))
        self.assertDecision(self.invoice, "claim")
        self.assertEqual(self.invoice.collection_status, "normal")
        self.assertIn("Undone by", self._conversation()[0].body)

    def test_undone_the_promise_it_took_the_place_of_is_open_again(self):
        earlier = self._promise(self.invoice, self.other, after=2)
        contact, _told = self._register("promise", date_promised=days(9))
        self.assertEqual(earlier.state, "replaced")
        contact.action_undo()
        self.assertJudged(earlier, "open")
        self.assertEqual(earlier.amount, 150)
        self.assertDecision(self.invoice, "promised")
        self.assertEqual(self.items(self.invoice).hold_until, days(4))
        self._pay_on(1, self.invoice)
        self._pay_on(1, self.other)
        self.assertJudged(earlier, "kept")

    def test_undone_items_it_took_from_a_promise_go_back(self):
        earlier = self._promise(self.invoice, self.other, after=2)
        dialog = self._dialog(self.other, "action_collection_register_contact")
        contact, _told = self._register("promise", dialog=dialog, date_promised=days(9))
        self.assertEqual((earlier.state, earlier.amount), ("open", 100))
        contact.action_undo()
        self.assertJudged(earlier, "open")
        self.assertEqual(earlier.amount, 150)
        self.assertEqual(earlier.move_line_ids.move_id, self.invoice | self.other)
        self.assertDecision(self.other, "promised")

    def test_paid_or_judged_it_can_not_be_undone(self):
        contact, _told = self._register("promise", date_promised=days(3))
        self._pay(self.invoice, 40)
        with self.assertRaisesRegex(UserError, r"\$\xa040.00 of PP/.* was paid by now"):
            contact.action_undo()
        self._run_on(9)
        self.assertRegex(contact.undo_refusal, "is in state “Partly kept” by now")

    def test_later_promise_keeps_it_from_being_undone(self):
        contact, _told = self._register("promise", date_promised=days(3))
        self._register("promise", date_promised=days(5))
        with self.assertRaisesRegex(UserError, "“Replaced” by now"):
            contact.action_undo()

    def test_nothing_is_half_done_when_it_is_refused(self):
        contacts = self.system["collection.contact"].search_count([])
        messages = len(self._conversation())
        for date, words in ((days(-1), "which has passed"), (days(90), "at most 30 days")):
            with (
                self.subTest(date=date),
                self.assertRaisesRegex(UserError, words),
                self.env.cr.savepoint(),
            ):
                self._register("promise", date_promised=date)
        self.assertEqual(self.system["collection.contact"].search_count([]), contacts)
        self.assertEqual(len(self._conversation()), messages)


class TestOtherAgreements(ContactCommon):
    def test_reported_payment_holds_and_is_undone(self):
        contact, _told = self._register(
            "reported", date_reported=days(-1), means="cheque", reference="4711"
        )
        report = contact._get_agreements()
        self.assertRecordValues(
            report, [{"means": "cheque", "reference": "4711", "amount": 150, "state": "open"}]
        )
        self.assertDecision(self.invoice, "payment_reported")
        contact.action_undo()
        self.assertEqual(report.state, "cancelled")
        self.assertDecision(self.invoice, "claim")

    def test_proof_goes_with_the_report(self):
        proof = self.people["ir.attachment"].create({"name": "proof.pdf", "raw": b"%PDF"})
        dialog = self._dialog()
        dialog.result_id = self._result("reported")
        dialog.attachment_ids.add(proof)
        contact, _told = self._register("reported", dialog=dialog)
        self.assertEqual(contact._get_agreements().proof_ids.name, "proof.pdf")

    def test_dispute_has_its_reason_and_area(self):
        reason = self.system["collection.dispute.reason"].search(
            [("area_id", "!=", False)], limit=1
        )
        contact, _told = self._register("dispute", dispute_reason_id=reason, comment="Too dear")
        dispute = contact._get_agreements()
        self.assertEqual((dispute.reason_id, dispute.area_id), (reason, reason.area_id))
        self.assertDecision(self.invoice, "disputed")
        contact.action_undo()
        self.assertDecision(self.invoice, "claim")

    def test_dispute_of_an_instalment_is_about_the_whole_invoice(self):
        terms = self._make_terms((40, 0), (60, 60))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        dialog = self._dialog(self.items(invoice).sorted("date_due")[:1])
        reason = self.people.ref("collections_management.dispute_reason_price")
        contact, _told = self._register("dispute", dialog=dialog, dispute_reason_id=reason)
        self.assertEqual(contact._get_agreements().sudo().item_ids.mapped("amount"), [80, 120])
        self.assertEqual(set(self.items(invoice).mapped("decision")), {"disputed"})


class TestNotReached(ContactCommon):
    def _mail(self, contact):
        return contact.sudo().mail_ids

    def _deliver_mails(self):
        with self.mock_mail_gateway():
            self.env.flush_all()
            with self.enter_registry_test_mode(), self.registry.cursor() as cr:
                self.system(cr=cr, context={})["collection.run"]._cron_deliver(
                    "collection.contact.mail"
                )
            self.env.invalidate_all()
        return self._mails

    def test_invoices_go_by_email_after_some_minutes(self):
        contact, told = self._register("not_reached")
        mail = self._mail(contact)
        self.assertEqual(mail.retry_at, datetime(2026, 3, 11, 10, 10))
        self.assertIn("in 10 minutes", told["message"])
        self.assertFalse(self._deliver_mails(), "it is too early")
        with self.at("2026-03-11 10:11:00"):
            [sent] = self._deliver_mails()
        self.assertEqual(mail.state, "sent")
        self.assertIn("customer@example.com", sent["email_to"][0])
        self.assertIn(self.invoice.name, sent["body"])
        self.assertIn("$\xa0150.00", sent["subject"])
        names = [attachment[0] for attachment in sent["attachments"]]
        self.assertEqual(len(names), 2)
        self.assertTrue(all(name.endswith(".pdf") for name in names))

    def test_mail_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.customer.partner_id.lang = "es_ES"
        contact, _told = self._register("not_reached")
        with self.at("2026-03-11 10:11:00"):
            self._deliver_mails()
        self.assertEqual(self._mail(contact).lang, "es_ES")

    def test_task_is_for_later_today_while_there_is_time_else_the_next_working_day(self):
        contact, _told = self._register("not_reached")
        task = contact.sudo().task_ids
        self.assertEqual(task.date_deadline, days(0))
        self.assertEqual((task.user_id, task.activity_type_id.name), (self.collector, "Call again"))
        with self.at("2026-03-13 16:30:00"):
            contact, _told = self._register("not_reached")
            self.assertEqual(contact.sudo().task_ids.date_deadline, days(5), "Friday evening")

    def test_undone_in_time_nothing_leaves(self):
        contact, _told = self._register("not_reached")
        contact.action_undo()
        with self.at("2026-03-11 10:11:00"):
            self.assertFalse(self._deliver_mails())
        self.assertEqual(self._mail(contact).state, "cancelled")
        self.assertFalse(self._contact_tasks())

    def test_what_has_left_can_not_be_undone(self):
        contact, _told = self._register("not_reached")
        with self.at("2026-03-11 10:11:00"):
            self._deliver_mails()
        with self.assertRaisesRegex(UserError, "The e-mail has left already"):
            contact.action_undo()

    def test_sent_now_it_does_not_wait(self):
        contact, _told = self._register("not_reached")
        contact.action_send_mail_now()
        self.assertEqual(len(self._deliver_mails()), 1)

    def test_what_is_paid_meanwhile_is_not_sent(self):
        contact, _told = self._register("not_reached")
        self._pay(self.invoice)
        self._pay(self.other)
        with self.at("2026-03-11 10:11:00"):
            self.assertFalse(self._deliver_mails())
        self.assertIn("Paid before", self._mail(contact).failure)

    def test_without_address_the_dialog_says_so_and_takes_one(self):
        self.customer.partner_id.email = False
        with (
            self.assertRaisesRegex(UserError, "has no valid e-mail address"),
            self.env.cr.savepoint(),
        ):
            self._register("not_reached")
        contact, _told = self._register("not_reached", email="pay@customer.example.com")
        self.assertEqual(self.customer.partner_id.email, "pay@customer.example.com")
        contact.action_undo()
        self.assertFalse(self.customer.partner_id.email)

    def test_unticked_no_email_goes(self):
        contact, _told = self._register("not_reached", send=False)
        self.assertFalse(contact.sudo().mail_ids)
        self.assertTrue(contact.sudo().task_ids)

    def test_mail_waits_for_the_hours_of_the_policy(self):
        self.scheme.policy_id = self._make_policy(hour_from=11, hour_to=18)
        contact, _told = self._register("not_reached")
        with self.at("2026-03-11 10:11:00"):
            self.assertFalse(self._deliver_mails())
        self.assertEqual(self._mail(contact).retry_at, datetime(2026, 3, 11, 11))
        with self.at("2026-03-11 11:01:00"):
            self.assertEqual(len(self._deliver_mails()), 1)

    def test_consumer_who_had_a_message_lately_gets_it_later(self):
        self.scheme.policy_id = self._make_policy(interval_days=4)
        self.customer.is_consumer = True
        self.run_day(self.customer)
        with self.at(1):
            contact, told = self._register("not_reached")
        self.assertEqual(self._mail(contact).retry_at.date(), days(4))
        self.assertIn("it leaves on 03/15/2026", told["message"])

    def test_consumer_of_another_channel_gets_no_email(self):
        self.scheme.policy_id = self._make_policy(channel_id=self.letter.id)
        with self.assertRaisesRegex(UserError, "may be written to by Letter only"):
            self._register("not_reached")

    def test_mail_counts_for_the_policy_of_the_schemes_messages(self):
        self.scheme.policy_id = self._make_policy(interval_days=4)
        self._register("not_reached")
        self.assertDecision(self.invoice, "contact_policy")

    def test_many_invoices_go_as_statement(self):
        for _number in range(10):
            self._make_invoice(self.customer, 10)
        self._register("not_reached")
        with self.at("2026-03-11 10:11:00"):
            [sent] = self._deliver_mails()
        self.assertEqual(len(sent["attachments"]), 1)

    def test_trial_goes_to_ones_own_mailbox(self):
        self.company.collection_mailbox = "me@company.example.com"
        self._register("not_reached")
        with self.at("2026-03-11 10:11:00"):
            [sent] = self._deliver_mails()
        self.assertEqual(sent["email_to"], ["me@company.example.com"])


class TestNotReceived(ContactCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.partner_id.invoice_sending_method = "email"

    def test_invoices_are_sent_again_after_some_minutes(self):
        contact, told = self._register("not_received")
        self.assertEqual(set(contact.resent_move_ids.ids), set((self.invoice | self.other).ids))
        self.assertFalse(self.system["account.move"]._get_moves_asked_for())
        with self.at("2026-03-11 10:11:00"):
            asked = self.system["account.move"]._get_moves_asked_for()
        self.assertEqual(asked.ids, (self.invoice | self.other).ids)
        self.assertEqual(self.invoice.collection_delivery_state, "queued")
        self.assertIn("in 10 minutes", told["message"])
        self.assertEqual(contact.sudo().task_ids.date_deadline, days(5), "three working days")

    def test_address_is_corrected_in_the_dialog(self):
        self._register("not_received", email="invoices@customer.example.com")
        self.assertEqual(self.customer.partner_id.email, "invoices@customer.example.com")

    def test_an_address_that_is_none_is_refused(self):
        with self.assertRaisesRegex(UserError, "“here” of Customer is no e-mail address"):
            self._register("not_received", email="here")

    def test_undone_in_time_nothing_is_sent(self):
        contact, _told = self._register("not_received", email="new@customer.example.com")
        contact.action_undo()
        self.assertFalse(self.invoice.sending_data)
        self.assertEqual(self.customer.partner_id.email, "customer@example.com")

    def test_sent_it_can_not_be_undone(self):
        contact, _told = self._register("not_received")
        self.invoice.sending_data = False
        with self.assertRaisesRegex(UserError, "was sent again already"):
            contact.action_undo()

    def test_what_odoo_can_not_send_is_named(self):
        self.customer.partner_id.invoice_sending_method = "manual"
        contact, _told = self._register("not_received")
        self.assertFalse(contact.resent_move_ids)
        self.assertIn("sent by hand", contact.sudo().message_id.body)


class TestOtherResults(ContactCommon):
    def test_no_commitment_is_followed_up(self):
        contact, _told = self._register("none", comment="Asks for patience")
        task = contact.sudo().task_ids
        self.assertEqual((task.date_deadline, task.user_id), (days(5), self.collector))
        self.assertEqual(task.summary, "Asks for patience")
        self.assertDecision(self.invoice, "claim")

    def test_the_collector_chooses_when_and_who(self):
        contact, _told = self._register(
            "none", follow_up_date=days(2), follow_up_user_id=self.supervisor
        )
        task = contact.sudo().task_ids
        self.assertEqual((task.date_deadline, task.user_id), (days(2), self.supervisor))
        contact, _told = self._register("none", follow_up_date=False)
        self.assertFalse(contact.sudo().task_ids)

    def test_task_that_is_done_keeps_it_from_being_undone(self):
        contact, _told = self._register("none")
        contact.sudo().task_ids.action_done()
        with self.assertRaisesRegex(UserError, "is done already"):
            contact.action_undo()

    def test_next_contact_finishes_the_task_of_the_last_one(self):
        contact, _told = self._register("not_reached", send=False)
        task = contact.sudo().task_ids
        second, _told = self._register("none")
        self.assertFalse(task.active)
        self.assertTrue(contact.undo_refusal)
        second.action_undo()
        self.assertTrue(task.active)
        self.assertFalse(contact.undo_refusal)

    def test_next_contact_finishes_the_task_of_a_broken_promise(self):
        self._promise(self.invoice, after=1)
        self._run_on(4)
        self.assertTrue(self._tasks("broken_promise"))
        with self.at(4):
            self._register("none")
        self.assertFalse(self._tasks("broken_promise"))

    def test_who_asks_for_a_plan_is_answered_the_next_day(self):
        contact, told = self._register("plan")
        # the web client completes no action that follows on a notification
        self.assertEqual(told["next"]["views"], [(False, "form")])
        task = contact.sudo().task_ids
        self.assertEqual(
            (task.date_deadline, task.activity_type_id.name),
            (days(1), "Answer the request for a payment plan"),
        )

    def test_wrong_data_are_flagged_until_they_are_corrected(self):
        contact, _told = self._register("wrong_data", comment="The number is a bakery's")
        self.assertTrue(self.customer.wrong_data)
        self.assertIn(
            self.customer, self.system["collection.customer"].search([("wrong_data", "=", True)])
        )
        contact.action_undo()
        self.assertFalse(self.customer.wrong_data)
        self._register("wrong_data")
        self.customer.with_user(self.collector).action_contact_data_corrected()
        self.assertFalse(self.customer.wrong_data)
        self.assertFalse(self._contact_tasks())

    def test_a_kind_of_ones_own_is_a_method(self):
        seen = []
        result = self._result("other")
        self.patch(
            self.registry["collection.contact"],
            "_apply_other",
            lambda contact, details: seen.append(details["address"]),
        )
        self._register("other")
        self.assertEqual(len(seen), 1)
        self.assertEqual(result.kind, "other")


class TestDelayReason(ContactCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reason = cls.people.ref("collections_management.delay_reason_liquidity")
        cls.later = cls.people.ref("collections_management.delay_reason_approval")

    def test_reason_stays_on_customer_and_invoices(self):
        self._register("none", delay_reason_id=self.reason)
        self.assertEqual(self.customer.delay_reason_id.id, self.reason.id)
        self.assertEqual(self.invoice.collection_delay_reason_id.id, self.reason.id)

    def test_undone_the_reason_of_before_is_back(self):
        self._register("none", delay_reason_id=self.reason)
        dialog = self._dialog(self.other, "action_collection_register_contact")
        contact, _told = self._register("none", dialog=dialog, delay_reason_id=self.later)
        self.assertEqual(self.other.collection_delay_reason_id.id, self.later.id)
        self.assertEqual(self.invoice.collection_delay_reason_id.id, self.reason.id)
        contact.action_undo()
        self.assertEqual(self.other.collection_delay_reason_id.id, self.reason.id)
        self.assertEqual(self.customer.delay_reason_id.id, self.reason.id)

    def test_ageing_is_grouped_by_reason(self):
        dialog = self._dialog(self.other, "action_collection_register_contact")
        self._register("none", dialog=dialog, delay_reason_id=self.reason)
        groups = self.system["collection.due.item"]._read_group(
            [("customer_id", "=", self.customer.id)], ["delay_reason_id"], ["residual:sum"]
        )
        self.assertEqual(
            {reason.id: residual for reason, residual in groups},
            {self.reason.id: 50, False: 100},
        )

    def test_given_reason_is_archived_not_deleted(self):
        self._register("none", delay_reason_id=self.reason)
        with self.assertRaisesRegex(UserError, "archive it instead"):
            self.reason.with_user(self.manager).unlink()


class TestFrom(ContactCommon):
    """Contacts from calls, replies and WhatsApp: what they are done with."""

    def test_call_is_done_with_it_and_to_do_again_when_it_is_undone(self):
        self.first.channel_ids = self.call
        call = self.run_day(self.customer)
        contact, _told = self._register("none", dialog=self._dialog(call))
        self.assertEqual((call.state, call.message_id), ("sent", contact.sudo().message_id))
        self.assertFalse(call.activity_id.active)
        contact.action_undo()
        self.assertEqual((call.state, call.activity_id.active), ("queued", True))

    def test_from_a_task_that_is_finished_with_it(self):
        self._register("none")
        task = self._contact_tasks()
        self.assertGreater(task.date_deadline, days(0))
        dialog = self._dialog(task, "action_collection_register_contact")
        self.assertEqual(dialog.channel_id.code, "call")
        contact, _told = self._register("promise", dialog=dialog, date_promised=days(3))
        self.assertFalse(task.active)
        self.assertFalse(contact.sudo().task_ids, "it is no task that follows from the contact")
        contact.action_undo()
        self.assertTrue(task.active)

    def test_from_the_task_of_a_call_that_is_done_with_it(self):
        self.first.channel_ids = self.call
        call = self.run_day(self.customer)
        dialog = self._dialog(call.activity_id, "action_collection_register_contact")
        self._register("none", dialog=dialog)
        self.assertEqual(call.state, "sent")

    def test_from_the_task_of_a_visit_it_is_a_visit(self):
        task = self.customer.activity_schedule("collections_management.activity_type_visit")
        dialog = self._dialog(task, "action_collection_register_contact")
        self.assertEqual(dialog.channel_id.code, "visit")

    def test_from_the_customer_the_waiting_call_is_done_too(self):
        self.first.channel_ids = self.call
        call = self.run_day(self.customer)
        self._register("none")
        self.assertEqual(call.state, "sent")

    def test_calls_of_two_customers_are_two_contacts(self):
        self.first.channel_ids = self.call
        self._make_invoice(self._make_customer("Second"), 10)
        calls = self.run_day()
        with self.assertRaisesRegex(UserError, "of several customers"):
            calls.with_user(self.collector).action_register_contact()

    def test_reply_is_answered_by_it(self):
        message = self.customer.message_post(
            body="We pay on Friday",
            message_type="email",
            author_id=self.customer.partner_id.id,
            subtype_xmlid="mail.mt_comment",
        )
        reply = self.system["collection.reply"].search([("message_id", "=", message.id)])
        self.assertDecision(self.invoice, "pending_reply")
        contact, _told = self._register(
            "promise", dialog=self._dialog(reply), date_promised=days(2)
        )
        self.assertEqual((reply.state, reply.closed_by_id), ("answered", self.collector))
        self.assertEqual((contact.channel_id.code, contact.direction), ("email", "in"))
        self.assertDecision(self.invoice, "promised")
        contact.action_undo()
        self.assertEqual(reply.state, "pending")

    def test_whatsapp_that_was_sent_asks_for_its_result(self):
        action = self.customer.with_user(self.collector).action_open_whatsapp()
        wizard = self.people[action["res_model"]].browse(action["res_id"])
        dialog = wizard.action_confirm_sent()
        self.assertEqual(dialog["res_model"], "collection.register.contact")
        form = Form(self.people[dialog["res_model"]].with_context(**dialog["context"]))
        self.assertEqual(form.channel_id.code, "whatsapp")


class TestRefusals(ContactCommon):
    def test_result_has_to_be_chosen(self):
        with self.assertRaisesRegex(UserError, "Customer: choose what came of the contact"):
            self._dialog().save().action_register()

    def test_invoices_have_to_be_ticked_where_it_is_about_them(self):
        dialog = self._dialog()
        for index in range(2):
            with dialog.line_ids.edit(index) as line:
                line.chosen = False
        with self.assertRaisesRegex(UserError, "tick the invoices that “Dispute” is about"):
            self._register(
                "dispute",
                dialog=dialog,
                dispute_reason_id=self.system["collection.dispute.reason"].search(
                    [("area_id", "!=", False)], limit=1
                ),
            )

    def test_promise_above_the_debt(self):
        dialog = self._dialog()
        dialog.result_id = self._result("promise")
        with dialog.amount_ids.edit(0) as amount:
            amount.amount = 151
        with self.assertRaisesRegex(UserError, "more than the"):
            self._register("promise", dialog=dialog, date_promised=days(2))

    def test_promise_of_nothing(self):
        dialog = self._dialog()
        dialog.result_id = self._result("promise")
        with dialog.amount_ids.edit(0) as amount:
            amount.amount = 0
        with self.assertRaisesRegex(UserError, "write an amount above zero"):
            self._register("promise", dialog=dialog, date_promised=days(2))

    def test_what_is_missing_is_asked_for(self):
        contacts = self.people["collection.contact"]
        lines = self.invoice._get_collection_open_lines().with_env(self.people)
        values = {"channel_id": self.call.id}
        for kind, words in (
            ("promise", "choose the day on which the customer will pay"),
            ("reported", "choose the day on which the customer says it paid"),
            ("dispute", "choose why the customer does not agree"),
        ):
            with self.subTest(kind=kind), self.assertRaisesRegex(UserError, words):
                contacts._make(
                    self.customer.with_env(self.people), self._result(kind), lines, {}, **values
                )

    def test_task_in_the_past(self):
        with self.assertRaisesRegex(UserError, "a day that has passed"):
            self._register("none", follow_up_date=days(-1))

    def test_invoices_of_two_customers_or_companies(self):
        second = self._make_customer("Second")
        stranger = self._make_invoice(second, 10)
        with self.assertRaisesRegex(UserError, "several customers: .*Second"):
            (self.invoice | stranger).with_user(self.collector).action_collection_register_contact()
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        other = self._make_invoice(self.customer, 10, company=elsewhere)
        with self.assertRaisesRegex(UserError, "several companies: .*Elsewhere"):
            (self.invoice | other).with_env(
                self.system(context={})
            ).action_collection_register_contact()

    def test_invoice_that_is_paid_or_of_another(self):
        self._pay(self.other)
        with self.assertRaisesRegex(UserError, "is paid already: leave it out"):
            (self.invoice | self.other).with_user(
                self.collector
            ).action_collection_register_contact()
        second = self._make_customer("Second")
        with self.assertRaisesRegex(UserError, "is not owed by Second"):
            self.people["collection.contact"]._make(
                second.with_env(self.people),
                self._result("none"),
                self.invoice._get_collection_open_lines().with_env(self.people),
                channel_id=self.call.id,
            )

    def test_what_was_registered_stays(self):
        contact, _told = self._register("none")
        with self.assertRaisesRegex(UserError, "stays as it was registered"):
            contact.result_id = self._result("other")
        with self.assertRaisesRegex(UserError, "you can't change"):
            contact.undo_data = {"address": [self.customer.partner_id.id, "x", "y"]}
        contact.comment = "A better word"
        with self.assertRaisesRegex((UserError, AccessError), "."):
            contact.unlink()
        with self.assertRaisesRegex(UserError, "stays: undo it instead"):
            contact.with_user(self.manager).sudo().unlink()

    def test_undoing_twice(self):
        contact, _told = self._register("none")
        contact.action_undo()
        with self.assertRaisesRegex(UserError, "was undone already"):
            contact.action_undo()

    def test_system_fields_are_not_taken_from_who_creates(self):
        contact = self.people["collection.contact"].create(
            {
                "customer_id": self.customer.id,
                "channel_id": self.call.id,
                "result_id": self._result("other").id,
                "undo_data": {"address": [self.customer.partner_id.id, "evil@x.example", "y"]},
                "user_id": self.manager.id,
            }
        )
        self.assertFalse(contact.undo_data)
        self.assertEqual(contact.user_id, self.collector)

    def test_results_are_checked(self):
        result = self._result("none").with_user(self.manager)
        self._register("none")
        with self.assertRaisesRegex(UserError, "archive it instead"):
            result.unlink()
        for values, words in (
            ({"follow_up_days": -1}, "can be negative"),
            ({"activity_type_id": False}, "choose the type of the task"),
        ):
            with self.subTest(words), self.assertRaisesRegex(ValidationError, words):
                result.write(values)


class TestRights(ContactCommon):
    def test_collectors_register_and_undo_what_is_theirs(self):
        contact, _told = self._register("none")
        theirs = contact.with_user(self.supervisor)
        self.customer.collector_id = self.supervisor
        colleague = self._make_colleague()
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            contact.with_user(colleague).action_undo()
        theirs.action_undo()
        self.assertEqual(contact.state, "undone")

    def _make_colleague(self):
        return self.collector.copy({"login": "colleague", "name": "Colleague"})

    def test_accountants_and_auditors_read_only(self):
        contact, _told = self._register("none")
        for user in (self.accountant, self.auditor):
            self.assertTrue(contact.with_user(user).display_name)
            with self.assertRaises(AccessError):
                self.customer.with_user(user).action_register_contact()
            with self.assertRaises(AccessError):
                contact.with_user(user).action_undo()

    def test_employees_see_nothing(self):
        contact, _told = self._register("none")
        with self.assertRaises(AccessError):
            contact.with_user(self.employee).read(["comment"])

    def test_companies_are_apart(self):
        contact, _told = self._register("none")
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        self.manager.company_ids |= elsewhere
        abroad = (
            self.system["collection.contact"]
            .with_user(self.manager)
            .with_context(allowed_company_ids=elsewhere.ids)
        )
        self.assertNotIn(contact.id, abroad.search([]).ids)

    def test_history_goes_with_merged_customers(self):
        contact, _told = self._register("not_reached")
        target = self._make_customer("Target")
        self.customer._merge_into(target)
        self.assertEqual(contact.sudo().customer_id, target)
        self.assertEqual(contact.sudo().mail_ids.customer_id, target)

    def test_file_with_contacts_is_kept(self):
        empty = self._make_customer("Empty")
        self._register("other", record=empty)
        with self.assertRaisesRegex(UserError, "contains contacts and is kept as evidence"):
            empty.unlink()


class TestPreparation(ContactCommon):
    def _sheet(self):
        values = self.people[REPORT]._get_report_values(self.customer.ids)
        return values["sheets"][0]

    def test_sheet_tells_volume_behaviour_and_promises(self):
        old = self._make_invoice(self.customer, 400, due=-60, issued=-90)
        self._pay(old)
        self._promise(self.invoice, after=1)
        self._run_on(4)
        self.customer.guarantees = "Guarantor: Ms Vega"
        sheet = self._sheet()
        self.assertEqual(sheet["sales"], {"amount": "$\xa0550.00", "count": 3})
        self.assertEqual(sheet["behaviour"], {"days": 90, "late": 60, "worst": 60, "former": 1})
        self.assertEqual((sheet["promises"]["kept"], sheet["promises"]["broken"]), (0, 1))
        self.assertEqual(
            [item["name"] for item in sheet["items"]], [self.invoice.name, self.other.name]
        )

    def test_sheet_tells_what_comes_and_what_may_be_offered(self):
        self.scheme.write({"gain_note": "Deliveries go on", "offer_note": "Half now\nHalf in May"})
        sheet = self._sheet()
        self.assertEqual(
            [step.split(",")[0] for step in sheet["steps"]],
            ["First claim", "Second claim", "Lawyer"],
        )
        self.assertIn("Deliveries go on", sheet["gains"])
        self.assertIn("Half in May", sheet["offers"])

    def test_the_limits_of_plans_are_among_what_may_be_offered(self):
        self.scheme.write(
            {
                "plan_instalments": 6,
                "plan_days": 200,
                "plan_down_percent": 12.5,
                "plan_discount_percent": 3,
            }
        )
        last = days(200).strftime("%m/%d/%Y")
        offers = self._sheet()["offers"]
        self.assertIn(
            f"A payment plan of at most 6 instalments, the last one until {last}.", offers
        )
        self.assertIn(
            "The first payment of a plan is at least 12.5 % of what is to be paid.", offers
        )
        self.assertTrue([offer for offer in offers if "discount of at most 3 %" in offer])

    def test_a_scheme_without_limits_says_so(self):
        self.scheme.write(
            {
                "plan_instalments": 0,
                "plan_days": 0,
                "plan_down_percent": 0,
                "plan_discount_percent": 0,
            }
        )
        offers = self._sheet()["offers"]
        self.assertIn("A payment plan of any length.", offers)
        self.assertFalse([offer for offer in offers if "%" in offer])

    def test_credit_notes_are_no_payment_and_lower_the_sales(self):
        credit = self._make_credit(self.customer, 20)
        self._allocate(self.invoice, credit)
        sheet = self._sheet()
        self.assertEqual(sheet["behaviour"], {})
        self.assertEqual(sheet["sales"]["amount"], "$\xa0130.00")

    def test_sheet_is_a_pdf(self):
        content, kind = self.people["ir.actions.report"]._render_qweb_pdf(
            "collections_management.report_preparation", self.customer.ids
        )
        self.assertIn(kind, ("pdf", "html"))
        self.assertTrue(content)


class TestScale(ContactCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.few, cls.many = cls._make_many(5), cls._make_many(50)

    @classmethod
    def _make_many(cls, number):
        customer = cls._make_customer(f"With {number}")
        moves = cls.env["account.move"].union(
            *[cls._make_invoice(customer, 10, post=False) for _index in range(number)]
        )
        moves.action_post()
        return moves

    def _count_queries(self, moves, kind, values):
        """Return the queries of the dialog: opened on some invoices, filled in, registered."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        action = moves.with_env(self.people).action_collection_register_contact()
        dialogs = self.people[action["res_model"]].with_context(**action["context"])
        reason = self.people.ref("collections_management.delay_reason_bank")
        dialogs.create(
            {"result_id": self._result(kind).id, "delay_reason_id": reason.id, **values}
        ).action_register()
        self.env.flush_all()
        count = self.cr.sql_log_count - before
        self.people["collection.contact"].search([], limit=1).action_undo()
        return count

    def test_number_of_queries_does_not_grow_with_the_invoices(self):
        reason = self.people.ref("collections_management.dispute_reason_damaged")
        values = {
            "promise": {"date_promised": days(3)},
            "reported": {"date_reported": days(-1), "reference": "A 4711"},
            "dispute": {"dispute_reason_id": reason.id},
        }
        for kind, _label in self._result("none")._fields["kind"].selection:
            given = values.get(kind, {})
            self._count_queries(self.few, kind, given)  # warms up
            with self.subTest(kind=kind):
                few = self._count_queries(self.few, kind, given)
                # the customers' own histories differ by what was registered and undone before
                self.assertLessEqual(self._count_queries(self.many, kind, given), few + 3)
