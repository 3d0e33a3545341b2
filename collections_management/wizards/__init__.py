from . import base_partner_merge, collection_pause, collection_preview, mail_compose_message
