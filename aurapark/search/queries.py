"""Searching trips: two statements for a page of offers, however many trips there are, and no row of the ORM.

A leg is found by the stops it passes; its free seats are counted on its own segments, and a lapsed hold counts as
free. Only trips of active agencies that have not left and have a fare are offered.
"""

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Row, text

from aurapark import clock
from aurapark.extensions import db
from aurapark.search.rules import (
    PAGE_SIZE,
    PARTS_OF_DAY,
    AgencyChoice,
    DateOffer,
    Place,
    PopularLeg,
    TripOffer,
    TripPage,
    TripSearch,
)
from aurapark.timetable.errors import UnknownStop
from aurapark.timetable.rules import StopOnTrip

POPULAR_SECONDS = 60
_popular: WeakKeyDictionary[Engine, tuple[float, list[PopularLeg]]] = WeakKeyDictionary()

PLACES = text("""
    SELECT code, name, name AS city, region, 'city' AS kind, rank, code AS city_code, latitude, longitude FROM city
    UNION ALL
    SELECT stop.code, stop.name, city.name, region, 'stop', rank, city_code, latitude, longitude
    FROM stop JOIN city ON city.code = stop.city_code
    ORDER BY rank NULLS LAST, city, kind, name
""")

STOPS = text("""
    SELECT city.code AS city_code, stop.code AS stop_code, stop.id AS stop_id
    FROM city LEFT JOIN stop ON stop.city_code = city.code
    WHERE city.code IN (:from_code, :to_code) OR stop.code IN (:from_code, :to_code)
""")

# The seats of a leg that nobody has: not sold, not paying, not held until later than the database's now().
SEATS_FREE = """
    (SELECT seat_map.seats - count(DISTINCT claim.seat)
     FROM seat_map
     LEFT JOIN seat_claim AS claim
            ON claim.trip_id = offer.trip_id AND claim.segment >= offer.board AND claim.segment < offer.alight
           AND (claim.state <> 'held' OR claim.expires_at > now())
     WHERE seat_map.id = offer.seat_map_id
     GROUP BY seat_map.seats)
"""

# One row per trip: its first stop to board at, its first stop to alight at after that, as get_trip_leg() chooses.
OFFERS = """
    WITH leg AS (
        SELECT DISTINCT ON (board.trip_id)
               board.trip_id, board.position AS board, alight.position AS alight,
               board.stop_id AS board_stop_id, alight.stop_id AS alight_stop_id,
               board.departs_at AS board_at, alight.departs_at AS alight_at
        FROM trip_stop AS board
        JOIN trip_stop AS alight ON alight.trip_id = board.trip_id AND alight.position > board.position
        WHERE board.stop_id = ANY(:from_stops) AND alight.stop_id = ANY(:to_stops)
          AND board.departs_at >= (SELECT min(CAST(:first_date AS timestamp) AT TIME ZONE timezone) FROM agency)
          AND board.departs_at < (SELECT max(CAST(:end_date AS timestamp) AT TIME ZONE timezone) FROM agency)
        ORDER BY board.trip_id, board.position, alight.position
    ), offer AS (
        SELECT leg.trip_id, leg.board, leg.alight, leg.board_stop_id, leg.alight_stop_id,
               leg.board_at + delay AS board_at, leg.alight_at + delay AS alight_at, CAST(local_at AS date) AS date,
               trip.agency_id, trip.seat_map_id, trip.service_class, trip.departure_mode, trip.state,
               trip.delay_minutes, fare.adult, fare.currency
        FROM leg
        JOIN trip ON trip.id = leg.trip_id AND trip.state IN ('scheduled', 'boarding')
        JOIN agency ON agency.id = trip.agency_id AND agency.state = 'active'
        CROSS JOIN LATERAL (
            SELECT leg.board_at AT TIME ZONE agency.timezone AS local_at,
                   make_interval(mins => trip.delay_minutes) AS delay
        ) AS planned
        CROSS JOIN LATERAL (
            SELECT adult, currency FROM fare
            WHERE fare.route_id = trip.route_id AND fare.service_class = trip.service_class
              AND fare.board_position = leg.board AND fare.alight_position = leg.alight
              AND fare.valid_from <= trip.service_date
            ORDER BY fare.valid_from DESC LIMIT 1
        ) AS fare
        WHERE leg.board_at + delay > now()
          AND local_at >= CAST(:first_date AS timestamp) AND local_at < CAST(:end_date AS timestamp)
          AND (CAST(:service_class AS text) IS NULL OR trip.service_class = :service_class)
          AND (CAST(:agency AS text) IS NULL OR agency.code = :agency)
          AND (NOT :on_time OR trip.departure_mode = 'scheduled')
          AND (CAST(:part_hours AS int) IS NULL
               OR extract(hour FROM local_at - make_interval(hours => :part_starts)) < :part_hours)
    )
"""

