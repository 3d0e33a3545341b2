"""Brings every module's .pot and .po files up to date: ``python -m i18n.update DATABASE``, or ``make translations``.

Translations stay with their text, new texts are left empty to be translated, and those that are gone are dropped.
"""

import io
import re
import sys

import polib

from odoo.tools.translate import trans_export

from tools.inside import open_environment
from tools.settings import module_folders

LANGUAGES = ("es", "es_419")
HEADER = {
    "Project-Id-Version": "Odoo Server 19.0",
    "Report-Msgid-Bugs-To": "",
    "Last-Translator": "",
    "Language-Team": "",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}


def export(env, module):
    """Return the texts of a module, as the database that has it installed knows them.

    :rtype: polib.POFile
    """
    exported = io.BytesIO()
    trans_export(None, [module], exported, "po", env)
    catalogue = polib.pofile(exported.getvalue().decode())
    # without the dates, so that nothing changes when no text does
    catalogue.header, catalogue.metadata = "", HEADER | {"Plural-Forms": ""}
    return catalogue


def merge(template, translated, language):
    """Return a template's texts with their translations, wherever a catalogue has them.

    :param template: catalogue without translations
    :param translated: catalogue of before; spaces and line breaks of its texts may differ
    :param language: its code
    :rtype: polib.POFile
    """
    known = {_squeeze(entry.msgid): entry.msgstr for entry in translated if entry.msgstr}
    merged = polib.POFile()
    merged.metadata = HEADER | {
        "Language": language,
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    for entry in sorted(template, key=lambda entry: entry.msgid):
        text = known.get(_squeeze(entry.msgid), "")
        merged.append(
            polib.POEntry(
                msgid=entry.msgid,
                # Odoo and the linters want it empty where it is the same in both languages
                msgstr="" if text == entry.msgid else text,
                comment=entry.comment,
                occurrences=entry.occurrences,
            )
        )
    return merged


def read(path):
    """Return the catalogue in a file, an empty one if there is no such file."""
    return polib.pofile(str(path)) if path.exists() else polib.POFile()


def template_path(folder):
    """Return where the template of the module in a folder is kept."""
    return folder / "i18n" / f"{folder.name}.pot"


def translation_path(folder, language):
    """Return where a translation of the module in a folder is kept."""
    return folder / "i18n" / f"{language}.po"


def main(database):
    """Update all files of all modules; ``python -m i18n.check`` then says what is to be translated."""
    with open_environment(database) as env:
        for folder in module_folders():
            template = export(env, folder.name)
            template_path(folder).parent.mkdir(exist_ok=True)
            template.save(str(template_path(folder)))
            for language in LANGUAGES:
                path = translation_path(folder, language)
                merge(template, read(path), language).save(str(path))


def _squeeze(text):
    return re.sub(r"\s*([<>])\s*", r"\1", " ".join(text.split()))


if __name__ == "__main__":
    main(*sys.argv[1:])
