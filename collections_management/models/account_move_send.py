from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    @api.model
    def _hook_if_errors(self, moves_data, allow_raising=True):
        """Override of ``account``: keep the reason with the invoice, where lists show it."""
        result = super()._hook_if_errors(moves_data, allow_raising=allow_raising)
        for move, move_data in moves_data.items():
            move.collection_sending_error = self._format_error_text(move_data["error"])
        return result

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        """Override of ``account``: what was sent has no error any more."""
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move in moves_data:
            if move.collection_sending_error:
                move.collection_sending_error = False
        return result
