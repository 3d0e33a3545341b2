"""Internal alarms: whom they tell what, when, once, by their own rights, and what is opened by their links."""

from datetime import timedelta
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, HttpCase
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import TODAY, CollectionsCommon, days

MODULE = "collections_management"
DAY = f"odoo.addons.{MODULE}.models.collection_alarm_day"
COLLECTOR = f"{MODULE}.group_collection_collector"


class AlarmCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alarms = cls.system["collection.alarm"]
        # what is shipped would tell of it all; tests have their own
        cls.alarms.search([]).active = False
        cls.company.collection_stale_days = 0
        cls.colleague = mail_new_test_user(
            cls.system,
            login="test_colleague",
            name="Test colleague",
            email="colleague@company.example.com",
            groups=COLLECTOR,
            company_id=cls.company.id,
        )
        cls.customer = cls._make_customer("Alpha")
        cls.other = cls._make_customer("Beta", collector_id=cls.colleague.id)

    @classmethod
    def _alarm(cls, kind="broken_promise", **values):
        """Return an alarm of a kind, for each collector unless ``values`` say otherwise."""
        readers = {"to_collector": True} if not any("to_" in name for name in values) else {}
        return cls.alarms.create(
            {
                "name": f"Test {kind}",
                "kind": kind,
                "company_id": cls.company.id,
                **readers,
                **values,
            }
        )

    @classmethod
    def _break(cls, customer, amount=100.0, **values):
        """Return a promise of a customer that was broken some days ago."""
        invoice = cls._make_invoice(customer, amount, due=-40, **values)
        promise = cls.system["collection.promise"].create(
            {
                "customer_id": customer.id,
                "currency_id": invoice.currency_id.id,
                "move_line_ids": cls._get_receivable_lines(invoice).ids,
                "amount": amount,
                "date": cls._day(-20),
                "date_promised": cls._day(-10),
            }
        )
        promise.write({"state": "broken", "closed_date": cls._day(-6)})
        return promise

    def _tell(self, refused=False):
        """Run the job of alarms; return the mails that were built.

        :param bool refused: the mail server takes none of them
        """
        self.env.flush_all()
        with self.mock_mail_gateway():
            if refused:
                self.send_email_mocked.side_effect = OSError("refused")
            with self.enter_registry_test_mode(), self.registry.cursor() as cr:
                self.system(cr=cr, context={})["collection.alarm.day"]._cron_send()
        self.env.invalidate_all()
        return self._mails

    def _collect(self, alarm, company=None):
        """Return what an alarm tells now: dict of user's name -> section."""
        self.env.flush_all()
        self.env.invalidate_all()
        told = self.system["collection.alarm.content"]._collect(alarm, company or self.company)
        users = self.system["res.users"]
        return {users.browse(id_).name: section for id_, section in told.items()}

    def _told(self, alarm):
        """Return the customers that each reader is told of: dict of user's name -> list."""
        return {
            name: [row["customer"] for row in section.rows]
            for name, section in self._collect(alarm).items()
        }


