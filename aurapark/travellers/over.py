"""When nothing of a booking is to come any more, as conditions of the database: then its names may go."""

from sqlalchemy import ColumnElement, and_, exists, func, or_

from aurapark.booking.models import Booking, BookingState
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.payments.models import OPEN_STATES, Disposition, Payment
from aurapark.refunds.models import Refund, RefundState
from aurapark.timetable.models import Trip, TripStop

ENDED_REFUNDS = (RefundState.SUCCEEDED, RefundState.CANCELLED)


def is_ahead() -> ColumnElement[bool]:
    """The condition that somebody travels on this booking still: it is paid, and the bus is not there yet."""
    delay = func.make_interval(0, 0, 0, 0, 0, Trip.delay_minutes)
    not_there = exists().where(
        Trip.id == Booking.trip_id,
        TripStop.trip_id == Trip.id,
        TripStop.position == Booking.alight_segment,
        TripStop.departs_at + delay > func.now(),
    )
    return and_(Booking.state == BookingState.CONFIRMED, not_there)


def is_being_paid() -> ColumnElement[bool]:
    """The condition that seats are kept for this booking, or that a payment of it is under way."""
    live = and_(Booking.state == BookingState.HELD, Booking.hold_expires_at > func.now())
    paying = exists().where(Payment.booking_id == Booking.id, Payment.state.in_(OPEN_STATES))
    return or_(live, paying)


def has_money_going_back() -> ColumnElement[bool]:
    """The condition that a refund of this booking is not through yet."""
    of_booking = Payment.booking_id == Booking.id
    return exists().where(of_booking, Refund.payment_id == Payment.id, Refund.state.not_in(ENDED_REFUNDS))


def is_looked_at() -> ColumnElement[bool]:
    """The condition that people have to decide about money of this booking."""
    return exists().where(Payment.booking_id == Booking.id, Payment.disposition == Disposition.REVIEW)


def is_disputed() -> ColumnElement[bool]:
    """The condition that money of this booking is disputed with the bank."""
    of_booking = Payment.booking_id == Booking.id
    return exists().where(of_booking, Dispute.payment_id == Payment.id, Dispute.state == DisputeState.OPEN)


def is_over() -> ColumnElement[bool]:
    """The condition that nothing of this booking is to come any more."""
    return ~or_(is_ahead(), is_being_paid(), has_money_going_back(), is_looked_at(), is_disputed())
