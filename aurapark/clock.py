"""The only reader of the machine's clock. It decides nothing about holds: those compare with the database's now()."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Africa/Douala"


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def today(zone: str = DEFAULT_ZONE) -> date:
    """Return today's date as people in the zone see it."""
    return now().astimezone(ZoneInfo(zone)).date()
