"""The months that settlements are for: pure functions of a moment and a zone."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aurapark.settlements.errors import MonthUnreadable

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar, such as 2026-10."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def first_day(self) -> date:
        """Return its first day."""
        return date(self.year, self.number, 1)

    @property
    def following(self) -> "Month":
        """Return the month after it."""
        return Month(self.year + 1, 1) if self.number == 12 else Month(self.year, self.number + 1)

    def bounds(self, zone: str) -> tuple[datetime, datetime]:
        """Return when it begins and ends in a zone: the end is the beginning of the next."""
        return self._start(zone), self.following._start(zone)

    def _start(self, zone: str) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=ZoneInfo(zone))


def month_of(moment: datetime, zone: str) -> Month:
    """Return the month of a moment, as people in the zone see it."""
    local = moment.astimezone(ZoneInfo(zone))
    return Month(local.year, local.month)


def statement_number(start: datetime, zone: str, agency_id: int) -> str:
    """Return the number of the statement of an agency's month, such as AP-2026-10-0007: unique, and for good."""
    return f"AP-{month_of(start, zone)}-{agency_id:04}"


def read_month(text: str) -> Month:
    """Return the month somebody wrote, such as `2026-10`. Raises MonthUnreadable."""
    found = _MONTH.fullmatch(text.strip())
    if found is None:
        raise MonthUnreadable
    return Month(int(found[1]), int(found[2]))
