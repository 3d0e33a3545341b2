"""Programs from the machine's Debian, and packages that are only unpacked."""

import ctypes.util
import os
import shutil
from pathlib import Path

from .console import Failure, run, say, step

INSTALL = ["apt-get", "install", "-yq", "--no-install-recommends", "-oDPkg::Lock::Timeout=300"]


def _program(*names):
    return lambda: any(map(shutil.which, names))


def _file(pattern):
    return lambda: any(Path("/").glob(pattern))


# What is needed, and how one sees that it is there.
PROGRAMS = {
    "chromium": _program("chromium", "chromium-browser", "google-chrome"),
    "wkhtmltopdf": _program("wkhtmltopdf"),
    "poppler-utils": _program("pdftotext"),
    "nodejs": _program("node"),
    "npm": _program("npm"),
    "fonts-liberation": _file("usr/share/fonts/truetype/liberation*"),
    "fonts-dejavu-core": _file("usr/share/fonts/truetype/dejavu"),
    "libmagic1": lambda: ctypes.util.find_library("magic"),
}
POSTGRES = {"postgresql-15": _file("usr/lib/postgresql/*/bin/initdb")}


def missing(needed):
    """Return the packages of a list like PROGRAMS that the machine lacks."""
    return [package for package, is_there in needed.items() if not is_there()]


def install(packages):
    """Install packages with apt, as root or by sudo.

    :raises Failure: when neither is possible; the text says what to install by hand
    """
    if not packages:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if not shutil.which("apt-get") or (as_root and not shutil.which("sudo")):
        raise Failure(
            f"Please install these packages, or what holds the same programs: {' '.join(packages)}"
        )
    with step(f"Debian packages {' '.join(packages)}"):
        # to the end, as half an installation is hard to mend; sudo may ask for a password
        undisturbed = {"to_the_end": True, "stdin": None}
        run([*as_root, "apt-get", "update", "-q"], **undisturbed)
        run([*as_root, "env", "DEBIAN_FRONTEND=noninteractive", *INSTALL, *packages], **undisturbed)


class Archive:
    """The Debian archive that this machine is set up for, seen through an apt state of its own.

    The machine's own sources and lists stay as they are, and no right is needed.

    :param folder: an empty folder for that state and for the packages
    """

    KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

    def __init__(self, folder):
        self.folder = folder
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        state = {
            "Dir::State::Lists": folder / "lists",
            "Dir::Cache": folder / "cache",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "",
        }
        self._options = [f"-o{name}={value}" for name, value in state.items()]

    def download(self, *packages):
        """Download packages and return the files.

        :param packages: names with the suite they are from, as ``odoo-19/sid``
        :raises Failure: when the machine has no Debian archive, or that lacks a package
        """
        if not shutil.which("apt-get"):
            raise Failure("This is no Debian machine.")
        suites = {package.partition("/")[2] for package in packages}
        self._use_suites(self._address(), suites)
        self._apt("update")
        self._apt("download", *packages)
        return sorted(self.folder.glob("*.deb"))

    def _apt(self, *arguments):
        return run(["apt-get", *self._options, *arguments], cwd=self.folder)

    def _address(self):
        """Return the archive's address as the machine's own sources have it."""
        self._apt("update")
        listed = ("--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Label: Debian")
        lines = self._apt("indextargets", *listed).splitlines()
        # "bookworm-updates" and the like may be kept elsewhere
        addresses = [address for suite, address in map(str.split, lines) if "-" not in suite]
        if not addresses:
            raise Failure("This machine has no Debian archive among its apt sources.")
        return addresses[0]

    def _use_suites(self, address, suites):
        signed = f"[signed-by={self.KEYRING}] " if self.KEYRING.exists() else ""
        sources = self.folder / "sources.list"
        lines = [f"deb {signed}{address} {suite} main\n" for suite in sorted(suites)]
        sources.write_text("".join(lines))
        self._options += [f"-oDir::Etc::SourceList={sources}", "-oDir::Etc::SourceParts=/dev/null"]


def unpack(package_file, folder):
    """Unpack a package without installing it."""
    run(["dpkg-deb", "-x", package_file, folder])


def version(package_file):
    """Return the version of a package file."""
    return run(["dpkg-deb", "-f", package_file, "Version"]).strip()


def warn_of_dangling_links(folder, known):
    """Say which links of an unpacked package lead nowhere.

    :param known: names that are known to be missing and not missed
    """
    dangling = [
        path
        for path in folder.rglob("*")
        if path.is_symlink() and not path.exists() and path.name not in known
    ]
    for path in dangling:
        say(f"Beware: {path.name} is missing from the packages; pages that need it will fail")