class TestAlarmMail(AlarmCommon):
    def test_each_collector_is_told_of_their_own_customers_the_greatest_first(self):
        alarm = self._alarm()
        self._break(self.customer, 100)
        self._break(self._make_customer("Gamma"), 700)
        self._break(self.other, 300)
        self.assertEqual(
            self._told(alarm), {"Test collector": ["Gamma", "Alpha"], "Test colleague": ["Beta"]}
        )

    def test_a_reader_gets_one_mail_with_a_section_for_each_alarm(self):
        first = self._alarm(name="Second section", sequence=20)
        second = self._alarm("pending_reply", name="First section", sequence=10, to_collector=True)
        promise = self._break(self.customer)
        self.system["collection.reply"].create(
            {
                "customer_id": self.customer.id,
                "company_id": self.company.id,
                "subject": "When?",
                "date": TODAY,
            }
        )
        [mail] = self._tell()
        self.assertEqual(
            mail["email_to_raw"] if "email_to_raw" in mail else mail["email_to"],
            [self.collector.email_formatted],
        )
        body = mail["body"]
        self.assertLess(body.index("First section"), body.index("Second section"))
        self.assertIn(promise.move_ids.name, body)
        self.assertEqual(
            mail["subject"], "Collections today: First section (1), Second section (1)"
        )
        logs = self.system["collection.alarm.mail"].search([])
        self.assertEqual(logs.alarm_id, first | second)
        self.assertEqual(logs.mail_id.state, "sent")

    def test_who_has_nothing_to_hear_gets_no_mail(self):
        self._alarm()
        self.assertFalse(self._tell())
        self._break(self.customer)
        self.assertFalse(self._tell(), "what comes up later is told tomorrow")
        with self.at(1):
            self.assertEqual(len(self._tell()), 1)

    def test_it_is_sent_once_a_day_however_often_the_job_runs(self):
        self._alarm()
        self._break(self.customer)
        self.assertEqual(len(self._tell()), 1)
        self.assertEqual(self.system["collection.alarm.day"].search([]).state, "done")
        self.assertFalse(self._tell())
        # even if the job forgot that the day is done
        self.system["collection.alarm.day"].search([]).write({"state": "pending", "seen": False})
        self.assertFalse(self._tell())

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_to_log_it_twice(self):
        self._alarm()
        self._break(self.customer)
        self._tell()
        log = self.system["collection.alarm.mail"].search([])
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            log.copy({"user_id": log.user_id.id})

    def test_a_job_that_died_half_way_tells_the_rest_and_nobody_twice(self):
        self._alarm()
        self._break(self.customer)
        self._break(self.other)
        with (
            patch(f"{DAY}.CollectionAlarmDay._tell_safely", side_effect=[False, KeyboardInterrupt]),
            self.assertRaises(KeyboardInterrupt),
        ):
            self._tell()
        self.assertEqual(len(self._tell()), 2)
        self.assertFalse(self._tell())

    def test_a_mail_that_the_server_refused_is_sent_an_hour_later(self):
        self._alarm()
        self._break(self.customer)
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            self._tell(refused=True)
        log = self.system["collection.alarm.mail"].search([])
        self.assertEqual(log.state, "exception")
        self.assertEqual(len(self._tell()), 1)
        self.assertEqual(log.state, "sent")

    def test_a_reader_without_address_stops_nobody_and_the_alarm_says_why(self):
        alarm = self._alarm()
        self._break(self.customer)
        self._break(self.other)
        self.collector.partner_id.email = False
        with mute_logger(DAY):
            self.assertEqual(len(self._tell()), 1)
        self.assertIn("Test collector has no e-mail address", alarm.failure)
        self.collector.partner_id.email = "found@company.example.com"
        [mail] = self._tell()
        self.assertIn("found@company.example.com", str(mail["email_to"]))
        alarm.invalidate_recordset(["failure"])
        self.assertFalse(alarm.failure)

    def test_an_alarm_that_fails_stops_no_other_one(self):
        broken, good = self._alarm(), self._alarm("promise_due")
        invoice = self._make_invoice(self.customer, due=-10)
        self.system["collection.promise"]._make(
            self._get_receivable_lines(invoice).with_env(self.system), date_promised=TODAY
        )
        with (
            mute_logger(DAY),
            patch.object(
                self.registry["collection.alarm"],
                "_get_broken_promise",
                side_effect=ZeroDivisionError("what nobody foresaw"),
            ),
        ):
            [mail] = self._tell()
            self.assertIn(good.name, mail["subject"])
            self.assertIn("what nobody foresaw", broken.failure)

    def test_the_mail_is_in_the_readers_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        alarm = self._alarm()
        alarm.with_context(lang="es_ES").name = "Promesas incumplidas"
        self.collector.lang = "es_ES"
        self._break(self.customer)
        self._break(self.other)
        spanish, english = sorted(self._tell(), key=lambda mail: "Promesas" not in mail["subject"])
        self.assertIn("Promesas incumplidas (1)", spanish["subject"])
        self.assertIn("Test broken_promise (1)", english["subject"])

    def test_a_long_list_shows_twenty_rows_and_its_link_opens_all(self):
        alarm = self._alarm("at_risk", threshold=10)
        for number in range(23):
            self._make_invoice(self._make_customer(f"Many {number:02}"), 100 + number)
        [mail] = self._tell()
        self.assertEqual(mail["body"].count("Many "), 20)
        self.assertIn("and 3 more", mail["body"])
        log = self.system["collection.alarm.mail"].search([("alarm_id", "=", alarm.id)])
        action = log.with_user(self.collector).action_open_list()
        found = self.env[action["res_model"]].with_user(self.collector).search(action["domain"])
        self.assertEqual(len(found), 23)

    def test_currencies_never_mix_in_the_totals(self):
        alarm = self._alarm()
        self._break(self.customer, 100)
        foreign = self.setup_other_currency("EUR")
        self._break(self.customer, 50, currency_id=foreign.id)
        section = self._collect(alarm)["Test collector"]
        self.assertEqual(len(section.totals), 3)
        self.assertIn("100.00", " ".join(section.totals))
        self.assertIn("50.00", " ".join(section.totals))
        self.assertTrue(section.totals[-1].startswith("all in all"))

    def test_no_customers_address_is_in_the_mail_and_absences_are_not_asked_for(self):
        self._alarm()
        self._break(self.customer)
        [mail] = self._tell()
        self.assertNotIn(self.customer.partner_id.email, mail["body"])
        self.assertEqual(mail["headers"]["Auto-Submitted"], "auto-generated")

    def test_what_was_sent_long_ago_is_forgotten(self):
        self._alarm()
        self._break(self.customer)
        self._tell()
        logs = self.system["collection.alarm.mail"]
        with self.at(80):
            logs._gc_old()
            self.assertTrue(logs.search([]))
        with self.at(91):
            logs._gc_old()
            self.system["collection.alarm.day"]._gc_old()
            self.assertFalse(logs.search([]))


