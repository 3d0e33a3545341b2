from odoo import api, models
from odoo.exceptions import ValidationError


class MailTemplate(models.Model):
    _inherit = "mail.template"

    @api.constrains("active")
    def _check_active_for_steps(self):
        """Refuse to archive a message that a step would send."""
        archived = self.filtered(lambda template: not template.active)
        step = (
            self.env["collection.step"]
            .sudo()
            .search(
                [
                    "|",
                    ("template_id", "in", archived.ids),
                    ("whatsapp_template_id", "in", archived.ids),
                ],
                limit=1,
            )
        )
        if step:
            raise ValidationError(
                self.env._(
                    "Message “%(template)s” is sent by step “%(step)s” of scheme “%(scheme)s”: "
                    "choose another message there before you archive it.",
                    template=(archived & (step.template_id | step.whatsapp_template_id))[:1].name,
                    step=step.name,
                    scheme=step.strategy_id.name,
                )
            )
