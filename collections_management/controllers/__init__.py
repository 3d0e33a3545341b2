from . import dispute_invoice, due_item_export, opening_sheet, statement_export
