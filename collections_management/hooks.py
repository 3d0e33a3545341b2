def pre_init_hook(env):
    """Add the status of invoices with its default in SQL: a moment, however many there are.

    The ORM would rewrite every invoice.
    """
    env.cr.execute(
        """
        ALTER TABLE account_move
          ADD COLUMN IF NOT EXISTS collection_status varchar DEFAULT 'normal'
        """
    )
    env.cr.execute("ALTER TABLE account_move ALTER COLUMN collection_status DROP DEFAULT")


def post_init_hook(env):
    """Make the files of the customers who already owe: set-based, so quick on a big ledger.

    And each main company's address for answers.
    """
    for company in env["res.company"].search([("parent_id", "=", False)]):
        company._make_collection_alias()
        env["collection.customer"].with_company(company)._create_missing(company)


def uninstall_hook(env):
    """Drop the view of tags that the open items' query stands beside."""
    env.cr.execute("DROP VIEW IF EXISTS collection_due_item_category")
