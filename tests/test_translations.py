"""The Spanish of all modules is complete, in the words of the glossary; and the check would see it if it were not."""

import polib

from odoo.tests import TransactionCase, tagged

from i18n import check, update
from tools.settings import module_folders


@tagged("post_install", "-at_install", "standard")
class TestTranslations(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.glossary = check.read_glossary()

    def problems(self, english, spanish, language="es", **options):
        entry = polib.POEntry(msgid=english, msgstr=spanish, **options)
        return list(check.find_problems(entry, language, self.glossary))

    def assert_problem(self, words, *translation, **options):
        self.assertIn(words, " ".join(self.problems(*translation, **options)))

    def test_templates_hold_the_texts_of_the_modules(self):
        for folder in module_folders():
            template = update.read(update.template_path(folder))
            exported = update.export(self.env, folder.name)
            self.assertFalse(
                list(check.find_outdated(template, exported)), f"{folder.name}: make translations"
            )

    def test_translations_are_complete_and_follow_the_glossary(self):
        for folder in module_folders():
            problems = list(check.check_module(folder, self.glossary))
            self.assertFalse(problems, "\n".join(["", *problems]))

    def test_a_good_translation_has_no_problem(self):
        self.assertFalse(self.problems("The amount of %(step)s", "El importe de %(step)s"))

    def test_missing_and_fuzzy_translations_are_seen(self):
        self.assert_problem("not translated", "The amount", "")
        self.assert_problem("fuzzy", "The amount", "El importe", flags=["fuzzy"])

    def test_texts_that_stay_the_same_may_be_empty(self):
        for text in ("1-30", "VIP", "<strong>Total</strong>"):
            self.assertFalse(self.problems(text, ""))

    def test_lost_placeholders_and_tags_are_seen(self):
        self.assert_problem("placeholders", "%(a)s of %(b)s", "%(a)s de %(c)s")
        self.assert_problem("placeholders", "Hello {{ object.name }}", "Hola {{ object.nombre }}")
        self.assert_problem("tags", '<p><t t-out="a"/></p>', '<p><t t-out="b"/></p>')

    def test_words_in_tags_may_be_translated(self):
        self.assertFalse(self.problems('<i title="Failure"/>', '<i title="Fallo"/>'))

    def test_other_words_than_those_of_the_glossary_are_seen(self):
        self.assert_problem("“amount”", "The amount", "El monto")
        self.assert_problem("“amount”", "The amount", "El importe", "es_419")
        self.assert_problem("“claim”", "Two claims", "Dos avisos")

    def test_the_longest_term_counts(self):
        self.assertFalse(self.problems("Payment plans", "Planes de pagos"))
        self.assertFalse(self.problems("Credit notes", "Facturas rectificativas"))
        self.assertFalse(self.problems("Credit notes", "Notas de crédito", "es_419"))

    def test_familiar_forms_are_seen(self):
        for said in ("Revisa tu cuenta", "Si no puedes hoy", "Mañana recibirás otra", "¿Pagaste?"):
            self.assert_problem("usted", "Hello", said)
        for said in ("Además, quizás existe", "Detrás", "Le rogamos que pague"):
            self.assertFalse(self.problems("Hello", said))

    def test_an_update_keeps_translations_when_only_spaces_changed(self):
        template, before = polib.POFile(), polib.POFile()
        template.extend([polib.POEntry(msgid="<p>\n A b\n</p>"), polib.POEntry(msgid="New")])
        before.extend([polib.POEntry(msgid="<p>A b</p>", msgstr="<p>C</p>")])
        merged = update.merge(template, before, "es")
        self.assertEqual([entry.msgstr for entry in merged], ["<p>C</p>", ""])
