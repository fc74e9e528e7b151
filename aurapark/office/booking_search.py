"""An agency's bookings, found again: by reference, phone, e-mail, name or seat, narrowed by state, channel and journey.

Newest first; when the journey narrows (a trip, days, a route, a seat), the latest departure comes first, so that each
page is the end of one index: of bookings by the time they were made, or of trips by departure.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from aurapark.booking.models import Booking, BookingState, Channel, Passenger, SeatClaim
from aurapark.extensions import db
from aurapark.keyset import AT_ONCE, PAGE_SIZE, Page, Place, fetch_all, fetch_page
from aurapark.references import ALPHABET, REFERENCE_LENGTH
from aurapark.timetable.models import City, Route, RouteStop, Stop, Trip
from aurapark.timetable.queries import list_booked_legs
from aurapark.timetable.rules import Leg, TripLeg

REFERENCE = re.compile(rf"[{ALPHABET}]{{{REFERENCE_LENGTH}}}")
WHOLE_TRIGRAM = 3  # a shorter piece of a name is only looked for where a word begins
WALK = 10_000  # bookings looked at for a name before its index is asked
A_DAY = timedelta(days=1)
# A statement that is prepared once for all would be planned without knowing how common this very name is.
PLAN_EACH = text("SET LOCAL plan_cache_mode = force_custom_plan")
BY_BOOKING = (Booking.created_at, Booking.id)
BY_DEPARTURE = (Trip.departs_at, Booking.id)


@dataclass(frozen=True, slots=True)
class BookingSearch:
    """What of one agency's bookings is wanted; empty means all. `since` and `until` are days of departure."""

    agency_id: int
    timezone: str
    reference: str = ""
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    seat: str = ""
    trip_id: int | None = None
    route_id: int | None = None
    since: date | None = None
    until: date | None = None
    state: BookingState | None = None
    channel: Channel | None = None

    @property
    def by_journey(self) -> bool:
        """Say whether the journey narrows, so that departures give the order."""
        return any((self.seat, self.trip_id, self.route_id, self.since, self.until))


@dataclass(frozen=True, slots=True)
class FoundBooking:
    """One booking of the list: its journey and who sits on which seat; those who were taken off are left out."""

    booking: Booking
    trip: TripLeg
    passengers: list[Passenger]


@dataclass(frozen=True, slots=True)
class RouteName:
    """A route as people know it: its first and its last city, and its code."""

    id: int
    code: str
    start: str
    end: str


def find_bookings(search: BookingSearch, *, after: Place | None = None) -> Page[FoundBooking]:
    """Return a page of the bookings that are wanted (four statements)."""
    db.session.execute(PLAN_EACH)
    wanted = _wanted(replace(search, words=()))
    if search.words:
        wanted = wanted.where(_among_named(search, after))
    if not search.by_journey:
        found = fetch_page(wanted, BY_BOOKING, after=after)
        return Page(_with_journeys(found.rows), found.behind)
    found = fetch_page(wanted, BY_DEPARTURE, after=after, place_of=lambda row: (row.departs_at, row.Booking.id))
    return Page(_with_journeys([row.Booking for row in found.rows]), found.behind)


def each_booking(search: BookingSearch) -> Iterator[FoundBooking]:
    """Yield all bookings that are wanted, in the same order, a few hundred in memory at a time."""
    if search.by_journey:
        rows: Iterator[Booking] = (row.Booking for row in fetch_all(_wanted(search), BY_DEPARTURE))
    else:
        rows = fetch_all(_wanted(search), BY_BOOKING)
    while some := list(islice(rows, AT_ONCE)):
        yield from _with_journeys(some)
        db.session.expunge_all()


def has_reference(agency_id: int, reference: str) -> bool:
    """Say whether this agency has a booking of this reference (one statement)."""
    mine = select(Booking.id).where(Booking.agency_id == agency_id, Booking.reference == reference)
    return db.session.scalar(mine) is not None


def list_route_names(agency_id: int) -> list[RouteName]:
    """Return the routes of an agency with where they begin and end, by name (one statement)."""
    cities = select(RouteStop.route_id, RouteStop.position, City.name).join(Stop, Stop.id == RouteStop.stop_id)
    mine = cities.join(City, City.code == Stop.city_code).join(Route, Route.id == RouteStop.route_id)
    ends = mine.where(Route.agency_id == agency_id).subquery()
    names = func.array_agg(aggregate_order_by(ends.c.name, ends.c.position))
    statement = select(Route.id, Route.code, names).join(ends, ends.c.route_id == Route.id).group_by(Route.id)
    rows = [RouteName(row[0], row[1], row[2][0], row[2][-1]) for row in db.session.execute(statement)]
    return sorted(rows, key=lambda one: (one.start, one.end, one.code))


