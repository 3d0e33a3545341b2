"""A ledger of many open invoices, copied set-based from a few that Odoo's ORM posted."""

from odoo.tools import SQL

from data.ledger import generate, load

SAMPLE_CUSTOMERS, SAMPLE_INVOICES = 24, 120
# Due dates of the copies: so many days from the earliest to the latest, the latest so far ahead.
DAYS, DAYS_AHEAD = 150, 25


def load_sample(env):
    """Load the sample ledger, that holds a bit of everything, and make its company the administrator's."""
    company = load(env, generate(SAMPLE_CUSTOMERS, SAMPLE_INVOICES)).companies["main"]
    env.ref("base.user_admin").write({"company_id": company.id, "company_ids": [(4, company.id)]})
    env.cr.commit()
    tidy(env)


def copy_invoices(env, customers, invoices):
    """Add copies of open invoices of the sample ledger, for copies of its customers.

    :param int customers: customers to make, each with the same number of invoices
    :param int invoices: open invoices to make, each with one instalment
    """
    company = env.ref("base.user_admin").company_id
    _copy_customers(env, company, customers)
    _copy_invoices(env, company, customers, invoices)
    env.cr.commit()
    tidy(env)


def _copy_customers(env, company, customers):
    """Copy companies with an e-mail address; ``bench_customer`` numbers the copies from 0."""
    env.cr.execute(
        """
        CREATE TEMP TABLE bench_template AS
        SELECT partner.id, row_number() OVER (ORDER BY partner.id) - 1 AS number
          FROM res_partner partner
         WHERE partner.parent_id IS NULL AND partner.is_company AND partner.active
           AND partner.email IS NOT NULL
           AND EXISTS (
                SELECT FROM account_move move
                 WHERE move.commercial_partner_id = partner.id AND move.company_id = %s)
        """,
        [company.id],
    )
    env.cr.execute(
        """
        CREATE TEMP TABLE bench_customer AS
        SELECT counter.number, nextval('res_partner_id_seq') AS id, template.id AS source
          FROM generate_series(0, %s - 1) counter(number)
          JOIN bench_template template
            ON template.number = counter.number %% (SELECT count(*) FROM bench_template)
        """,
        [customers],
    )
    insert_copies(
        env,
        "res_partner",
        SQL("bench_customer copy ON copy.source = original.id"),
        id="copy.id",
        commercial_partner_id="copy.id",
        name="original.name || ' ' || copy.number",
        complete_name="original.complete_name || ' ' || copy.number",
        email="'accounts' || copy.number || '@customers.example.com'",
        email_normalized="'accounts' || copy.number || '@customers.example.com'",
        ref="NULL",
        vat="NULL",
    )


def _copy_invoices(env, company, customers, invoices):
    """Copy unpaid invoices in the company's currency, with all their journal items."""
    env.cr.execute(
        """
        CREATE TEMP TABLE bench_original AS
        SELECT move.id, line.date_maturity AS due,
               row_number() OVER (ORDER BY move.id) - 1 AS number
          FROM account_move move
          JOIN account_move_line line
            ON line.move_id = move.id AND line.display_type = 'payment_term'
         WHERE move.company_id = %s AND move.move_type = 'out_invoice' AND move.state = 'posted'
           AND move.payment_state = 'not_paid' AND move.currency_id = %s
           AND (SELECT count(*) FROM account_move_line other
                 WHERE other.move_id = move.id AND other.display_type = 'payment_term') = 1
        """,
        [company.id, company.currency_id.id],
    )
    env.cr.execute(
        """
        CREATE TEMP TABLE bench_invoice AS
        SELECT counter.number, nextval('account_move_id_seq') AS id, original.id AS source,
               customer.id AS partner_id, 'BENCH/' || lpad(counter.number::text, 7, '0') AS name,
               current_date + %(ahead)s - counter.number * 7919 %% %(days)s - original.due AS later
          FROM generate_series(0, %(invoices)s - 1) counter(number)
          JOIN bench_original original
            ON original.number = counter.number / 7 %% (SELECT count(*) FROM bench_original)
          JOIN bench_customer customer ON customer.number = counter.number %% %(customers)s
        """,
        {"ahead": DAYS_AHEAD, "days": DAYS, "invoices": invoices, "customers": customers},
    )
    insert_copies(
        env,
        "account_move",
        SQL("bench_invoice copy ON copy.source = original.id"),
        id="copy.id",
        name="copy.name",
        payment_reference="copy.name",
        sequence_prefix="'BENCH/'",
        sequence_number="copy.number",
        partner_id="copy.partner_id",
        commercial_partner_id="copy.partner_id",
        partner_shipping_id="copy.partner_id",
        invoice_partner_display_name="'Customer ' || copy.partner_id",
        is_move_sent="TRUE",
        access_token="NULL",
        **_later("date", "invoice_date", "invoice_date_due"),
    )
    insert_copies(
        env,
        "account_move_line",
        SQL("bench_invoice copy ON copy.source = original.move_id"),
        id="nextval('account_move_line_id_seq')",
        move_id="copy.id",
        move_name="copy.name",
        partner_id="copy.partner_id",
        **_later("date", "date_maturity", "invoice_date"),
    )


def _later(*columns):
    """Return the values of dates: as many days later as the copy falls due later."""
    return {name: f"original.{name} + copy.later" for name in columns}


def insert_copies(env, table, join, **values):
    """Insert a row for each pair of ``join``, equal to its original but for ``values``.

    :param str table: read as ``original``
    :param SQL join: of the copies, with the condition that finds their original
    :param values: SQL texts by column; the other columns are the original's
    """
    columns = env.execute_query(
        SQL(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema AND table_name = %s",
            table,
        )
    )
    names = [name for [name] in columns]
    env.cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s original JOIN %s ORDER BY copy.number",
            SQL.identifier(table),
            SQL(", ").join(map(SQL.identifier, names)),
            SQL(", ").join(
                SQL(values[name]) if name in values else SQL.identifier("original", name)
                for name in names
            ),
            SQL.identifier(table),
            join,
        )
    )


def tidy(env):
    """Do now what PostgreSQL's autovacuum does within minutes."""
    env.cr._cnx.autocommit = True
    env.cr.execute("VACUUM (ANALYZE)")
    env.cr._cnx.autocommit = False
