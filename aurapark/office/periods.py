"""The days a report is about, and how they are put together so that a chart of them can be read. Pure values."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

A_DAY = timedelta(days=1)
MOST_DAYS = 366
DAYS_ALONE = 45  # of a longer period, weeks are shown


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def in_weeks(self) -> bool:
        """Say whether a chart shows weeks, which begin on Mondays, instead of days."""
        return self.days > DAYS_ALONE

    def pieces(self) -> Iterator["Period"]:
        """Yield the days, or the weeks, in their order; the first and the last week may be short."""
        first = self.first
        while first <= self.last:
            last = first + timedelta(days=6 - first.weekday()) if self.in_weeks else first
            yield Period(first, min(last, self.last))
            first = last + A_DAY


def last_days(number: int, *, today: date) -> Period:
    """Return today and the days before it, so many in all."""
    return Period(today - timedelta(days=number - 1), today)
