from odoo import api, fields, models
from odoo.exceptions import UserError


class CollectionDisputeHandOver(models.TransientModel):
    """Someone else solves it: another area, another owner, and why."""

    _name = "collection.dispute.hand.over"
    _description = "Hand Over Disputes"

    dispute_ids = fields.Many2many("collection.dispute", string="Disputes", required=True)
    company_id = fields.Many2one("res.company", compute="_compute_company_id")
    area_id = fields.Many2one(
        "collection.area",
        string="Area",
        compute="_compute_area_id",
        store=True,
        readonly=False,
        required=True,
        domain="[('company_id', 'in', [False, company_id])]",
    )
    owner_id = fields.Many2one(
        "res.users",
        string="Owner",
        compute="_compute_owner_id",
        store=True,
        readonly=False,
        domain="[('share', '=', False)]",
        help="Empty: the customer's collector.",
    )
    note = fields.Text(string="Why", help="For the new owner, in the dispute's discussion.")

    @api.depends("dispute_ids")
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = wizard.dispute_ids.company_id[:1]

    @api.depends("dispute_ids")
    def _compute_area_id(self):
        for wizard in self:
            areas = wizard.dispute_ids.area_id
            wizard.area_id = areas if len(areas) == 1 else areas.browse()

    @api.depends("area_id")
    def _compute_owner_id(self):
        for wizard in self:
            wizard.owner_id = wizard.area_id.responsible_id

    def action_hand_over(self):
        """Hand the disputes over; the new owner finds why in the discussion."""
        self.ensure_one()
        disputes = self.dispute_ids
        disputes.check_access("write")
        for dispute in disputes:
            if dispute.state != "open":
                raise UserError(
                    self.env._(
                        "%(dispute)s is in state “%(state)s”: only an open dispute can be handed "
                        "over.",
                        dispute=dispute.number,
                        state=dispute._get_state_name(),
                    )
                )
        # sudo: whoever hands it over may not see it any more then
        given = disputes.sudo()
        moved = given.filtered(lambda dispute: dispute.area_id != self.area_id)
        moved.write({"area_id": self.area_id.id})
        for dispute in given:
            dispute.owner_id = self.owner_id or dispute.customer_id.collector_id
            if self.note:
                dispute.message_post(
                    body=self.note,
                    author_id=self.env.user.partner_id.id,
                    message_type="comment",
                    subtype_xmlid="mail.mt_comment",
                )
        return self.env["collection.dispute"]._get_list_action()
