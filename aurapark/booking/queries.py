"""Reading bookings: one with all that people see of it, the one a token opens, the seats that are taken."""

from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select

from aurapark.booking.errors import BookingNotFound, PassengerNotFound
from aurapark.booking.models import Booking, ClaimState, Passenger, SeatClaim, Ticket, TicketState
from aurapark.extensions import db
from aurapark.references import fingerprint
from aurapark.timetable.queries import MAX_ID, get_booked_leg
from aurapark.timetable.rules import Leg, TripLeg


@dataclass(frozen=True, slots=True)
class BookingView:
    """One booking as people see it: its trip, who sits where, and the tickets that are not void, in seat order.

    `removed` are those cancelled one by one: what was paid was paid for them too.
    """

    booking: Booking
    trip: TripLeg
    passengers: list[Passenger]
    tickets: list[Ticket]
    removed: list[Passenger]

    @property
    def seats(self) -> list[str]:
        """Return the seats, in map order."""
        return [passenger.seat for passenger in self.passengers]

    @property
    def live(self) -> bool:
        """Say whether this is a hold whose time, by the database's clock, is not over."""
        return self.booking.state == "held" and self.booking.hold_expires_at > self.trip.asked_at

    def ticket_of(self, passenger: Passenger) -> Ticket | None:
        """Return the ticket of one passenger, None before there is one."""
        return next((ticket for ticket in self.tickets if ticket.passenger_id == passenger.id), None)


def get_booking(reference: str) -> Booking:
    """Return a booking, not locked. Raises BookingNotFound."""
    booking = db.session.scalars(select(Booking).where(Booking.reference == reference)).first()
    if booking is None:
        raise BookingNotFound
    return booking


def get_booking_view(reference: str) -> BookingView:
    """Return a booking with its trip, passengers and tickets (four statements). Raises BookingNotFound."""
    return view_of(get_booking(reference))


def view_of(booking: Booking) -> BookingView:
    """Return a booking that was read with its trip, passengers and tickets (three statements)."""
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    everybody = list(db.session.scalars(_passengers_of(booking)))
    here = [passenger for passenger in everybody if passenger.removed_at is None]
    gone = [passenger for passenger in everybody if passenger.removed_at is not None]
    return BookingView(booking, trip, here, _list_tickets(booking), gone)


def list_passengers(booking: Booking) -> list[Passenger]:
    """Return who sits on this booking now, in seat order."""
    return list(db.session.scalars(_passengers_of(booking).where(Passenger.removed_at.is_(None))))


def list_removed_seats(booking: Booking) -> set[str]:
    """Return the seats of passengers who were taken off this booking, but for those that others of it sit on now."""
    rows = db.session.execute(
        select(Passenger.seat, func.bool_and(Passenger.removed_at.is_not(None)))
        .where(Passenger.booking_id == booking.id)
        .group_by(Passenger.seat)
    )
    return {seat for seat, nobody_left in rows if nobody_left}


def get_passenger(booking: Booking, passenger_id: int) -> Passenger:
    """Return somebody who sits on this booking now. Raises PassengerNotFound, alike for one of another booking."""
    here = (Passenger.booking_id == booking.id, Passenger.removed_at.is_(None))
    found = None
    if 0 < passenger_id <= MAX_ID:
        found = db.session.scalars(select(Passenger).where(Passenger.id == passenger_id, *here)).first()
    if found is None:
        raise PassengerNotFound
    return found


def find_by_token(token: str) -> Booking | None:
    """Return the booking that a private token opens, None when it opens none."""
    return db.session.scalars(select(Booking).where(Booking.token_hash == fingerprint(token))).first()


def list_taken_seats(trip_id: int, leg: Leg, *, except_booking_id: int | None = None) -> set[str]:
    """Return the seats somebody has on any segment of the leg; a hold that has lapsed takes nothing."""
    taken = select(SeatClaim.seat).where(
        SeatClaim.trip_id == trip_id,
        SeatClaim.segment >= leg.board,
        SeatClaim.segment < leg.alight,
        or_(SeatClaim.state != ClaimState.HELD, SeatClaim.expires_at > func.now()),
    )
    if except_booking_id is not None:
        taken = taken.where(SeatClaim.booking_id != except_booking_id)
    return set(db.session.scalars(taken.distinct()))


def _passengers_of(booking: Booking) -> Select[Passenger]:
    return select(Passenger).where(Passenger.booking_id == booking.id).order_by(Passenger.place)


def _list_tickets(booking: Booking) -> list[Ticket]:
    statement = select(Ticket).where(Ticket.booking_id == booking.id, Ticket.state != TicketState.VOID)
    return list(db.session.scalars(statement.order_by(Ticket.id)))
