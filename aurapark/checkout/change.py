"""What staff change on a confirmed booking: who sits, and on which free seat of the same trip. Never what was paid.

All seats of one trip cost the same for a category and a leg, so that no seat is dearer than the one that was paid.
"""

from aurapark import audit
from aurapark.booking import claims
from aurapark.booking.errors import NoSuchSeat, SeatsTaken, TooLateToChange, WrongState
from aurapark.booking.models import Booking, BookingState, ClaimState, Passenger, Ticket, TicketState
from aurapark.booking.qr import TicketSigner
from aurapark.booking.queries import get_passenger, list_passengers
from aurapark.booking.service import lock_booking
from aurapark.booking.tickets import issue_tickets, list_tickets, void_tickets
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.notifications.messages import Message, announce
from aurapark.timetable.errors import TripCancelled
from aurapark.timetable.models import ON_SALE_STATES, TripState
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg, TripLeg

RENAME, RESEAT = "booking.rename", "booking.reseat"
TAKEN_BACK = "taken back"


def rename_passenger(reference: str, passenger_id: int, name: str, *, actor: str, reason: str) -> Booking:
    """Give a passenger another name; the ticket stays, what is said about it is new, and the payer is told.

    The name before is kept so that it can be taken back. The same name again changes nothing.
    Raises BookingNotFound, PassengerNotFound, WrongState, TripCancelled, TooLateToChange.
    """

    def work() -> Booking:
        booking, passenger, _trip = _open(reference, passenger_id)
        if passenger.name != name:
            _require_ticket(booking, passenger)
            passenger.former_name, passenger.name = passenger.name, name
            _note_name(booking, passenger, actor=actor, reason=reason)
        return booking

    return in_transaction(work)


def take_name_back(reference: str, passenger_id: int, *, actor: str) -> Booking:
    """Give a passenger the name back that they had before the last change; nothing when there is none.

    Raises what rename_passenger raises.
    """

    def work() -> Booking:
        booking, passenger, _trip = _open(reference, passenger_id)
        if passenger.former_name is not None:
            _require_ticket(booking, passenger)
            passenger.former_name, passenger.name = None, passenger.former_name
            _note_name(booking, passenger, actor=actor, reason=TAKEN_BACK)
        return booking

    return in_transaction(work)


def move_passenger(
    reference: str, passenger_id: int, seat: str, *, actor: str, reason: str, signer: TicketSigner
) -> Booking:
    """Let a passenger sit on a free seat of the same trip: the old ticket is void, a new one is issued.

    Both seats are claimed in one ordered statement, so that people who swap neither wait in a ring nor share a seat.
    The same seat again changes nothing. Raises BookingNotFound, PassengerNotFound, WrongState, TripCancelled,
    TooLateToChange, NoSuchSeat, and SeatsTaken when somebody has it.
    """

    def work() -> Booking:
        booking, passenger, trip = _open(reference, passenger_id)
        if passenger.seat != seat:
            before, after = {"seat": passenger.seat}, {"seat": seat, "passenger": passenger.id}
            _move(booking, passenger, seat, trip, signer)
            audit.record(RESEAT, "booking", reference, actor=actor, reason=reason, before=before, after=after)
            _tell(booking)
            log_event("passenger_moved", booking=reference, trip=booking.trip_id, seat=seat)
        return booking

    return in_transaction(work)


def _open(reference: str, passenger_id: int) -> tuple[Booking, Passenger, TripLeg]:
    """Lock a booking that can be changed; return it with the passenger and the leg."""
    booking = lock_booking(reference)
    passenger = get_passenger(booking, passenger_id)
    if booking.state != BookingState.CONFIRMED:
        raise WrongState
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    if trip.state == TripState.CANCELLED:
        raise TripCancelled
    if trip.state not in ON_SALE_STATES or trip.board.at <= trip.asked_at:
        raise TooLateToChange
    return booking, passenger, trip


def _require_ticket(booking: Booking, passenger: Passenger) -> Ticket:
    """Return the one ticket of this passenger, locked. Raises TooLateToChange when it was used, WrongState without."""
    ticket = next(iter(list_tickets(booking, [passenger])), None)
    if ticket is None:
        raise WrongState
    if ticket.state == TicketState.BOARDED:
        raise TooLateToChange
    return ticket


def _move(booking: Booking, passenger: Passenger, seat: str, trip: TripLeg, signer: TicketSigner) -> None:
    layout, before = trip.layout, passenger.seat
    if seat not in layout.seats:
        raise NoSuchSeat(details={"seats": [seat]})
    if before not in layout.seats:
        raise WrongState
    if seat in {one.seat for one in list_passengers(booking)}:
        raise SeatsTaken([seat])
    both = layout.in_order([before, seat])
    if taken := claims.claim(booking, both, layout, state=ClaimState.SOLD, expires_at=None):
        raise SeatsTaken(taken)
    void_tickets([_require_ticket(booking, passenger)])
    claims.let_seats_go(booking, [before])
    passenger.seat = seat
    db.session.flush()
    issue_tickets(booking, trip, [passenger], signer)


def _note_name(booking: Booking, passenger: Passenger, *, actor: str, reason: str) -> None:
    """The log names no names: they would outlive whoever asks to be forgotten."""
    after = {"passenger": passenger.id, "seat": passenger.seat}
    audit.record(RENAME, "booking", booking.reference, actor=actor, reason=reason, after=after)
    _tell(booking)
    log_event("passenger_renamed", booking=booking.reference, trip=booking.trip_id)


def _tell(booking: Booking) -> None:
    number = len(audit.list_times((RENAME, RESEAT), "booking", booking.reference))
    announce(Message.CHANGED, booking, occasion=str(number))
