"""The database of the tests of faults: copied for each test from one that is prepared once."""

import time
from collections import Counter, defaultdict

import psycopg2

from tools import databases

FEW, MANY = 8, 40


class Ledger:
    """A database of a company with customers who all should hear from it today, and what the tests read in it.

    :param cluster: the cluster
    :param str name: of the database; those from which it is copied are called ``NAME_8`` and so on, by the number of
        their customers
    """

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.count = 0

    # ------------------------------------------------------------
    # The database
    # ------------------------------------------------------------

    def make(self, source):
        """Make it as a copy of ``source``, a database with our modules."""
        databases.copy(self.cluster, source, self.name)

    def keep_prepared(self, count):
        """Keep it as it is now, with so many customers, for tests to begin with."""
        self.wait_until_left()
        databases.copy(self.cluster, self.name, f"{self.name}_{count}")

    def begin(self, count):
        """Make it as prepared with so many customers."""
        self.count = count
        databases.copy(self.cluster, f"{self.name}_{count}", self.name)

    def remove(self):
        """Remove all that was made."""
        for name in (self.name, f"{self.name}_{FEW}", f"{self.name}_{MANY}"):
            databases.drop(self.cluster, name)

    def wait_until_left(self, seconds=30):
        """Wait until nobody is connected: PostgreSQL notices a killed process when it next reads from it."""
        deadline = time.monotonic() + seconds
        connected = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}'"
        while databases.sql(self.cluster, connected).strip() != "0":
            assert time.monotonic() < deadline, "someone stays connected"
            time.sleep(0.05)

    def query(self, statement, *values):
        """Execute a statement and commit; return its rows as tuples."""
        connection = psycopg2.connect(dbname=self.name)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def wake_scheduler(self):
        """Tell the scheduler of a server that there may be something to do."""
        databases.sql(self.cluster, f"NOTIFY cron_trigger, '{self.name}'")

    def pass_time(self):
        """Let the moment of every retry and of every triggered job come."""
        self.query(
            """
            UPDATE collection_notice SET retry_at = now() AT TIME ZONE 'UTC' - interval '1 s'
             WHERE retry_at IS NOT NULL
            """
        )
        self.query("UPDATE ir_cron_trigger SET call_at = now() AT TIME ZONE 'UTC' - interval '1 s'")

    def refuse_notices(self, customer):
        """Have the database refuse the notices of one customer by name; None: no more."""
        self._refuse(
            "collection_notice",
            "INSERT",
            "(SELECT name FROM res_partner WHERE id = NEW.partner_id) = %s",
            customer,
        )

    def refuse_files(self, company):
        """Have the database refuse the customers' files of one company by id."""
        self._refuse("collection_customer", "INSERT", "NEW.company_id = %s", company)

    def _refuse(self, table, event, condition, value):
        """Have the database refuse what people or jobs write.

        :param value: of the condition; None: no more
        """
        self.query(f"DROP TRIGGER IF EXISTS refusal ON {table}")
        if value is not None:
            self.query(
                f"""
                CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF {condition} THEN RAISE 'refused by the test'; END IF;
                    RETURN NEW;
                END $$
                """,
                value,
            )
            self.query(
                f"CREATE TRIGGER refusal BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
            )

    def failure(self, customer):
        """Return why the last run failed for a customer."""
        [[failure]] = self.query(
            """
            SELECT failure FROM collection_customer file
              JOIN res_partner partner ON partner.id = file.partner_id
             WHERE partner.name = %s
            """,
            customer,
        )
        return failure

    # ------------------------------------------------------------
    # What it holds
    # ------------------------------------------------------------

    def customers(self):
        """Return the names of all customers."""
        return {f"Customer {number:02}" for number in range(1, self.count + 1)}

    def notices(self):
        """Return the notices by customer's name, each a dict."""
        names = ("customer", "id", "state", "uid", "failure", "retry_at", "attempts", "amounts")
        rows = self.query(
            """
            SELECT partner.name, notice.id, notice.state, notice.message_uid, notice.failure,
                   notice.retry_at, notice.attempts,
                   ARRAY(SELECT line.residual_currency::int FROM collection_notice_line line
                          WHERE line.notice_id = notice.id AND line.live ORDER BY 1)
              FROM collection_notice notice
              JOIN collection_customer file ON file.id = notice.customer_id
              JOIN res_partner partner ON partner.id = file.partner_id
             ORDER BY notice.id
            """
        )
        found = defaultdict(list)
        for row in rows:
            found[row[0]].append(dict(zip(names, row, strict=True)))
        return found

    def notice(self, customer):
        """Return the only notice of a customer."""
        notices = self.notices()[customer]
        assert len(notices) == 1, f"{customer} should have one notice: {notices}"
        return notices[0]

    def states(self):
        """Return how many notices are in each state."""
        return Counter(notice["state"] for found in self.notices().values() for notice in found)

    def claims(self):
        """Return for each open invoice by name the states of the notices that name it."""
        rows = self.query(
            """
            SELECT move.name, array_remove(array_agg(notice.state), NULL)
              FROM account_move move
              LEFT JOIN collection_notice_line line ON line.move_id = move.id AND line.live
              LEFT JOIN collection_notice notice ON notice.id = line.notice_id
             WHERE move.move_type = 'out_invoice' AND move.amount_residual > 0
             GROUP BY move.name
            """
        )
        return dict(rows)

    def invoice(self, customer, due):
        """Return the name of a customer's invoice that was due so many days ago, whoever it belongs to now."""
        [[name]] = self.query(
            """
            SELECT move.name FROM account_move move
             -- days count from the day on which it was made: midnight may have passed
             WHERE move.ref = %s AND move.invoice_date_due = move.create_date::date - %s
            """,
            customer,
            due,
        )
        return name


def address(customer):
    """Return the e-mail address of a customer by name: ``Customer 07``."""
    return f"{customer.lower().replace(' ', '')}@example.com"


def sort_by_address(messages):
    """Return the messages received, as lists of dicts by recipient's address."""
    found = defaultdict(list)
    for message in messages:
        for to in message["to"]:
            found[to["address"]].append(message)
    return found


def message_id(message):
    return message["headers"]["message-id"]


def check_everybody_heard_once(ledger, mail_server, repeated=0):
    """Check that every customer has exactly one notice and one Message-Id, and received that.

    :param int repeated: how many messages may have come twice: those in flight when a process was killed
    """
    notices = ledger.notices()
    assert set(notices) == ledger.customers()
    assert ledger.states() == {"sent": ledger.count}
    for customer in ledger.customers():
        assert ledger.notice(customer)["amounts"] == [105, 112]
    received = sort_by_address(mail_server.messages())
    assert set(received) == set(map(address, ledger.customers()))
    for customer in ledger.customers():
        ids = [message_id(message) for message in received[address(customer)]]
        assert set(ids) == {ledger.notice(customer)["uid"]}
        assert len(ids) <= 2
    assert sum(map(len, received.values())) <= ledger.count + repeated
