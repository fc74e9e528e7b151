"""Passengers of a confirmed booking who will not travel: tickets void, seats free, nobody left is a cancellation.

Called inside the transaction of a story that has locked booking and payments.
"""

from collections.abc import Sequence
from datetime import datetime

from aurapark import states
from aurapark.booking import claims
from aurapark.booking.models import Booking, BookingState, CancelledBecause, Passenger, Ticket
from aurapark.booking.tickets import void_tickets


def drop_passengers(
    booking: Booking,
    chosen: Sequence[Passenger],
    tickets: Sequence[Ticket],
    *,
    whole: bool,
    because: CancelledBecause,
    at: datetime,
) -> None:
    """Take these passengers off, with their tickets and claims, which are locked; `whole`: nobody stays.

    Raises IllegalMove for a ticket somebody boarded with.
    """
    claims.let_seats_go(booking, [passenger.seat for passenger in chosen])
    void_tickets(tickets)
    if whole:
        states.move(booking, BookingState.CANCELLED)
        booking.cancelled_at, booking.cancelled_because = at, because
        return
    for passenger in chosen:
        passenger.removed_at = at
