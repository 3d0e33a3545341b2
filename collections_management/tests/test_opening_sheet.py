"""Work in progress is taken over from a workbook: nothing half done, nothing twice."""

import base64
import io
import zipfile
from datetime import date, datetime

from openpyxl import Workbook, load_workbook

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import file_open, mute_logger

from .common import TODAY, CollectionsCase, CollectionsCommon, days


class OpeningCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Acme")
        cls.other = cls._make_customer("Other")
        cls.invoice = cls._make_invoice(cls.customer, 100, due=-20)
        cls.second_invoice = cls._make_invoice(cls.customer, 50, due=-12)
        cls.others_invoice = cls._make_invoice(cls.other, 40, due=-20)
        cls.successor = cls.supervisor  # has rights on collections, too

    def _open_page(self, user=None, company=None, **context):
        company = company or self.company
        return (
            self.env["collection.opening.import"]
            .with_user(user or self.supervisor)
            .with_context(
                allowed_company_ids=company.ids,
                lang="en_US",
                tracking_disable=True,
                **context,
            )
            .create({"company_id": company.id})
        )

    def _download(self, page=None):
        """Return the workbook that a person downloads."""
        page = page or self._open_page()
        file = io.BytesIO()
        page.env["collection.opening.workbook"]._write_workbook(file, page.company_id)
        file.seek(0)
        return load_workbook(file)

    def _get_positions(self, book):
        """Return the column of each code, from 1, by the hidden row."""
        names = [cell.value for cell in book.worksheets[0][1]]
        return {name.split(":")[1]: index for index, name in enumerate(names, start=1)}

    def _find_row(self, book, move):
        """Return the row of the first item of a move, as the program numbers it."""
        sheet = book.worksheets[0]
        column = self._get_positions(book)["document"]
        return next(
            row for row in range(3, sheet.max_row + 1) if sheet.cell(row, column).value == move.name
        )

    def _fill(self, book, move, **values):
        """Write into the row of a move; return the row."""
        row, positions = self._find_row(book, move), self._get_positions(book)
        for code, value in values.items():
            book.worksheets[0].cell(row, positions[code]).value = value
        return row

    def _make_sheet(self, *rows, page=None):
        """Return a downloaded workbook in which these rows are filled in: (move, values)."""
        book = self._download(page)
        for move, values in rows:
            self._fill(book, move, **values)
        return book

    def _upload(self, book, page=None):
        """Return the page that shows the preview of a workbook (or of bytes)."""
        page = page or self._open_page()
        page.write({"file": self._encode(book), "file_name": "sheet.xlsx"})
        page.action_preview()
        return page

    def _encode(self, book):
        if isinstance(book, bytes):
            return base64.b64encode(book)
        file = io.BytesIO()
        book.save(file)
        return base64.b64encode(file.getvalue())

    def _take_over(self, *rows, page=None):
        """Fill in a sheet, upload and write it."""
        page = self._upload(self._make_sheet(*rows), page)
        self.assertFalse(page.error_count, page.row_ids.mapped("remarks"))
        page.action_write()
        return page

    def _get_records(self):
        """Return all that an opening sheet could have made or changed."""
        self.env.flush_all()
        files = self.customer | self.other
        return (
            files.collector_id,
            self.system["collection.notice"].search([]),
            self.system["collection.notice.line"].search([("live", "=", True)]),
            self.system["collection.hold"].search([]),
            self.system["mail.message"].search([("model", "=", "collection.customer")]),
        )

    def _get_notes(self, record):
        """Return the messages of a record's conversation."""
        return self.system["mail.message"].search(
            [("model", "=", record._name), ("res_id", "in", record.ids)]
        )

    def assertFails(self, book, *words, page=None):
        """Check that a workbook has errors, which hold these words, and that nothing is written."""
        before = self._get_records()
        page = self._upload(book, page)
        self.assertTrue(page.error_count, "there should be an error")
        remarks = "\n".join(page.row_ids.filtered(lambda r: r.kind == "error").mapped("remarks"))
        for word in words:
            self.assertIn(word, remarks)
        with self.assertRaisesRegex(UserError, "have errors, so nothing is written"):
            page.action_write()
        self.assertEqual(self._get_records(), before)
        return page

    def assertCellFails(self, values, *words, move=None):
        """Check that a row with these values fails, and that the sentence names the cell."""
        book = self._make_sheet((self.others_invoice, {"collector": self.successor.login}))
        place = f"Sheet “Open Items”, row {self._fill(book, move or self.invoice, **values)}"
        page = self.assertFails(book, place, *words)
        self.assertEqual((page.error_count, page.change_count), (1, 1))


class TestDownload(OpeningCommon):
    def test_a_row_per_open_item_tells_what_the_ledger_says(self):
        self._make_credit(self.customer, 10)
        book = self._download()
        sheet, at = book.worksheets[0], self._get_positions(book)
        self.assertEqual(sheet.max_row - 2, 3, "what is in the customer's favour is left out")
        row = self._find_row(book, self.invoice)
        told = {code: sheet.cell(row, position).value for code, position in at.items()}
        self.assertEqual(told["item"], self._get_receivable_lines(self.invoice).id)
        self.assertEqual((told["document"], told["customer"]), (self.invoice.name, "Acme"))
        self.assertEqual(told["date_due"], datetime.combine(days(-20), datetime.min.time()))
        self.assertEqual((told["amount"], told["residual"]), (100, 100))
        self.assertEqual((told["currency"], told["days_overdue"]), (self.currency.name, 20))
        self.assertEqual(told["present_collector"], "Test collector")
        self.assertEqual(told["strategy"], "Test scheme")

    def test_what_is_to_be_filled_in_is_empty_and_not_locked(self):
        book = self._download()
        sheet, at = book.worksheets[0], self._get_positions(book)
        self.assertTrue(sheet.protection.sheet)
        row = self._find_row(book, self.invoice)
        for code in ("collector", "claim", "claim_date", "pause_until", "pause_reason", "comment"):
            cell = sheet.cell(row, at[code])
            self.assertIsNone(cell.value)
            self.assertFalse(cell.protection.locked, code)
        for code in ("item", "document", "residual", "present_collector"):
            self.assertTrue(sheet.cell(row, at[code]).protection.locked, code)
        self.assertEqual(sheet.cell(row, at["claim_date"]).number_format, "mm-dd-yy")
        self.assertEqual(sheet.cell(row, at["residual"]).number_format, "#,##0.00")

    def test_the_head_stays_in_sight_and_names_the_columns(self):
        sheet = self._download().worksheets[0]
        self.assertEqual(sheet.freeze_panes, "D3")
        self.assertTrue(sheet.row_dimensions[1].hidden)
        self.assertEqual(sheet["B2"].value, "Document")

    def test_cells_offer_collectors_and_the_steps_of_the_scheme(self):
        book = self._download()
        sources = {
            validation.formula1 for validation in book.worksheets[0].data_validations.dataValidation
        }
        self.assertIn("collectors", sources)
        self.assertTrue(any(source.startswith('INDIRECT("steps_"&') for source in sources))
        names = {name: book.defined_names[name].attr_text for name in book.defined_names}
        for name, expected in {
            "collectors": "test_collector",
            f"steps_{self.scheme.id}": "First claim",
        }.items():
            title, cells = names[name].split("!")
            values = [cell.value for [cell] in book[title.strip("'")][cells.replace("$", "")]]
            self.assertIn(expected, values)
        self.assertNotIn("test_accountant", str(names))

    def test_the_second_sheet_tells_how_to_fill_it_in(self):
        sheet = self._download().worksheets[1]
        texts = [cell.value for row in sheet.iter_rows() for cell in row if cell.value]
        self.assertIn("Opening Sheet", texts)
        for title in ("Collector", "Last Claim", "Pause Until", "Comment"):
            self.assertIn(title, texts)

    def test_journal_entries_are_in_it_where_the_company_claims_them(self):
        entry = self._make_entry((self.customer, 70))
        self.company.collection_claim_entries = False
        names = [row[1] for row in self._download().worksheets[0].values]
        self.assertNotIn(entry.name, names)
        self.company.collection_claim_entries = True
        names = [row[1] for row in self._download().worksheets[0].values]
        self.assertIn(entry.name, names)

    def test_a_customers_name_is_never_a_formula(self):
        self.customer.partner_id.name = "=1+1"
        book = self._download()
        cell = book.worksheets[0].cell(
            self._find_row(book, self.invoice), self._get_positions(book)["customer"]
        )
        self.assertEqual((cell.value, cell.data_type), ("=1+1", "s"))

    def test_a_customer_without_file_gets_one(self):
        fresh = self._make_invoice(self._make_partner("Fresh"), 10)
        book = self._download()
        self.assertTrue(self._find_row(book, fresh))


