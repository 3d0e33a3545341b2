from . import alarm_links, dispute_invoice, due_item_export, opening_sheet, statement_export
