"""Data for demonstrations, tests and benchmarks (not part of any Odoo module)."""