class TestBranches(OpeningCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls._make_branch()
        shared = cls._make_customer("Shared")
        cls.theirs = cls._make_invoice(shared, 30, company=cls.branch)

    def test_who_works_in_a_branch_finds_its_items_in_the_sheet(self):
        self.supervisor.company_ids |= self.branch
        claim = {"claim": "First claim", "claim_date": days(-1)}
        self._take_over((self.theirs, claim), (self.invoice, claim))
        self.assertEqual(self.items(self.theirs).last_step_id, self.first)
        self.assertEqual(self.items(self.invoice).last_step_id, self.first)

    def test_who_does_not_work_there_finds_and_writes_none_of_it(self):
        book = self._download()
        with self.assertRaises(StopIteration):
            self._find_row(book, self.theirs)
        line = self._get_receivable_lines(self.theirs)
        self._fill(book, self.invoice, item=line.id)
        self.assertFails(book, "of another company")


class TestTakingOver(OpeningCommon):
    def test_collector(self):
        self._take_over((self.invoice, {"collector": self.successor.login}))
        self.assertEqual(self.customer.collector_id, self.successor)
        self.assertEqual(self.other.collector_id, self.collector)

    def test_collector_by_address_and_by_name(self):
        for text in (self.manager.email.upper(), "test  Manager"):
            with self.subTest(text=text):
                self.customer.collector_id = self.collector
                self._take_over((self.invoice, {"collector": text}))
                self.assertEqual(self.customer.collector_id, self.manager)

    def test_the_change_of_collector_stands_in_the_conversation(self):
        page = self._upload(self._make_sheet((self.invoice, {"collector": self.successor.login})))
        self.flush_tracking()
        page.with_context(tracking_disable=False, mail_notrack=False).action_write()
        self.flush_tracking()
        self.env.invalidate_all()
        tracked = self._get_notes(self.customer).tracking_value_ids
        self.assertIn("Test supervisor", tracked.mapped("new_value_char"))

    def test_last_claim_is_as_if_it_had_been_said_that_day(self):
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-3)}))
        notice = self.customer.notice_ids
        self.assertEqual((notice.state, notice.taken_over), ("sent", True))
        self.assertEqual((notice.date, notice.sent_date), (days(-3), days(-3)))
        self.assertEqual((notice.step_id, notice.channel_id), (self.first, self.email))
        self.assertEqual(notice.line_ids.move_id, self.invoice)
        self.assertFalse(notice.message_id or notice.mail_id or notice.activity_id)
        item = self.items(self.invoice)
        self.assertEqual((item.last_step_id, item.last_date), (self.first, days(-3)))
        self.assertEqual((item.next_step_id, item.next_date), (self.second, days(4)))
        self.assertEqual(item.decision, "waiting")

    def test_the_ladder_goes_on_from_there(self):
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-7)}))
        self.assertDecision(self.invoice, "claim")
        notice = self.run_day(self.customer)
        said = notice.line_ids.filtered(lambda line: line.move_id == self.invoice)
        self.assertEqual(said.step_id, self.second)
        self.assertEqual((self.customer.notice_ids - notice).state, "sent")

    def test_after_the_last_claim_the_action_comes(self):
        self._take_over((self.invoice, {"claim": "second CLAIM", "claim_date": days(-1)}))
        self.assertEqual(self.items(self.invoice).next_step_id, self.lawyer)

    def test_one_notice_per_customer_day_and_step(self):
        claim = {"claim": "First claim", "claim_date": days(-3)}
        self._take_over(
            (self.invoice, claim), (self.second_invoice, claim), (self.others_invoice, claim)
        )
        self.assertEqual(len(self.customer.notice_ids), 1)
        self.assertEqual(self.customer.notice_ids.item_count, 2)
        self.assertEqual(len(self.other.notice_ids), 1)

    def test_the_contact_policy_counts_it(self):
        self.scheme.policy_id = self._make_policy(interval_days=5)
        self.assertDecision(self.second_invoice, "claim")
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-3)}))
        self.assertDecision(self.second_invoice, "contact_policy")

    def test_messages_of_before_are_none_of_the_usual_number(self):
        for number in range(1, 6):
            invoice = self._make_invoice(self._make_customer(f"Before {number}"), due=-20)
            self._take_over((invoice, {"claim": "First claim", "claim_date": days(-number)}))
        self.assertFalse(self.company._get_usual_messages())

    def test_the_conversation_tells_what_was_taken_over(self):
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-3)}))
        [note] = self._get_notes(self.customer).filtered(lambda m: "First claim" in m.body)
        self.assertIn(self.invoice.name, note.body)
        self.assertTrue(note.is_internal)

    def test_pause(self):
        self._take_over((self.invoice, {"pause_until": days(5), "pause_reason": "In court"}))
        self.assertDecision(self.invoice, "paused")
        self.assertDecision(self.second_invoice, "claim")
        self.assertIn("In court", self.items(self.invoice).explanation)
        self.assertTrue(
            any("In court" in body for body in self._get_notes(self.invoice).mapped("body"))
        )
        with self.at(6):
            self.assertDecision(self.invoice, "claim")

    def test_pause_that_ends_today(self):
        self._take_over((self.invoice, {"pause_until": TODAY, "pause_reason": "Today"}))
        self.assertDecision(self.invoice, "paused")

    def test_comments_are_one_note_per_customer_that_names_the_documents(self):
        self._take_over(
            (self.invoice, {"comment": "Called <b>twice</b>"}),
            (self.second_invoice, {"comment": 4711}),
        )
        [note] = self._get_notes(self.customer).filtered(lambda message: "4711" in message.body)
        self.assertIn(f"{self.invoice.name}: Called &lt;b&gt;twice", note.body)
        self.assertIn(self.second_invoice.name, note.body)
        self.assertTrue(note.is_internal)

    def test_everything_at_once_and_the_preview_tells_it(self):
        page = self._upload(
            self._make_sheet(
                (
                    self.invoice,
                    {
                        "collector": self.successor.login,
                        "claim": "First claim",
                        "claim_date": "2026-03-08",
                        "pause_until": "03/20/2026",
                        "pause_reason": "In court",
                        "comment": "Ask for Ana",
                    },
                )
            )
        )
        self.assertEqual((page.row_count, page.change_count, page.error_count), (3, 1, 0))
        for text in (
            "Collector: Test collector → Test supervisor",
            "Last Claim: – → “First claim” on 03/08/2026",
            "Pause: – → 03/20/2026 (In court)",
            "Comment: – → Ask for Ana",
        ):
            self.assertIn(text, page.row_ids.changes)
        page.action_write()
        self.assertEqual(page.state, "done")
        self.assertEqual(self.items(self.invoice).last_date, days(-3))
        self.assertDecision(self.invoice, "paused")

    def test_a_preview_writes_nothing(self):
        before = self._get_records()
        self._upload(
            self._make_sheet(
                (self.invoice, {"collector": self.successor.login, "comment": "Hello"}),
                (self.others_invoice, {"claim": "First claim", "claim_date": days(-3)}),
                (self.second_invoice, {"pause_until": days(3), "pause_reason": "So"}),
            )
        )
        self.assertEqual(self._get_records(), before)

    def test_the_same_sheet_again_changes_nothing(self):
        book = self._make_sheet(
            (
                self.invoice,
                {
                    "collector": self.successor.login,
                    "claim": "First claim",
                    "claim_date": days(-3),
                    "pause_until": days(5),
                    "pause_reason": "In court",
                    "comment": "Ask for “Ana” & <co>",
                },
            )
        )
        self._upload(book).action_write()
        before = self._get_records()
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0))
        with self.assertRaisesRegex(UserError, "nothing to do"):
            page.action_write()
        self.assertEqual(self._get_records(), before)
        with self.at(30):
            later = self._upload(book)
            self.assertEqual((later.change_count, later.error_count), (0, 0), "the pause is over")

    def test_the_same_sheet_after_the_ladder_went_on_changes_nothing(self):
        book = self._make_sheet((self.invoice, {"claim": "First claim", "claim_date": days(-7)}))
        self._upload(book).action_write()
        self.run_day(self.customer)
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0))

    def test_a_later_sheet_corrects_a_claim(self):
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-3)}))
        wrong = self.customer.notice_ids
        page = self._take_over((self.invoice, {"claim": "Second claim", "claim_date": days(-2)}))
        self.assertIn("“First claim” on 03/08/2026 → “Second claim”", page.row_ids.changes)
        self.assertEqual(wrong.state, "cancelled")
        self.assertEqual(self.items(self.invoice).last_step_id, self.second)

    def test_a_later_sheet_leaves_the_other_items_of_a_notice(self):
        claim = {"claim": "First claim", "claim_date": days(-3)}
        self._take_over((self.invoice, claim), (self.second_invoice, claim))
        first = self.customer.notice_ids
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-2)}))
        self.assertEqual(first.state, "sent")
        self.assertEqual(self.items(self.invoice).last_date, days(-2))
        self.assertEqual(self.items(self.second_invoice).last_date, days(-3))

    def test_a_claim_taken_over_by_mistake_can_be_withdrawn(self):
        self._take_over((self.invoice, {"claim": "Second claim", "claim_date": days(-3)}))
        notice = self.customer.notice_ids.with_user(self.collector)
        notice.action_cancel()
        self.assertEqual(self.items(self.invoice).next_step_id, self.first)

    def test_a_claim_that_was_really_sent_can_not(self):
        notice = self.run_day(self.customer)
        with self.assertRaisesRegex(UserError, "can't withdraw"):
            notice.action_cancel()

    def test_a_new_pause_replaces_the_one_before(self):
        self._take_over((self.invoice, {"pause_until": days(5), "pause_reason": "In court"}))
        page = self._take_over((self.invoice, {"pause_until": days(2), "pause_reason": "Settled"}))
        self.assertIn("03/16/2026 (In court) → 03/13/2026 (Settled)", page.row_ids.changes)
        self.assertEqual(self.items(self.invoice).hold_until, days(2))

    def test_instalments_are_taken_over_each_by_itself(self):
        terms = self._make_terms((50, 0), (50, 10))
        invoice = self._make_invoice(
            self.other, 200, issued=-40, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        first, second = self._get_receivable_lines(invoice).sorted("date_maturity")
        book = self._make_sheet((invoice, {"claim": "Second claim", "claim_date": days(-2)}))
        self._upload(book).action_write()
        self.assertEqual(self.items(first).last_step_id, self.second)
        self.assertFalse(self.items(second).last_step_id)

    def test_in_a_round_that_began_again_the_claim_counts_for_it(self):
        line = self._get_receivable_lines(self.invoice)
        self.system["collection.round"]._begin(line, "returned_debit")
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-1)}))
        self.assertEqual(self.items(self.invoice).next_step_id, self.second)

    def test_the_channel_is_the_one_that_the_step_speaks_by(self):
        self.first.channel_ids = self.call | self.letter
        self.customer.channel_id = self.whatsapp
        claim = {"claim": "First claim", "claim_date": days(-3)}
        self._take_over((self.invoice, claim), (self.others_invoice, claim))
        self.assertEqual(self.customer.notice_ids.channel_id, self.whatsapp)
        self.assertEqual(self.other.notice_ids.channel_id, self.letter)


