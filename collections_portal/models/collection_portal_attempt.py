from datetime import timedelta

from odoo import api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

TRIES = 5  # another worker counts the same visitor in this moment


class CollectionPortalAttempt(models.Model):
    """How often a visitor tried something in an hour: the same for all workers and servers."""

    _name = "collection.portal.attempt"
    _description = "Attempts on the Portal"
    _log_access = False

    key = fields.Char(required=True, help="Who, and what was tried.")
    hour = fields.Datetime(required=True, index=True)
    count = fields.Integer(required=True)

    _key_hour_unique = models.Constraint("UNIQUE(key, hour)", "Counted once for each hour.")

    @api.model
    def _count(self, key):
        """Count one more attempt in this hour and return how many there were.

        It is counted in a transaction of its own: what is refused afterwards counts too.

        :param str key: who, and what is tried
        """
        for _try in range(TRIES):
            try:
                # a cursor of its own
                with self.env.registry.cursor() as cr:
                    return self._count_within(self.env(cr=cr), key)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                continue
        # so busy a visitor is no person
        return 1_000_000

    @api.model
    def _count_within(self, env, key):
        hour = fields.Datetime.now().replace(minute=0, second=0, microsecond=0)
        [(count,)] = env.execute_query(
            SQL(
                """
                INSERT INTO collection_portal_attempt AS attempt (key, hour, count)
                     VALUES (%s, %s, 1)
                ON CONFLICT (key, hour) DO UPDATE SET count = attempt.count + 1
                  RETURNING count
                """,
                key,
                hour,
            )
        )
        return count

    @api.autovacuum
    def _gc_attempts(self):
        """Forget what is older than a day."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM collection_portal_attempt WHERE hour < %s",
                fields.Datetime.now() - timedelta(days=1),
            )
        )
