from . import (
    collection_call_list,
    collection_notice_letter,
    collection_statement,
    due_item_workbook,
)