class TestAlarmSchedule(AlarmCommon):
    """``TODAY`` is a Wednesday."""

    def test_the_hour_is_that_of_the_company(self):
        self.company.resource_calendar_id.tz = "Europe/Madrid"
        self._alarm(hour=8)
        self._break(self.customer)
        with self.at("2026-03-12 06:59:00"):
            self.assertFalse(self._tell(), "it is one minute to eight in Madrid")
        with self.at("2026-03-12 07:00:00"):
            self.assertEqual(len(self._tell()), 1)

    def test_a_missed_hour_is_made_up_for_on_the_same_day_only(self):
        self._alarm(frequency="weekly", weekday="2", hour=8)
        self._break(self.customer)
        with self.at("2026-03-18 21:00:00"):
            self.assertEqual(len(self._tell()), 1)
        with self.at("2026-03-26 09:00:00"):
            self.assertFalse(self._tell(), "the server stood still on Wednesday")

    def test_a_daily_one_rests_when_nobody_works(self):
        self._alarm()
        self._break(self.customer)
        with self.at("2026-03-14 10:00:00"):
            self.assertFalse(self._tell(), "a Saturday")
        with self.at("2026-03-16 10:00:00"):
            self.assertEqual(len(self._tell()), 1)

    def test_a_weekly_one_comes_once_a_week_on_its_day(self):
        self._alarm(frequency="weekly", weekday="4")
        self._break(self.customer)
        sent = {}
        for later in range(14):
            with self.at(later):
                sent[(TODAY + timedelta(days=later)).weekday()] = len(self._tell())
        self.assertEqual({day for day, count in sent.items() if count}, {4})
        self.assertEqual(len(self.system["collection.alarm.mail"].search([])), 2)

    def test_on_a_holiday_it_comes_on_the_next_working_day(self):
        self._alarm(frequency="weekly", weekday="3")
        self._break(self.customer)
        self.system["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.company.resource_calendar_id.id,
                "company_id": self.company.id,
                "date_from": "2026-03-12 00:00:00",
                "date_to": "2026-03-12 23:59:59",
            }
        )
        counts = []
        for later in range(1, 5):
            with self.at(later):
                counts.append(len(self._tell()))
        self.assertEqual(counts, [0, 1, 0, 0])

    def test_a_monthly_one_knows_short_months(self):
        alarm = self._alarm(frequency="monthly", month_day=31)
        with self.at("2026-04-30 10:00:00"):
            working = alarm._get_working_days(self.company)
            self.assertTrue(alarm._is_due(self.company, working))
        with self.at("2026-04-29 10:00:00"):
            working = alarm._get_working_days(self.company)
            self.assertFalse(alarm._is_due(self.company, working))

    def test_one_for_all_companies_is_told_in_each(self):
        second = self.setup_other_company()["company"].with_env(self.system)
        self._alarm("failed_day", company_id=False, to_supervisor=False, user_ids=self.manager.ids)
        self.manager.company_ids |= second
        (self.company | second).collection_failure = "Out of order"
        [mail] = self._tell()
        self.assertIn(second.name, mail["body"])
        self.assertIn(self.company.name, mail["body"])


