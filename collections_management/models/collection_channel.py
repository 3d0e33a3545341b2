from odoo import api, fields, models
from odoo.exceptions import UserError


class CollectionChannel(models.Model):
    """A way to reach a customer: e-mail, letter, call, WhatsApp by hand...

    A bridge module adds a channel with a record of this model and a method
    ``_deliver_<code>`` on ``collection.notice`` (see ``collection.notice._deliver``).
    """

    _name = "collection.channel"
    _description = "Collection Channel"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        readonly=True,
        help="Technical name: notices on this channel are delivered by the method "
        "_deliver_<code> of the notice.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    is_message = fields.Boolean(
        string="Counts as a Message",
        help="The customer receives something. Only messages count for the contact policy's "
        "'no more than one message in N days', and only they follow the channel that a "
        "customer prefers.",
    )
    is_manual = fields.Boolean(
        string="Done by a Person",
        help="The notice becomes a task for the collector, who confirms when it is done.",
    )
    for_steps = fields.Boolean(readonly=True, default=True, help="Notices can go by this channel.")
    for_contacts = fields.Boolean(
        default=True,
        help="Contacts with customers are registered under this channel.",
    )
    activity_type_id = fields.Many2one(
        "mail.activity.type", string="Task Type", help="Type of the task for manual channels."
    )

    _code_unique = models.UniqueIndex("(code)", "There is already a channel with this code.")

    def _get_needed_field(self):
        """Hook: the field of a contact without which the channel does not reach it.

        :return: name of a field of res.partner; falsy: any contact will do (a letter goes to the
            customer's address where the contact has none)
        """
        self.ensure_one()
        needed = {"letter": False, "visit": False, "call": "phone", "whatsapp": "phone"}
        return needed.get(self.code, "email")

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: notices that the user may not see keep a channel too
        used = (
            self.env["collection.notice"].sudo().search([("channel_id", "in", self.ids)], limit=1)
        )
        if used:
            raise UserError(
                self.env._(
                    "Channel “%(channel)s” has notices and can't be deleted; archive it instead.",
                    channel=used.channel_id.name,
                )
            )
