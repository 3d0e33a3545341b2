from . import (
    collection_opening_part,
    collection_opening_collector,
    collection_opening_claim,
    collection_opening_pause,
    collection_opening_action,
    collection_opening_comment,
    collection_opening_agreement,
    collection_opening_promise,
    collection_opening_dispute,
    collection_opening_plan,
    collection_opening_sheet,
    collection_opening_workbook,
)
