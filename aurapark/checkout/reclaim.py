"""A hold that lapsed: the same seats are tried again, at the price that was shown.

A hold that was tidied away (`expired`) may not be held again; its seats are held by a new booking instead, which
keeps the visitor, the account, those who opened the old one, and the prices.
"""

from datetime import datetime

from sqlalchemy import func, insert, literal, select

from aurapark.booking import claims
from aurapark.booking import service as bookings
from aurapark.booking.errors import SeatsTaken, WrongState
from aurapark.booking.models import Booking, BookingAccess, BookingState, ClaimState, Passenger
from aurapark.booking.queries import list_passengers
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.room import lock_room_to_pay
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.fares.rules import SeatPrices
from aurapark.payments.service import is_open, lock_payments
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg, TripLeg


def reclaim(reference: str, *, terms: HoldTerms) -> Booking:
    """Hold the same seats once more; a hold that lives is returned as it is.

    Returns the booking that holds them: a new one when the old was expired already.
    Raises BookingNotFound, WrongState, TripClosed, TripCancelled, SeatsTaken, and what a new hold is refused with.
    """

    def work() -> Booking:
        _, room = lock_room_to_pay(reference, None, limited=terms.limited)
        booking = bookings.lock_booking(reference)
        if booking.state not in (BookingState.HELD, BookingState.EXPIRED):
            raise WrongState
        payments = lock_payments(booking.id)
        trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
        if is_live(booking, trip.asked_at) or any(is_open(payment) for payment in payments):
            return booking
        passengers = list_passengers(booking)
        room.require(trip, len(passengers), except_id=booking.id)
        until = min(trip.asked_at + terms.hold, trip.sales_close_at)
        return take_again(booking, trip, passengers, until=until, state=ClaimState.HELD, terms=terms)

    return in_transaction(work)


def is_live(booking: Booking, now: datetime) -> bool:
    """Say whether this is a hold whose time is not over; `now` is the database's."""
    return booking.state == BookingState.HELD and booking.hold_expires_at > now


def take_again(
    booking: Booking,
    trip: TripLeg,
    passengers: list[Passenger],
    *,
    until: datetime,
    state: ClaimState,
    terms: HoldTerms,
) -> Booking:
    """Claim all seats of a locked hold, live, lapsed or expired; all or nothing, what else was written stays.

    Returns the booking that has them now. Raises TripClosed, TripCancelled, SeatsTaken.
    """
    if not is_live(booking, trip.asked_at):
        trip.require_on_sale()
    seats = [passenger.seat for passenger in passengers]
    with db.session.begin_nested():
        if booking.state == BookingState.EXPIRED:
            booking = _hold_anew(booking, trip, passengers, terms)
        if taken := claims.claim(booking, seats, trip.layout, state=state, expires_at=until):
            raise SeatsTaken(taken)
        booking.hold_expires_at = max(booking.hold_expires_at, until)
    return booking


def _hold_anew(old: Booking, trip: TripLeg, passengers: list[Passenger], terms: HoldTerms) -> Booking:
    shown = passengers[0]
    prices = SeatPrices(shown.adult, shown.youth, shown.child, shown.reduced_mobility, old.currency)
    holder = Holder(old.channel, old.language, old.visitor_hash, old.network, old.user_id)
    seats = [passenger.seat for passenger in passengers]
    new = bookings.hold_seats(trip, seats, prices, holder=holder, terms=terms)
    opened = select(literal(new.id), BookingAccess.visitor_hash, func.now()).where(BookingAccess.booking_id == old.id)
    db.session.execute(insert(BookingAccess).from_select(["booking_id", "visitor_hash", "granted_at"], opened))
    return new
