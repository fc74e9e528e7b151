"""Keeping the timetable: trips are always there for the days ahead."""

from aurapark import clock
from aurapark.timetable.generate import generate_trips


def keep_timetable_ahead(days: int = 14) -> int:
    """Make what is missing from today until `days` days ahead; returns how many trips it made.

    One cheap statement when nothing is missing. Call in a transaction.
    """
    return generate_trips(clock.today(), days + 1)
