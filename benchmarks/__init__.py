"""How fast the collections are, beside a peer and beside plain SQL: ``make bench``. See docs/benchmarks.md.

What is in ``measured`` runs inside Odoo's Python, one process a measurement; the rest prepares the
databases, puts the figures together and reports them.
"""
