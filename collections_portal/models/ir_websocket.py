from odoo import models

PREFIX = "collections_portal:"


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Override of ``bus``: a customer's open page hears of news with its own right of access.

        The page asks for ``collections_portal:<token>``; what is no valid token is left out.
        """
        asked = [name for name in channels if isinstance(name, str) and name.startswith(PREFIX)]
        channels = [name for name in channels if name not in asked]
        for name in asked:
            files = self.env["collection.customer"]
            customer, _contact = files._find_by_portal_token(name.removeprefix(PREFIX))
            if customer:
                channels.append((customer, "portal"))
        return super()._build_bus_channel_list(channels)
