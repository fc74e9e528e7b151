"""The seats of a booking that was just paid: its own, or equivalent ones on the same trip when they are gone.

Called inside the transaction that has locked booking and payments.
"""

from collections.abc import Sequence
from enum import StrEnum

from aurapark.booking import claims
from aurapark.booking.equivalent import equivalent_seats
from aurapark.booking.models import Booking, ClaimState, Passenger
from aurapark.booking.queries import list_taken_seats
from aurapark.extensions import db
from aurapark.timetable.rules import TripLeg

TRIES = 3  # somebody may take the chosen seats between the look and the claim


class Seating(StrEnum):
    SAME = "same"
    OTHER = "other"
    NONE = "none"


def sell_seats(booking: Booking, passengers: Sequence[Passenger], trip: TripLeg) -> Seating:
    """Sell the booking's seats, or those nearest to them; passengers who lost theirs sit on others then."""
    if claims.set_state(booking, ClaimState.SOLD, None) == len(passengers) * trip.leg.segments:
        return Seating.SAME
    wanted = [passenger.seat for passenger in passengers]
    if _sell(booking, wanted, trip):
        return Seating.SAME
    claims.let_go(booking)
    for _ in range(TRIES):
        free = set(trip.layout.seats) - list_taken_seats(trip.trip_id, trip.leg)
        instead = equivalent_seats(trip.layout, free, wanted)
        if instead is None:
            return Seating.NONE
        if _sell(booking, trip.layout.in_order([instead.get(seat, seat) for seat in wanted]), trip):
            _move(passengers, instead)
            return Seating.OTHER if instead else Seating.SAME
    return Seating.NONE


def _sell(booking: Booking, seats: Sequence[str], trip: TripLeg) -> bool:
    savepoint = db.session.begin_nested()
    taken = claims.claim(booking, seats, trip.layout, state=ClaimState.SOLD, expires_at=None)
    if taken:
        savepoint.rollback()
    else:
        savepoint.commit()
    return not taken


def _move(passengers: Sequence[Passenger], instead: dict[str, str]) -> None:
    """Seat the passengers anew. Nobody's new seat is another one's old one: those are somebody else's now."""
    for passenger in passengers:
        passenger.seat = instead.get(passenger.seat, passenger.seat)
    db.session.flush()