class TestRowErrors(OpeningCommon):
    def test_unknown_item(self):
        self.assertFails(
            self._make_sheet((self.invoice, {"item": 2**31 - 1})), "There is no open item"
        )
        self.assertFails(self._make_sheet((self.invoice, {"item": 10**15})), "no open item")
        other_line = self.invoice.line_ids.filtered(lambda line: line.display_type == "product")
        self.assertFails(self._make_sheet((self.invoice, {"item": other_line.id})), "no open item")

    def test_row_without_number_of_the_item(self):
        book = self._download()
        self.assertFails(book_without(self, book, "item"), "The number of the item is missing")

    def test_item_of_another_company_tells_nothing_of_it(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        theirs = self.env["res.partner"].create({"name": "Secret", "company_id": elsewhere.id})
        journal = self.env["account.journal"].search(
            [("company_id", "=", elsewhere.id), ("type", "=", "general")], limit=1
        )
        accounts = self.env["account.account"].with_company(elsewhere)
        receivable = accounts.search([("account_type", "=", "asset_receivable")], limit=1)
        income = accounts.search([("account_type", "=", "income")], limit=1)
        entry = (
            self.env["account.move"]
            .with_company(elsewhere)
            .create(
                {
                    "move_type": "entry",
                    "journal_id": journal.id,
                    "date": days(-60),
                    "line_ids": [
                        Command.create(
                            {
                                "account_id": receivable.id,
                                "partner_id": theirs.id,
                                "debit": 987,
                            }
                        ),
                        Command.create({"account_id": income.id, "credit": 987}),
                    ],
                }
            )
        )
        entry.action_post()
        line = self._get_receivable_lines(entry)
        page = self.assertFails(
            self._make_sheet((self.invoice, {"item": line.id})), "is of another company than"
        )
        for secret in ("Secret", "987", "Elsewhere", entry.name):
            self.assertNotIn(secret, page.row_ids.remarks)

    def test_item_that_is_paid(self):
        book = self._make_sheet((self.invoice, {"comment": "Paid?"}))
        self._pay(self.invoice)
        self.assertFails(book, f"{self.invoice.name} is not open any more")

    def test_item_that_went_back_to_draft(self):
        book = self._make_sheet((self.invoice, {"comment": "Draft?"}))
        self.invoice.button_draft()
        self.assertFails(book, "not open any more")

    def test_item_in_the_customers_favour(self):
        credit = self._get_receivable_lines(self._make_credit(self.customer, 10))
        self.assertFails(self._make_sheet((self.invoice, {"item": credit.id})), "in the customer's")

    def test_what_identifies_the_item_is_compared_with_the_ledger(self):
        for code, value, told in (
            ("customer", "Somebody", "says Somebody, the ledger Acme"),
            ("customer", None, "says nothing, the ledger Acme"),
            ("document", "INV/0", f"says INV/0, the ledger {self.invoice.name}"),
            ("date_due", days(1), "says 03/12/2026, the ledger 02/19/2026"),
            ("amount", 99.99, "99.99"),
            ("currency", "XYZ", "says XYZ"),
            ("residual", None, "says nothing, the ledger"),
        ):
            with self.subTest(code=code):
                self.assertCellFails({code: value}, told)

    def test_a_payment_since_the_download_is_a_remark(self):
        book = self._make_sheet((self.invoice, {"claim": "First claim", "claim_date": days(-3)}))
        self._pay(self.invoice, 30)
        page = self._upload(book)
        self.assertEqual((page.warning_count, page.error_count), (1, 0))
        self.assertIn("the ledger's counts", page.row_ids.remarks)
        page.action_write()
        self.assertEqual(self.customer.notice_ids.line_ids.residual, 70)

    def test_same_item_twice(self):
        book = self._download()
        line = self._get_receivable_lines(self.invoice)
        row = self._fill(book, self.second_invoice, item=line.id)
        self.assertFails(book, f"The item stands in row {row} too")

    def test_rows_of_a_customer_that_name_different_collectors(self):
        book = self._make_sheet(
            (self.invoice, {"collector": self.successor.login}),
            (self.second_invoice, {"collector": self.manager.login}),
        )
        page = self.assertFails(book, "Acme to Test manager", "Acme to Test supervisor")
        self.assertEqual(page.error_count, 2)

    def test_unknown_collector(self):
        self.assertCellFails({"collector": "nobody"}, "There is no user “nobody”")

    def test_collector_without_rights_on_collections(self):
        self.assertCellFails({"collector": self.accountant.login}, "has no rights on collections")

    def test_collector_of_another_company_is_unknown(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        self.manager.write({"company_id": elsewhere.id, "company_ids": elsewhere.ids})
        self.assertCellFails({"collector": self.manager.login}, "There is no user")

    def test_collectors_of_one_name(self):
        self.manager.name = self.successor.name
        self.assertCellFails({"collector": self.manager.name}, "2 users are called")

    def test_step_of_no_scheme(self):
        self.assertCellFails(
            {"claim": "Third claim", "claim_date": days(-1)},
            "no step of the customer's scheme “Test scheme”",
            "First claim, Second claim, Lawyer",
        )

    def test_step_of_another_scheme(self):
        self._make_scheme(self._claim(5, name="Theirs"), name="Another")
        self.assertCellFails({"claim": "Theirs", "claim_date": days(-1)}, "no step of")

    def test_claim_of_a_customer_without_scheme(self):
        self.customer.strategy_id = False
        self.assertCellFails({"claim": "First claim", "claim_date": days(-1)}, "has no scheme")

    def test_two_steps_of_one_name(self):
        self.second.name = "First claim"
        self.assertCellFails({"claim": "First claim", "claim_date": days(-1)}, "has 2 steps called")

    def test_claim_in_the_future(self):
        self.assertCellFails(
            {"claim": "First claim", "claim_date": days(1)}, "Date of Last Claim", "after today"
        )

    def test_claim_before_the_invoice(self):
        self.assertCellFails(
            {"claim": "First claim", "claim_date": days(-51)}, "before the invoice"
        )

    def test_claim_of_an_opening_entry_may_be_older_than_the_entry(self):
        self.company.collection_claim_entries = True
        entry = self._make_entry((self.customer, 70))
        self._take_over((entry, {"claim": "First claim", "claim_date": days(-100)}))
        self.assertEqual(self.items(entry).next_step_id, self.second)

    def test_claim_without_day_and_day_without_claim(self):
        self.assertCellFails({"claim": "First claim"}, "Date of Last Claim", "write both")
        self.assertCellFails({"claim_date": days(-1)}, "“Last Claim”", "write both")

    def test_claim_of_what_we_have_said_ourselves(self):
        self.run_day(self.customer)
        self.assertCellFails(
            {"claim": "Second claim", "claim_date": days(-1)}, "we have said “First claim”"
        )

    def test_claim_of_what_waits_for_approval(self):
        self.company.collection_mode = "approve"
        self.decide(self.customer)
        self.assertCellFails(
            {"claim": "First claim", "claim_date": days(-1)}, "withdraw that notice"
        )

    def test_what_we_have_said_ourselves_can_be_repeated(self):
        self.run_day(self.customer)
        page = self._upload(
            self._make_sheet((self.invoice, {"claim": "First claim", "claim_date": TODAY}))
        )
        self.assertEqual((page.change_count, page.error_count), (0, 0))

    def test_pause_in_the_past(self):
        self.assertCellFails({"pause_until": days(-1), "pause_reason": "So"}, "before today")

    def test_pause_without_day(self):
        self.assertCellFails({"pause_reason": "So"}, "Pause Until", "write the last day")

    def test_pause_without_reason(self):
        self.assertCellFails({"pause_until": days(1)}, "Reason of the Pause", "no reason")

    def test_cells_that_hold_no_date(self):
        for value in ("soon", "31/12/2026", "2026-02-30", True, "03/20/26"):
            with self.subTest(value=value):
                self.assertCellFails(
                    {"pause_until": value, "pause_reason": "So"}, "2026-12-31", "12/31/2026"
                )

    def test_a_number_is_no_date_unless_its_cell_says_so(self):
        book = self._make_sheet((self.invoice, {"pause_until": 46100, "pause_reason": "So"}))
        row, column = self._find_row(book, self.invoice), self._get_positions(book)["pause_until"]
        self.assertFalse(self._upload(book).error_count)
        book.worksheets[0].cell(row, column).number_format = "General"
        self.assertFails(book, "no date that can be read")

    def test_cells_that_hold_no_number(self):
        self.assertCellFails({"amount": "a lot"}, "“a lot” is no number")
        self.assertFails(self._make_sheet((self.invoice, {"item": 12.5})), "is no number")

    def test_numbers_written_as_text_are_read(self):
        line = self._get_receivable_lines(self.invoice)
        page = self._upload(
            self._make_sheet(
                (self.invoice, {"item": f" {line.id} ", "amount": "100.00", "comment": "Text"})
            )
        )
        self.assertEqual((page.change_count, page.error_count), (1, 0))

    def test_errors_of_formulas(self):
        self.assertCellFails({"comment": "#REF!"}, "the error #REF! of a formula")

    def test_formulas_that_were_never_calculated(self):
        self.assertCellFails({"comment": '=CONCATENATE("a","b")'}, "never calculated")

    def test_every_fault_of_a_row_is_told(self):
        self.assertCellFails(
            {"collector": "nobody", "claim": "No step", "claim_date": days(-1), "pause_until": "x"},
            "nobody",
            "No step",
            "It holds no date",
        )

    def test_an_error_in_one_row_keeps_all_others_back(self):
        book = self._make_sheet(
            (self.invoice, {"claim": "First claim", "claim_date": days(-3), "comment": "Good"}),
            (self.second_invoice, {"pause_until": days(3), "pause_reason": "Good"}),
            (self.others_invoice, {"collector": "nobody"}),
        )
        page = self.assertFails(book, "nobody")
        self.assertEqual((page.error_count, page.change_count), (1, 2))


class TestPromises(OpeningCommon):
    """Promises in progress: from before today, in whole invoices, each once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"collection_promise_days": 2, "collection_promise_percent": 0})

    def _get_promises(self, *states):
        domain = [("customer_id", "in", (self.customer | self.other).ids)]
        if states:
            domain.append(("state", "in", states))
        return self.system["collection.promise"].search(domain, order="id")

    def _judge(self, day):
        with self.at(day):
            self.env.flush_all()
            run = self.system(context={"lang": "en_US"})["collection.run"]
            run.with_company(self.company)._prepare_company(self.company)
            self.env.invalidate_all()

    def _pay_on(self, day, invoice, amount=None):
        with self.at(day):
            values = {"amount": amount} if amount else {}
            self._register_payment(invoice, payment_date=self._day(day), **values)

    def test_a_promise_holds_its_invoice_until_its_day_and_is_kept_by_what_is_paid(self):
        page = self._upload(self._make_sheet((self.invoice, {"promise_date": days(5)})))
        self.assertIn("Promise: – → $\xa0100.00 until 03/16/2026", page.row_ids.changes)
        page.action_write()
        promise = self._get_promises()
        self.assertEqual((promise.amount, promise.date_promised), (100, days(5)))
        self.assertTrue(promise.taken_over)
        self.assertEqual(self.invoice.collection_status, "promised")
        self.assertDecision(self.invoice, "promised")
        self.assertDecision(self.second_invoice, "claim")
        self._pay_on(3, self.invoice)
        self.assertEqual(promise.state, "kept")

    def test_one_that_nobody_keeps_is_broken_and_claimed_again(self):
        self._take_over((self.invoice, {"promise_date": days(5)}))
        self._judge(8)
        self.assertEqual(self._get_promises().state, "broken")
        with self.at(8):
            self.assertDecision(self.invoice, "claim")

    def test_it_may_have_been_made_before_today(self):
        self._take_over((self.invoice, {"promise_date": days(5), "promise_made": days(-9)}))
        promise = self._get_promises()
        self.assertEqual((promise.date, promise.date_promised), (days(-9), days(5)))
        self.assertEqual(promise.user_id, self.supervisor)

    def test_money_that_came_since_it_was_made_and_is_not_allocated_speaks_for_the_customer(self):
        self._make_credit(self.customer, 100, issued=-4)
        self._take_over(
            (self.invoice, {"promise_date": days(5), "promise_made": days(-9)}),
            (self.second_invoice, {"promise_date": days(4)}),
        )
        self._judge(8)
        old, fresh = self._get_promises().sorted("date")
        self.assertEqual((old.state, fresh.state), ("to_allocate", "broken"))

    def test_its_day_may_have_passed_but_not_its_days_of_grace(self):
        page = self._upload(self._make_sheet((self.invoice, {"promise_date": days(-2)})))
        self.assertIn("if nothing is paid until 03/11/2026", page.row_ids.remarks)
        page.action_write()
        self.assertDecision(self.invoice, "promised")
        self._judge(1)
        self.assertEqual(self._get_promises().state, "broken")
        self.assertCellFails(
            {"promise_date": days(-3)}, "“Promised For”", "broken already", move=self.others_invoice
        )

    def test_part_of_an_invoice(self):
        self._take_over((self.invoice, {"promise_date": days(5), "promise_amount": 60}))
        promise = self._get_promises()
        self.assertEqual(promise.amount, 60)
        self._pay_on(3, self.invoice, 60)
        self.assertEqual(promise.state, "kept")

    def test_what_was_paid_before_is_none_of_it(self):
        self._register_payment(self.invoice, amount=40, payment_date=days(-1))
        self._take_over((self.invoice, {"promise_date": days(5)}))
        promise = self._get_promises()
        self.assertEqual((promise.amount, promise.paid_amount), (60, 0))

    def test_rows_of_a_customer_with_the_same_day_are_one_promise(self):
        until = {"promise_date": days(5)}
        self._take_over(
            (self.invoice, until),
            (self.second_invoice, {"promise_amount": 20, **until}),
            (self.others_invoice, until),
        )
        ours, theirs = self._get_promises()
        self.assertEqual((ours.customer_id, ours.amount), (self.customer, 120))
        self.assertEqual(ours.move_ids, self.invoice | self.second_invoice)
        self.assertEqual((theirs.customer_id, theirs.amount), (self.other, 40))

    def test_currencies_never_mix(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 30, due=-20, currency_id=euro.id)
        until = {"promise_date": days(5)}
        self._take_over((self.invoice, until), (foreign, until))
        amounts = {promise.currency_id: promise.amount for promise in self._get_promises()}
        self.assertEqual(amounts, {self.currency: 100, euro: 30})

    def test_instalments_of_an_invoice_are_promised_together(self):
        terms = self._make_terms((50, 0), (50, 10))
        invoice = self._make_invoice(
            self.other, 200, issued=-40, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        first, second = self._get_receivable_lines(invoice).sorted("date_maturity")
        book = self._make_sheet((invoice, {"promise_date": days(5)}))
        row = self._find_row(book, invoice)
        column = self._get_positions(book)["promise_date"]
        other = next(
            number
            for number in range(row + 1, book.worksheets[0].max_row + 1)
            if book.worksheets[0].cell(number, 1).value in (first | second).ids
        )
        book.worksheets[0].cell(other, column).value = days(6)
        self.assertFails(book, f"Row {other} is of the same invoice", f"Row {row} is of the same")
        book.worksheets[0].cell(other, column).value = None
        self._upload(book).action_write()
        promise = self._get_promises()
        self.assertEqual((promise.amount, promise.move_line_ids), (100, first | second))

    def test_the_same_sheet_again_changes_nothing(self):
        rows = (
            (self.invoice, {"promise_date": days(5), "promise_made": days(-9)}),
            (
                self.second_invoice,
                {"promise_date": days(5), "promise_made": days(-9), "promise_amount": 20},
            ),
            (self.others_invoice, {"promise_date": days(3)}),
        )
        book = self._make_sheet(*rows)
        self._upload(book).action_write()
        promises = self._get_promises()
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0))
        self._pay_on(1, self.invoice, 30)
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0), "after a payment too")
        self._judge(10)
        with self.at(10):
            page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0), "nor when it was judged")
        self.assertEqual(self._get_promises(), promises)

    def test_a_later_sheet_corrects_an_earlier_one(self):
        until = {"promise_date": days(5)}
        self._take_over((self.invoice, until), (self.second_invoice, until))
        wrong = self._get_promises()
        page = self._take_over((self.invoice, {"promise_date": days(6)}))
        self.assertIn("until 03/17/2026", page.row_ids.changes)
        self.assertIn(wrong.number, page.row_ids.changes)
        self.assertEqual((wrong.state, wrong.amount), ("open", 50))
        corrected = self._get_promises() - wrong
        self.assertEqual((corrected.amount, corrected.put_off), (100, 0))
        self._take_over((self.second_invoice, {"promise_date": days(7)}))
        self.assertEqual(wrong.state, "cancelled")
        self.assertEqual(self.items(self.second_invoice).hold_until, days(9))

    def test_what_people_promised_here_stays(self):
        self.system["collection.promise"]._make(
            self._get_receivable_lines(self.invoice), date_promised=days(4)
        )
        self.assertCellFails({"promise_date": days(5)}, "is registered here: change it there")

    def test_what_is_held_by_something_else_is_refused(self):
        line = self._get_receivable_lines(self.invoice)
        self.system["collection.hold"].create(
            {"move_line_id": line.id, "kind": "disputed", "reason": "Wrong price"}
        )
        self.assertCellFails(
            {"promise_date": days(5)}, self.invoice.name, "held already", "Wrong price"
        )

    def test_an_invoice_has_one_agreement(self):
        book = self._make_sheet((self.invoice, {"promise_date": days(5), "legal": "Yes"}))
        self.assertFails(book, "takes over of the same invoice: Promise")

    def test_a_pause_may_stand_beside_it(self):
        self._take_over(
            (
                self.invoice,
                {"promise_date": days(5), "pause_until": days(9), "pause_reason": "In hospital"},
            )
        )
        self.assertEqual(len(self._get_promises()), 1)
        self.assertEqual(self.invoice.collection_status, "promised")

    def test_cells_that_can_not_be_right(self):
        until = {"promise_date": days(5)}
        for values, *words in (
            ({"promise_amount": 50}, "“Promised For”", "no day"),
            ({"promise_made": days(-1)}, "“Promised For”", "no day"),
            ({"promise_date": "soon"}, "no date"),
            ({**until, "promise_made": days(1)}, "“Date of the Promise”", "after today"),
            ({"promise_date": days(-2), "promise_made": TODAY}, "an earlier day"),
            ({**until, "promise_made": days(-90)}, "before the invoice"),
            ({**until, "promise_amount": 0}, "“Promised Amount”", "above zero"),
            ({**until, "promise_amount": -5}, "above zero"),
            ({**until, "promise_amount": 100.01}, "at most the $\xa0100.00"),
            ({**until, "promise_amount": "some"}, "is no number"),
        ):
            with self.subTest(values=values):
                self.assertCellFails(values, *words)

    def test_a_day_beyond_what_the_scheme_allows_is_a_remark(self):
        self.scheme.promise_days = 30
        page = self._upload(self._make_sheet((self.invoice, {"promise_date": days(60)})))
        self.assertIn("at most 30 days", page.row_ids.remarks)
        self.assertFalse(page.error_count)

    def test_a_preview_writes_none(self):
        self._upload(self._make_sheet((self.invoice, {"promise_date": days(5)})))
        self.assertFalse(self._get_promises())

    def test_the_sheet_shows_what_is_promised(self):
        self._take_over((self.invoice, {"promise_date": days(5)}))
        book = self._download()
        cell = book.worksheets[0].cell(
            self._find_row(book, self.invoice), self._get_positions(book)["present_promise"]
        )
        self.assertEqual(cell.value.date(), days(5))
        self.assertTrue(cell.protection.locked)

    def test_queries_grow_little_with_the_rows(self):
        def count(number):
            rows = [
                (
                    self._make_invoice(self._make_customer(f"Many {number} {index}"), due=-20),
                    {"promise_date": days(5)},
                )
                for index in range(number)
            ]
            page = self._upload(self._make_sheet(*rows))
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            page.action_write()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(1)
        few, more = count(2), count(12)
        # each promise takes its number of the sequence, and Odoo looks whether it exists
        self.assertLessEqual(more, few + 3 * 10 + 6)


class TestDisputes(OpeningCommon):
    """Disputes in progress: of which items, why, since when, who solves them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.price = cls.system.ref("collections_management.dispute_reason_price")
        cls.quality = cls.system.ref("collections_management.area_quality")

    def _get_disputes(self):
        return self.system["collection.dispute"].search(
            [("customer_id", "in", (self.customer | self.other).ids)], order="id"
        )

    def test_a_dispute_holds_its_invoice_since_it_began_and_has_its_days_from_today(self):
        page = self._upload(
            self._make_sheet(
                (
                    self.invoice,
                    {
                        "dispute": "wrong price or DISCOUNT",
                        "dispute_date": days(-9),
                        "dispute_owner": self.supervisor.login,
                        "dispute_comment": "Ten percent were agreed",
                    },
                )
            )
        )
        self.assertIn(
            "Dispute: – → $\xa0100.00 disputed since 03/02/2026: Wrong price or discount (Test "
            "supervisor, Sales)",
            page.row_ids.changes,
        )
        page.action_write()
        dispute = self._get_disputes()
        self.assertEqual((dispute.state, dispute.reason_id), ("open", self.price))
        self.assertEqual((dispute.amount, dispute.date), (100, days(-9)))
        self.assertEqual((dispute.owner_id, dispute.area_id), (self.supervisor, self.price.area_id))
        self.assertEqual(dispute.note, "Ten percent were agreed")
        self.assertGreater(dispute.deadline, TODAY)
        self.assertTrue(dispute.taken_over)
        self.assertDecision(self.invoice, "disputed")
        self.assertDecision(self.second_invoice, "claim")

    def test_rows_that_say_the_same_are_one_dispute_with_an_amount_each(self):
        why = {"dispute": self.price.name, "dispute_area": "Quality"}
        self._take_over(
            (self.invoice, {"dispute_amount": 30, **why}),
            (self.second_invoice, why),
            (self.others_invoice, why),
        )
        ours, theirs = self._get_disputes()
        self.assertEqual((ours.amount, theirs.amount), (80, 40))
        self.assertEqual(sorted(ours.item_ids.mapped("amount")), [30, 50])
        self.assertEqual(ours.area_id, self.quality)

    def test_the_same_sheet_again_changes_nothing_whatever_became_of_it(self):
        book = self._make_sheet(
            (self.invoice, {"dispute": self.price.name, "dispute_area": "Sales"}),
            (self.second_invoice, {"dispute": self.price.name, "dispute_area": "Sales"}),
        )
        self._upload(book).action_write()
        dispute = self._get_disputes()
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0))
        dispute.area_id = self.quality
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0), "handed over since")
        self.assertIn("Quality has it", page.row_ids[0].remarks)
        dispute._resolve("rejected", answer="No")
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0), "solved since")
        self.assertEqual(self._get_disputes(), dispute)

    def test_a_later_sheet_corrects_an_earlier_one(self):
        why = {"dispute": self.price.name}
        self._take_over((self.invoice, {"dispute_amount": 30, **why}), (self.second_invoice, why))
        wrong = self._get_disputes()
        self._take_over((self.invoice, {"dispute": "Wrong quantity"}))
        self.assertEqual((wrong.state, wrong.amount), ("open", 50))
        self.assertEqual(wrong.item_ids.move_line_id.move_id, self.second_invoice)
        self.assertEqual((self._get_disputes() - wrong).amount, 100)

    def test_cells_that_can_not_be_right(self):
        why = {"dispute": self.price.name}
        for values, *words in (
            ({"dispute_amount": 50}, "“Disputed Because”", "no reason"),
            ({"dispute": "He is cross"}, "“He is cross”", "Wrong quantity"),
            ({**why, "dispute_area": "Kitchen"}, "“Area That Solves It”", "Kitchen", "Logistics"),
            ({**why, "dispute_owner": "nobody"}, "“Who Solves It”", "0 users"),
            ({**why, "dispute_owner": self.accountant.login}, "Dispute Resolver"),
            ({**why, "dispute_date": days(1)}, "“Disputed Since”", "after today"),
            ({**why, "dispute_date": days(-90)}, "before the invoice"),
            ({**why, "dispute_amount": 100.01}, "at most the $\xa0100.00"),
        ):
            with self.subTest(values=values):
                self.assertCellFails(values, *words)
        self.assertFails(
            self._make_sheet((self.invoice, {"promise_date": days(5), **why})),
            "takes over of the same invoice: Promise",
        )

    def test_a_reason_without_area_asks_for_one(self):
        own = self.system["collection.dispute.reason"].create({"name": "Something else"})
        self.assertCellFails({"dispute": own.name}, "has no area")
        self._take_over((self.invoice, {"dispute": own.name, "dispute_area": "Quality"}))
        self.assertEqual(self._get_disputes().area_id, self.quality)

    def test_what_is_disputed_here_already_stays(self):
        self.system["collection.dispute"]._make(
            self._get_receivable_lines(self.invoice), reason_id=self.price.id
        )
        self.assertCellFails({"dispute": "Wrong quantity"}, "is registered here: change it there")

    def test_the_sheet_shows_what_is_disputed_and_offers_the_reasons(self):
        self._take_over((self.invoice, {"dispute": self.price.name}))
        book = self._download()
        cell = book.worksheets[0].cell(
            self._find_row(book, self.invoice), self._get_positions(book)["present_dispute"]
        )
        self.assertEqual(cell.value, self.price.name)
        texts = [cell.value for row in book.worksheets[1].iter_rows() for cell in row]
        for text in (self.price.name, "Logistics", "Fortnightly"):
            self.assertIn(text, texts)


