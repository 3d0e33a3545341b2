"""The table on the terminal and ``build/bench.json``."""

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

from tools import postgres, settings

FILE = settings.REPOSITORY / "build" / "bench.json"
HEADINGS = ("", "ours", "beside", "", "ratio", "queries", "", "target")


def write(figures):
    """Write the figures to the file; those of earlier runs that were not measured now are not kept.

    :param dict figures: Figure by name
    """
    document = {name: figure.as_dict() for name, figure in figures.items()}
    document["machine"] = describe_machine()
    document["date"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document, indent=2) + "\n")


def print_table(figures):
    """Print a line for each figure."""
    rows = [HEADINGS, *(_row(name, figure) for name, figure in figures.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        cells[-1] = row[-1]
        print("  ".join(cells))
    machine = describe_machine()
    print("\n" + ", ".join(str(value) for value in machine.values()))


def _row(name, figure):
    other = figure.peer if figure.peer is not None else figure.bare
    return (
        name,
        f"{_short(figure.value)} {figure.unit}",
        f"{_short(other)} {figure.unit}" if other is not None else "",
        "peer" if figure.peer is not None else "bare" if other is not None else "",
        f"{figure.ratio:.1f}" if figure.ratio is not None else "",
        _short(figure.queries) if figure.queries is not None else "",
        "met" if figure.met else "MISSED",
        figure.target,
    )


def _short(number):
    """Return a number with three digits that count."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def describe_machine():
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), ""
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model or platform.machine(),
        "cores": f"{os.cpu_count()} cores",
        "memory": f"{memory / 2**30:.0f} GiB",
        "python": f"Python {platform.python_version()}",
        "postgresql": _postgresql_version(),
        "odoo": _odoo_version(),
    }


def _postgresql_version():
    said = subprocess.run(
        ["psql", "-XAtd", "postgres", "-c", "SHOW server_version"],
        env=os.environ | postgres.TEST.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    return f"PostgreSQL {said.stdout.split()[0]}"


def _odoo_version():
    from odoo import release  # noqa: PLC0415  (only in the environment of the benchmarks)

    return f"Odoo {release.version}"
