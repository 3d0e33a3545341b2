from . import (
    base_partner_merge,
    collection_dry_run,
    collection_dry_run_item,
    collection_dry_run_notice,
    collection_going_live,
    collection_mark_done,
    collection_opening_import,
    collection_pause,
    collection_preview,
    collection_whatsapp,
    collection_statement_wizard,
    mail_compose_message,
)
