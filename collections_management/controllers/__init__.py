from . import due_item_export
