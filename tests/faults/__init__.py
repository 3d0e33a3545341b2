"""Faults, for real: Odoo in processes of its own on a database of its own, and a mail server behind a bad line.

``ledger.py`` makes the database and reads it, ``processes.py`` starts Odoo's processes, ``actions.py`` is what they do,
``line.py`` is the line to the mail server, ``conftest.py`` puts them together.
"""
