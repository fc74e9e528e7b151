"""What an agency sold, read from the sums that are kept with its settlements: the same numbers, one statement."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, select, tuple_

from aurapark.booking.models import Channel
from aurapark.extensions import db
from aurapark.keyset import AT_ONCE
from aurapark.office.periods import Period
from aurapark.settlements.models import AgencyDay
from aurapark.settlements.queries import city_of_route
from aurapark.timetable.models import Route

SUMS = ("bookings", "seats", "gross", "refunds")


@dataclass(slots=True)
class Sums:
    """Sums of some days: bookings, seats and francs, `refunds` what was given back of them."""

    bookings: int = 0
    seats: int = 0
    gross: int = 0
    refunds: int = 0

    def add(self, row: Any) -> None:
        """Add the sums of a row."""
        self.bookings += int(row.bookings)
        self.seats += int(row.seats)
        self.gross += int(row.gross)
        self.refunds += int(row.refunds)


@dataclass(frozen=True, slots=True)
class Sales:
    """The sales of a period: by day and channel, by channel, by route (its name, most first), and all together."""

    period: Period
    days: Mapping[tuple[date, Channel], Sums] = field(default_factory=lambda: defaultdict(Sums))
    channels: Mapping[Channel, Sums] = field(default_factory=lambda: defaultdict(Sums))
    routes: Mapping[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    total: Sums = field(default_factory=Sums)

    def piece(self, piece: Period, channel: Channel) -> Sums:
        """Return the sums of some days of it by one channel."""
        found = Sums()
        for (day, sold_by), sums in self.days.items():
            if sold_by == channel and piece.first <= day <= piece.last:
                found.add(sums)
        return found


def read_sales(agency_id: int, period: Period) -> Sales:
    """Return what an agency sold in a period (one statement)."""
    day, sold_by, route = AgencyDay.day, AgencyDay.channel, AgencyDay.route_id
    sets = func.grouping_sets(tuple_(day, sold_by), tuple_(route))
    sums = select(day, sold_by, route, *_sums()).where(*_within(agency_id, period)).group_by(sets).subquery()
    names = city_of_route(first=True).label("start"), city_of_route(first=False).label("end")
    rows = db.session.execute(select(sums, *names).outerjoin(Route, Route.id == sums.c.route_id))
    found = Sales(period)
    for row in sorted(rows, key=lambda row: (row.day is None, row.day or -row.gross)):
        if row.day is None:
            found.routes[f"{row.start} – {row.end}"].add(row)
            continue
        found.days[row.day, row.channel].add(row)
        found.channels[row.channel].add(row)
        found.total.add(row)
    return found


def each_sale(agency_id: int, period: Period) -> Iterator[Any]:
    """Yield what was sold each day by each channel on each route: day, channel, start, end and the sums."""
    names = city_of_route(first=True).label("start"), city_of_route(first=False).label("end")
    columns = AgencyDay.day, AgencyDay.channel, *names, *(getattr(AgencyDay, name) for name in SUMS)
    wanted = select(*columns).join(Route, Route.id == AgencyDay.route_id).where(*_within(agency_id, period))
    wanted = wanted.order_by(AgencyDay.day, AgencyDay.channel, AgencyDay.route_id)
    return iter(db.session.execute(wanted, execution_options={"yield_per": AT_ONCE}))


def _sums() -> list[Any]:
    return [func.sum(getattr(AgencyDay, name)).label(name) for name in SUMS]


def _within(agency_id: int, period: Period) -> list[Any]:
    return [AgencyDay.agency_id == agency_id, AgencyDay.day.between(period.first, period.last)]
