import smtplib

from odoo import models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _send(
        self,
        auto_commit=False,
        raise_exception=False,
        smtp_session=None,
        alias_domain_id=False,
        mail_server=False,
        post_send_callback=None,
    ):
        """Override of ``mail``: a notice is locked and decided once more before it leaves.

        So whoever sends (our job, Odoo's queue, a person), a payment of this minute is seen and
        two servers never send the same notice.
        """
        kwargs = {
            "raise_exception": raise_exception,
            "smtp_session": smtp_session,
            "alias_domain_id": alias_domain_id,
            "mail_server": mail_server,
            "post_send_callback": post_send_callback,
        }
        by_mail = {}
        for deliveries in self._get_deliveries():
            by_mail |= deliveries.grouped("mail_id")
        alarms = self.env["collection.alarm.mail"].sudo().search([("mail_id", "in", self.ids)])
        by_mail |= {mail: logs[:1] for mail, logs in alarms.grouped("mail_id").items()}
        plain = self.filtered(lambda mail: mail not in by_mail)
        if plain:
            super(MailMail, plain)._send(auto_commit=auto_commit, **kwargs)
        if auto_commit:
            # a fresh view of the ledger: to connect may have taken long
            self.env.cr.commit()
        for mail in self - plain:
            mail._send_notice(by_mail[mail], auto_commit, kwargs)
        return True

    def _send_notice(self, notice, auto_commit, kwargs):
        """Send one notice's mail if it is still true, an alarm's if nobody else sends it.

        :param notice: collection.notice of this mail, or collection.alarm.mail
        :param bool auto_commit: commit after it, as ``_send`` does
        :param dict kwargs: the other arguments of ``_send``
        """
        try:
            if notice._may_send():
                super()._send(auto_commit=auto_commit, **kwargs)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # another server has just changed the notice: it is dealt with
            if not auto_commit:
                raise
            self.env.cr.rollback()
        except smtplib.SMTPServerDisconnected as error:
            if not auto_commit:
                raise
            self.env.cr.rollback()
            if notice.state == "queued":
                notice = notice.company_id._in_own_language(notice)
                notice._fail(notice.env._("The mail server closed the connection: %s", error))
            # the failure is kept, though the sending of the rest breaks off
            self.env.cr.commit()
            raise
        else:
            if auto_commit:
                # as `_send` does after each mail
                self.env.cr.commit()

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of ``mail``: every way of sending ends here, so the notices learn it here."""
        deliveries = self._get_deliveries()
        result = super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
        for kind in deliveries:
            for company, ours in kind.grouped("company_id").items():
                company._in_own_language(ours)._on_mail_result(failure_type)
        return result

    def _get_deliveries(self):
        """Return the notices and other deliveries of these mails, a recordset for each model."""
        # sudo: the mail queue belongs to the system
        return [
            kind.sudo().search([("mail_id", "in", self.ids)])
            for kind in self.env["collection.delivery"]._get_kinds()
        ]
