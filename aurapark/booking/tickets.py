"""Issuing tickets: one for each passenger of a booking, with its code and its signed QR text."""

from collections.abc import Sequence

from sqlalchemy import select

from aurapark import states
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


def list_tickets(booking: Booking, passengers: Sequence[Passenger]) -> list[Ticket]:
    """Return the tickets of these passengers that are not void, locked."""
    statement = select(Ticket).where(
        Ticket.booking_id == booking.id,
        Ticket.passenger_id.in_([passenger.id for passenger in passengers]),
        Ticket.state != TicketState.VOID,
    )
    return list(db.session.scalars(statement.order_by(Ticket.id).with_for_update()))


def void_tickets(tickets: Sequence[Ticket]) -> None:
    """Make tickets worthless. Raises IllegalMove for one that was boarded with."""
    for ticket in tickets:
        states.move(ticket, TicketState.VOID)


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
