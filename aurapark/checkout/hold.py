"""The hold: seats kept for a traveller while they pay; kept longer, or given back by choice."""

from collections.abc import Sequence

from aurapark.booking import claims
from aurapark.booking import service as bookings
from aurapark.booking.errors import WrongState
from aurapark.booking.models import Booking, BookingState, ClaimState
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.room import room_for
from aurapark.database import in_transaction
from aurapark.fares.queries import get_seat_prices
from aurapark.timetable.queries import get_trip_leg


def hold_seats(
    trip_id: int, from_code: str, to_code: str, seats: Sequence[str], *, holder: Holder, terms: HoldTerms
) -> Booking:
    """Hold these seats between two stops or cities, priced as they are now (one transaction).

    Raises TripNotFound, FareNotFound, TripClosed, TripCancelled, WrongSeatCount, NoSuchSeat, SeatsTaken; TooManyHolds,
    HoldingPaused, NetworkShareUsedUp, NetworkShareTooBig when the holder keeps enough already.
    """

    def work() -> Booking:
        trip = get_trip_leg(trip_id, from_code, to_code)
        room_for(holder, trip_id, limited=terms.limited).require(trip, len(set(seats)))
        return bookings.hold_seats(trip, seats, get_seat_prices(trip), holder=holder, terms=terms)

    return in_transaction(work)


def change_seats(
    reference: str,
    trip_id: int,
    from_code: str,
    to_code: str,
    seats: Sequence[str],
    *,
    holder: Holder,
    terms: HoldTerms,
) -> Booking:
    """Give a hold back and hold other seats in its place, or none of both (one transaction).

    Raises WrongState when the hold is not one any more or is being paid, and what hold_seats raises.
    """

    def work() -> Booking:
        room = room_for(holder, trip_id, limited=terms.limited)
        room.lock()
        old = bookings.lock_booking(reference)
        if old.state != BookingState.HELD or any(state == ClaimState.PAYING for _, _, state in claims.lock(old)):
            raise WrongState
        bookings.end_hold(old, BookingState.RELEASED, now=bookings.database_now())
        trip = get_trip_leg(trip_id, from_code, to_code)
        room.require(trip, len(set(seats)))
        return bookings.hold_seats(trip, seats, get_seat_prices(trip), holder=holder, terms=terms)

    return in_transaction(work)


def extend_hold(reference: str) -> Booking:
    """Keep a live hold 5 minutes longer. Raises BookingNotFound, WrongState, HoldNotExtendable."""

    def work() -> Booking:
        booking = bookings.lock_booking(reference)
        bookings.extend_hold(booking, now=bookings.database_now())
        return booking

    return in_transaction(work)