class TestAlarmReaders(AlarmCommon):
    def test_nobodys_customers_are_told_to_the_supervisor(self):
        alarm = self._alarm()
        self.customer.collector_id = False
        self._break(self.customer)
        self.assertEqual(self._told(alarm), {"Test supervisor": ["Alpha"]})

    def test_roles_and_named_people_hear_it_too(self):
        seller = mail_new_test_user(
            self.system, "test_seller", groups=COLLECTOR, company_id=self.company.id, name="Seller"
        )
        self.company.collection_accountant_id = self.accountant
        self.customer.partner_id.user_id = seller
        self._break(self.customer)
        alarm = self._alarm(
            to_salesperson=True, to_supervisor=True, to_accounting=True, user_ids=self.auditor.ids
        )
        self.assertEqual(
            set(self._told(alarm)), {"Seller", "Test supervisor", "Test accountant", "Test auditor"}
        )

    def test_who_may_not_see_it_is_not_told(self):
        self._break(self.customer)
        alarm = self._alarm(to_supervisor=True, user_ids=self.employee.ids)
        self.assertEqual(set(self._told(alarm)), {"Test supervisor"})

    def test_a_readers_record_rules_filter_what_they_are_told(self):
        self._break(self.customer)
        self._break(self.other)
        alarm = self._alarm(user_ids=self.collector.ids, to_collector=False)
        self.assertEqual(len(self._told(alarm)["Test collector"]), 2)
        self.system["ir.rule"].create(
            {
                "name": "Own portfolio only",
                "model_id": self.system["ir.model"]._get_id("collection.promise"),
                "domain_force": "[('collector_id', '=', user.id)]",
                "groups": [Command.link(self.system.ref(COLLECTOR).id)],
            }
        )
        self.assertEqual(self._told(alarm), {"Test collector": ["Alpha"]})

    def test_a_colleague_of_another_company_is_not_told(self):
        other = self.setup_other_company()["company"]
        self.colleague.write({"company_id": other.id, "company_ids": [Command.set(other.ids)]})
        self._break(self.other)
        self.assertFalse(self._told(self._alarm()))

    def test_customers_with_a_login_and_former_colleagues_are_not_told(self):
        alarm = self._alarm()
        self._break(self.other)
        self.colleague.active = False
        self.assertFalse(self._told(alarm))
        with self.assertRaisesRegex(ValidationError, "internal users only"):
            alarm.user_ids = self.visitor

    def test_readers_that_the_kind_has_not_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "has no “Responsible of the Area”"):
            self._alarm(to_area=True)
        with self.assertRaisesRegex(ValidationError, "has no readers"):
            self._alarm(to_collector=False)

    def test_an_alarm_of_a_branch_is_refused(self):
        branch = self._make_branch()
        with self.assertRaisesRegex(ValidationError, "is a branch"):
            self._alarm(company_id=branch.id)

    def test_impossible_hours_and_days_are_refused(self):
        alarm = self._alarm()
        for values in ({"hour": 24}, {"month_day": 32}, {"threshold": -1}):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(),
            ):
                alarm.write(values)
                alarm.flush_recordset()


