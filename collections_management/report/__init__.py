from . import (
    workbook,
    collection_call_list,
    collection_notice_letter,
    collection_plan,
    collection_preparation,
    collection_statement,
    collection_statement_workbook,
    due_item_workbook,
)