ORDER = """
    ORDER BY CASE :sort WHEN 'price' THEN adult WHEN 'duration' THEN extract(epoch FROM alight_at - board_at) END,
             board_at, trip_id
"""

PAGE = text(f"""{OFFERS}, wanted AS (
        SELECT * FROM offer WHERE NOT :enough_seats OR {SEATS_FREE} >= :passengers
    ), page AS (
        SELECT * FROM wanted {ORDER} LIMIT :page_size
        OFFSET (SELECT least(:skip, greatest(count(*) - 1, 0) / :page_size * :page_size) FROM wanted)
    )
    SELECT offer.*, {SEATS_FREE} AS seats_free, seat_map.seats, (SELECT count(*) FROM wanted) AS total,
           agency.code AS agency_code, agency.name AS agency_name, agency.licence, agency.luggage_free_kg,
           agency.timezone, now() < board_at - make_interval(mins => agency.boarding_close_minutes) AS on_sale,
           board_stop.code AS board_code, board_stop.name AS board_name,
           board_city.name AS board_city, board_city.code AS board_city_code,
           alight_stop.code AS alight_code, alight_stop.name AS alight_name,
           alight_city.name AS alight_city, alight_city.code AS alight_city_code
    FROM page AS offer
    JOIN agency ON agency.id = offer.agency_id
    JOIN seat_map ON seat_map.id = offer.seat_map_id
    JOIN stop AS board_stop ON board_stop.id = offer.board_stop_id
    JOIN city AS board_city ON board_city.code = board_stop.city_code
    JOIN stop AS alight_stop ON alight_stop.id = offer.alight_stop_id
    JOIN city AS alight_city ON alight_city.code = alight_stop.city_code
    {ORDER}
""")  # nosec B608  # noqa: S608  constants of this module

# Whether a date has room is asked of its trips one by one until one has: nobody counts the seats of all of them.
DATES = text(f"""{OFFERS}
    SELECT date, count(*) AS trips, min(adult) AS amount_from
    FROM offer AS of_date JOIN agency ON agency.id = of_date.agency_id
    WHERE now() < board_at - make_interval(mins => agency.boarding_close_minutes)
    GROUP BY date
    HAVING EXISTS (SELECT FROM offer WHERE offer.date = of_date.date AND {SEATS_FREE} >= :passengers)
    ORDER BY abs(date - :wanted), date
""")  # nosec B608  # noqa: S608  constants of this module

AGENCIES = text("SELECT code, name FROM agency WHERE state = 'active' ORDER BY name")

POPULAR = text("""
    WITH ends AS (
        SELECT route_id, min(position) AS board, max(position) AS alight FROM route_stop GROUP BY route_id
    ), departures AS (
        SELECT route_id, service_class, sum(bit_count(CAST(days AS bit(7)))) AS weekly
        FROM schedule JOIN route ON route.id = schedule.route_id
        JOIN agency ON agency.id = route.agency_id AND agency.state = 'active'
        WHERE schedule.valid_until IS NULL OR schedule.valid_until >= :today
        GROUP BY route_id, service_class
    )
    SELECT from_city.code AS from_code, from_city.name AS from_name, to_city.code AS to_code, to_city.name AS to_name,
           min(fare.adult) AS amount_from, fare.currency
    FROM departures
    JOIN ends USING (route_id)
    JOIN fare ON fare.route_id = departures.route_id AND fare.service_class = departures.service_class
             AND fare.board_position = ends.board AND fare.alight_position = ends.alight AND fare.valid_from <= :today
    JOIN route_stop AS first ON first.route_id = departures.route_id AND first.position = ends.board
    JOIN route_stop AS last ON last.route_id = departures.route_id AND last.position = ends.alight
    JOIN stop AS from_stop ON from_stop.id = first.stop_id
    JOIN city AS from_city ON from_city.code = from_stop.city_code
    JOIN stop AS to_stop ON to_stop.id = last.stop_id
    JOIN city AS to_city ON to_city.code = to_stop.city_code
    GROUP BY from_city.code, to_city.code, fare.currency
    ORDER BY sum(weekly) DESC, from_city.rank NULLS LAST, to_city.rank NULLS LAST
    LIMIT :limit
""")


