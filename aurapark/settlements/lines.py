"""Reading the lines of a settlement and what they come from: a page, one of them, or all, however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Row, Select, and_, bindparam, cast, exists, func, select, text

from aurapark.booking.models import Booking
from aurapark.extensions import db
from aurapark.keyset import PAGE_SIZE, Page, Place, fetch_all, fetch_page
from aurapark.ledger.models import LedgerEntry
from aurapark.settlements.errors import LineNotFound
from aurapark.settlements.models import LineKind, Settlement, SettlementLine
from aurapark.settlements.queries import city_of_route
from aurapark.timetable.models import Route, Trip

IN_ORDER = (SettlementLine.ledger_entry_id,)
BY_DEPARTURE = (Trip.departs_at, Trip.id)
PATIENCE = text("SET LOCAL statement_timeout = '2min'")  # for a whole document; a page keeps to the usual limit
A_DAY = timedelta(days=1)
CITIES = (city_of_route(first=True).label("from_city"), city_of_route(first=False).label("to_city"))


@dataclass(frozen=True, slots=True)
class LineSearch:
    """Which lines are wanted; empty means all."""

    kind: LineKind | None = None
    carried: bool | None = None
    reference: str = ""
    trip_id: int | None = None


@dataclass(frozen=True, slots=True)
class TripSearch:
    """Which trips are wanted: of one day of the agency's zone, of one route; empty means all."""

    day: date | None = None
    route_id: int | None = None


def list_lines(
    settlement_id: int, search: LineSearch, *, after: Place | None = None, size: int = PAGE_SIZE
) -> Page[Any]:
    """Return one page of lines with what they come from, in the order of the books (one statement)."""
    return fetch_page(_lines(settlement_id, search), IN_ORDER, after=after, oldest_first=True, size=size)


def each_line(settlement_id: int, search: LineSearch) -> Iterator[Any]:
    """Yield all lines in the same order, a few hundred in memory at a time."""
    return fetch_all(_lines(settlement_id, search), IN_ORDER, oldest_first=True)


def get_line(settlement_id: int, entry_id: int) -> Row[Any]:
    """Return one line of this settlement with what it comes from. Raises LineNotFound."""
    wanted = _lines(settlement_id, LineSearch()).where(SettlementLine.ledger_entry_id == entry_id)
    found = db.session.execute(wanted).first() if 0 < entry_id < 2**63 else None
    if found is None:
        raise LineNotFound
    return found


def list_trips(settlement: Settlement, zone: str, search: TripSearch, *, after: Place | None = None) -> Page[Any]:
    """Return one page of the trips of a settlement's own period that have lines in it (one statement)."""
    trips = [Trip.agency_id == settlement.agency_id, Trip.departs_at >= settlement.period_start]
    trips.append(Trip.departs_at < settlement.period_end)
    if search.day:
        trips += [Trip.departs_at >= _midnight(search.day, zone), Trip.departs_at < _midnight(search.day + A_DAY, zone)]
    if search.route_id:
        trips.append(Trip.route_id == search.route_id)
    wanted = select(Trip.id, Trip.departs_at, *CITIES, Trip.service_class, Trip.state).join(
        Route, Route.id == Trip.route_id
    )
    wanted = wanted.where(*trips, _has_lines(settlement.id))
    return fetch_page(wanted, BY_DEPARTURE, after=after, oldest_first=True)


def sum_by_trip(settlement_id: int, trip_ids: list[int]) -> dict[int, Any]:
    """Return the sums of these trips in a settlement, by trip (one statement): bookings, gross … net, lines."""
    bookings = select(Booking.id).where(Booking.trip_id.in_(trip_ids))
    wanted = _sums(Booking.trip_id, settlement_id).where(_of_bookings(bookings))
    return {row[0]: row for row in db.session.execute(wanted.group_by(Booking.trip_id))}


def each_trip(settlement: Settlement) -> Iterator[Any]:
    """Yield every trip of a settlement's own period with its sums, in the order of departure, for a document."""
    sums = _sums(Booking.trip_id.label("trip_id"), settlement.id).group_by(Booking.trip_id).cte("sums")
    wanted = (
        select(Trip.id, Trip.departs_at, *CITIES, *sums.c)
        .join(Route, Route.id == Trip.route_id)
        .join(sums, sums.c.trip_id == Trip.id)
    )
    return fetch_all(wanted, BY_DEPARTURE, oldest_first=True)


