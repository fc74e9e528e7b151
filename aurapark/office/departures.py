"""The departures of an agency on one day: how full each bus is, who has boarded. Reads only, one statement a page.

A bus is as full as its busiest segment: 44 of 70 from Douala to Edéa is 44, however few go on to Yaoundé.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text

from aurapark.extensions import db
from aurapark.keyset import Page, Place
from aurapark.timetable.models import TripState

A_DAY = timedelta(days=1)
AT_ONCE = 200  # departures fetched at once for a file
GONE = (TripState.DEPARTED, TripState.COMPLETED)

_DEPARTURES = text("""
    WITH shown AS MATERIALIZED (
        SELECT id, route_id, vehicle_id, seat_map_id, service_class, state, departs_at, delay_minutes
        FROM trip
        WHERE agency_id = :agency AND departs_at >= :since AND departs_at < :until AND (departs_at, id) > (:after, :id)
        ORDER BY departs_at, id LIMIT :most
    )
    SELECT shown.*, vehicle.name AS bus, vehicle.plate, seat_map.seats, starts.name AS start, ends.name AS end,
        coalesce(load.sold, 0) AS sold, coalesce(load.held, 0) AS held, tickets.tickets, tickets.cash, tickets.boarded
    FROM shown
    JOIN vehicle ON vehicle.id = shown.vehicle_id
    JOIN seat_map ON seat_map.id = shown.seat_map_id
    JOIN LATERAL (
        SELECT city.name FROM route_stop r JOIN stop ON stop.id = r.stop_id JOIN city ON city.code = stop.city_code
        WHERE r.route_id = shown.route_id ORDER BY r.position LIMIT 1) starts ON TRUE
    JOIN LATERAL (
        SELECT city.name FROM route_stop r JOIN stop ON stop.id = r.stop_id JOIN city ON city.code = stop.city_code
        WHERE r.route_id = shown.route_id ORDER BY r.position DESC LIMIT 1) ends ON TRUE
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'sold') AS sold, count(*) FILTER (WHERE state <> 'sold') AS held
        FROM seat_claim WHERE trip_id = shown.id AND (state <> 'held' OR expires_at > now())
        GROUP BY segment ORDER BY count(*) DESC, 1 DESC LIMIT 1) load ON TRUE
    JOIN LATERAL (
        SELECT count(*) AS tickets, count(*) FILTER (WHERE p.provider = 'cash') AS cash,
            count(*) FILTER (WHERE t.state = 'boarded') AS boarded
        FROM booking b
        JOIN ticket t ON t.booking_id = b.id AND t.state <> 'void'
        JOIN payment p ON p.id = b.confirming_payment_id
        WHERE b.trip_id = shown.id AND b.state = 'confirmed') tickets ON TRUE
    ORDER BY shown.departs_at, shown.id
""")


@dataclass(frozen=True, slots=True)
class Departure:
    """One trip with its load: seats of its busiest segment, tickets that count, and how many of them boarded.

    `cash` are the tickets that were paid to the agency itself.
    """

    trip_id: int
    departs_at: datetime
    delay_minutes: int
    state: TripState
    service_class: str
    start: str
    end: str
    bus: str
    plate: str
    seats: int
    sold: int
    held: int
    tickets: int
    cash: int
    boarded: int

    @property
    def leaves_at(self) -> datetime:
        """When it leaves by what is known now."""
        return self.departs_at + timedelta(minutes=self.delay_minutes)

    @property
    def free(self) -> int:
        return max(self.seats - self.sold - self.held, 0)

    @property
    def scanned(self) -> bool:
        """Say whether anybody was scanned: only then does it mean something who was not."""
        return self.boarded > 0

    @property
    def no_shows(self) -> int | None:
        """How many did not come, None while that cannot be known."""
        return self.tickets - self.boarded if self.scanned and self.state in GONE else None


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return when a day begins and ends in a zone."""
    there = ZoneInfo(zone)
    return datetime.combine(day, time(), there), datetime.combine(day + A_DAY, time(), there)


def list_departures(
    agency_id: int, since: datetime, until: datetime, *, size: int, after: Place | None = None
) -> Page[Departure]:
    """Return one page of what departs in [since, until), the earliest first (one statement)."""
    found = [_departure(row) for row in _rows(agency_id, since, until, after, size + 1)]
    shown = found[:size]
    return Page(shown, (shown[-1].departs_at, shown[-1].trip_id) if len(found) > size else None)


def each_departure(agency_id: int, since: datetime, until: datetime) -> Iterator[Departure]:
    """Yield all that departs in [since, until), the earliest first, some hundred in memory at a time."""
    after: Place | None = None
    while True:
        page = list_departures(agency_id, since, until, size=AT_ONCE, after=after)
        yield from page.rows
        after = page.behind
        if after is None:
            return


def _rows(agency_id: int, since: datetime, until: datetime, after: Place | None, most: int) -> list[Row[tuple[object]]]:
    place = after if after is not None and len(after) == 2 else (since, 0)
    begin = {"since": max(since, place[0]), "after": place[0], "id": place[1]}
    return list(db.session.execute(_DEPARTURES, {"agency": agency_id, "until": until, "most": most, **begin}))


def _departure(row: Row[tuple[object]]) -> Departure:
    known = row._mapping
    values = {name: known[name] for name in Departure.__slots__ if name not in ("trip_id", "state")}
    return Departure(trip_id=known["id"], state=TripState(known["state"]), **values)
