from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class CollectionDelayReason(models.Model):
    """Why customers are late: a catalogue. Set on a contact, kept on invoice and customer's file."""

    _name = "collection.delay.reason"
    _description = "Reason for Delay"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        domain="[('parent_id', '=', False)]",
        help="Empty: the reason can be given in every company.",
    )
    description = fields.Text(translate=True, help="When it is the right one.")

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: contacts that the user may not see keep a reason too
        contacts = self.env["collection.contact"].sudo()
        if used := contacts.search([("delay_reason_id", "in", self.ids)], limit=1):
            raise UserError(
                self.env._(
                    "Reason “%(reason)s” was given by customers and can't be deleted; archive it "
                    "instead.",
                    reason=used.delay_reason_id.name,
                )
            )

    def _keep(self, customer, moves):
        """Keep the reason on a customer's file and its invoices; without reason: they lose theirs.

        Set-based: the ORM would look at all journal items of each invoice.

        :param customer: collection.customer
        :param moves: account.move
        """
        customer.delay_reason_id = self
        moves.flush_model(["collection_delay_reason_id"])
        self.env.cr.execute(
            SQL(
                "UPDATE account_move SET collection_delay_reason_id = %s WHERE id IN %s",
                self.id or None,
                tuple(moves.ids) or (0,),
            )
        )
        moves.invalidate_recordset(["collection_delay_reason_id"], flush=False)
