"""Which bus runs when: round trips that bring every bus home, shared out over as few buses as never clash.

Pure. A week is a circle of minutes and repeats itself. A round trip goes out, waits at least the turnaround, comes
back by the next return departure and waits again; a bus of a town runs round trips that do not overlap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DAY = 24 * 60
WEEK = 7 * DAY
TURNAROUND = 60  # minutes at each end
NIGHT_FROM, NIGHT_UNTIL = 20 * 60, 5 * 60
SMALL_BUSES, SMALL_BUS_KM = ("K30", "H19"), 400  # a small bus does not go farther


@dataclass(frozen=True, slots=True)
class Line:
    """What of a route matters here: planned minutes by day and night, departures both ways in minutes of the day."""

    route: str
    home: str
    km: int
    by_day: int
    by_night: int
    departures: tuple[int, ...]

    def minutes(self, departs: int) -> int:
        """Return how long a departure at this minute of the day is on the road."""
        by_night = departs >= NIGHT_FROM or departs < NIGHT_UNTIL
        return self.by_night if by_night else self.by_day


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Out at a minute of the day, back at `back_after` minutes later; the bus is free again after `length` minutes."""

    line: Line
    out: int
    back_after: int
    length: int


@dataclass(slots=True)
class Bus:
    """A bus that is needed, with the round trips of its week: (minute of the week, length)."""

    layout: str
    home: str
    busy: list[tuple[int, int]] = field(default_factory=list)

    def is_free(self, start: int, length: int) -> bool:
        """Say whether a round trip fits between those it has."""
        return length <= WEEK and all(
            (start - begun) % WEEK >= lasts and (begun - start) % WEEK >= length for begun, lasts in self.busy
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A departure by one bus on some days of the week (bit 0 is Monday); `back` is the return direction."""

    route: str
    back: bool
    departs: int
    layout: str
    bus: int
    days: int


def plan_round_trips(line: Line, share: int, of: int) -> list[RoundTrip]:
    """Join each departure out with the return that follows soonest; an agency takes every `of`-th from `share` on."""
    returns = list(line.departures[share::of])
    trips = []
    for out in line.departures[share::of]:
        ready = out + line.minutes(out) + TURNAROUND
        back = min(returns, key=lambda departs: (departs - ready) % DAY)
        returns.remove(back)
        back_after = ready - out + (back - ready) % DAY
        trips.append(RoundTrip(line, out, back_after, back_after + line.minutes(back) + TURNAROUND))
    return trips


def plan_week(round_trips: Sequence[RoundTrip], fleet: Mapping[str, int]) -> tuple[list[Bus], list[Run]]:
    """Give every round trip of an agency, each day of the week, a layout in proportion to the fleet and a bus."""
    buses: list[Bus] = []
    runs: list[Run] = []
    credit = dict.fromkeys(fleet, 0.0)
    for trip in round_trips:
        layout = _next_layout(credit, _fitting(fleet, trip.line.km))
        for bus, days in _share_out(trip, layout, buses).items():
            back_days, back = divmod(trip.out + trip.back_after, DAY)
            runs.append(Run(trip.line.route, False, trip.out, layout, bus, _mask(days, 0)))
            runs.append(Run(trip.line.route, True, back, layout, bus, _mask(days, back_days)))
    return buses, runs


def _fitting(fleet: Mapping[str, int], km: int) -> dict[str, int]:
    return {layout: count for layout, count in fleet.items() if km <= SMALL_BUS_KM or layout not in SMALL_BUSES}


def _next_layout(credit: dict[str, float], fleet: Mapping[str, int]) -> str:
    """Take turns in proportion: who has waited longest for its share is next."""
    for layout, count in fleet.items():
        credit[layout] += count / sum(fleet.values())
    layout = max(fleet, key=lambda name: credit[name])
    credit[layout] -= 1
    return layout


def _share_out(trip: RoundTrip, layout: str, buses: list[Bus]) -> dict[int, list[int]]:
    """Return the days each bus takes: one bus for all of them if it can, and new buses when none is free."""
    pool = [number for number, bus in enumerate(buses) if (bus.layout, bus.home) == (layout, trip.line.home)]
    starts = {day: day * DAY + trip.out for day in range(7)}
    for number in pool:
        if trip.length <= DAY and all(buses[number].is_free(start, trip.length) for start in starts.values()):
            buses[number].busy += [(start, trip.length) for start in starts.values()]
            return {number: list(starts)}
    taken: dict[int, list[int]] = {}
    for day, start in starts.items():
        number = next((number for number in pool if buses[number].is_free(start, trip.length)), len(buses))
        if number == len(buses):
            buses.append(Bus(layout, trip.line.home))
            pool.append(number)
        buses[number].busy.append((start, trip.length))
        taken.setdefault(number, []).append(day)
    return taken


def _mask(days: Sequence[int], later: int) -> int:
    return sum(1 << (day + later) % 7 for day in days)
