from markupsafe import Markup

from odoo import api, fields, models


class CollectionAlarmToday(models.TransientModel):
    """What the alarms tell a person at this moment: “My Alarms”, which needs no mail."""

    _name = "collection.alarm.today"
    _description = "My Alarm"
    _order = "id"
    _rec_name = "name"

    alarm_id = fields.Many2one("collection.alarm", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    name = fields.Char(string="Alarm Name", readonly=True)
    to_do = fields.Char(string="What to Do", readonly=True)
    count = fields.Integer(readonly=True)
    totals = fields.Char(string="Amounts", readonly=True)
    first = fields.Text(string="First Ones", readonly=True)
    model = fields.Char(readonly=True)
    record_ids = fields.Json(readonly=True)
    action = fields.Char(readonly=True)

    @api.model
    def _open(self):
        """Look at all alarms for the user, and return the action that shows them."""
        self.search([("create_uid", "=", self.env.uid)]).sudo().unlink()
        content = self.env["collection.alarm.content"]
        # sudo: who has something to look at need not have rights on the alarms themselves
        alarms = self.env["collection.alarm"].sudo()
        values = []
        for company in alarms._get_companies():
            for alarm in alarms.search([("company_id", "in", (False, company.id))]):
                told = content._collect(alarm, company, self.env.user)
                if section := told.get(self.env.uid):
                    values.append(self._prepare_values(section))
        made = self.create(values)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("My Alarms"),
            "res_model": self._name,
            "view_mode": "kanban,list",
            "domain": [("id", "in", made.ids)],
            "path": "collection-my-alarms",
            "help": self._get_help(),
        }

    @api.model
    def _prepare_values(self, section):
        """Return the values of what is shown of a section."""
        names = list(dict.fromkeys(row["customer"] for row in section.rows))
        return {
            "alarm_id": section.alarm_id,
            "company_id": section.company_id,
            "name": section.name,
            "to_do": section.to_do,
            "count": len(section.ids),
            "totals": " · ".join(section.totals),
            "first": ", ".join(names[:3]) + (", …" if len(names) > 3 else ""),
            "model": section.model,
            "record_ids": section.ids,
            "action": section.action,
        }

    @api.model
    def _get_help(self):
        return Markup('<p class="o_view_nocontent_smiling_face">%s</p><p>%s</p>') % (
            self.env._("Nothing to look at"),
            self.env._(
                "Here stands whatever the alarms have to tell you at this moment: broken promises, "
                "replies that wait and so on. It is also in your morning mail."
            ),
        )

    def action_open_list(self):
        """Open exactly the records that are counted."""
        self.ensure_one()
        return self.env["collection.alarm"]._open_records(
            self.model, self.record_ids, self.action, name=self.name
        )
