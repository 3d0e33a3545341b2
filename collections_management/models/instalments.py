"""How a sum is divided into instalments, and what is paid of each. No database needed."""

from datetime import timedelta

from dateutil.relativedelta import relativedelta

PERIODS = [
    ("week", "Weekly"),
    ("fortnight", "Fortnightly"),
    ("month", "Monthly"),
    ("days", "Every so many days"),
]
# more are a slip of the pen
MOST_INSTALMENTS = 120


def allocate(dues, paid):
    """Return what each instalment has of a sum that was paid: the oldest first.

    >>> allocate([50, 50, 20], 60)
    [50, 10, 0]
    >>> allocate([50, 50], 200)
    [50, 50]
    """
    parts = []
    for due in dues:
        part = max(min(due, paid), 0)
        parts.append(part)
        paid -= part
    return parts


def divide(total, count, rounding):
    """Return ``count`` equal amounts; what rounding leaves over goes to the last one.

    :param rounding: function that rounds an amount as its currency does

    >>> divide(100, 3, lambda amount: round(amount, 2))
    [33.33, 33.33, 33.34]
    """
    each = rounding(total / count)
    return [each] * (count - 1) + [rounding(total - each * (count - 1))]


def count_off(total, each, rounding):
    """Return amounts of ``each``, and the rest as the last one.

    >>> count_off(100, 30, lambda amount: round(amount, 2))
    [30, 30, 30, 10]
    >>> count_off(60, 30, lambda amount: round(amount, 2))
    [30, 30]
    """
    whole = int(rounding(total / each))
    rest = rounding(total - each * whole)
    if rest < 0:
        whole, rest = whole - 1, rounding(rest + each)
    return [each] * whole + ([rest] if rest else [])


def get_dates(first, period, count, days=0):
    """Return the dates of ``count`` instalments from the first one on.

    :param str period: one of ``PERIODS``
    :param int days: between two instalments, where the period is ``days``

    >>> from datetime import date
    >>> [str(day) for day in get_dates(date(2026, 1, 31), "month", 3)]
    ['2026-01-31', '2026-02-28', '2026-03-31']
    >>> [str(day) for day in get_dates(date(2026, 1, 31), "days", 2, days=10)]
    ['2026-01-31', '2026-02-10']
    """
    if period == "month":
        return [first + relativedelta(months=index) for index in range(count)]
    step = {"week": 7, "fortnight": 14}.get(period, days)
    return [first + timedelta(days=step * index) for index in range(count)]
