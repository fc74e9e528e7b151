"""The trips of one traveller: those to come and those that were, as many pages as there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from aurapark.booking.models import Booking, BookingState, Passenger
from aurapark.extensions import db
from aurapark.payments.models import Payment
from aurapark.refunds.models import Refund, RefundState
from aurapark.timetable.models import Trip, TripStop
from aurapark.timetable.queries import list_booked_legs
from aurapark.timetable.rules import Leg, TripLeg

A_PAGE = 10
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class OwnTrip:
    """One booking of a traveller with its leg, its seats and what goes back of it."""

    booking: Booking
    trip: TripLeg
    seats: list[str]
    refunds: list[Refund] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TripPage:
    """One page of somebody's trips, and how many pages there are."""

    trips: list[OwnTrip]
    page: int
    pages: int


def list_own_trips(user_id: int, *, past: bool, page: int) -> TripPage:
    """Return a page of somebody's trips: those to come, soonest first, live holds among them; or those that left and
    those that were cancelled, latest first (three statements, however many there are).
    """
    delay = func.make_interval(0, 0, 0, 0, 0, Trip.delay_minutes)
    departs_at = TripStop.departs_at + delay
    seats = (
        select(func.array_agg(aggregate_order_by(Passenger.seat, Passenger.place)))
        .where(Passenger.booking_id == Booking.id, Passenger.removed_at.is_(None))
        .scalar_subquery()
    )
    order = (departs_at.desc(), Booking.id.desc()) if past else (departs_at, Booking.id)
    rows = db.session.execute(
        select(Booking, seats, func.count().over())
        .join(Trip, Trip.id == Booking.trip_id)
        .join(TripStop, and_(TripStop.trip_id == Trip.id, TripStop.position == Booking.board_segment))
        .where(Booking.user_id == user_id, _is_past(departs_at) if past else _is_to_come(departs_at))
        .order_by(*order)
        .limit(A_PAGE)
        .offset((page - 1) * A_PAGE)
    ).all()
    legs = list_booked_legs({(booking.trip_id, _leg(booking)) for booking, _, _ in rows})
    refunds = _refunds_of([booking.id for booking, _, _ in rows])
    trips = [
        OwnTrip(booking, legs[booking.trip_id, _leg(booking)], list(labels or ()), refunds.get(booking.id, []))
        for booking, labels, _ in rows
    ]
    return TripPage(trips, page, -(-rows[0][2] // A_PAGE) if rows else 1)


def _is_to_come(departs_at: Any) -> ColumnElement[bool]:
    live = and_(Booking.state == BookingState.HELD, Booking.hold_expires_at > func.now())
    return and_(departs_at > func.now(), or_(Booking.state == BookingState.CONFIRMED, live))


def _is_past(departs_at: Any) -> ColumnElement[bool]:
    gone = and_(Booking.state == BookingState.CONFIRMED, departs_at <= func.now())
    return or_(Booking.state == BookingState.CANCELLED, gone)


def _leg(booking: Booking) -> Leg:
    return Leg(booking.board_segment, booking.alight_segment)


def _refunds_of(booking_ids: Sequence[int]) -> dict[int, list[Refund]]:
    statement = (
        select(Payment.booking_id, Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.booking_id.in_(booking_ids), Refund.state != RefundState.CANCELLED)
        .order_by(Refund.id)
    )
    found: dict[int, list[Refund]] = {}
    for booking_id, refund in db.session.execute(statement) if booking_ids else ():
        found.setdefault(booking_id, []).append(refund)
    return found
