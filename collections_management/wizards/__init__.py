from . import (
    base_partner_merge,
    collection_going_live,
    collection_pause,
    collection_preview,
    mail_compose_message,
)
