"""The benchmarks: ``python -m benchmarks`` in the prepared environment, with the peer add-ons within reach."""

import subprocess

from . import ground, postgres, python_packages, settings
from .console import tied


def bench():
    """Run the benchmarks, or the one named in ONLY, and return their exit status."""
    ground.prepare_peers()
    cluster = postgres.TEST
    cluster.start()
    variables = ground.environment(cluster, addons=[python_packages.peer_addons()])
    command = [python_packages.python(), "-m", "benchmarks"]
    return subprocess.call(tied(command), env=variables, cwd=settings.REPOSITORY)
