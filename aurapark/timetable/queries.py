"""Reading the timetable: one leg of a trip, with all that a sale needs, in one statement."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Select, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from aurapark.agencies.models import Agency, AgencyState
from aurapark.extensions import db
from aurapark.fleet.models import SeatMap, Vehicle
from aurapark.timetable.errors import TripNotFound
from aurapark.timetable.models import ON_SALE_STATES, City, Stop, Trip, TripStop
from aurapark.timetable.rules import Leg, SellingAgency, StopOnTrip, TripLeg

MAX_ID = 2**63 - 1  # of a bigint

_Board, _Alight = aliased(TripStop), aliased(TripStop)
_From, _To = aliased(Stop), aliased(Stop)
_FromCity, _ToCity = aliased(City), aliased(City)


def get_trip_leg(trip_id: int, from_code: str, to_code: str) -> TripLeg:
    """Return the leg of a trip between two stops or cities (first stop in each that fits), in one statement.

    Raises TripNotFound when the trip does not exist, is not yet offered, or does not serve both in order.
    """
    if not 0 < trip_id <= MAX_ID:
        raise TripNotFound
    row = db.session.execute(
        _trip_legs()
        .where(Trip.id == trip_id)
        .where(or_(_From.code == from_code, _From.city_code == from_code))
        .where(or_(_To.code == to_code, _To.city_code == to_code))
        .order_by(_Board.position, _Alight.position)
        .limit(1)
    ).first()
    if row is None:
        raise TripNotFound
    return _as_trip_leg(row)


def get_booked_leg(trip_id: int, leg: Leg) -> TripLeg:
    """Return a leg by its segments, whatever state trip and agency are in: for bookings that exist.

    Raises TripNotFound when there is no such leg.
    """
    row = db.session.execute(
        _trip_legs().where(Trip.id == trip_id, _Board.position == leg.board, _Alight.position == leg.alight)
    ).first()
    if row is None:
        raise TripNotFound
    return _as_trip_leg(row)


def list_booked_legs(booked: Collection[tuple[int, Leg]]) -> dict[tuple[int, Leg], TripLeg]:
    """Return these legs of these trips by trip and leg, as `get_booked_leg` (one statement, none for nothing)."""
    if not booked:
        return {}
    wanted = [(trip_id, leg.board, leg.alight) for trip_id, leg in booked]
    rows = db.session.execute(_trip_legs().where(tuple_(Trip.id, _Board.position, _Alight.position).in_(wanted)))
    return {(found.trip_id, found.leg): found for found in map(_as_trip_leg, rows)}


def list_next_legs(left: TripLeg, *, limit: int = 10) -> list[TripLeg]:
    """Return other trips between the same cities on which seats are still sold, soonest first (one statement)."""
    delay = func.make_interval(0, 0, 0, 0, 0, Trip.delay_minutes)
    closes = func.make_interval(0, 0, 0, 0, 0, Agency.boarding_close_minutes)
    rows = db.session.execute(
        _trip_legs()
        .where(_From.city_code == left.board.city_code, _To.city_code == left.alight.city_code)
        .where(Trip.id != left.trip_id, Trip.state.in_(ON_SALE_STATES), Agency.state == AgencyState.ACTIVE)
        .where(_Board.departs_at + delay - closes > func.now())
        .order_by(_Board.departs_at + delay, Trip.id, _Board.position, _Alight.position)
        .limit(limit)
    )
    by_trip: dict[int, TripLeg] = {}
    for leg in map(_as_trip_leg, rows):
        by_trip.setdefault(leg.trip_id, leg)
    return list(by_trip.values())


def _trip_legs() -> Select[*tuple[Any, ...]]:
    return (
        select(Trip, Agency, SeatMap, Vehicle, _Board, _Alight, _From, _To, _FromCity.name, _ToCity.name, func.now())
        .join(Agency, Agency.id == Trip.agency_id)
        .join(SeatMap, SeatMap.id == Trip.seat_map_id)
        .join(Vehicle, Vehicle.id == Trip.vehicle_id)
        .join(_Board, _Board.trip_id == Trip.id)
        .join(_Alight, (_Alight.trip_id == Trip.id) & (_Alight.position > _Board.position))
        .join(_From, _From.id == _Board.stop_id)
        .join(_To, _To.id == _Alight.stop_id)
        .join(_FromCity, _FromCity.code == _From.city_code)
        .join(_ToCity, _ToCity.code == _To.city_code)
        .where(Agency.state != AgencyState.PENDING)
    )


def _as_trip_leg(row: Row[*tuple[Any, ...]]) -> TripLeg:
    trip, agency, seat_map, vehicle, board, alight, from_stop, to_stop, from_city, to_city, asked_at = row
    delay = timedelta(minutes=trip.delay_minutes)
    return TripLeg(
        trip_id=trip.id,
        route_id=trip.route_id,
        service_date=trip.service_date,
        service_class=trip.service_class,
        departure_mode=trip.departure_mode,
        state=trip.state,
        delay_minutes=trip.delay_minutes,
        leg=Leg(board.position, alight.position),
        board=StopOnTrip(from_stop.code, from_stop.name, from_city, from_stop.city_code, board.departs_at + delay),
        alight=StopOnTrip(to_stop.code, to_stop.name, to_city, to_stop.city_code, alight.departs_at + delay),
        agency=SellingAgency(
            id=agency.id,
            code=agency.code,
            name=agency.name,
            licence=agency.licence,
            timezone=agency.timezone,
            phone=agency.phone,
            boarding_close_minutes=agency.boarding_close_minutes,
            max_seats=agency.max_seats,
            commission_percent=agency.commission_percent,
            luggage_free_kg=agency.luggage_free_kg,
            refund_policy=agency.refund_policy,
            active=agency.state == AgencyState.ACTIVE,
        ),
        seat_map_name={"fr": seat_map.name_fr, "en": seat_map.name_en},
        grid=seat_map.grid,
        vehicle_name=vehicle.name,
        plate=vehicle.plate,
        asked_at=asked_at,
    )
