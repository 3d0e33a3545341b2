from odoo.tests import tagged
from odoo.tools import SQL

from ..models.history import log_notes
from .common import CollectionsCommon


@tagged("post_install", "-at_install")
class TestHistory(CollectionsCommon):
    """Notes on many records at once are those that Odoo itself would write."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = ("One", "Two", "Three", "Four")
        cls.files = cls.system["collection.customer"].union(*map(cls._make_customer, names))

    def _rows(self, since):
        """Return what the database holds of the notes after an id, but for what is each one's own."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL("SELECT * FROM mail_message WHERE id > %s ORDER BY res_id, id", since)
        )
        own = {"id", "message_id", "date"}
        return [
            {name: value for name, value in row.items() if name not in own}
            for row in self.env.cr.dictfetchall()
        ]

    def test_each_record_has_the_note_that_odoo_would_write(self):
        texts = dict(zip(self.files.ids, ("Paid", "5 < 6", "Paid", "Paid"), strict=True))
        last = self.env["mail.message"].sudo().search([], order="id desc", limit=1).id
        self.files._message_log_batch(texts)
        expected = self._rows(last)
        last = self.env["mail.message"].sudo().search([], order="id desc", limit=1).id
        log_notes(self.files, texts)
        self.assertEqual(self._rows(last), expected)
        self.assertEqual(len(expected), 4)

    def test_conversation_that_was_read_before_shows_it(self):
        before = [len(file.message_ids) for file in self.files]
        log_notes(self.files, dict.fromkeys(self.files.ids, "Seen"))
        after = [len(file.message_ids) for file in self.files]
        self.assertEqual([count + 1 for count in before], after)

    def test_number_of_queries_does_not_grow_with_the_records(self):
        log_notes(self.files, dict.fromkeys(self.files.ids, "Warm"))

        def count(files):
            before = self.env.cr.sql_log_count
            log_notes(files, dict.fromkeys(files.ids, "Again"))
            return self.env.cr.sql_log_count - before

        self.assertEqual(count(self.files[:2]), count(self.files))
