"""Odoo 19 from Debian's package, unpacked and completed, never installed."""

import shutil

from . import cache, debian, settings
from .console import Failure, say

# To be changed with anything below, so that folders built the old way are not used.
RECIPE = "1"
ODOO = ("odoo-19/sid", "fonts-montserrat/sid")
# The package holds links to these. Sid's own are too new: its Font Awesome lacks the files that Odoo 19 uses.
LINKED = tuple(
    f"{name}/bookworm"
    for name in (
        "fonts-dejavu-core",
        "fonts-font-awesome",
        "fonts-ocr-b",
        "fonts-roboto-unhinted",
        "libjs-jquery",
        "libjs-jquery-form",
        "libjs-underscore",
    )
)
# Only a font of point_of_sale.
NOT_MISSED = {"Inconsolata.otf"}
GONE = """Odoo 19 could not be had from Debian's archive:
{reason}
Sid moves on; if its package odoo-19 is gone, name an Odoo 19 of your own:
    ODOO_PATH=folder of a source checkout, or one that holds the package `odoo`"""


def folder():
    """Return the folder that the package is kept in."""
    return settings.CACHE / "odoo" / cache.key(RECIPE, *ODOO, *LINKED)


def python_path():
    """Return the folder to import `odoo` from: the user's own, or the unpacked one.

    :raises Failure: when the user's own folder holds no Odoo 19
    """
    path = settings.OWN_ODOO
    if not path:
        return folder() / "usr/lib/python3/dist-packages"
    release = path / "odoo" / "release.py"
    if not release.exists() or "version_info = (19, 0" not in release.read_text():
        raise Failure(
            f"ODOO_PATH: {path} holds no Odoo 19 (looked for the package in {release.parent})."
        )
    return path


def addons_folders():
    """Return Odoo's own add-on folders; a source checkout has two."""
    path = python_path()
    return [path / "odoo" / "addons"] + [path / "addons"] * (path / "addons").is_dir()


def make(target, segmentation_script):
    """Download and unpack Odoo 19.

    :param target: the empty folder
    :param segmentation_script: a file that Debian strips, and without which every page logs an error
    :raises Failure: when it can't be had
    """
    downloads = target / "downloads"
    try:
        files = debian.Archive(downloads).download(*ODOO, *LINKED)
    except Failure as error:
        raise Failure(GONE.format(reason=error)) from error
    for file in files:
        debian.unpack(file, target)
    packages = target / "usr/lib/python3/dist-packages"
    for stray in ("addons", "doc", "setup"):
        # these would hide packages of that name
        shutil.rmtree(packages / stray, ignore_errors=True)
    library = packages / "odoo/addons/mail/static/lib/selfie_segmentation"
    library.mkdir(parents=True, exist_ok=True)
    shutil.copy(segmentation_script, library)
    debian.warn_of_dangling_links(packages, NOT_MISSED)
    _note_version(target, next(file for file in files if file.name.startswith("odoo-19_")))
    shutil.rmtree(downloads)


def _note_version(target, package_file):
    version = debian.version(package_file)
    (target / "VERSION").write_text(version + "\n")
    say(f"Odoo 19 is {version} of Debian's odoo-19")
