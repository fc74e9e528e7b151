"""Issuing tickets: one per passenger and seat, signed, in one INSERT."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from aurapark.booking.models import Booking, Channel, Ticket
from aurapark.booking.qr import TicketSigner, TicketVerifier
from aurapark.booking.queries import get_booking_view
from aurapark.booking.service import Holder, HoldTerms
from aurapark.booking.tickets import issue_tickets
from aurapark.checkout.hold import hold_seats
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.factories import Network

HOLDER = Holder(Channel.API, "fr")


@pytest.fixture
def booking(network: Network, settings: Settings) -> Booking:
    terms = HoldTerms(timedelta(minutes=15), 6, 10, settings.secret_key)
    return hold_seats(network.trip.id, "DLA", "YAO", ["12", "13"], holder=HOLDER, terms=terms)


def issue(booking: Booking, signer: TicketSigner) -> list[Ticket]:
    def work() -> list[Ticket]:
        view = get_booking_view(booking.reference)
        return issue_tickets(booking, view.trip, view.passengers, signer)

    return in_transaction(work)


def test_each_passenger_gets_a_signed_ticket(booking: Booking, settings: Settings) -> None:
    signer = TicketSigner.from_key(settings.ticket_signing_key)
    tickets = issue(booking, signer)
    view = get_booking_view(booking.reference)
    assert [ticket.id for ticket in view.tickets] == [ticket.id for ticket in tickets]
    for passenger, ticket in zip(view.passengers, view.tickets, strict=True):
        said = TicketVerifier([signer.public_key]).read(ticket.qr)
        assert (ticket.seat, ticket.passenger_id, ticket.state) == (passenger.seat, passenger.id, "valid")
        assert (said.code, said.seat, said.leg) == (ticket.code, ticket.seat, view.trip.leg)
        assert (said.trip_id, said.departs_at) == (view.trip.trip_id, view.trip.board.at)


def test_a_seat_never_has_two_live_tickets(booking: Booking, settings: Settings) -> None:
    signer = TicketSigner.from_key(settings.ticket_signing_key)
    issue(booking, signer)
    with pytest.raises(IntegrityError, match="uq_ticket_booking_id_seat"):
        issue(booking, signer)


def test_six_tickets_are_one_insert(network: Network, settings: Settings) -> None:
    terms = HoldTerms(timedelta(minutes=15), 6, 10, settings.secret_key)
    booking = hold_seats(network.trip.id, "DLA", "YAO", list("123456"), holder=HOLDER, terms=terms)
    inserts: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: inserts.append(call[2]))
    issue(booking, TicketSigner.from_key(settings.ticket_signing_key))
    assert sum("INSERT INTO ticket" in statement for statement in inserts) == 1
