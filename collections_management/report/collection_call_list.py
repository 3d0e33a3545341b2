from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL, format_amount, format_date, html2plaintext

from ..models.collection_hold import HOLD_KINDS

HELD = [kind for kind, _label in HOLD_KINDS]
ITEMS_NAMED = 12  # of the call's items; the rest is summed up
ANSWER_LENGTH = 220  # characters of the customer's last answer


class ReportCollectionCallList(models.AbstractModel):
    """The calls of a day on paper: one list for each person who calls, the largest debt first."""

    _name = "report.collections_management.report_call_list"
    _description = "Call List"

    @api.model
    def _get_report_values(self, docids, data=None):
        notices = self.env["collection.notice"].browse(docids)
        notices.check_access("read")
        # sudo: the customer's whole account, over the branches of the company
        calls = notices.sudo()
        customers = calls.customer_id
        facts = {
            "items": calls._read_open_items(customers),
            "said": self._get_last_said(calls),
            "answers": self._get_last_answers(customers),
            "languages": dict(self.env["res.lang"].get_installed()),
        }
        lists = calls.grouped(lambda call: call.user_id or call.collector_id)
        return {
            "doc_ids": docids,
            "doc_model": "collection.notice",
            "docs": notices,
            "lists": [
                self._prepare_list(user, lists[user], facts)
                for user in sorted(lists, key=lambda user: user.name or "")
            ],
        }

    @api.model
    def _prepare_list(self, user, calls, facts):
        """Return the list of one person, in that person's language.

        :param user: res.users, may be empty
        :param calls: collection.notice
        :param dict facts: what was read for all lists at once
        """
        lang = user.lang or self.env.lang
        worded = calls.with_context(lang=lang)
        return {
            "user": user,
            "lang": lang,
            "date": format_date(worded.env, fields.Date.context_today(self)),
            "count": worded.env._("%s to call", len(calls)),
            "calls": [
                self.with_context(lang=lang)._prepare_call(call, facts)
                for call in worded.sorted(lambda call: (-call.overdue, call.id))
            ],
        }

    def _prepare_call(self, call, facts):
        """Hook: what the template shows of one call, as texts."""
        items = facts["items"].get(call.customer_id.id, [])
        overdue = [
            item
            for item in items
            if item["days_overdue"] > 0 and item["residual_currency"] > 0 and not item["non_trade"]
        ]
        credits = [item for item in items if item["decision"] == "credit" and not item["non_trade"]]
        oldest = min(overdue, key=lambda item: item["date_due"], default=None)
        said = facts["said"].get(call.customer_id.id)
        rows, more = self._get_rows(call, items)
        return {
            "customer": call.partner_id,
            "contacts": self._get_contacts(call),
            "language": facts["languages"].get(call.lang),
            "step": call.step_id.name,
            "oldest": oldest and call._format_day(oldest["date_due"]),
            "oldest_when": oldest and call._get_due_text(oldest["days_overdue"]),
            "overdue": self._sum_up(overdue, "open_currency"),
            "held": self._sum_up(self._get_held(overdue), "held_currency"),
            "credits": self._sum_up(credits),
            "said": said and said.with_env(call.env),
            "answer": facts["answers"].get(call.customer_id.id),
            "guidelines": call.customer_id.guidelines
            if html2plaintext(call.customer_id.guidelines or "").strip()
            else False,
            "note": call.step_id.note,
            "items": rows,
            "more": more,
        }

    def _get_held(self, items):
        """Return the rows of which something is held, with ``held_currency``: all or the disputed."""
        amounts = [
            item["open_currency"] if item["decision"] in HELD else item["disputed_currency"]
            for item in items
        ]
        return [
            dict(item, held_currency=amount)
            for item, amount in zip(items, amounts, strict=True)
            if amount
        ]

    def _get_contacts(self, call):
        """Return whom to call: the contact, and the customer itself if it has another number."""
        contact, customer = call.recipient_id, call.partner_id
        return [
            partner
            for partner in contact | customer
            if partner == (contact or customer)
            or (partner.phone and partner.phone != contact.phone)
        ]

    def _get_rows(self, call, items):
        """Return the rows of the items that the call is about, as they are open now.

        :return: list of rows, and the text that sums up those that are not named
        """
        live = set(call._get_live_lines().move_line_id.ids)
        about = [
            item for item in items if item["move_line_id"] in live and item["residual_currency"] > 0
        ]
        currencies = self.env["res.currency"]
        rows = [
            call._prepare_row(item, currencies.browse(item["currency_id"]), {})
            for item in about[:ITEMS_NAMED]
        ]
        rest = about[ITEMS_NAMED:]
        more = rest and self.env._(
            "and %(count)s more, %(amount)s in all", count=len(rest), amount=self._sum_up(rest)
        )
        return rows, more

    def _sum_up(self, items, name="residual_currency"):
        """Return the open amounts of the items as one text, one amount per currency.

        :param str name: which amount of the rows
        """
        sums = defaultdict(float)
        for item in items:
            sums[item["currency_id"]] += item[name]
        currencies = self.env["res.currency"]
        return " + ".join(
            format_amount(self.env, amount, currencies.browse(currency_id))
            for currency_id, amount in sums.items()
        )

    @api.model
    def _get_last_said(self, calls):
        """Return what each customer heard from us last: dict customer id -> collection.notice."""
        self.env["collection.notice"].flush_model(["customer_id", "date", "sent_date", "state"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (customer_id) customer_id, id
                  FROM collection_notice
                 WHERE customer_id IN %s AND state = 'sent'
                 ORDER BY customer_id, COALESCE(sent_date, date) DESC, id DESC
                """,
                tuple(calls.customer_id.ids or [0]),
            )
        )
        notices = self.env["collection.notice"].sudo().browse(id_ for _customer, id_ in rows)
        return {notice.customer_id.id: notice for notice in notices}

    @api.model
    def _get_last_answers(self, customers):
        """Return each customer's last e-mail to us: dict customer id -> (date, text)."""
        self.env["mail.message"].flush_model(["date", "message_type", "model", "res_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (res_id) res_id, date, body
                  FROM mail_message
                 WHERE model = 'collection.customer' AND res_id IN %s AND message_type = 'email'
                 ORDER BY res_id, id DESC
                """,
                tuple(customers.ids or [0]),
            )
        )
        return {
            customer_id: (fields.Datetime.context_timestamp(self, date).date(), self._cut(body))
            for customer_id, date, body in rows
        }

    @api.model
    def _cut(self, body):
        text = " ".join(html2plaintext(body or "", include_references=False).split())
        return text if len(text) <= ANSWER_LENGTH else f"{text[:ANSWER_LENGTH]}…"
