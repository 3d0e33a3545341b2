"""Checks the translations: ``python -m i18n.check``; the tests run it too.

Complete, nothing fuzzy, placeholders and tags as in the English text, the terms of ``glossary.csv``, and nobody is
called "tú".
"""

import csv
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

from tools.settings import module_folders

from .update import LANGUAGES, read, template_path, translation_path

GLOSSARY = Path(__file__).with_name("glossary.csv")
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sdf]|\{\{.*?\}\}|\$\{.*?\}")
TAG = re.compile(r"<[^<>]+>")
# what a translator may change in a tag
WORDS_IN_TAG = re.compile(r'\b(title|alt|aria-label|placeholder|string)="[^"]*"')
# imperatives of tú look like other forms, and are left to the reader
FAMILIAR = re.compile(
    r"\b(tú|tus?|te|ti|contigo|vos|os|vosotr[oa]s|vuestr[oa]s?"
    r"|eres|estás|has|tienes|puedes|debes|quieres|necesitas|haz|ponte"
    r"|\w+(?<!at)(?<!det)rás|\w+[áé]is|\w+aste|\w+(?<!ex)(?<!cons)(?<!ins)iste)\b"
)


class Term:
    """A row of the glossary: an English term, and how it may be said in each language.

    ``*`` stands for any ending; the first rendering is the one to prefer, "=" says that the text is the same in
    Spanish. Texts that contain one of those under ``except`` use the word for something else.
    """

    def __init__(self, row):
        self.name = row["term"]
        self.is_same = row["es"] == "="
        self.exceptions = _options(row["except"])
        self.pattern = re.compile(rf"\b{_to_pattern(self.name, 's')}\b")
        self.renderings = {
            language: re.compile(
                "|".join(rf"\b{_to_pattern(said, '(?:e?s)')}\b" for said in _options(row[language]))
            )
            for language in LANGUAGES
        }


def read_glossary(path=GLOSSARY):
    """Return the terms, longest first, as "credit note" is not about a note."""
    with path.open(encoding="utf-8", newline="") as file:
        return sorted(map(Term, csv.DictReader(file)), key=lambda term: -len(term.name))


def find_problems(entry, language, glossary):
    """Yield what is wrong with a translation, in words for the translator.

    :param entry: a polib entry
    :param language: "es" or "es_419"
    :param glossary: list of :class:`Term`
    """
    if not entry.msgstr:
        if not _is_same(entry.msgid, glossary):
            yield "is not translated"
        return
    if entry.fuzzy:
        yield "is fuzzy"
    for kind, found in (("placeholders", PLACEHOLDER.findall), ("tags", _tags)):
        if Counter(found(entry.msgid)) != Counter(found(entry.msgstr)):
            yield f"has other {kind} than the English text"
    yield from _find_strange_words(entry, language, glossary)


def find_outdated(template, exported):
    """Yield how the texts in a .pot file differ from those that the module has now."""
    kept, now = ({entry.msgid for entry in catalogue} for catalogue in (template, exported))
    for text in sorted(now - kept):
        yield f"is missing: {text!r}"
    for text in sorted(kept - now):
        yield f"is no longer in the module: {text!r}"


def check_module(folder, glossary):
    """Yield a line for every problem in the translations of the module in a folder."""
    template = read(template_path(folder))
    for language in LANGUAGES:
        catalogue = read(translation_path(folder, language))
        place = f"{folder.name}/i18n/{language}.po"
        for problem in find_outdated(catalogue, template):
            yield f"{place}: {problem}; make translations"
        for entry in catalogue:
            for problem in find_problems(entry, language, glossary):
                yield f"{place}, line {entry.linenum}: “{_words(entry.msgid)}” {problem}: “{_words(entry.msgstr)}”"


def _find_strange_words(entry, language, glossary):
    said = _words(entry.msgstr)
    if familiar := FAMILIAR.search(said):
        yield f"must say usted, but has “{familiar.group()}”"
    source, said = _words(entry.msgid), _unaccented(said)
    for term in glossary:
        source, times = term.pattern.subn(" ", source)
        if not times or any(text in entry.msgid for text in term.exceptions):
            continue
        if not (term.is_same or term.renderings[language].search(said)):
            yield f"has none of the glossary's words for “{term.name}”"


def _is_same(text, glossary):
    """Return whether a text is the same in Spanish: one that the glossary says is, or no words."""
    bare = PLACEHOLDER.sub("", TAG.sub("", text)).strip()
    return not re.search("[A-Za-z]", bare) or any(
        term.is_same and term.name == bare for term in glossary
    )


def _to_pattern(words, plural):
    """Return a pattern for a term: each of its words may be in the plural, ``*`` is any ending."""
    escaped = re.escape(_unaccented(words.lower())).replace(r"\ ", " ")
    return " ".join(
        word.replace(r"\*", r"\w*") if word.endswith("*") else f"{word}{plural}?"
        for word in escaped.split()
    )


def _options(cell):
    return [option.strip() for option in cell.split("|") if option.strip()]


def _words(text):
    """Return a text in lower case, without tags, placeholders and line breaks."""
    return " ".join(PLACEHOLDER.sub(" ", TAG.sub(" ", text)).lower().split())


def _unaccented(text):
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _tags(text):
    return [" ".join(WORDS_IN_TAG.sub("", tag).split()) for tag in TAG.findall(text)]


def main():
    """Print all problems and return how many there are."""
    glossary = read_glossary()
    problems = [line for folder in module_folders() for line in check_module(folder, glossary)]
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
