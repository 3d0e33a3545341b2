# ruff: noqa: SIM905 (lists of names read better as running text)
"""Are the rows written set-based those that the ORM would have written?

* ``snapshot`` and ``differences`` compare two loads of one ledger column by column, with ids
  replaced by what they stand for.
* ``recompute`` lets the ORM compute stored fields of loaded records again.
"""

from collections import Counter

# Who and when, and what is free to differ between two loads.
IGNORED = {"id", "create_uid", "write_uid", "create_date", "write_date", "access_token"}

# Columns that refer to what each load makes anew, with their tables.
REFERENCES = {
    "partner_id": "res_partner",
    "commercial_partner_id": "res_partner",
    "partner_shipping_id": "res_partner",
    "move_id": "account_move",
    "reversed_entry_id": "account_move",
    "origin_payment_id": "account_payment",
    "payment_id": "account_payment",
}

# Stored computed fields that follow from the rest of a record, by model.
COMPUTED = {
    "account.move": """
        amount_untaxed amount_tax amount_total amount_residual amount_untaxed_signed
        amount_untaxed_in_currency_signed amount_tax_signed amount_total_signed
        amount_total_in_currency_signed amount_residual_signed payment_state
        sequence_prefix sequence_number made_sequence_gap commercial_partner_id
        always_tax_exigible
    """.split(),
    "account.move.line": """
        amount_residual amount_residual_currency reconciled debit credit price_subtotal
        price_total move_name parent_state date invoice_date ref journal_id company_id
        company_currency_id tax_line_id tax_group_id payment_id
    """.split(),
    "res.partner": """
        complete_name commercial_partner_id commercial_company_name email_normalized
        partner_share
    """.split(),
    "account.payment": ["is_reconciled", "is_matched", "amount_company_currency_signed"],
    "account.partial.reconcile": ["max_date", "company_id", "debit_currency_id"],
}


def recompute(records, names=None):
    """Compute stored fields of ``records`` again and return what differs, as texts.

    :param names: field names (default: those in ``COMPUTED`` for the model)
    """
    env = records.env
    names = names or COMPUTED[records._name]
    env.flush_all()
    env.invalidate_all()
    before = {record.id: {name: record[name] for name in names} for record in records}
    for name in names:
        env.add_to_compute(records._fields[name], records)
    texts = []
    for record in records:
        for name in names:
            old, new = before[record.id][name], record[name]
            if not _same(old, new):
                texts.append(f"{record} {name}: {old!r}, computed again {new!r}")
    return texts


def _same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-6
    return one == other


class Snapshot:
    """All columns of what ``load`` made, with ids of one load replaced by keys of the ledger."""

    def __init__(self, loaded):
        self.env = next(iter(loaded.companies.values())).env
        self.env.flush_all()
        self.rows = {}
        self._keys = {"res_partner": _keys(loaded.partners), "account_move": _keys(loaded.moves)}
        self._keys["account_payment"] = _keys(loaded.payments)
        for key, payment in loaded.payments.items():
            self._keys["account_move"][payment.move_id.id] = f"{key}.move"
        self._lines = {}
        self._add_table("account_move")
        self._add_table("account_payment")
        self._add_lines()
        self._add_relations()
        self._add_partials()
        self._add_ranks()

    def _add_table(self, table):
        keys = self._keys[table]
        for row in self._read(table, "id", list(keys)):
            self.rows[table, keys[row["id"]]] = self._normalised(table, row)

    def _add_lines(self):
        """Lines of a move in an order that does not depend on their ids."""
        moves = self._keys["account_move"]
        rows = self._read("account_move_line", "move_id", list(moves))
        rows.sort(
            key=lambda row: (
                moves[row["move_id"]],
                row["display_type"],
                row["date_maturity"] or row["date"],
                row["product_id"] or 0,
                row["balance"],
            )
        )
        numbers = Counter()
        for row in rows:
            move = moves[row["move_id"]]
            numbers[move] += 1
            key = f"{move}#{numbers[move]}"
            self._lines[row["id"]] = key
            self.rows["account_move_line", key] = self._normalised("account_move_line", row)

    def _add_relations(self):
        for table, column, other in (
            ("account_move_line_account_tax_rel", "account_move_line_id", "account_tax_id"),
            (
                "account_account_tag_account_move_line_rel",
                "account_move_line_id",
                "account_account_tag_id",
            ),
        ):
            for row in self._read(table, column, list(self._lines)):
                key = f"{self._lines[row[column]]} {row[other]}"
                self.rows[table, key] = {}
        moves, payments = self._keys["account_move"], self._keys["account_payment"]
        for row in self._read("account_move__account_payment", "payment_id", list(payments)):
            key = f"{payments[row['payment_id']]} {moves[row['invoice_id']]}"
            self.rows["account_move__account_payment", key] = {}

    def _add_partials(self):
        for row in self._read("account_partial_reconcile", "debit_move_id", list(self._lines)):
            debit = self._lines[row["debit_move_id"]]
            credit = self._lines.get(row["credit_move_id"], "elsewhere")
            values = self._normalised("account_partial_reconcile", row)
            del values["debit_move_id"], values["credit_move_id"]
            self.rows["account_partial_reconcile", f"{debit} {credit}"] = values

    def _add_ranks(self):
        for row in self._read("res_partner", "id", list(self._keys["res_partner"])):
            key = self._keys["res_partner"][row["id"]]
            self.rows["res_partner", key] = {"is customer": row["customer_rank"] > 0}

    def _read(self, table, column, ids):
        self.env.cr.execute(f'SELECT * FROM "{table}" WHERE "{column}" IN %s', [tuple(ids) or (0,)])
        return self.env.cr.dictfetchall()

    def _normalised(self, table, row):
        """A row with its own ids replaced and amounts rounded."""
        values = {name: value for name, value in row.items() if name not in IGNORED}
        if row.get("origin_payment_id") or row.get("payment_id") or table == "account_payment":
            for name in ("name", "move_name", "sequence_number"):  # numbers as payments come
                values.pop(name, None)
        for name, value in values.items():
            if name == "exchange_move_id":
                values[name] = bool(value)
            elif name in ("full_reconcile_id", "matching_number"):
                values[name] = value and str(value).startswith("P")
            elif isinstance(value, float):
                values[name] = round(value, 6)
            elif value and name in REFERENCES:
                values[name] = self._keys[REFERENCES[name]].get(value, value)
        return values


def _keys(records):
    return {record.id: key for key, record in records.items()}


def differences(one, other):
    """What differs between two snapshots, as texts."""
    texts = []
    for key in sorted(one.rows.keys() | other.rows.keys(), key=str):
        if key not in one.rows or key not in other.rows:
            texts.append(f"{key}: only in the {'first' if key in one.rows else 'second'} load")
            continue
        first, second = one.rows[key], other.rows[key]
        texts += [
            f"{key} {name}: {first[name]!r} and {second[name]!r}"
            for name in first
            if first[name] != second[name]
        ]
    return texts
