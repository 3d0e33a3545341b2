from odoo import api, models


class CollectionClosedDays(models.AbstractModel):
    """What decides on which days contact policies work: when it changes, they are asked again.

    See ``collection.contact.policy._get_closed``.
    """

    _name = "collection.closed.days"
    _description = "What Closes Contact Policies"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._clear_closed_days()
        return records

    def write(self, vals):
        self._clear_closed_days()
        result = super().write(vals)
        self._clear_closed_days()
        return result

    def unlink(self):
        self._clear_closed_days()
        return super().unlink()

    def _clear_closed_days(self):
        self.env.registry.clear_cache()


class ResourceCalendar(models.Model):
    _name = "resource.calendar"
    _inherit = ["resource.calendar", "collection.closed.days"]


class ResourceCalendarAttendance(models.Model):
    _name = "resource.calendar.attendance"
    _inherit = ["resource.calendar.attendance", "collection.closed.days"]


class ResourceCalendarLeaves(models.Model):
    _name = "resource.calendar.leaves"
    _inherit = ["resource.calendar.leaves", "collection.closed.days"]

    def _clear_closed_days(self):
        """Override: a person's days off close nothing."""
        if any(not leave.resource_id for leave in self):
            super()._clear_closed_days()
