from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

# What a result makes happen: ``_apply_<kind>`` of the contact.
RESULT_KINDS = [
    ("promise", "Promise to pay"),
    ("none", "No commitment"),
    ("reported", "Says it has paid"),
    ("dispute", "Dispute"),
    ("not_reached", "Not reached"),
    ("not_received", "Never got the invoice"),
    ("plan", "Asks for a payment plan"),
    ("wrong_data", "Wrong contact data"),
    ("other", "Note"),
]
# About invoices: without any there is nothing to agree on, or to send.
ABOUT_INVOICES = ("promise", "reported", "dispute", "not_reached", "not_received")


class CollectionContactResult(models.Model):
    """What can come of a contact, and what then happens by itself.

    A bridge adds a kind with ``selection_add`` and a method ``_apply_<kind>`` on
    ``collection.contact`` (and ``_undo_<kind>`` where undoing takes more than what is common).
    """

    _name = "collection.contact.result"
    _description = "Result of a Contact"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        domain="[('parent_id', '=', False)]",
        help="Empty: the result can be chosen in every company.",
    )
    kind = fields.Selection(
        RESULT_KINDS, string="What It Makes Happen", required=True, default="other"
    )
    channel_ids = fields.Many2many(
        "collection.channel",
        string="Only for Channels",
        domain="[('for_contacts', '=', True)]",
        help="Empty: the result can be chosen whatever the channel.",
    )
    description = fields.Text(
        string="Explanation", translate=True, help="Shown to the collector when it is chosen."
    )
    follow_up = fields.Selection(
        [
            ("none", "No task"),
            ("today", "Later today"),
            ("days", "In some working days"),
        ],
        required=True,
        default="none",
        help="The task that the collector gets. Later today: on the next working day where little is "
        "left of this one.",
    )
    follow_up_days = fields.Integer(string="Working Days", default=3)
    activity_type_id = fields.Many2one(
        "mail.activity.type",
        string="Task Type",
        domain="[('res_model', 'in', [False, 'collection.customer'])]",
    )
    template_id = fields.Many2one(
        "mail.template",
        string="E-Mail",
        domain="[('model', '=', 'collection.customer')]",
        ondelete="restrict",
        help="Goes to the customer with the chosen invoices as PDF.",
    )
    send_minutes = fields.Integer(
        string="Minutes Until It Leaves",
        default=10,
        help="So long a slip can be undone before the e-mail, or the invoice, leaves.",
    )

    @api.constrains("follow_up_days", "send_minutes")
    def _check_numbers(self):
        for result in self:
            if result.follow_up_days < 0 or result.send_minutes < 0:
                raise ValidationError(
                    self.env._(
                        "Result “%(result)s”: neither the working days until the task nor the minutes "
                        "until the e-mail leaves can be negative.",
                        result=result.name,
                    )
                )

    @api.constrains("follow_up", "activity_type_id")
    def _check_task_type(self):
        for result in self:
            if result.follow_up != "none" and not result.activity_type_id:
                raise ValidationError(
                    self.env._(
                        "Result “%(result)s” gives the collector a task: choose the type of the task, "
                        "or “No task”.",
                        result=result.name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: contacts that the user may not see keep a result too
        contacts = self.env["collection.contact"].sudo()
        if used := contacts.search([("result_id", "in", self.ids)], limit=1):
            raise UserError(
                self.env._(
                    "Result “%(result)s” was registered with customers and can't be deleted; archive "
                    "it instead.",
                    result=used.result_id.name,
                )
            )

    @api.model
    def _get_agreement_models(self):
        """Hook: the model of the agreement that a kind registers, where it registers one."""
        return {
            "promise": "collection.promise",
            "reported": "collection.reported.payment",
            "dispute": "collection.dispute",
        }

    @api.model
    def _get_missing_kinds(self):
        """Return the kinds whose agreement is not installed here."""
        models = self._get_agreement_models()
        return [kind for kind, model in models.items() if model not in self.env]

    def _get_follow_up_date(self, company):
        """Return the day of the task, by the company's working hours; no task: None.

        :param company: root res.company
        """
        self.ensure_one()
        if self.follow_up == "none":
            return None
        if self.follow_up == "today":
            return company._get_next_chance()
        return company._get_collection_workday(self.follow_up_days)
