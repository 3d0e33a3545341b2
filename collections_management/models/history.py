"""Notes in the histories of many records at once."""

from odoo.tools import SQL

# Not copied: the database numbers the copies itself.
OWN = {"id", "res_id"}


def log_notes(records, texts):
    """Log a note on each of some records, as Odoo's ``_message_log_batch`` does.

    Odoo writes one note for each different text; those of the other records are copies of that row,
    made by one statement a text: by the ORM a note costs half a millisecond, and a day may have
    thousands with a few texts. A note mentions nobody and has no files, so its row is all of it.

    :param records: of a model with a conversation (``mail.thread``)
    :param dict texts: text by id of the record
    """
    alike = records.grouped(lambda record: texts[record.id]).items()
    firsts = {some[0].id: text for text, some in alike}
    notes = records.browse(firsts)._message_log_batch(firsts)
    env = notes.env
    env.flush_all()
    names = SQL(", ").join(
        SQL.identifier(name)
        for name, field in notes._fields.items()
        if field.store and field.column_type and name not in OWN
    )
    for note, (_text, some) in zip(notes, alike, strict=True):
        if len(some) > 1:
            env.cr.execute(
                SQL(
                    "INSERT INTO mail_message (res_id, %(names)s) "
                    "SELECT other.id, %(names)s FROM mail_message note, unnest(%(others)s) other (id) "
                    "WHERE note.id = %(note)s",
                    names=names,
                    others=some[1:].ids,
                    note=note.id,
                )
            )
    # as the ORM does for a new message
    records.invalidate_recordset(["message_ids"], flush=False)
