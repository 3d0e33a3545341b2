from . import collection_notice_letter, collection_statement, due_item_workbook
