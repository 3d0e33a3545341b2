"""What runs in a process of its own, inside Odoo: ``python -m benchmarks.measured DATABASE FUNCTION``.

Each public function of these modules takes an environment and returns what it measured as a
dictionary that JSON can hold.
"""