def _wanted(search: BookingSearch) -> Select[Any]:
    if not search.by_journey:
        return select(Booking).where(*_of_booking(search))
    trips: Any = select(Booking, Trip.departs_at).join(Trip, Trip.id == Booking.trip_id)
    narrowed: Select[Any] = trips.where(*_of_booking(search), *_of_trip(search))
    return narrowed


def _among_named(search: BookingSearch, after: Place | None) -> ColumnElement[bool]:
    """The bookings of one page of a name, however common it is.

    How often pieces of names come together nobody can foresee. So the next ten thousand are walked first: a common
    name fills the page from them. Only when it does not, and the name is rare therefore, the index of trigrams is
    asked for all of them.
    """
    key = BY_DEPARTURE if search.by_journey else BY_BOOKING
    columns = select(Booking.id, key[0].label("at"), Booking.names).where(*_of_booking(replace(search, words=())))
    if search.by_journey:
        columns = columns.join(Trip, Trip.id == Booking.trip_id).where(*_of_trip(search))
    if after is not None:
        columns = columns.where(tuple_(*key) < after)
    walked = columns.order_by(*(column.desc() for column in key)).limit(WALK).subquery()
    near = _newest(walked, *(_names(word, walked.c.names) for word in search.words)).cte("near")
    full = select(func.count()).select_from(near).scalar_subquery() > PAGE_SIZE
    every = columns.where(~full, *(_names(word) for word in search.words)).cte("every")
    far = _newest(every.prefix_with("MATERIALIZED")).subquery()
    return Booking.id.in_(select(near.c.id).union_all(select(far.c.id)))


def _newest(found: Any, *narrowed: ColumnElement[bool]) -> Select[Any]:
    newest: Any = select(found.c.id).where(*narrowed).order_by(found.c.at.desc(), found.c.id.desc())
    page: Select[Any] = newest.limit(PAGE_SIZE + 1)
    return page


def _of_booking(search: BookingSearch) -> Iterable[ColumnElement[bool]]:
    yield Booking.agency_id == search.agency_id
    exact = {
        Booking.reference: search.reference,
        Booking.payer_phone: search.phone,
        Booking.state: search.state,
        Booking.channel: search.channel,
    }
    yield from (column == value for column, value in exact.items() if value)
    if search.email:
        yield func.lower(Booking.payer_email) == search.email.lower()
    yield from (_names(word) for word in search.words)


def _of_trip(search: BookingSearch) -> Iterable[ColumnElement[bool]]:
    yield Trip.agency_id == search.agency_id
    if search.trip_id:
        yield Trip.id == search.trip_id
    if search.route_id:
        yield Trip.route_id == search.route_id
    if search.since:
        yield Trip.departs_at >= _midnight(search.since, search.timezone)
    if search.until:
        yield Trip.departs_at < _midnight(search.until + A_DAY, search.timezone)
    if search.seat:
        has = select(SeatClaim.booking_id).where(SeatClaim.trip_id == Trip.id, SeatClaim.seat == search.seat)
        yield Booking.id.in_(has.correlate(Trip))


def _names(word: str, names: Any = Booking.names) -> ColumnElement[bool]:
    """A piece of a name; both sides are folded by the database, so that É, é and e are one letter."""
    begin = "%" if len(word) >= WHOLE_TRIGRAM else "% "
    found: ColumnElement[bool] = names.like(literal(begin) + func.fold_name(word) + literal("%"))
    return found


def _midnight(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(timezone))


def _with_journeys(bookings: Sequence[Booking]) -> list[FoundBooking]:
    legs = list_booked_legs({(one.trip_id, _leg(one)) for one in bookings})
    seated = _passengers_of([one.id for one in bookings]) if bookings else {}
    return [FoundBooking(one, legs[one.trip_id, _leg(one)], seated.get(one.id, [])) for one in bookings]


def _passengers_of(ids: Sequence[int]) -> dict[int, list[Passenger]]:
    here = select(Passenger).where(Passenger.booking_id.in_(ids), Passenger.removed_at.is_(None))
    found: dict[int, list[Passenger]] = {}
    for passenger in db.session.scalars(here.order_by(Passenger.booking_id, Passenger.place)):
        found.setdefault(passenger.booking_id, []).append(passenger)
    return found


def _leg(booking: Booking) -> Leg:
    return Leg(booking.board_segment, booking.alight_segment)
