"""Prepares the files that pages load: ``python -m tools.inside.assets DATABASE``."""

import sys

from . import open_environment


def main(database):
    """Generate and store all bundles, as Odoo's own test runner does.

    A browser test would generate them again and again, as each one's changes are undone.
    """
    with open_environment(database) as env:
        env["ir.qweb"]._pregenerate_assets_bundles()
        env.cr.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