class TestPlans(OpeningCommon):
    """Plans in progress: the instalments to come, active at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"collection_plan_days": 3, "collection_promise_percent": 0})

    def _get_plans(self):
        return self.system["collection.plan"].search(
            [("customer_id", "in", (self.customer | self.other).ids)], order="id"
        )

    def _get_schedule(self, plan):
        return [(line.date, line.amount) for line in plan.line_ids]

    def test_a_number_of_instalments_is_active_at_once_and_paid_oldest_first(self):
        page = self._upload(
            self._make_sheet(
                (self.invoice, {"plan": 3, "plan_date": days(5), "plan_made": days(-9)})
            )
        )
        self.assertIn(
            "Payment Plan: – → $\xa0100.00 in a plan of 3 instalments from 03/16/2026 to "
            "05/16/2026 (agreed on 03/02/2026)",
            page.row_ids.changes,
        )
        page.action_write()
        plan = self._get_plans()
        self.assertEqual((plan.state, plan.amount, plan.date), ("active", 100, days(-9)))
        self.assertEqual(
            [amount for _day, amount in self._get_schedule(plan)], [33.33, 33.33, 33.34]
        )
        self.assertTrue(plan.taken_over)
        self.assertDecision(self.invoice, "in_plan")
        self._register_payment(self.invoice, amount=33.33)
        self.assertEqual(plan.line_ids.mapped("settled"), [True, False, False])

    def test_rows_of_a_customer_that_say_the_same_are_one_plan(self):
        said = {"plan": "2", "plan_date": days(5), "plan_period": "10 days"}
        self._take_over(
            (self.invoice, said), (self.second_invoice, said), (self.others_invoice, said)
        )
        ours, theirs = self._get_plans()
        self.assertEqual(self._get_schedule(ours), [(days(5), 75), (days(15), 75)])
        self.assertEqual(theirs.amount, 40)

    def test_a_list_of_dates_and_amounts(self):
        said = {"plan": "2026-03-20: 90.5; 04/20/2026 = 20; 2026-05-20"}
        self._take_over((self.invoice, said), (self.second_invoice, said))
        self.assertEqual(
            self._get_schedule(self._get_plans()),
            [(date(2026, 3, 20), 90.5), (date(2026, 4, 20), 20), (date(2026, 5, 20), 39.5)],
        )

    def test_a_single_new_date_is_an_extension(self):
        self._take_over((self.invoice, {"plan": "2026-04-01"}))
        plan = self._get_plans()
        self.assertTrue(plan.is_extension)
        self.assertEqual(self._get_schedule(plan), [(date(2026, 4, 1), 100)])

    def test_what_was_paid_before_is_none_of_it(self):
        self._register_payment(self.invoice, amount=40, payment_date=days(-1))
        self._take_over((self.invoice, {"plan": 2, "plan_date": days(5), "plan_made": days(-15)}))
        plan = self._get_plans()
        self.assertEqual((plan.amount, plan.paid_amount), (60, 0))

    def test_a_day_may_have_passed_but_not_its_days_of_grace(self):
        page = self._upload(self._make_sheet((self.invoice, {"plan": 2, "plan_date": days(-3)})))
        self.assertIn("if it is not paid until 03/11/2026", page.row_ids.remarks)
        page.action_write()
        plan = self._get_plans()
        self.assertEqual((plan.state, plan.date), ("active", days(-3)))
        with self.at(1):
            plan._judge()
            self.assertEqual(plan.state, "breached")
        self.assertCellFails(
            {"plan": 2, "plan_date": days(-4)}, "breached already", move=self.others_invoice
        )

    def test_the_same_sheet_again_changes_nothing(self):
        said = {"plan": 3, "plan_date": days(5), "plan_period": "Weekly"}
        listed = {"plan": "2026-03-20: 30; 2026-04-20"}
        book = self._make_sheet(
            (self.invoice, said), (self.second_invoice, said), (self.others_invoice, listed)
        )
        self._upload(book).action_write()
        plans = self._get_plans()
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0))
        self._register_payment(self.invoice, amount=50)
        page = self._upload(book)
        self.assertEqual((page.change_count, page.error_count), (0, 0), "after a payment too")
        self.assertEqual(self._get_plans(), plans)

    def test_a_later_sheet_corrects_an_earlier_one_with_all_its_invoices(self):
        said = {"plan": 2, "plan_date": days(5)}
        self._take_over((self.invoice, said), (self.second_invoice, said))
        wrong = self._get_plans()
        right = {"plan": 3, "plan_date": days(6)}
        self.assertFails(
            self._make_sheet((self.invoice, right)), wrong.number, self.second_invoice.name
        )
        self._take_over((self.invoice, right), (self.second_invoice, right))
        self.assertEqual(wrong.state, "cancelled")
        self.assertEqual((self._get_plans() - wrong).instalment_count, 3)

    def test_cells_that_can_not_be_right(self):
        number = {"plan": 3, "plan_date": days(5)}
        for values, *words in (
            ({"plan": 3}, "“First of Them On”", "no first day"),
            ({"plan": 0, "plan_date": days(5)}, "“Instalments to Come”", "from 1 to 120"),
            ({"plan": 121, "plan_date": days(5)}, "from 1 to 120"),
            ({"plan_date": days(5)}, "no instalments"),
            ({"plan": "soon"}, "“soon” is no instalment", "2026-12-05: 500"),
            ({"plan": "2026-04-01: 60; some day"}, "“some day” is no instalment"),
            ({"plan": "2026-05-01: 60; 2026-04-01: 40"}, "in the order of their days"),
            ({"plan": "2026-04-01; 2026-05-01: 40"}, "Some instalments have an amount"),
            ({"plan": "2026-04-01: 100", "plan_date": days(5)}, "“First of Them On”", "empty this"),
            ({**number, "plan_period": "now and then"}, "“How Often”", "Fortnightly"),
            ({**number, "plan_made": days(1)}, "“Plan Agreed On”", "after today"),
            ({**number, "plan_made": days(-90)}, "before the invoice"),
            ({"plan": 2, "plan_date": days(-2), "plan_made": days(-1)}, "after the first"),
        ):
            with self.subTest(values=values):
                self.assertCellFails(values, *words)

    def test_instalments_add_up_to_what_the_invoices_are_open_for(self):
        for values, *words in (
            ({"plan": "2026-04-01: 60; 2026-05-01: 30"}, "add up to $\xa090.00", "$\xa0100.00"),
            ({"plan": "2026-04-01: 110; 2026-05-01"}, "An instalment would be of", "above zero"),
        ):
            with self.subTest(values=values):
                self.assertFails(self._make_sheet((self.invoice, values)), *words)

    def test_an_invoice_has_one_agreement(self):
        book = self._make_sheet(
            (self.invoice, {"plan": 3, "plan_date": days(5), "promise_date": days(5)})
        )
        self.assertFails(book, "takes over of the same invoice: Promise")

    def test_more_than_the_scheme_allows_is_a_remark(self):
        self.scheme.write({"plan_instalments": 2, "plan_days": 30})
        page = self._upload(self._make_sheet((self.invoice, {"plan": 3, "plan_date": days(5)})))
        self.assertIn("at most 2 instalments", page.row_ids.remarks)
        self.assertIn("at most 30 days", page.row_ids.remarks)
        self.assertFalse(page.error_count)

    def test_instalments_of_an_invoice_are_in_the_plan_together(self):
        terms = self._make_terms((50, 0), (50, 10))
        invoice = self._make_invoice(
            self.other, 200, issued=-40, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        self._take_over((invoice, {"plan": 2, "plan_date": days(5)}))
        plan = self._get_plans()
        self.assertEqual((plan.amount, len(plan.move_line_ids)), (200, 2))

    def test_in_spanish(self):
        self.env["res.lang"]._activate_lang("es_ES")
        page = self._open_page().with_context(lang="es_ES")
        book = self._make_sheet(
            (self.invoice, {"plan": "20/03/2026: 60,50; 20/04/2026"}), page=page
        )
        self._upload(book, page).action_write()
        self.assertEqual(
            self._get_schedule(self._get_plans()),
            [(date(2026, 3, 20), 60.5), (date(2026, 4, 20), 39.5)],
        )


def book_without(test, book, code):
    """Empty a column's cells below the head, in the first row; return the book."""
    test._fill(book, test.invoice, **{code: None})
    return book


