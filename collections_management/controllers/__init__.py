from . import due_item_export, opening_sheet, statement_export
