"""Odoo's command line as a script with a path: with workers it starts itself once more by that path, not by ``-m``."""

import odoo.cli

if __name__ == "__main__":
    odoo.cli.main()
