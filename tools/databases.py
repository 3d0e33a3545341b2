"""Databases with their filestores: copy, drop, and a snapshot of Odoo without our modules to start from."""

import ast
import os
import shutil

from . import cache, ground, odoo_package, python_packages, settings
from .console import Failure, run, step

# Beside what our modules depend on: a chart of accounts, and a provider of payments that is none.
MODULES = {"account_payment", "l10n_es", "payment_demo"}
LANGUAGES = "en_US,es_ES,es_419"


def sql(cluster, statement, database="postgres"):
    """Run one statement and return what it prints, unaligned.

    :raises Failure: when it fails
    """
    command = ["psql", "-X", "-q", "-A", "-t", "-d", database, "-c", statement]
    return run(command, env=ground.environment(cluster))


def exists(cluster, name):
    """Return whether there is a database of that name."""
    return bool(sql(cluster, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def drop(cluster, name):
    """Drop a database, if it exists, with its filestore; who is connected is disconnected."""
    sql(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    shutil.rmtree(cluster.filestore / name, ignore_errors=True)


def copy(cluster, source, target):
    """Copy a database, to which nobody may be connected, over another with its filestore."""
    drop(cluster, target)
    files = cluster.filestore / source
    if files.exists():
        # Odoo never changes a stored file, so both may share it
        shutil.copytree(files, cluster.filestore / target, copy_function=os.link)
    sql(cluster, f'CREATE DATABASE "{target}" TEMPLATE "{source}" {cluster.copying}')


def rename(cluster, name, new_name):
    """Rename a database, to which nobody may be connected, with its filestore."""
    shutil.rmtree(cluster.filestore / new_name, ignore_errors=True)
    if (cluster.filestore / name).exists():
        (cluster.filestore / name).rename(cluster.filestore / new_name)
    sql(cluster, f'ALTER DATABASE "{name}" RENAME TO "{new_name}"')


def odoo(cluster, *arguments, addons=()):
    """Run Odoo to its end.

    :param arguments: of its command line
    :param addons: further add-on folders
    :raises Failure: when it fails; the text holds what it said
    """
    command = [python_packages.python(), "-m", "odoo", *arguments]
    run(command, env=ground.environment(cluster, addons), cwd=settings.REPOSITORY)


def install(cluster, name, modules, *arguments, addons=()):
    """Install modules in a database, made if it isn't there.

    :raises Failure: when Odoo fails, or doesn't find a module
    """
    quickly = ("--no-http", "--stop-after-init", "--max-cron-threads=0")
    odoo(cluster, "-d", name, "-i", ",".join(modules), *quickly, *arguments, addons=addons)
    installed = sql(cluster, "SELECT name FROM ir_module_module WHERE state = 'installed'", name)
    if missing := set(modules).difference(installed.split()):
        raise Failure(f"Odoo did not install {', '.join(sorted(missing))} in {name}.")


def create(cluster, name):
    """Create a database, over one of that name, with all our modules installed in all our languages."""
    copy(cluster, snapshot(cluster), name)
    modules = [folder.name for folder in settings.module_folders()]
    if modules:
        with step(f"Database {name}: installing {', '.join(modules)}"):
            install(cluster, name, modules)


def snapshot(cluster):
    """Return the database that holds Odoo with what our modules need, but without them; made once."""
    modules = sorted(_needed_modules())
    name = f"odoo_{cache.key(_odoo_version(), LANGUAGES, *modules)}"
    with cache.locked(f"database {name}"):
        if not exists(cluster, name):
            with step(f"Database {name}: Odoo with what ours need, in {LANGUAGES}; once"):
                _make_snapshot(cluster, name, modules)
    return name


def _make_snapshot(cluster, name, modules):
    """Make the snapshot; renamed when whole, so that an interruption leaves none."""
    unfinished = f"{name}_unfinished"
    drop(cluster, unfinished)
    install(cluster, unfinished, modules, f"--load-language={LANGUAGES}")
    rename(cluster, unfinished, name)


def _needed_modules():
    """Return Odoo's modules that ours depend on."""
    ours = {folder.name for folder in settings.module_folders()}
    manifests = [
        ast.literal_eval((folder / "__manifest__.py").read_text())
        for folder in settings.module_folders()
    ]
    return MODULES.union(*(manifest["depends"] for manifest in manifests)) - ours


def _odoo_version():
    """Return what tells one Odoo from another: the package's folder or the user's own path."""
    return settings.OWN_ODOO or odoo_package.folder().name
