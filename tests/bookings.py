"""Bookings with passengers, a payer and tickets, for tests of what is made from them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aurapark.booking.models import Booking, Channel
from aurapark.booking.qr import TicketSigner
from aurapark.booking.queries import get_booking_view
from aurapark.booking.service import Holder, HoldTerms
from aurapark.booking.tickets import issue_tickets
from aurapark.checkout.hold import hold_seats
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.factories import Network

NAMES = ("NGO BASSONG Marie-Noëlle epse MBALLA", "N'DJOCK Élise", "ABDOULAYE", "FRU Emmanuel Che", "AÏSSATOU", "WIRBA")
PHONE, EMAIL = "+237671234516", "traveller@example.com"


def make_hold(
    network: Network,
    settings: Settings,
    *,
    seats: Sequence[str] = ("12", "13"),
    language: str = "fr",
    names: Sequence[str] = NAMES,
    **payer: Any,
) -> Booking:
    """Hold these seats with named passengers and a payer who has a phone and an e-mail address."""
    terms = HoldTerms(timedelta(minutes=15), 10, 10, settings.secret_key)
    holder = Holder(Channel.API, language)
    booking = hold_seats(network.trip.id, "DLA", "YAO", seats, holder=holder, terms=terms)

    def name_people() -> None:
        mine = db.session.merge(booking)
        for field, value in {"payer_phone": PHONE, "payer_email": EMAIL, **payer}.items():
            setattr(mine, field, value)
        for passenger, name in zip(get_booking_view(booking.reference).passengers, names, strict=False):
            passenger.name = name

    in_transaction(name_people)
    return booking


def make_ticketed(network: Network, settings: Settings, **changes: Any) -> Booking:
    """A hold whose tickets are issued."""
    booking = make_hold(network, settings, **changes)
    signer = TicketSigner.from_key(settings.ticket_signing_key)

    def issue() -> None:
        view = get_booking_view(booking.reference)
        issue_tickets(booking, view.trip, view.passengers, signer)

    in_transaction(issue)
    return booking