def list_places() -> list[Place]:
    """Return every city and stop, popular cities first, each city before its stops (one statement)."""
    return [Place(**row._mapping) for row in db.session.execute(PLACES)]


def list_agencies() -> list[AgencyChoice]:
    """Return the agencies on sale, by name (one statement)."""
    return [AgencyChoice(row.code, row.name) for row in db.session.execute(AGENCIES)]


def list_popular_legs(limit: int = 6) -> list[PopularLeg]:
    """Return the pairs of cities with the most departures a week, with their lowest adult price (one statement).

    Weighs the whole timetable, so each process keeps the answer for a minute.
    """
    kept_until, legs = _popular.get(db.engine, (0.0, []))
    if not legs or len(legs) < limit or kept_until < monotonic():
        rows = db.session.execute(POPULAR, {"limit": limit, "today": clock.today()})
        legs = [PopularLeg(**row._mapping) for row in rows]
        _popular[db.engine] = (monotonic() + POPULAR_SECONDS, legs)
    return legs[:limit]


def find_trips(search: TripSearch, page: int = 1) -> TripPage:
    """Return one page of the day's trips between two places, sold-out ones included (two statements).

    Raises UnknownStop when a code is neither a stop nor a city.
    """
    asked = _asked(search) | {
        "first_date": search.date,
        "end_date": search.date + timedelta(days=1),
        "enough_seats": search.enough_seats,
        "sort": search.sort,
        "skip": (page - 1) * PAGE_SIZE,
        "page_size": PAGE_SIZE,
    }
    rows = db.session.execute(PAGE, asked).all()
    total = rows[0].total if rows else 0
    pages = max(1, -(-total // PAGE_SIZE))
    return TripPage([_offer(row) for row in rows], min(page, pages), pages, total)


def list_nearest_dates(search: TripSearch, days: int = 14) -> list[DateOffer]:
    """Return dates from today until `days` after the wanted one, nearest first, on which the party finds a trip.

    The search's filters count; the wanted date itself may be among them. Two statements. Raises UnknownStop.
    """
    asked = _asked(search) | {
        "wanted": search.date,
        "first_date": clock.today() - timedelta(days=1),  # somebody's today, whatever the agency's zone
        "end_date": search.date + timedelta(days=days + 1),
    }
    return [DateOffer(row.date, row.trips, row.amount_from) for row in db.session.execute(DATES, asked)]


def _asked(search: TripSearch) -> dict[str, Any]:
    codes = {"from_code": search.from_code, "to_code": search.to_code}
    stops = db.session.execute(STOPS, codes).all()
    starts, hours = PARTS_OF_DAY[search.part_of_day] if search.part_of_day else (None, None)
    return {
        "from_stops": _stops_of(search.from_code, stops),
        "to_stops": _stops_of(search.to_code, stops),
        "passengers": search.passengers,
        "service_class": search.service_class,
        "agency": search.agency,
        "on_time": search.leaves == "on_time",
        "part_starts": starts,
        "part_hours": hours,
    }


def _stops_of(code: str, rows: Sequence[Row[Any]]) -> list[int]:
    known = [row for row in rows if code in (row.city_code, row.stop_code)]
    if not known:
        raise UnknownStop(details={"code": code})
    return [row.stop_id for row in known if row.stop_id is not None]


def _offer(row: Row[Any]) -> TripOffer:
    return TripOffer(
        trip_id=row.trip_id,
        agency_code=row.agency_code,
        agency_name=row.agency_name,
        licence=row.licence,
        service_class=row.service_class,
        departure_mode=row.departure_mode,
        state=row.state,
        delay_minutes=row.delay_minutes,
        board=StopOnTrip(row.board_code, row.board_name, row.board_city, row.board_city_code, row.board_at),
        alight=StopOnTrip(row.alight_code, row.alight_name, row.alight_city, row.alight_city_code, row.alight_at),
        adult=row.adult,
        currency=row.currency,
        seats=row.seats,
        seats_free=row.seats_free,
        luggage_free_kg=row.luggage_free_kg,
        on_sale=row.on_sale,
        timezone=row.timezone,
    )
