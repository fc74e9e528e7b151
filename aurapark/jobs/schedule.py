"""When a job is due, in UTC whatever the zone of the machine: pure functions of a moment.

A schedule is a cron line, or a number of sweeps: `Every(3)` is every three times SWEEP_SECONDS, on whole multiples,
so that everybody who looks names the same ticks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crontab import CronTab


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields of cron, in UTC."""

    line: str

    def next_after(self, now: datetime, _sweep: timedelta) -> datetime:
        """Return the first tick after a moment."""
        return self._tick(CronTab(self.line).next(now=now.astimezone(UTC), delta=False, return_datetime=True))

    def last_at(self, now: datetime, _sweep: timedelta) -> datetime:
        """Return the newest tick at or before a moment."""
        later = now.astimezone(UTC) + timedelta(microseconds=1)
        return self._tick(CronTab(self.line).previous(now=later, delta=False, return_datetime=True))

    def __str__(self) -> str:
        return self.line

    @staticmethod
    def _tick(found: datetime) -> datetime:
        return found.astimezone(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many sweeps."""

    sweeps: int

    def next_after(self, now: datetime, sweep: timedelta) -> datetime:
        """Return the first tick after a moment."""
        return self.last_at(now, sweep) + sweep * self.sweeps

    def last_at(self, now: datetime, sweep: timedelta) -> datetime:
        """Return the newest tick at or before a moment."""
        step = int((sweep * self.sweeps).total_seconds())
        seconds = int(now.timestamp())
        return datetime.fromtimestamp(seconds - seconds % step, UTC)

    def __str__(self) -> str:
        return f"every {self.sweeps} sweeps"


Schedule = Cron | Every


def next_tick(schedules: tuple[Schedule, ...], now: datetime, sweep: timedelta) -> datetime:
    """Return the first tick of any of these schedules after a moment."""
    return min(schedule.next_after(now, sweep) for schedule in schedules)


def last_tick(schedules: tuple[Schedule, ...], now: datetime, sweep: timedelta) -> datetime:
    """Return the newest tick of any of these schedules at or before a moment."""
    return max(schedule.last_at(now, sweep) for schedule in schedules)