class TestAlarmScreens(AlarmCommon):
    def test_a_mails_link_opens_the_list_for_its_reader_only(self):
        self._alarm()
        promise = self._break(self.customer)
        self._break(self.other)
        self._tell()
        log = self.system["collection.alarm.mail"].search([("user_id", "=", self.collector.id)])
        logs = self.env["collection.alarm.mail"]
        action = logs.with_user(self.collector)._open_from_link(str(log.id))
        self.assertEqual(action["domain"], [("id", "in", promise.ids)])
        self.assertTrue(logs.with_user(self.supervisor)._open_from_link(log.id))
        for user, link in ((self.colleague, log.id), (self.collector, "nonsense")):
            with self.assertRaisesRegex(UserError, "not yours, or too old"):
                logs.with_user(user)._open_from_link(link)

    def test_the_preview_shows_the_mail_and_sends_nothing(self):
        alarm = self._alarm().with_user(self.supervisor)
        with self.assertRaisesRegex(UserError, "nothing to tell anybody"):
            alarm.action_preview()
        promise = self._break(self.customer)
        self._break(self.other)
        action = alarm.action_preview()
        preview = self.env[action["res_model"]].with_user(self.supervisor).browse(action["res_id"])
        with Form(preview) as form:
            form.user_id = self.collector
        self.assertIn(promise.move_ids.name, preview.body)
        self.assertNotIn("Beta", preview.body)
        self.assertFalse(self.system["collection.alarm.mail"].search([]))
        self.assertFalse(self.system["mail.mail"].search([("state", "=", "outgoing")]))

    def test_send_now_sends_before_the_hour_and_the_job_not_again(self):
        alarm = self._alarm(hour=23)
        self._break(self.customer)
        self.assertFalse(self._tell())
        told = alarm.with_user(self.supervisor).action_send_now()
        self.assertIn("Test collector", told["params"]["message"])
        self.assertEqual(len(self._tell()), 1)
        with self.assertRaisesRegex(UserError, "Nothing is sent"):
            alarm.with_user(self.supervisor).action_send_now()
        with self.at("2026-03-11 23:30:00"):
            self.assertFalse(self._tell())

    def test_my_alarms_shows_what_there_is_without_mail(self):
        self._alarm(frequency="monthly", month_day=28)
        promise = self._break(self.customer)
        self._break(self.other)
        pages = self.env["collection.alarm.today"].with_user(self.collector)
        action = pages._open()
        line = pages.search(action["domain"])
        self.assertEqual((line.name, line.count), ("Test broken_promise", 1))
        self.assertEqual(line.action_open_list()["domain"], [("id", "in", promise.ids)])
        self.assertFalse(pages.with_user(self.employee).search(pages._open()["domain"]))

    def test_my_alarms_are_those_of_the_mail_whatever_my_role(self):
        """The page asks for one reader, the mail for all: both find the same."""
        self._break(self.customer)
        self._break(self._make_customer("Nobody's", collector_id=False))
        self.customer.partner_id.user_id = self.colleague
        for values in (
            {"to_collector": True},
            {"to_salesperson": True},
            {"to_supervisor": True},
            {"to_accounting": True, "to_collector": True},
        ):
            alarm = self._alarm(**values)
            self.env.flush_all()
            content = self.system["collection.alarm.content"]
            everybody = content._collect(alarm, self.company)
            for user in (self.collector, self.colleague, self.supervisor):
                alone = content._collect(alarm, self.company, user)
                self.assertEqual(alone.get(user.id), everybody.get(user.id), (user.name, values))

    def test_a_list_opens_the_records_in_the_readers_own_rights(self):
        """Every kind's list has an action that shows its model."""
        for kind, _label in self.alarms._fields["kind"].selection:
            listed = self.alarms.new({"kind": kind})._get_list(self.company)
            action = self.alarms._open_records(listed.model._name, [1], listed.action)
            self.assertEqual(action["res_model"], listed.model._name, kind)


class TestAlarmLinks(AlarmCommon, HttpCase):
    def test_a_mails_link_chooses_the_company_of_its_list(self):
        self._alarm()
        self._break(self.customer)
        other = self.setup_other_company()["company"]
        self.collector.write({"company_ids": [Command.link(other.id)], "company_id": other.id})
        [mail] = self._tell()
        log = self.system["collection.alarm.mail"].search([])
        path = f"/collections/alarm/{log.id}"
        self.assertIn(f'{log.get_base_url()}{path}"', mail["body"])
        self.authenticate(self.collector.login, self.collector.login)
        answer = self.url_open(path, allow_redirects=False)
        self.assertTrue(answer.headers["Location"].endswith(f"/odoo/{log.id}/collection-alarm"))
        self.assertEqual(answer.cookies["cids"], str(self.company.id))
        answer = self.url_open("/collections/alarms", allow_redirects=False)
        self.assertTrue(answer.headers["Location"].endswith("/odoo/collection-my-alarms"))
        chosen = set(answer.cookies["cids"].split("-"))
        self.assertEqual(chosen, {str(self.company.id), str(other.id)})

    def test_a_link_to_what_is_gone_ends_in_the_web_client(self):
        self.authenticate(self.employee.login, self.employee.login)
        answer = self.url_open("/collections/alarm/999999999", allow_redirects=False)
        self.assertEqual(answer.status_code, 303)


