"""Taking times inside Odoo."""

import statistics
import time


def timed(env, function, *arguments):
    """Call a function with empty record caches, as a new request has them, and take its time.

    :return: what it returned, and dict of ``seconds`` and ``queries``
    """
    env.flush_all()
    env.invalidate_all()
    queries, began = env.cr.sql_log_count, time.perf_counter()
    result = function(*arguments)
    taken = {"seconds": time.perf_counter() - began, "queries": env.cr.sql_log_count - queries}
    return result, taken


def typical(env, function, arguments):
    """Call a function for each of some arguments and return the median time.

    The first call is for warming up: a server that runs knows its views, rights and plans.

    :param arguments: list of one argument for each call
    :return: as the second of :func:`timed`
    """
    timed(env, function, arguments[0])
    taken = [timed(env, function, argument)[1] for argument in arguments]
    return {
        key: statistics.median(measure[key] for measure in taken) for key in ("seconds", "queries")
    }
