"""What runs inside Odoo's Python, with ``odoo`` to import; the rest of the tools runs outside."""

from contextlib import contextmanager

from odoo.api import SUPERUSER_ID, Environment
from odoo.modules.registry import Registry
from odoo.tools import config


@contextmanager
def open_environment(database, log_level="warn"):
    """Give an environment of the superuser in a database, as Odoo's shell does; what isn't committed is rolled back.

    :param database: its name
    :param log_level: least level that is logged
    """
    config.parse_config(
        ["-d", database, "--no-http", f"--log-level={log_level}"], setup_logging=True
    )
    with Registry(database).cursor() as cr:
        yield Environment(cr, SUPERUSER_ID, {})