class TestAlarmKinds(AlarmCommon):
    def test_a_broken_promise_is_told_until_there_is_a_new_promise(self):
        alarm = self._alarm()
        promise = self._break(self.customer)
        self.assertTrue(self._told(alarm))
        self.system["collection.promise"]._make(promise.move_line_ids, date_promised=days(3))
        self.assertFalse(self._told(alarm))

    def test_a_broken_promise_is_told_until_the_customer_pays_something(self):
        alarm = self._alarm()
        self._break(self.customer)
        self._make_credit(self.customer, 30)
        self.assertTrue(self._told(alarm), "a credit note is no payment")
        self._make_payment(self.other, 30)
        self.assertTrue(self._told(alarm), "somebody else paid")
        self._make_payment(self.customer, 30)
        self.assertFalse(self._told(alarm))

    def test_a_broken_promise_whose_invoice_was_settled_is_not_told(self):
        alarm = self._alarm()
        promise = self._break(self.customer)
        credit = self._make_credit(self.customer, 100)
        (promise.move_line_ids | self._get_receivable_lines(credit)).with_env(self.env).reconcile()
        self.assertFalse(self._told(alarm))

    def test_what_was_kept_of_a_promise_is_not_told(self):
        alarm = self._alarm()
        self._break(self.customer, 100).write({"state": "partly", "kept_share": 0.6})
        [row] = self._collect(alarm)["Test collector"].rows
        self.assertIn("40.00", row["amount"])
        self.assertEqual(row["days"], "10 days")

    def test_promises_of_today(self):
        alarm = self._alarm("promise_due")
        invoice = self._make_invoice(self.customer)
        line = self._get_receivable_lines(invoice).with_env(self.system)
        self.system["collection.promise"]._make(line, date_promised=days(1))
        self.assertFalse(self._told(alarm))
        with self.at(1):
            self.assertEqual(self._told(alarm), {"Test collector": ["Alpha"]})

    def test_a_broken_promise_is_told_until_there_is_a_new_contact(self):
        alarm = self._alarm()
        self._break(self.customer)
        result = self.system.ref(f"{MODULE}.contact_result_none")
        channel = self.system.ref(f"{MODULE}.channel_call")
        contact = self.system["collection.contact"]._make(
            self.customer, result, self.customer.due_item_ids.move_line_id, channel_id=channel.id
        )
        self.assertFalse(self._told(alarm))
        contact.action_undo()
        self.assertTrue(self._told(alarm))

    def test_reported_payments_that_are_not_credited_in_time(self):
        alarm = self._alarm("uncredited_report")
        self.company.collection_reported_days = 5
        line = self._get_receivable_lines(self._make_invoice(self.customer))
        report = self.system["collection.reported.payment"]._make(
            line.with_env(self.system), date_reported=days(-1), reference="Transfer 17"
        )
        self.assertFalse(self._told(alarm))
        with self.at(9):
            section = self._collect(alarm)["Test collector"]
            self.assertEqual(section.ids, report.ids)
            self.assertEqual(section.rows[0]["remark"], "Transfer 17")

    def _dispute(self):
        """Return a dispute that somebody without rights on invoices has to solve."""
        solver = mail_new_test_user(
            self.system,
            login="test_solver",
            name="Solver",
            email="solver@company.example.com",
            groups=f"{MODULE}.group_dispute_resolver",
            company_id=self.company.id,
        )
        area = self.system["collection.area"].create(
            {"name": "Logistics", "responsible_id": solver.id, "days": 2}
        )
        reason = self.system["collection.dispute.reason"].create(
            {"name": "Damaged goods", "area_id": area.id}
        )
        line = self._get_receivable_lines(self._make_invoice(self.customer))
        return self.system["collection.dispute"]._make(
            line.with_env(self.system), reason_id=reason.id
        )

    def test_disputes_are_told_to_the_area_and_to_the_collector_with_the_area(self):
        alarm = self._alarm("dispute", to_area=True, to_collector=True)
        dispute = self._dispute()
        told = self._collect(alarm)
        self.assertEqual(set(told), {"Solver", "Test collector"})
        for section in told.values():
            self.assertEqual(section.ids, dispute.ids)
            [row] = section.rows
            self.assertEqual(row["remark"], "Logistics · Damaged goods")
            self.assertEqual(row["documents"], dispute.move_ids.name)

    def test_disputes_past_their_deadline_are_told_to_their_owner(self):
        alarm = self._alarm("late_dispute", to_responsible=True)
        self._dispute()
        self.assertFalse(self._told(alarm))
        with self.at(7):
            self.assertEqual(self._told(alarm), {"Solver": ["Alpha"]})

    def _make_action(self):
        """Return an action that a colleague is responsible for, until in five days."""
        kind = self.system["collection.action.type"].create(
            {"name": "Lawyer's letter", "needs_approval": False}
        )
        line = self._get_receivable_lines(self._make_invoice(self.customer, due=-40))
        return self.system["collection.action"]._make(
            line.with_env(self.system),
            type_id=kind.id,
            user_id=self.colleague.id,
            date_deadline=days(5),
        )

    def test_customers_to_act_on_are_told_to_the_responsible_of_the_action(self):
        alarm = self._alarm("action", to_responsible=True, threshold=2)
        action = self._make_action()
        self.assertFalse(self._told(alarm), "there is time")
        with self.at(3):
            section = self._collect(alarm)["Test colleague"]
            self.assertEqual(section.ids, action.ids)
            [row] = section.rows
            self.assertEqual((row["remark"], row["days"]), ("Lawyer's letter", "in 2 days"))

    def test_actions_that_wait_for_approval_are_told_to_the_supervisor(self):
        alarm = self._alarm("action_to_approve", to_supervisor=True)
        action = self._make_action()
        self.assertFalse(self._told(alarm))
        action.state = "to_approve"
        self.assertEqual(self._told(alarm), {"Test supervisor": ["Alpha"]})

    def test_replies_that_wait_for_some_days(self):
        alarm = self._alarm("pending_reply", threshold=2)
        reply = self.system["collection.reply"].create(
            {
                "customer_id": self.customer.id,
                "company_id": self.company.id,
                "subject": "When do you call?",
                "date": days(-1),
            }
        )
        self.assertFalse(self._told(alarm))
        with self.at(1):
            [row] = self._collect(alarm)["Test collector"].rows
            self.assertEqual(row["remark"], "When do you call?")
        reply.action_dismiss()
        with self.at(1):
            self.assertFalse(self._told(alarm))

    def test_tasks_of_a_person(self):
        alarm = self._alarm("task", to_responsible=True)
        customer = self._make_customer(
            "Called", scheme=self._make_scheme(self._claim(3, self.call))
        )
        self._make_invoice(customer, 80, due=-5)
        notice = self.run_day(customer)
        section = self._collect(alarm)["Test collector"]
        self.assertEqual(section.ids, notice.ids)
        self.assertIn("80.00", section.totals[0])
        notice.action_mark_done()
        self.assertFalse(self._told(alarm))

    def test_messages_that_failed(self):
        alarm = self._alarm("failed_message")
        self.customer.partner_id.email = False
        self._make_invoice(self.customer, due=-5)
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            self.run_day(self.customer)
        [row] = self._collect(alarm)["Test collector"].rows
        self.assertTrue(row["remark"])

    def test_invoices_that_were_not_delivered(self):
        alarm = self._alarm("undelivered_invoice", threshold=2)
        self.company.collection_delivery_from = days(-50)
        invoice = self._make_invoice(self.customer, due=20, issued=-1)
        self.assertFalse(self._told(alarm))
        with self.at(1):
            self.assertEqual(self._collect(alarm)["Test collector"].ids, invoice.ids)

    def test_returned_debits(self):
        alarm = self._alarm("returned_debit")
        invoice = self._make_invoice(self.customer)
        self.assertFalse(self._told(alarm))
        line = self._get_receivable_lines(invoice).with_env(self.system)
        self.system["collection.round"]._begin(line, "returned_debit")
        self.assertEqual(self._collect(alarm)["Test collector"].ids, line.ids)
        with self.at(8):
            self.assertFalse(self._told(alarm), "it is old news")

    def test_what_falls_due_today(self):
        alarm = self._alarm("due_today")
        self._make_invoice(self.customer, due=1)
        self.assertFalse(self._told(alarm))
        with self.at(1):
            self.assertEqual(self._told(alarm), {"Test collector": ["Alpha"]})

    def test_steps_about_to_start(self):
        alarm = self._alarm("next_step", threshold=2)
        self._make_invoice(self.customer, due=0, issued=-40)
        self.assertFalse(self._told(alarm))
        with self.at(1):
            [row] = self._collect(alarm)["Test collector"].rows
            self.assertEqual((row["remark"], row["days"]), ("First claim", "in 2 days"))

    def test_customers_over_their_limit(self):
        alarm = self._alarm("over_limit", threshold=90)
        partner = self.customer.partner_id.with_company(self.company)
        self._make_invoice(self.customer, 950)
        self.assertFalse(self._told(alarm), "no limit was set")
        partner.credit_limit = 1000
        self.assertEqual(self._told(alarm), {"Test collector": ["Alpha"]})
        alarm.threshold = 100
        self.assertFalse(self._told(alarm))

    def test_customers_with_much_overdue(self):
        alarm = self._alarm("at_risk", threshold=500)
        self._make_invoice(self.customer, 500)
        self._make_invoice(self.customer, 900, due=10)
        self._make_invoice(self.other, 501)
        self.assertEqual(self._told(alarm), {"Test colleague": ["Beta"]})

    def test_customers_with_whom_nobody_was_in_touch(self):
        alarm = self._alarm("no_contact", threshold=5)
        self._make_invoice(self.customer, due=-8)
        self._make_invoice(self.other, due=-8)
        self.run_day(self.customer)
        self.assertEqual(self._told(alarm), {"Test colleague": ["Beta"]})
        with self.at(6):
            self.assertEqual(set(self._told(alarm)), {"Test collector", "Test colleague"})

    def test_a_bank_that_is_not_up_to_date(self):
        alarm = self._alarm("stale_bank", to_accounting=True)
        journal = self.company_data["default_journal_bank"]
        self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "date": days(-9), "payment_ref": "Old", "amount": 5}
        )
        self.company.collection_stale_days = 10
        self.assertFalse(self._told(alarm))
        self.company.collection_stale_days = 3
        self.assertIn(journal.name, self._told(alarm)["Test supervisor"])

    def test_a_company_whose_run_failed(self):
        alarm = self._alarm("failed_day", to_supervisor=True)
        with (
            mute_logger(f"odoo.addons.{MODULE}.models.collection_run"),
            patch.object(
                self.registry["collection.run"],
                "_run_company",
                side_effect=ZeroDivisionError("a bad rule"),
            ),
        ):
            self._run_job("_cron_run")
        [row] = self._collect(alarm)["Test supervisor"].rows
        self.assertEqual(row["remark"], "a bad rule")
        self._run_job("_cron_run")
        self.assertFalse(self._told(alarm))

    def test_customers_for_whom_the_run_failed(self):
        alarm = self._alarm("failed_customer")
        self.customer.failure = "a bad template"
        [row] = self._collect(alarm)["Test collector"].rows
        self.assertEqual(row["remark"], "a bad template")


class TestAlarmSpeed(AlarmCommon):
    def _count_queries(self, alarms):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        for alarm in alarms:
            self.system["collection.alarm.content"]._collect(alarm, self.company)
        return self.env.cr.sql_log_count - before

    def test_the_number_of_queries_does_not_grow_with_the_customers(self):
        alarms = self.alarms.union(
            *(
                self._alarm(kind, to_supervisor=True, threshold=1)
                for kind, _label in self.alarms._fields["kind"].selection
            )
        )
        for number in range(2):
            self._break(self._make_customer(f"First {number}"))
        self._count_queries(alarms)
        few = self._count_queries(alarms)
        for number in range(10):
            self._break(self._make_customer(f"Later {number}"))
        self.assertLessEqual(self._count_queries(alarms), few)
