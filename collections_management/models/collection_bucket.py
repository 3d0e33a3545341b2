from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, ormcache


class CollectionBucket(models.Model):
    """An ageing bucket: a span of days overdue.

    Buckets without company are everybody's; as soon as a company has buckets of
    its own, only those count for it.
    """

    _name = "collection.bucket"
    _description = "Ageing Bucket"
    _order = "company_id, days_from, id"

    name = fields.Char(required=True, translate=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        ondelete="cascade",
        domain="[('parent_id', '=', False)]",
        help="Empty: for every company that has no buckets of its own.",
    )
    days_from = fields.Integer(
        string="From Days Overdue",
        required=True,
        help="First day overdue of the bucket. The bucket reaches to the day before the next "
        "bucket begins; the first one also holds all that is not due yet.",
    )

    _days_unique = models.UniqueIndex(
        "(COALESCE(company_id, 0), days_from)",
        "Two buckets of a company can't begin on the same day.",
    )

    @api.constrains("company_id")
    def _check_root_company(self):
        for bucket in self:
            if bucket.company_id.parent_id:
                raise ValidationError(
                    self.env._(
                        "Bucket “%(bucket)s” belongs to branch %(branch)s; customers are followed "
                        "by main company: choose %(root)s.",
                        bucket=bucket.name,
                        branch=bucket.company_id.name,
                        root=bucket.company_id.root_id.name,
                    )
                )

    @api.model
    def _get_case_sql(self, root_company, days_overdue):
        """Return the SQL expression of the bucket's id.

        :param SQL root_company: expression of the root company's id
        :param SQL days_overdue: expression of the days overdue (integer; 0 or less: not due)
        :rtype: SQL
        """
        default = SQL("NULL::int")
        cases = []
        for company_id, buckets in self._get_starts():
            (lowest, _start), *others = buckets
            expression = SQL("%s", lowest)
            for bucket_id, start in others:
                expression = SQL(
                    "CASE WHEN %s >= %s THEN %s ELSE %s END",
                    days_overdue,
                    start,
                    bucket_id,
                    expression,
                )
            if company_id:
                cases.append(SQL("WHEN %s = %s THEN %s", root_company, company_id, expression))
            else:
                default = expression
        if not cases:
            return default
        return SQL("CASE %s ELSE %s END", SQL(" ").join(cases), default)

    @api.model
    def _get_of_company(self, company):
        """Return the buckets of a main company, its own or everybody's, youngest debt first."""
        # sudo: the ageing is the company's, whoever looks at it
        buckets = self.sudo().search([("company_id", "in", [False, company.id])])
        own = buckets.filtered("company_id")
        return (own or buckets).sorted("days_from")

    @api.model
    @ormcache()
    def _get_starts(self):
        """Return the buckets of each company: pairs of its id (False: everybody's) and a tuple of
        (bucket id, first day overdue), ascending."""
        groups = self.sudo().search([]).grouped("company_id").items()
        return tuple(
            (
                company.id,
                tuple((bucket.id, bucket.days_from) for bucket in buckets.sorted("days_from")),
            )
            for company, buckets in groups
        )

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()
