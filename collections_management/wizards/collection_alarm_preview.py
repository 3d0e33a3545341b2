from odoo import api, fields, models
from odoo.exceptions import UserError


class CollectionAlarmPreview(models.TransientModel):
    """The mail that a reader of an alarm would get now, shown and not sent."""

    _name = "collection.alarm.preview"
    _description = "Preview of an Alarm"

    alarm_id = fields.Many2one("collection.alarm", required=True, readonly=True)
    reader_ids = fields.Many2many("res.users", string="Possible Readers", readonly=True)
    user_id = fields.Many2one(
        "res.users",
        string="Reader",
        required=True,
        domain="[('id', 'in', reader_ids)]",
        help="Who has something to look at now, and sees it by their own rights.",
    )
    subject = fields.Char(compute="_compute_mail")
    body = fields.Html(compute="_compute_mail", sanitize=False)

    @api.model
    def _open(self, alarm):
        """Return the action that shows what an alarm would tell.

        :raises UserError: when it has nothing to tell anybody
        """
        readers = self.env["res.users"].browse(
            sorted({id_ for _company, told in self._collect(alarm) for id_ in told})
        )
        if not readers:
            raise UserError(
                self.env._(
                    "“%(alarm)s” has nothing to tell anybody now in %(companies)s, so no mail would be "
                    "sent.",
                    alarm=alarm.name,
                    companies=", ".join(
                        (alarm.company_id or alarm._get_companies()).mapped("name")
                    ),
                )
            )
        own = readers & self.env.user
        preview = self.create(
            {
                "alarm_id": alarm.id,
                "reader_ids": [fields.Command.set(readers.ids)],
                "user_id": (own or readers)[0].id,
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Preview"),
            "res_model": self._name,
            "res_id": preview.id,
            "view_mode": "form",
            "target": "new",
        }

    @api.model
    def _collect(self, alarm, reader=None):
        """Return what an alarm tells in each of the user's companies.

        :return: list of pairs: res.company, dict as ``collection.alarm.content._collect``
        """
        content = self.env["collection.alarm.content"]
        return [
            (company, content._collect(alarm, company, reader))
            for company in (alarm.company_id or alarm._get_companies())
        ]

    @api.depends("alarm_id", "user_id")
    def _compute_mail(self):
        for preview in self:
            user, alarm = preview.user_id, preview.alarm_id
            sections = [
                told[user.id] for _company, told in self._collect(alarm, user) if user.id in told
            ]
            preview.subject = preview.body = False
            if sections:
                preview.subject, preview.body = self.env["collection.alarm.content"]._render_mail(
                    user.sudo(), sections
                )
