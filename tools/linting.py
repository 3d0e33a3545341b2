"""The linters, all pinned, over the whole repository."""

import subprocess

from . import ground, node_packages, postgres, python_packages, settings
from .console import say, tied

# Left out of pylint-odoo's messages: the repository's README stands for all modules; `_ = self.env._` before many
# sentences is not recognised; some few records are searched for without a domain;
# sending mail commits after each, as Odoo's own `_send` (Odoo's pylint does not know these names, so not in place).
NOT_WANTED = (
    "missing-readme,prefer-env-translation,no-search-all,"
    "invalid-commit,missing-return,super-method-mismatch"
)
WHEN_NONE = "--no-error-on-unmatched-pattern"
# What prettier formats in each module.
FORMATTED = "{js,scss,css,xml}"


def lint():
    """Run every linter and return 1 if one of them has something to say."""
    return _run_all(_linters)


def format_all():
    """Format everything that a formatter can."""
    return _run_all(_formatters)


def _linters():
    """Yield each linter's name and command."""
    modules = [folder.name for folder in settings.module_folders()]
    yield "ruff", _python("ruff", "check", ".")
    yield "ruff format", _python("ruff", "format", "--check", ".")
    yield "prettier", [*_prettier(), "--check", *_prettier_files()]
    if modules:
        yield "pylint-odoo", _python("pylint", f"--disable={NOT_WANTED}", *modules)
        yield "OCA checks", _python("oca_pre_commit_hooks", *modules)
        yield "eslint", [node_packages.module(".bin/eslint"), WHEN_NONE, *modules]
    if catalogues := sorted(map(str, settings.REPOSITORY.glob("*/i18n/*.po*"))):
        yield "OCA checks of translations", _python("oca_pre_commit_hooks.cli_po", *catalogues)


def _formatters():
    """Yield each formatter's name and command."""
    yield "ruff", _python("ruff", "check", "--fix", ".")
    yield "ruff format", _python("ruff", "format", ".")
    yield "prettier", [*_prettier(), "--write", *_prettier_files()]


def _python(module, *arguments):
    return [python_packages.python(), "-m", module, *arguments]


def _prettier():
    plugin = node_packages.module("@prettier/plugin-xml/src/plugin.js")
    return [
        node_packages.module(".bin/prettier"),
        f"--plugin={plugin}",
        "--log-level=warn",
        WHEN_NONE,
    ]


def _prettier_files():
    return [f"{folder.name}/**/*.{FORMATTED}" for folder in settings.module_folders()] + [
        "*.{cjs,json}"
    ]


def _run_all(commands):
    """Run all commands in the prepared environment; return 1 if one fails, else 0."""
    ground.prepare()
    environment = ground.environment(postgres.TEST)
    failed = []
    for name, command in commands():
        if subprocess.call(tied(command), env=environment, cwd=settings.REPOSITORY):
            failed.append(name)
    say(f"Something to mend, says: {', '.join(failed)}" if failed else "Nothing to mend")
    return 1 if failed else 0