class TestFiles(OpeningCommon):
    def assertRefused(self, book, words, page=None):
        with self.assertRaisesRegex(UserError, words):
            self._upload(book, page)

    def test_no_file(self):
        with self.assertRaisesRegex(UserError, "Choose the sheet"):
            self._open_page().action_preview()

    def test_what_is_no_workbook(self):
        self.assertRefused(b"a;b;c\n1;2;3", "no Excel workbook.*not .xls, .csv")
        self.assertRefused(b"", "Choose the sheet")

    def test_an_archive_that_is_no_workbook(self):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("hello.txt", "hello")
        self.assertRefused(file.getvalue(), "no Excel workbook.*not .xls, .csv or .ods")

    def test_a_broken_workbook(self):
        file = io.BytesIO()
        self._download().save(file)
        target = io.BytesIO()
        with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as archive:
            for name in source.namelist():
                data = source.read(name)
                archive.writestr(name, data[:-400] if "sheet1" in name else data)
        self.assertRefused(target.getvalue(), "can't be read")

    def test_another_workbook(self):
        book = Workbook()
        book.active.append(["Name", "Phone"])
        self.assertRefused(book, "No sheet of the workbook has the columns")

    def test_a_workbook_that_libreoffice_saved(self):
        """It was downloaded from Odoo, filled in and saved there; its items are of the sample ledger."""
        path = "collections_management/tests/files/opening_sheet_libreoffice.xlsx"
        reader = self._open_page()._get_sheet()._get_reader()
        with file_open(path, "rb") as file:
            rows = reader.read_rows(file.read())
        self.assertFalse([row.errors for row in rows if row.errors])
        self.assertFalse(reader.ignored)
        told = {row.get("document"): row.values for row in rows}
        first = told["INV/2026/01429"]
        self.assertEqual((first["amount"], first["currency"]), (1134.5, "EUR"))
        self.assertEqual(first["date_due"], date(2026, 11, 27))
        self.assertEqual(first["promise_date"], date(2026, 12, 4))
        self.assertEqual(first["promise_made"], date(2026, 11, 16))
        self.assertEqual(first["promise_amount"], 1000)
        self.assertEqual(told["INV/2026/01226"]["claim"], "Reminder")
        self.assertEqual(told["INV/2026/01226"]["claim_date"], date(2026, 11, 12))
        self.assertEqual(told["INV/2026/01373"]["pause_reason"], "Presupuesto en trámite")
        self.assertEqual(told["INV/2026/01225"]["collector"], "collector2")

    def test_a_missing_column(self):
        book = self._download()
        book.worksheets[0].delete_cols(self._get_positions(book)["date_due"])
        self.assertRefused(book, "has no column “Due Date”.*Put it back")

    def test_a_column_that_stands_twice(self):
        book = self._download()
        book.worksheets[0].cell(1, 90).value = "collections:collector"
        self.assertRefused(book, "Column “Collector” stands twice")

    def test_no_rows(self):
        book = self._download()
        book.worksheets[0].delete_rows(3, 10)
        self.assertRefused(book, "has no rows below its head")

    def test_too_large_a_file(self):
        self.patch_limit("MAX_SIZE", 0)
        self.assertRefused(self._download(), "at most 0 are read")

    def test_too_large_when_unpacked(self):
        self.patch_limit("MAX_UNPACKED", 0)
        self.assertRefused(self._download(), "too large when unpacked")

    def test_too_many_rows(self):
        self.patch_limit("MAX_ROWS", 2)
        self.assertRefused(self._download(), "more than 2 rows")

    def patch_limit(self, name, value):
        self.patch(
            __import__(
                "odoo.addons.collections_management.opening_sheet.reader", fromlist=["reader"]
            ),
            name,
            value,
        )

    def test_columns_of_ones_own_are_named_and_ignored(self):
        book = self._make_sheet((self.invoice, {"comment": "Mine"}))
        book.worksheets[0].cell(2, 90).value = "My own"
        book.worksheets[0].cell(3, 90).value = "Whatever"
        page = self._upload(book)
        self.assertEqual(page.ignored_columns, "My own")
        self.assertEqual((page.change_count, page.error_count), (1, 0))

    def test_columns_may_be_moved_and_renamed(self):
        book = self._make_sheet((self.invoice, {"collector": self.successor.login}))
        sheet = book.worksheets[0]
        moved = Workbook()
        for row in sheet.iter_rows():
            moved.active.append([cell.value for cell in reversed(row)])
        for cell in moved.active[2]:
            cell.value = f"Renamed {cell.value}"
        self._upload(moved).action_write()
        self.assertEqual(self.customer.collector_id, self.successor)

    def test_blank_rows_are_passed_over(self):
        book = self._make_sheet((self.invoice, {"comment": "Here"}))
        book.worksheets[0].insert_rows(3, 4)
        book.worksheets[0].cell(3, 15).value = "   "
        page = self._upload(book)
        self.assertEqual((page.row_count, page.error_count, page.change_count), (3, 0, 1))
        self.assertEqual(page.row_ids.number, self._find_row(book, self.invoice))

    def test_rows_may_be_deleted_and_sorted(self):
        book = self._make_sheet((self.invoice, {"comment": "Last"}))
        sheet = book.worksheets[0]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        sheet.delete_rows(3, 10)
        sheet.append(next(row for row in rows if "Last" in row))
        page = self._upload(book)
        self.assertEqual((page.row_count, page.change_count), (1, 1))

    def test_without_the_hidden_row_titles_are_read(self):
        book = self._make_sheet((self.invoice, {"collector": self.successor.login}))
        book.worksheets[0].delete_rows(1)
        self._upload(book).action_write()
        self.assertEqual(self.customer.collector_id, self.successor)


