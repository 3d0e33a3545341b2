"""The development environment: gets Odoo 19 ready, then runs demo, tests, linters and benchmarks in it.

Only the standard library is used here, as these files run before anything is installed.
"""
