"""Measures all figures, or the one named in ONLY, prints them and writes ``build/bench.json``."""

import os
import sys

from tools.console import Failure, step

from . import databases, figures, report


def main():
    """Return the exit status: 0 also when a target is missed, as machines differ."""
    only = os.environ.get("ONLY")
    if only and only not in figures.ALL:
        print(
            f"ONLY={only}: there is no such figure; choose of {', '.join(figures.ALL)}.",
            file=sys.stderr,
        )
        return 2
    measured = {}
    with databases.in_use():
        for name, measure in figures.ALL.items():
            if only in (None, "", name):
                with step(name):
                    measured[name] = measure()
                # after each: what was measured is kept if the next fails
                report.write(measured)
    report.print_table(measured)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)