class TestSpanish(OpeningCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.first.with_context(lang="es_ES").name = "Primera reclamación"

    def _open_page(self, user=None, company=None, lang="es_ES", **context):
        page = super()._open_page(user, company, **context)
        return page.with_context(lang=lang)

    def test_titles_steps_dates_and_numbers_in_spanish(self):
        page = self._open_page()
        book = self._make_sheet(
            (
                self.invoice,
                {
                    "collector": self.successor.login,
                    "claim": "primera reclamación",
                    "claim_date": "08/03/2026",
                    "amount": "100,00",
                    "pause_until": "20/03/2026",
                    "pause_reason": "Juzgado",
                },
            ),
            page=page,
        )
        titles = [cell.value for cell in book.worksheets[0][2]]
        for title in ("Cliente", "Moneda", "Gestor de cobros"):
            self.assertIn(title, titles)
        book.worksheets[0].delete_rows(1)
        page = self._upload(book, page)
        self.assertFalse(page.error_count, page.row_ids.mapped("remarks"))
        page.action_write()
        self.assertEqual(self.customer.collector_id, self.successor)
        item = self.items(self.invoice)
        self.assertEqual((item.last_step_id, item.last_date), (self.first, days(-3)))
        self.assertEqual(item.hold_until, days(9))

    def test_a_sheet_in_english_read_in_spanish(self):
        book = self._make_sheet(
            (self.invoice, {"claim": "First claim", "claim_date": "2026-03-08"}),
            page=self._open_page(lang="en_US"),
        )
        book.worksheets[0].delete_rows(1)
        self._upload(book).action_write()
        self.assertEqual(self.items(self.invoice).last_step_id, self.first)

    def test_the_conversation_speaks_the_language_of_who_took_it_over(self):
        page = self._open_page()
        book = self._make_sheet(
            (self.invoice, {"claim": "First claim", "claim_date": days(-3)}), page=page
        )
        self._upload(book, page).action_write()
        self.assertTrue(
            any("Primera recl" in body for body in self._get_notes(self.customer).mapped("body"))
        )


class TestWriting(OpeningCommon):
    def test_what_changed_since_the_preview_is_shown_first(self):
        page = self._upload(self._make_sheet((self.invoice, {"collector": self.successor.login})))
        self.customer.collector_id = self.manager
        answer = page.action_write()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assertEqual(self.customer.collector_id, self.manager)
        self.assertIn("Test manager → Test supervisor", page.row_ids.changes)
        page.action_write()
        self.assertEqual(self.customer.collector_id, self.successor)

    def test_an_item_paid_since_the_preview_keeps_everything_back(self):
        page = self._upload(
            self._make_sheet(
                (self.invoice, {"comment": "Hello"}), (self.others_invoice, {"comment": "You"})
            )
        )
        self._pay(self.invoice)
        page.action_write()
        self.assertEqual((page.state, page.error_count), ("preview", 1))
        with self.assertRaisesRegex(UserError, "have errors"):
            page.action_write()

    def test_another_file_needs_another_preview(self):
        page = self._upload(self._make_sheet((self.invoice, {"collector": self.successor.login})))
        page.file = self._encode(self._make_sheet((self.invoice, {"comment": "Other"})))
        self.assertEqual(page.state, "upload")
        self.assertFalse(page.row_ids)
        page.action_write()
        self.assertEqual(page.state, "preview")
        self.assertEqual(self.customer.collector_id, self.collector)

    def test_a_failure_while_writing_leaves_nothing_behind(self):
        page = self._upload(
            self._make_sheet(
                (
                    self.invoice,
                    {
                        "collector": self.successor.login,
                        "claim": "First claim",
                        "claim_date": days(-3),
                        "pause_until": days(3),
                        "pause_reason": "So",
                    },
                )
            )
        )
        before = self._get_records()
        self.patch(
            type(self.env["collection.opening.pause"]), "_write_changes", lambda *args: 1 / 0
        )
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            page.action_write()
        self.env.invalidate_all()
        self.assertEqual(self._get_records(), before)

    def test_the_file_tells_another_server_that_something_was_decided(self):
        self.customer.decided_at = False
        self._take_over((self.invoice, {"claim": "First claim", "claim_date": days(-3)}))
        self.assertTrue(self.customer.decided_at)

    def test_queries_do_not_grow_with_the_rows(self):
        def count(number):
            customers = [self._make_customer(f"Many {number} {index}") for index in range(number)]
            rows = [
                (
                    self._make_invoice(customer, due=-20),
                    {
                        "claim": "First claim",
                        "claim_date": days(-3),
                        "pause_until": days(3),
                        "pause_reason": "So",
                        "comment": "Hello",
                    },
                )
                for customer in customers
            ]
            page = self._upload(self._make_sheet(*rows))
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            page.action_write()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(1)
        few, more = count(2), count(12)
        self.assertLessEqual(more, few + 6)


class TestRightsOnOpening(OpeningCommon):
    def test_a_collector_may_not_take_over(self):
        for user in (self.collector, self.accountant, self.auditor):
            with self.subTest(user=user.name), self.assertRaises(AccessError):
                self._open_page(user)

    def test_a_manager_may(self):
        page = self._upload(
            self._make_sheet((self.invoice, {"comment": "By a manager"})),
            self._open_page(self.manager),
        )
        page.action_write()
        self.assertTrue(
            any("By a manager" in body for body in self._get_notes(self.customer).mapped("body"))
        )

    def test_who_may_not_export_is_told_so_at_the_button(self):
        export = self.env.ref("base.group_allow_export")
        self.supervisor.group_ids -= export
        with self.assertRaisesRegex(AccessError, "ask your administrator"):
            self._open_page().action_download()
        self.supervisor.group_ids |= export
        self.assertEqual(self._open_page().action_download()["type"], "ir.actions.act_url")

    def test_nobody_reads_what_another_uploaded(self):
        page = self._upload(self._make_sheet((self.invoice, {"comment": "Mine"})))
        for record in (page, page.row_ids):
            with self.assertRaises(AccessError):
                record.with_user(self.manager).read()

    def test_a_company_that_is_not_ones_own_is_refused(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        page = self._open_page()
        page.sudo().company_id = elsewhere
        with self.assertRaisesRegex(AccessError, "You don't work in that company"):
            self.assertFalse(page.item_count)


class TestGoingLivePage(OpeningCommon):
    def test_it_tells_of_journal_entries_and_a_manager_includes_them(self):
        entry = self._make_entry((self.customer, 70))
        self.company.collection_claim_entries = False
        page = (
            self.env["collection.going.live"]
            .with_user(self.manager)
            .with_context(allowed_company_ids=self.company.ids)
            .create({"company_id": self.company.id})
        )
        self.assertEqual((page.entry_count, page.entry_amount), (1, 70))
        self.assertDecision(entry, "journal_entry")
        page.claim_entries = True
        page.action_apply()
        self.assertDecision(entry, "claim")


@tagged("post_install", "-at_install")
class TestRoute(HttpCase, CollectionsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for user in (cls.supervisor, cls.collector):
            user.write(
                {
                    "password": f"{user.login}-secret",
                    "group_ids": [Command.link(cls.env.ref("base.group_allow_export").id)],
                }
            )
        cls.invoice = cls._make_invoice(cls._make_customer("Acme"), 100)

    def _get(self, user, company):
        self.authenticate(user.login, f"{user.login}-secret")
        return self.url_open(f"/collections/opening_sheet/{company.id}/xlsx", timeout=60)

    def test_a_supervisor_downloads_the_workbook(self):
        answer = self._get(self.supervisor, self.company)
        self.assertEqual(answer.status_code, 200)
        self.assertIn("spreadsheetml", answer.headers["Content-Type"])
        book = load_workbook(io.BytesIO(answer.content))
        self.assertIn(self.invoice.name, [row[1] for row in book.worksheets[0].values])

    @mute_logger("odoo.http")
    def test_a_collector_does_not(self):
        answer = self._get(self.collector, self.company)
        self.assertNotIn("spreadsheetml", answer.headers.get("Content-Type", ""))

    @mute_logger("odoo.http")
    def test_nor_does_a_supervisor_of_another_company(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        answer = self._get(self.supervisor, elsewhere)
        self.assertNotIn("spreadsheetml", answer.headers.get("Content-Type", ""))
