"""Statements that schemes ask for: each customer gets one a period, whatever dies and whoever runs at the same time."""

from collections import Counter

import pytest

from .ledger import MANY, address, sort_by_address


@pytest.fixture
def statements(ledger, odoo):
    """Have the schemes ask for statements today; give a function that counts those made by customer."""
    odoo.call("make_files")
    ledger.query(
        """
        UPDATE collection_strategy
           SET statement_frequency = 'month', statement_day = extract(day FROM current_date)
        """
    )

    def count():
        rows = ledger.query(
            """
            SELECT partner.name FROM collection_statement statement
              JOIN res_partner partner ON partner.id = statement.partner_id
             WHERE statement.state <> 'cancelled'
            """
        )
        return Counter(name for [name] in rows)

    return count


class TestMany:
    @pytest.fixture
    def how_many(self):
        return MANY

    @pytest.mark.parametrize("_round", range(2))
    def test_two_processes_make_them(self, _round, statements, ledger, odoo, line, mail_server):
        odoo.race("make_statements", "make_statements")
        odoo.call("make_statements")
        assert statements() == dict.fromkeys(ledger.customers(), 1)
        assert "Traceback" not in odoo.read_log()

    @pytest.mark.parametrize("steps", [15, 40, 70, 100])
    def test_killed_while_making_them(self, steps, statements, ledger, odoo, line, mail_server):
        assert odoo.start("make_statements", die_at=steps).was_killed()
        ledger.wait_until_left()
        assert set(statements()) < ledger.customers()
        odoo.call("make_statements")
        assert statements() == dict.fromkeys(ledger.customers(), 1)


def test_two_processes_deliver_them(statements, ledger, odoo, line, mail_server):
    odoo.call("make_statements")
    odoo.race("deliver_statements", "deliver_statements")
    odoo.call("deliver_statements")
    received = sort_by_address(mail_server.messages())
    assert {to: len(messages) for to, messages in received.items()} == dict.fromkeys(
        map(address, ledger.customers()), 1
    )
    assert "Traceback" not in odoo.read_log()
