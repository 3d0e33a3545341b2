"""Runs one function of this package in a database and prints what it returns, as last line, as JSON."""

import json
import sys
from importlib import import_module

from tools.inside import open_environment


def main(database, function, *arguments):
    """Run ``module.name`` of this package with an environment of ``database``.

    :param database: its name
    :param function: name of the module and of its function, with a dot between
    :param arguments: of the function, as JSON
    """
    module, name = function.split(".")
    # Odoo warns of what a benchmark does on purpose; an error must be seen
    with open_environment(database, log_level="error") as env:
        # only now can add-ons be imported
        measured = getattr(import_module(f"{__package__}.{module}"), name)
        print(json.dumps(measured(env, *map(json.loads, arguments))))


if __name__ == "__main__":
    main(*sys.argv[1:])
