"""Live fields: computed, not stored, yet sorted, filtered and grouped by their SQL.

A model gives the SQL in ``_field_to_sql``; its fields search with ``live_search``.
"""

from odoo.fields import Domain


def live_search(name):
    """Return a search method for the live field ``name``.

    It compares the SQL that ``_field_to_sql`` gives for the field, as for a stored one.
    """

    def search(model, operator, value):
        field = model._fields[name]
        # as the ORM does for a stored field: who may not read it learns nothing by searching
        model._check_field_access(field, "read")
        if operator in ("any", "not any", "any!", "not any!"):
            comodel = model.env[field.comodel_name]
            if operator.endswith("!"):
                comodel = comodel.sudo()
            operator = "not in" if operator.startswith("not") else "in"
            value = comodel.search(value).ids
        if not field.relational and operator in ("=", "!="):
            operator, value = ("in" if operator == "=" else "not in"), [value]

        def to_sql(model, alias, query):
            return field._condition_to_sql(name, operator, value, model, alias, query)

        return Domain.custom(to_sql=to_sql)

    return search
