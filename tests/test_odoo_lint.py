"""Odoo's own lint tests (its module test_lint), over our modules only.

They would walk every module on the add-ons path; here that is narrowed to ours, and what they only log is a failure.
Not here: the checks of Odoo's checkers, eslint (``make lint`` runs it with Odoo's rules), and conflict markers.
"""

from unittest.mock import PropertyMock, patch

from odoo.modules import Manifest
from odoo.tests import TransactionCase, tagged
from odoo.tools import config

from odoo.addons.test_lint.tests import (
    test_docstring,
    test_dunderinit,
    test_i18n,
    test_index,
    test_jstranslate,
    test_l10n,
    test_manifests,
    test_naming,
    test_onchange_domains,
    test_orm_import,
    test_override_signatures,
    test_pofile,
    test_pylint,
    test_routes,
    test_test_holes,
)

from tools.settings import module_folders

# Odoo's own, brought by l10n_es; its authors run this test without that module
ODOOS_UNINDEXED = {"certificate.certificate.company_id"}
OURS = [folder.name for folder in module_folders()]


class OursOnly:
    """Narrows what a lint test walks to our modules."""

    def setUp(self):
        super().setUp()
        manifests = [Manifest.for_addon(name) for name in OURS]
        self.startPatcher(patch.object(Manifest, "all_addon_manifests", lambda: manifests))
        # imported by name there
        self.startPatcher(patch.object(test_pofile, "get_modules", lambda: OURS))
        ignored = test_index.BTREE_INDEX_IGNORE_FIELDS | ODOOS_UNINDEXED
        self.startPatcher(patch.object(test_index, "BTREE_INDEX_IGNORE_FIELDS", ignored))
        # pylint is run on Odoo itself too, so let the first of ours stand for it
        root = PropertyMock(return_value=manifests[0].path)
        self.startPatcher(patch.object(type(config), "root_path", root))
        self.enterContext(self.assertNoLogs("odoo.addons.test_lint", "WARNING"))


def _narrowed(base):
    """Return a test class of this module that runs one of Odoo's on our modules."""
    cls = type(f"{base.__name__}OfOurs", (OursOnly, base), {"__module__": __name__})
    return tagged("post_install", "-at_install")(cls)


TestDocstrings = _narrowed(test_docstring.TestDocstring)
TestInitFiles = _narrowed(test_dunderinit.TestDunderinit)
TestTranslatableProps = _narrowed(test_i18n.TestI18n)
TestIndexOfInverses = _narrowed(test_index.TestIndex)
TestJavaScriptTranslations = _narrowed(test_jstranslate.TestJsTranslations)
TestLocalisationTags = _narrowed(test_l10n.L10nLinter)
TestManifests = _narrowed(test_manifests.ManifestLinter)
TestParameterNames = _narrowed(test_naming.TestNaming)
TestOnchangeDomains = _narrowed(test_onchange_domains.TestOnchangeDomains)
TestOrmImports = _narrowed(test_orm_import.TestDunderinit)
TestOverrideSignatures = _narrowed(test_override_signatures.TestLintOverrideSignatures)
TestTranslationTemplates = _narrowed(test_pofile.PotLinter)
TestPylint = _narrowed(test_pylint.TestPyLint)
TestRoutes = _narrowed(test_routes.RoutesLinter)
TestTestHoles = _narrowed(test_test_holes.TestTestHoles)


@tagged("post_install", "-at_install")
class TestLabels(TransactionCase):
    """What Odoo only warns of when the modules are installed."""

    def test_no_two_fields_of_a_model_have_the_same_label(self):
        doubles = {}
        for model in self.env.values():
            if model._module in OURS:
                labels = [field.string for field in model._fields.values()]
                if twice := {label for label in labels if labels.count(label) > 1}:
                    doubles[model._name] = twice
        self.assertFalse(doubles)
