"""Imported once by the process from which Odoo's processes are forked, as the prefork server forks its workers.

It loads the registry of the database that ``FAULTS_DATABASE`` names, so that a process starts in no time.
"""

import os

from odoo import sql_db
from odoo.modules.registry import Registry
from odoo.tools import config

config.parse_config(
    ["-d", os.environ["FAULTS_DATABASE"], "--no-http", "--log-level=warn"], setup_logging=True
)
Registry(os.environ["FAULTS_DATABASE"])
# each process opens connections of its own
sql_db.close_all()

# Odoo's models can be imported when the registry is there
from . import actions  # noqa: E402, F401
