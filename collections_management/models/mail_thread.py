import logging
import xmlrpc.client

from odoo import api, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import email_normalize, email_normalize_all, human_size
from odoo.tools.mail import append_content_to_html

from . import incoming_mail

_logger = logging.getLogger(__name__)

# Whose conversations incoming mails are filed on.
CONVERSATIONS = ("collection.customer", "collection.reply")
# Parts of a mail that are looked at; more are an attack or a mistake.
MOST_PARTS = 200
# Limits of what is stored of one mail, as system parameters.
LIMITS = {"number": 20, "size": 15 * 2**20, "total": 25 * 2**20}


class MailThread(models.AbstractModel):
    """The mail gateway, for mails that belong to collections; Odoo's other mails pass as ever."""

    _inherit = "mail.thread"

    # ------------------------------------------------------------
    # Nothing is lost: what can't be read is filed with itself as a file
    # ------------------------------------------------------------

    @api.model
    def message_process(
        self,
        model,
        message,
        custom_values=None,
        save_original=False,
        strip_attachments=False,
        thread_id=None,
    ):
        """Override of ``mail``: a mail that makes it stumble is made readable and processed again."""
        options = {
            "custom_values": custom_values,
            "save_original": save_original,
            "strip_attachments": strip_attachments,
            "thread_id": thread_id,
        }
        try:
            with self.env.cr.savepoint():
                return super().message_process(model, message, **options)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as error:
            readable = self._make_readable(message, error)
            if not readable:
                raise
            _logger.warning(
                "Collections: a mail can't be read and is filed as it is", exc_info=True
            )
        return super().message_process(model, readable, **options)

    @api.model
    def _make_readable(self, message, error):
        """Return a mail for collections made anew; of another one: nothing.

        :param message: as ``message_process`` takes it
        :param error: the exception it caused
        """
        if isinstance(message, xmlrpc.client.Binary):
            message = message.data
        raw = message.encode("utf-8", "replace") if isinstance(message, str) else bytes(message)
        if not self._is_for_collections(self.message_parse(incoming_mail.read_headers(raw))):
            return None
        worded = self.env.company._in_own_language(self)
        return incoming_mail.rewrite(
            raw,
            worded.env._(
                "This mail could not be read (%s). What could be made out of it stands below; the "
                "original is attached unless it is too big.",
                type(error).__name__,
            ),
            self._get_mail_limits()["size"],
        )

    @api.model
    def _is_for_collections(self, message_dict):
        """Tell whether a mail answers one of our conversations or is addressed to us.

        :param dict message_dict: with what ``message_parse`` finds in the headers
        """
        if self._get_parent_conversation(message_dict):
            return True
        addresses = email_normalize_all(message_dict["recipients"])
        # sudo: the gateway's aliases are nobody's data
        return bool(
            self.env["mail.alias"]
            .sudo()
            .search_count(
                [
                    ("alias_full_name", "in", addresses),
                    ("alias_model_id.model", "in", CONVERSATIONS),
                ],
                limit=1,
            )
        )

    @api.model
    def _get_parent_conversation(self, message_dict):
        """Return the record on whose conversation the mail answers, if it is one of ours.

        :return: recordset of one of ``CONVERSATIONS``, as superuser, or None
        """
        parent = self.sudo()._get_parent_message(message_dict)
        if not parent or parent.model not in CONVERSATIONS:
            return None
        return self.env[parent.model].sudo().browse(parent.res_id).exists() or None

    # ------------------------------------------------------------
    # Bounds: files that are too many or too big are not stored
    # ------------------------------------------------------------

    @api.model
    def _get_mail_limits(self):
        """Return how many files, bytes of one and bytes of all are stored of an incoming mail."""
        parameters = self.env["ir.config_parameter"].sudo()
        return {
            name: int(parameters.get_param(f"collections_management.incoming_{name}", limit))
            for name, limit in LIMITS.items()
        }

    def _message_parse_extract_payload(self, message, message_dict, save_original=False):
        """Override of ``mail``: of thousands of parts only the first are read."""
        dropped = 0
        if sum(1 for _part in message.walk()) > MOST_PARTS and self._is_for_collections(
            message_dict
        ):
            dropped = incoming_mail.prune(message, MOST_PARTS)
        result = super()._message_parse_extract_payload(
            message, message_dict, save_original=save_original
        )
        if dropped:
            worded = self.env.company._in_own_language(self)
            result["body"] = append_content_to_html(
                result["body"],
                worded.env._("%s further parts of this mail were not read.", dropped),
            )
        return result

    @api.model
    def _bound_files(self, message_dict):
        """Leave out the files over the limits; the message says which and why."""
        limits = self._get_mail_limits()
        kept, left_out = incoming_mail.bound_files(message_dict.get("attachments", []), **limits)
        message_dict["attachments"] = [self._Attachment(*file) for file in kept]
        if left_out:
            reasons = {
                "number": self.env._("more than %s files", limits["number"]),
                "size": self.env._("bigger than %s", human_size(limits["size"])),
                "total": self.env._("all files are bigger than %s", human_size(limits["total"])),
            }
            lines = [self.env._("Files of this mail that were not kept:")]
            lines += [
                f"- {name} ({human_size(size)}): {reasons[limit]}"
                for name, size, limit in left_out[:MOST_PARTS]
            ]
            message_dict["body"] = append_content_to_html(message_dict["body"], "\n".join(lines))

    def _message_route_process(self, message, message_dict, routes):
        """Override of ``mail``: what is filed with us is bounded, and known for automatic if it is.

        Zeros, which PostgreSQL refuses, are taken out first: Odoo would tell the sender that the
        mail was not accepted, before we file it.
        """
        if not any(route[0] in CONVERSATIONS for route in routes or ()):
            return super()._message_route_process(message, message_dict, routes)
        for name in {"subject", "email_from"} & set(message_dict):
            message_dict[name] = incoming_mail.clean_line(message_dict[name] or "")
        message_dict["body"] = message_dict["body"].replace("\0", "")
        self._get_route_company(routes)._in_own_language(self)._bound_files(message_dict)
        automatic = self.with_context(collection_automatic=incoming_mail.is_automatic(message))
        return super(MailThread, automatic)._message_route_process(message, message_dict, routes)

    @api.model
    def _get_route_company(self, routes):
        """Return the company whose conversation a mail is filed on."""
        for model, thread_id, values, _user_id, _alias in routes:
            if model in CONVERSATIONS:
                thread = self.env[model].sudo().browse(thread_id or [])
                company_id = thread.company_id.id or (values or {}).get("company_id")
                return self.env["res.company"].sudo().browse(company_id) or self.env.company
        return self.env.company

    # ------------------------------------------------------------
    # Bounces
    # ------------------------------------------------------------

    def _detect_is_bounce(self, message, message_dict):
        """Override of ``mail``: who answers to the bounce address is heard, as nobody else reads it.

        Programs that announce absences answer there (RFC 3834, 4).
        """
        if not super()._detect_is_bounce(message, message_dict):
            return False
        return incoming_mail.is_report(message) or not self._get_parent_conversation(message_dict)

    def _message_parse_extract_bounce(self, email_message, message_dict):
        """Override of ``mail``: a bounce without a copy of the message is known by what it answers."""
        values = super()._message_parse_extract_bounce(email_message, message_dict)
        if values["is_bounce"] and not values["bounced_message"]:
            parent = self.sudo()._get_parent_message(message_dict)
            if parent and parent.model in CONVERSATIONS:
                partners = parent.notification_ids.res_partner_id
                values["bounced_message"] = parent
                if len(partners) == 1 and not values["bounced_email"]:
                    values.update(bounced_partner=partners, bounced_email=partners.email_normalized)
        return values

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Override of ``mail``: the notice knows, and the collector gets a task.

        Reports that a message is late, arrived or was read are no bounces, though Odoo takes them
        for such: they are filed on the conversation.
        """
        status, words = incoming_mail.get_report(email_message)
        notices = self.env["collection.notice"].sudo()._find_reported(message_dict)
        customers = notices.customer_id
        bounced = message_dict["bounced_message"]
        if bounced and bounced.model == "collection.customer":
            customers |= customers.browse(bounced.res_id).exists()
        if customers and status != "failed":
            customers._file_report(message_dict)
            return
        super()._routing_handle_bounce(email_message, message_dict)
        if customers:
            address = email_normalize(message_dict["bounced_email"] or "") or ""
            notices._bounce(address, words)
            # in a trial it was our own mailbox
            trial = notices.filtered("mailbox").customer_id
            (customers - trial)._make_bounce_task(address, words)
