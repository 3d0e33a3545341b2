"""Making a database ready for the job of ours or of the peer."""

from odoo import Command


def ours(env):
    """Let the collections run by themselves, on any day and at any hour."""
    company = env.ref("base.user_admin").company_id
    company.write(
        {
            "collection_mode": "automatic",
            "collection_stale_days": 0,
            "email": "collections@company.example.com",
        }
    )
    always = env["resource.calendar"].create(
        {
            "name": "Always",
            "company_id": False,
            "attendance_ids": [
                Command.create(
                    {"name": str(day), "dayofweek": str(day), "hour_from": 0, "hour_to": 24}
                )
                for day in range(7)
            ],
        }
    )
    env["collection.contact.policy"].search([]).write(
        {"calendar_id": always.id, "hour_from": 0, "hour_to": 24}
    )
    _finish(env)


def peer(env):
    """Give account_credit_control's default policy the accounts that it needs to work."""
    company = env.ref("base.user_admin").company_id
    policy = env.ref("account_credit_control.credit_control_3_time")
    policy.account_ids = env["account.account"].search(
        [("account_type", "=", "asset_receivable"), ("company_ids", "in", company.ids)]
    )
    company.credit_policy_id = policy
    _finish(env)


def _finish(env):
    """Commit, and do now what PostgreSQL's autovacuum does within minutes."""
    env.cr.commit()
    env.cr._cnx.autocommit = True
    env.cr.execute("VACUUM (ANALYZE)")