def each_day(settlement: Settlement, zone: str) -> Iterator[Any]:
    """Yield every day of a settlement's own period with the sums of the trips that left on it."""
    day = func.date(func.timezone(zone, Trip.departs_at))
    wanted = _sums(day.label("day"), settlement.id).join(Trip, Trip.id == Booking.trip_id)
    return iter(db.session.execute(wanted.group_by(text("1")).order_by(text("1"))))


def count_trips(settlement: Settlement, most: int) -> int:
    """Return how many trips of its period a settlement has lines of, no more than `most` + 1."""
    wanted = select(Trip.id).where(
        Trip.agency_id == settlement.agency_id,
        Trip.departs_at >= settlement.period_start,
        Trip.departs_at < settlement.period_end,
        _has_lines(settlement.id),
    )
    return db.session.scalar(select(func.count()).select_from(wanted.limit(most + 1).subquery())) or 0


def _lines(settlement_id: int, search: LineSearch) -> Select[Any]:
    line = SettlementLine
    wanted: Any = (
        select(
            line.ledger_entry_id,
            line.kind,
            line.carried,
            line.amount,
            LedgerEntry.event_type,
            LedgerEntry.event_id,
            LedgerEntry.created_at,
            Booking.reference,
            Booking.channel,
            Trip.id.label("trip_id"),
            Trip.departs_at,
            *CITIES,
        )
        .join(LedgerEntry, LedgerEntry.id == line.ledger_entry_id)
        .outerjoin(Booking, Booking.id == line.booking_id)
        .outerjoin(Trip, Trip.id == Booking.trip_id)
        .outerjoin(Route, Route.id == Trip.route_id)
        .where(line.settlement_id == settlement_id)
    )
    narrowed: Select[Any] = wanted.where(*_narrowed(search))
    return narrowed


def _narrowed(search: LineSearch) -> Iterator[ColumnElement[bool]]:
    line = SettlementLine
    if search.kind:  # in writing, so that the index of rare kinds is seen to hold it
        yield line.kind == bindparam("kind", search.kind, type_=line.kind.type, literal_execute=True)
    if search.carried is not None:
        carried: Any = line.carried  # as it stands: IS TRUE would not be seen to be what the index holds
        yield carried if search.carried else ~carried
    for wanted in (
        select(Booking.id).where(Booking.reference == search.reference) if search.reference else None,
        select(Booking.id).where(Booking.trip_id == search.trip_id) if search.trip_id else None,
    ):
        if wanted is not None:
            yield _of_bookings(wanted)


def _of_bookings(wanted: Select[Any]) -> ColumnElement[bool]:
    """Lines of few bookings: as an array they are found first and their lines by the index, where a join would read
    every line of the month."""
    few: ColumnElement[bool] = SettlementLine.booking_id == func.any(func.array(wanted.scalar_subquery()))
    return few


def _has_lines(settlement_id: int) -> ColumnElement[bool]:
    same = and_(SettlementLine.booking_id == Booking.id, SettlementLine.settlement_id == settlement_id)
    return exists().where(Booking.trip_id == Trip.id, same).correlate(Trip)


def _sums(by: Any, settlement_id: int) -> Select[Any]:
    line = SettlementLine

    def of(kind: LineKind, sign: int) -> Any:
        return cast(func.coalesce(func.sum(sign * line.amount).filter(line.kind == kind), 0), BigInteger)

    return (
        select(
            by,
            func.count(func.distinct(Booking.id)).label("bookings"),
            of(LineKind.SALE, 1).label("gross"),
            of(LineKind.COMMISSION, -1).label("commission"),
            of(LineKind.REFUND, -1).label("refunds"),
            of(LineKind.CASH_KEPT, -1).label("cash_kept"),
            cast(func.sum(line.amount), BigInteger).label("net"),
        )
        .select_from(Booking)
        .join(line, line.booking_id == Booking.id)
        .where(line.settlement_id == settlement_id, ~line.carried)
    )


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


TRIP = (
    Trip.id,
    Trip.departs_at,
    city_of_route(first=True).label("from_city"),
    city_of_route(first=False).label("to_city"),
)
