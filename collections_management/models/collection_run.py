import logging
from datetime import timedelta

from odoo import api, fields, models, modules
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, split_every

from .collection_due_item import TO_SAY

_logger = logging.getLogger(__name__)

DECIDE_BATCH = 5000  # customers decided in one transaction: smaller ones cost more a customer
DELIVER_BATCH = 100  # notices composed in one transaction
TRIES = 3  # a batch that collides with another server is tried again
MANY_NOTICES = 500  # made in one transaction: PostgreSQL's statistics may be worthless after it
RETRY_COMPANY_MINUTES = 30  # until the day of a company that failed is tried again


class CollectionRun(models.AbstractModel):
    """The daily job: decide for every customer, make notices, deliver them.

    It can be killed at any point and called by two servers at once: what was committed counts,
    the rest is decided again.
    """

    _name = "collection.run"
    _description = "Collection Run"

    # ------------------------------------------------------------
    # Deciding
    # ------------------------------------------------------------

    @api.model
    def _cron_run(self):
        """Decide for all companies, then have the notices delivered.

        A company that fails leaves the others their day, and is tried again soon.
        """
        made = 0
        for company in self.env["res.company"].search([("parent_id", "=", False)]):
            try:
                made += company._in_own_language(self.with_company(company))._run_company(company)
                if company.collection_failure:
                    company.collection_failure = False
            except Exception as error:  # an alarm tells of it, and the log has it whole
                _logger.exception("Collections: the day of company %s failed", company.id)
                self.env.cr.rollback()
                company.collection_failure = str(error)
                self._trigger_run(fields.Datetime.now() + timedelta(minutes=RETRY_COMPANY_MINUTES))
                # not to be lost when the next one fails
                self.env["ir.cron"]._commit_progress()
        if made or self._is_delivery_forgotten():
            self._trigger_delivery()
        if self._is_delivery_forgotten("collection.statement"):
            self.env["collection.statement"]._trigger_delivery()

    @api.model
    def _run_company(self, company):
        """Run the day of one root company, a batch of customers a transaction.

        :return: how many notices were made
        """
        made = 0
        cron = self.env["ir.cron"]
        self._in_transaction(self._prepare_company, company)
        # a batch that is rolled back must not take the files along
        cron._commit_progress()
        files = self._get_customer_ids(company)
        doubt = bool(files) and company._get_collection_doubt()
        for ids in split_every(DECIDE_BATCH, files):
            batch = self.env["collection.customer"].browse(ids)
            made += self._decide_batch(company, batch, doubt)
            self.env.invalidate_all()
            if not cron._commit_progress(len(ids)):
                self._trigger_run()
                return made
        self.env["collection.statement"]._make_periodic(company)
        return made

    @api.model
    def _trigger_run(self, at=None):
        """Have the run go on soon, or at a moment.

        :param datetime at: naive UTC
        """
        # sudo: scheduled jobs belong to the system
        self.env.ref("collections_management.ir_cron_collection_run").sudo()._trigger(at)

    @api.model
    def _prepare_company(self, company):
        """What stands before deciding: verdicts, expired holds, new customers' files, their schemes."""
        self.env["collection.agreement"]._judge_all(company)
        self.env["collection.hold"]._close_expired(company, company._get_collection_today())
        self.env["collection.customer"]._lift_suspensions(company)
        self.env["collection.customer"]._create_missing(company)
        customers = self.env["collection.customer"].search([("company_id", "=", company.id)])
        customers._assign_strategies()
        customers._assign_collectors()
        for kind in self.env["collection.delivery"]._get_kinds():
            kind._retry_daily(company)
        self.env["collection.notice"]._retry_bounced(company)
        self.env["collection.notice"]._recheck_waiting(company)

    @api.model
    def _get_customer_ids(self, company):
        """Return the ids of the files that a run looks at.

        Only those whose scheme speaks and leaves simulation.
        """
        if company.collection_mode == "simulation":
            return []
        return (
            self.env["collection.customer"]
            .search(
                [
                    ("company_id", "=", company.id),
                    ("strategy_id.sends_nothing", "=", False),
                    ("strategy_id.mode", "!=", "simulation"),
                ],
                order="id",
            )
            .ids
        )

    @api.model
    def _decide_batch(self, company, customers, doubt=False):
        """Decide for a batch.

        :param doubt: as in ``_decide``
        :return: how many notices were made
        """
        made = self._in_halves(
            lambda some: len(self._decide_locked(company, some, doubt)), customers
        )
        if made >= MANY_NOTICES:
            self._renew_statistics(made)
        return made

    @api.model
    def _renew_statistics(self, made):
        """Tell PostgreSQL of a tenth more notices, as its autovacuum would in a minute or later.

        Until then it may take the tables for empty, and an index for as good as any other: deciding
        anew, and the check before sending, would read all of them for each item. (``ANALYZE``
        is for a table's owner; for anybody else it does nothing, as where another has it in hand.)

        :param int made: notices that were made
        """
        [(known,)] = self.env.execute_query(
            SQL("SELECT reltuples FROM pg_class WHERE oid = 'collection_notice'::regclass")
        )
        if made > known / 10:
            self.env.cr.execute("ANALYZE (SKIP_LOCKED) collection_notice, collection_notice_line")
            self.env["ir.cron"]._commit_progress()

    @api.model
    def _in_halves(self, method, customers):
        """Do a batch in one transaction; one that fails is halved until the bad file is found.

        :param method: function of some customers that returns how many things it made for them
        :param customers: collection.customer
        :return: how many things were made
        """
        try:
            made = self._in_transaction(method, customers)
        except Exception as error:
            self.env.cr.rollback()
            if len(customers) > 1:
                _logger.info("Collections: a batch of %s failed; halving it", len(customers))
                middle = len(customers) // 2
                return sum(
                    self._in_halves(method, half)
                    for half in (customers[:middle], customers[middle:])
                )
            _logger.exception("Collections: customer file %s failed", customers.id)
            customers.failure = str(error)  # shown on the customer's file
            made = 0
        self.env["ir.cron"]._commit_progress()
        return made

    @api.model
    def _count_messages(self, company):
        """Return how many customers a run of today would write to: each gets one message."""
        return self.env["collection.due.item"]._read_group(
            [
                ("root_company_id", "=", company.id),
                ("decision", "in", TO_SAY),
                ("mode", "=", "automatic"),
            ],
            [],
            ["customer_id:count_distinct"],
        )[0][0]

    @api.model
    def _decide_locked(self, company, customers, doubt=False):
        """Make today's notices of the customers whose files can be locked.

        Another server or a person's button has the others in hand.
        """
        locked = customers.try_lock_for_update(allow_referencing=True)
        return self._decide(company, locked, doubt=doubt)

    @api.model
    def _decide(self, company, customers, simulate=False, doubt=False):
        """Make today's notices of ``customers``, set-based.

        :param company: the customers' root company
        :param customers: collection.customer, locked
        :param bool simulate: make them whatever the mode (for previews that are rolled back)
        :param doubt: why they wait for approval though the mode is automatic; falsy: they don't
        :return: the collection.notice made
        """
        if not customers:
            return self.env["collection.notice"]
        DueItem = self.env["collection.due.item"]
        DueItem._flush_decision()
        self.env.flush_all()
        # compiling the query takes longer than running it
        self.env.cr.execute("SET LOCAL jit = off")
        date = company._get_collection_today()
        ids = SQL("%s", tuple(customers.ids))
        announcements = self.env["collection.action.announcement"]
        limits = {} if simulate else announcements._get_limits(company)
        rows = self.env.execute_query(
            SQL(
                """
                WITH items AS MATERIALIZED (
                    SELECT item.*
                      FROM (%(query)s) item
                     WHERE item.decision IN %(wanted)s AND (%(simulate)s OR item.mode <> 'simulation')
                        OR %(coming)s
                ), decided AS MATERIALIZED (
                    %(decided)s
                ), made AS (
                    INSERT INTO collection_notice (
                        id, customer_id, partner_id, collector_id, company_id, company_stops,
                        channel_id, step_id, strategy_id, date, state, by_itself, failure,
                        attempts, create_uid, write_uid, create_date, write_date)
                    SELECT firmest.notice_id,
                           firmest.customer_id, firmest.partner_id, firmest.collector_id,
                           %(company)s, company.collection_stops,
                           firmest.channel_id, firmest.next_step_id, firmest.strategy_id, %(date)s,
                           -- an action waits for its supervisor by itself
                           CASE WHEN firmest.opens_action THEN 'ready'
                                WHEN firmest.mode = 'approve' OR %(doubt)s IS NOT NULL
                                THEN 'to_approve' ELSE 'ready' END,
                           firmest.opens_action IS NOT TRUE AND firmest.mode = 'automatic'
                               AND %(doubt)s IS NULL,
                           CASE WHEN firmest.opens_action IS NOT TRUE THEN %(doubt)s END, 0, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                      FROM decided firmest
                      -- as this transaction sees it: who stops collections now is found out later
                      JOIN res_company company ON company.id = %(company)s
                     WHERE firmest.is_firmest
                    RETURNING id, customer_id
                ), lines AS (
                    INSERT INTO collection_notice_line (
                        notice_id, move_line_id, move_id, name, date_due, currency_id,
                        residual_currency, residual, step_id, phase, level, channel_id,
                        round_number, repetition, live)
                    SELECT decided.notice_id, decided.move_line_id, decided.move_id,
                           COALESCE(move.name, ledger.name, '/'), decided.date_due,
                           decided.currency_id, decided.claimable_currency, decided.claimable,
                           decided.next_step_id, decided.next_phase, decided.next_level,
                           decided.channel_id, decided.round_number, decided.repetition, TRUE
                      FROM decided
                      JOIN account_move move ON move.id = decided.move_id
                      JOIN account_move_line ledger ON ledger.id = decided.move_line_id
                ), stamped AS (
                    UPDATE collection_customer file
                       SET decided_at = now() AT TIME ZONE 'UTC', failure = NULL
                     WHERE file.id IN (SELECT customer_id FROM made)
                )
                SELECT id AS notice_id, NULL AS move_id, NULL::int[] AS coming FROM made
                UNION ALL
                SELECT NULL, move_id, NULL FROM items WHERE decision = 'not_delivered'
                UNION ALL
                SELECT NULL, NULL, ARRAY[move_line_id, next_step_id, round_number,
                                         next_date - DATE 'epoch', COALESCE(collector_id, 0)]
                  FROM items item WHERE %(coming)s
                """,
                query=DueItem._get_query(date, ids, nets=DueItem._get_nets_sql(date, ids)),
                decided=self._get_decided_sql("collection_notice"),
                wanted=(*TO_SAY, "not_delivered"),
                simulate=simulate,
                coming=announcements._get_coming_sql(limits),
                company=company.id,
                date=date,
                doubt=doubt or None,
                uid=self.env.uid,
            )
        )
        self.env.invalidate_all(flush=False)
        self.env["collection.notice.line"]._name_instalments(
            [notice_id for notice_id, _move_id, _coming in rows if notice_id]
        )
        if coming := [row for _notice_id, _move_id, row in rows if row]:
            announcements._announce(company, coming, limits)
        undelivered = {move_id for _notice_id, move_id, _coming in rows if move_id}
        if undelivered and not simulate:
            self._send_undelivered(company, self.env["account.move"].browse(undelivered))
        return self.env["collection.notice"].browse(id_ for id_, _move_id, _coming in rows if id_)

    @api.model
    def _get_decided_sql(self, notices):
        """What is said today: a row per channel of each of ``items`` (rows of the decision).

        Columns: the item's, ``channel_id``, ``next_level``, ``opens_action``, and of the notice, of
        which there is one for each customer and channel: ``notice_id``, and ``is_firmest`` for the
        item whose step it has. The ids are taken here: to join the notices once they are made would
        take PostgreSQL seconds, as it expects few items.

        :param str notices: table of the notices
        """
        return SQL(
            """
            SELECT said.*, said.new_id IS NOT NULL AS is_firmest,
                   max(said.new_id) OVER (PARTITION BY said.customer_id, said.channel_id)
                       AS notice_id
              FROM (
                SELECT spoken.*,
                       CASE WHEN row_number() OVER (
                                PARTITION BY spoken.customer_id, spoken.channel_id
                                ORDER BY spoken.next_phase <> 'upcoming' DESC,
                                         spoken.of_instalment, spoken.next_level DESC
                            ) = 1 THEN nextval(pg_get_serial_sequence(%(notices)s, 'id'))
                       END AS new_id
                  FROM (%(spoken)s) spoken
              ) said
            """,
            notices=notices,
            spoken=self._get_spoken_sql(),
        )

    @api.model
    def _get_spoken_sql(self):
        """The items of which something is said today, by each of the channels, each once.

        A message goes by the customer's preferred channel, else by the policy's only one, else
        by the step's. A step of the action phase opens an action besides, whatever it says.
        """
        return SQL(
            """
            SELECT item.*, COALESCE(way.channel_id, preferred.channel_id) AS channel_id,
                   step.level AS next_level, step.is_instalment IS TRUE AS of_instalment,
                   item.next_phase = 'action' AND way.channel_id = %(action)s AS opens_action
              FROM items item
              JOIN collection_step step ON step.id = item.next_step_id
              JOIN collection_customer file ON file.id = item.customer_id
              LEFT JOIN collection_contact_policy policy ON policy.id = item.policy_id
              CROSS JOIN LATERAL (
                SELECT COALESCE(file.channel_id, policy.channel_id) AS channel_id
              ) preferred
              JOIN (%(ways)s) way
                ON way.step_id = item.next_step_id
               AND CASE way.kind
                        WHEN 'own' THEN preferred.channel_id IS NULL
                        WHEN 'preferred' THEN preferred.channel_id IS NOT NULL
                        -- once, if it is preferred as well
                        ELSE way.channel_id IS DISTINCT FROM preferred.channel_id
                   END
             WHERE item.decision IN %(to_say)s
            """,
            action=self.env.ref("collections_management.channel_action").id,
            ways=self._get_ways_sql(),
            to_say=TO_SAY,
        )

    @api.model
    def _get_ways_sql(self):
        """The channels of each step: step_id, kind, channel_id.

        Kinds: ``own``, a message where no channel is preferred; ``preferred``, that it goes by the
        preferred one (without channel); ``always``, what is no message.
        """
        return SQL(
            """
            SELECT chosen.collection_step_id AS step_id,
                   CASE WHEN channel.is_message THEN 'own' ELSE 'always' END AS kind,
                   channel.id AS channel_id
              FROM collection_channel_collection_step_rel chosen
              JOIN collection_channel channel ON channel.id = chosen.collection_channel_id
             UNION
            SELECT chosen.collection_step_id, 'preferred', NULL
              FROM collection_channel_collection_step_rel chosen
              JOIN collection_channel channel ON channel.id = chosen.collection_channel_id
             WHERE channel.is_message
             UNION
            SELECT step.id, 'always', %s
              FROM collection_step step
             WHERE step.phase = 'action'
            """,
            self.env.ref("collections_management.channel_action").id,
        )

    @api.model
    def _run_customers(self, customers):
        """Decide for some customers now, in the caller's transaction, and have it delivered.

        :return: the notices made
        :raises LockError: when a job has some of them in hand
        """
        notices = self.env["collection.notice"]
        for company, files in customers.grouped("company_id").items():
            # sudo: notices are made by the system, whoever asks for them
            run = self.sudo().with_company(company)
            files._lock_for_person()
            run.env["collection.agreement"]._judge_all(company, files)
            notices |= run._decide(company, files.sudo())
        self._trigger_delivery()
        return notices.with_env(self.env)

    # ------------------------------------------------------------
    # Undelivered invoices: Odoo's own sending is the “invoice issued” notice
    # ------------------------------------------------------------

    @api.model
    def _send_undelivered(self, company, moves):
        """Give the collectors a task about invoices that never arrived, and have Odoo send them.

        Where notices wait for approval, a person sends them. What is queued already is left.
        """
        moves = moves.filtered(lambda move: move.collection_delivery_state != "queued")
        moves._make_undelivered_tasks()
        if company.collection_mode == "automatic" and not company.collection_mailbox:
            # sudo: scheduled jobs belong to the system
            self.env.ref(
                "collections_management.ir_cron_collection_send_invoices"
            ).sudo()._trigger()

    @api.model
    def _cron_send_invoices(self):
        """Send one by one the invoices that people asked for, then those that never arrived.

        The latter of companies in automatic only. One that fails says so on the invoice; it is
        tried again on the next day's run.
        """
        cron = self.env["ir.cron"]
        moves = self.env["account.move"]._get_moves_asked_for() | self._get_moves_to_send()
        cron._commit_progress(remaining=len(moves))
        sent = 0
        for move in moves:
            try:
                sent += self._in_transaction(move._send_undelivered_invoice)
            except Exception as error:  # shown on the invoice
                _logger.exception("Collections: invoice %s could not be sent", move.id)
                self.env.cr.rollback()
                move._note_sending_error(error)
            if not cron._commit_progress(1):
                # those that fail are left to tomorrow's run, so that this comes to an end
                if sent:
                    self.env.ref(
                        "collections_management.ir_cron_collection_send_invoices"
                    )._trigger()
                return

    @api.model
    def _get_moves_to_send(self):
        """Return the undelivered invoices that Odoo can send by itself."""
        companies = self.env["res.company"].search(
            [
                ("parent_id", "=", False),
                ("collection_mode", "=", "automatic"),
                # Odoo's own sending knows no trial
                ("collection_mailbox", "=", False),
            ]
        )
        items = self.env["collection.due.item"].search(
            [
                ("decision", "=", "not_delivered"),
                ("mode", "=", "automatic"),
                ("root_company_id", "in", companies.ids),
            ]
        )
        return items.move_id.filtered(lambda move: move._needs_collection_sending())

    # ------------------------------------------------------------
    # Delivering
    # ------------------------------------------------------------

    @api.model
    def _trigger_delivery(self):
        """Have the job that delivers notices run soon."""
        self.env["collection.notice"]._trigger_delivery()

    @api.model
    def _is_delivery_forgotten(self, model="collection.notice"):
        """Tell whether some wait and nothing calls the delivery job: a run was killed before.

        :param str model: what is delivered, one of ``collection.delivery._get_kinds``
        """
        job = self.env.ref(self.env[model]._delivery_job)
        # sudo: scheduled jobs belong to the system
        called = (
            self.env["ir.cron.trigger"]
            .sudo()
            .search_count(
                [("cron_id", "=", job.id), ("call_at", "<=", fields.Datetime.now())], limit=1
            )
        )
        return not called and bool(self._get_due_notices(set(), model))

    @api.model
    def _cron_deliver(self, model="collection.notice"):
        """Deliver what is ready, send what is composed, retry what failed.

        Small batches: compose, commit, send, commit. So a notice's words are never old, and a
        kill loses nothing.

        :param str model: what is delivered, one of ``collection.delivery._get_kinds``: each has a
            job of its own, so that claims don't wait for many statements to be printed
        """
        cron = self.env["ir.cron"]
        skipped = set()
        while True:
            cron._commit_progress()  # each batch begins with a fresh view of the database
            batch = self._get_due_notices(skipped, model)
            if not batch:
                break
            skipped.update(batch.ids)
            for company, notices in batch.grouped("company_id").items():
                self._deliver_batch(company._in_own_language(notices))
            self.env.invalidate_all()
            if not cron._commit_progress(len(batch)):
                batch._trigger_delivery()
                return

    @api.model
    def _get_due_notices(self, skipped, model="collection.notice"):
        """Return the next notices, or others of ``model``, whose turn it is.

        :param set skipped: ids that this job had in hand already
        """
        return self.env[model].search(
            [("id", "not in", list(skipped)), *self._get_due_domain()],
            order="company_id, id",
            limit=self.env[model]._delivery_batch or DELIVER_BATCH,
        )

    @api.model
    def _get_due_domain(self):
        """Return the domain of the notices whose turn it is: ready, to be tried again, or composed."""
        return [
            "|",
            "|",
            "&",
            ("state", "=", "ready"),
            ("retry_at", "=", False),
            "&",
            ("state", "in", ("ready", "failed")),
            ("retry_at", "<=", fields.Datetime.now()),
            "&",
            ("state", "=", "queued"),
            ("mail_id.state", "=", "outgoing"),
        ]

    @api.model
    def _deliver_batch(self, notices):
        """Compose and send a batch; if it fails as a whole, find the notice that makes it fail."""
        try:
            mails = self._in_transaction(self._compose_locked, notices)
            self.env["ir.cron"]._commit_progress()
        except Exception:  # one of the batch is bad: find it, go on with the others
            _logger.info("Collections: a batch could not be composed; composing one by one")
            self.env.cr.rollback()
            mails = self._compose_one_by_one(notices)
        self._send_mails(mails)

    @api.model
    def _compose_one_by_one(self, notices):
        mails = self.env["mail.mail"]
        for notice in notices:
            try:
                mails |= self._in_transaction(self._compose_locked, notice)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:  # another server has it in hand
                self.env.cr.rollback()
            except Exception as error:  # shown on the notice
                _logger.exception("Collections: notice %s could not be composed", notice.id)
                self.env.cr.rollback()
                self._in_transaction(
                    self._fail_locked,
                    notice,
                    notice.env._("The message could not be made: %s", error),
                )
            self.env["ir.cron"]._commit_progress()
        return mails

    @api.model
    def _compose_locked(self, notices):
        """Recheck and compose the notices that can be locked.

        :return: the mail.mail to send now
        """
        # another server may have dealt with some since they were chosen
        notices = notices._lock_for_delivery().filtered_domain(self._get_due_domain())
        queued = notices.filtered(lambda notice: notice.state == "queued")
        failed = notices.filtered(lambda notice: notice.state == "failed")
        failed._retry_now()
        queued |= failed.filtered(lambda notice: notice.state == "queued")
        ready = self._postpone_closed((notices - queued)._withdraw_stopped()._hold_for_approval())
        for company, group in ready.grouped("company_id").items():
            group.with_company(company)._recheck()._deliver()
        self.env.flush_all()
        return (queued | ready).mail_id.sudo().filtered(lambda mail: mail.state == "outgoing")

    @api.model
    def _fail_locked(self, notice, reason):
        """Say on the notice why it failed, unless another server has dealt with it meanwhile."""
        if notice.try_lock_for_update().filtered_domain(self._get_due_domain()):
            notice._fail(reason)

    @api.model
    def _postpone_closed(self, notices):
        """Let the notices wait whose contact policy is closed at this hour.

        :return: the others
        """
        opens = notices.browse()
        for (policy, company), group in notices.grouped(
            lambda n: (n._get_policy(), n.company_id)
        ).items():
            if not policy or policy._is_open_now(company):
                opens |= group
            else:
                group.retry_at = policy._get_next_opening(company)
                group._trigger_delivery(group[0].retry_at)
        return opens

    @api.model
    def _send_mails(self, mails):
        """Hand the mails to the mail server; what it refuses is retried later."""
        if not mails:
            return
        try:
            # as mail.mail.process_email_queue: a test's transaction must stay whole
            mails.send(auto_commit=not modules.module.current_test)
        except Exception:  # the notices say why; the rest of the queue goes on
            _logger.exception("Collections: sending was interrupted")
            self.env.cr.rollback()

    @api.model
    def _in_transaction(self, method, *args):
        """Call ``method``; when another server changed the same rows, look again and retry."""
        for left in range(TRIES, 0, -1):
            try:
                result = method(*args)
                self.env.flush_all()
                return result
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                self.env.cr.rollback()
                self.env.invalidate_all(flush=False)
                if left == 1:
                    raise
        return None
