"""Issuing tickets: one for each passenger of a booking, with its code and its signed QR text."""

from collections.abc import Sequence

from aurapark.booking.models import Booking, Passenger, Ticket, TicketState
from aurapark.booking.qr import SignedTicket, TicketSigner
from aurapark.extensions import db
from aurapark.references import new_code
from aurapark.timetable.rules import TripLeg


def issue_tickets(
    booking: Booking, trip: TripLeg, passengers: Sequence[Passenger], signer: TicketSigner
) -> list[Ticket]:
    """Write a valid ticket for each passenger, in their order (one INSERT), in the transaction under way.

    The database refuses a second live ticket for a booking's seat.
    """
    tickets = [_ticket(booking, trip, passenger, signer) for passenger in passengers]
    db.session.add_all(tickets)
    db.session.flush()
    return tickets


def _ticket(booking: Booking, trip: TripLeg, passenger: Passenger, signer: TicketSigner) -> Ticket:
    code = new_code()
    signed = SignedTicket(code, trip.trip_id, passenger.seat, trip.leg, trip.board.at)
    return Ticket(
        code=code,
        booking_id=booking.id,
        passenger_id=passenger.id,
        seat=passenger.seat,
        state=TicketState.VALID,
        qr=signer.sign(signed),
    )
