"""Things with a life of their own, made by the real services: held, paid, confirmed bookings; and time that passes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from flask import Flask
from sqlalchemy import text

from aurapark.booking.details import CheckoutDetails, PassengerDetails, Payer
from aurapark.booking.models import Booking, Channel
from aurapark.booking.qr import TicketSigner
from aurapark.booking.queries import get_booking, list_passengers
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.confirm import check_payment
from aurapark.checkout.hold import hold_seats
from aurapark.checkout.pay import start_payment
from aurapark.checkout.terms import PaymentTerms
from aurapark.config import _new_signing_key
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.fares.models import Category
from aurapark.payments.models import Payment
from tests.factories import Network
from tests.fakes import FakeGateway

OVER = timedelta(minutes=26)  # session and grace of PAYMENT_TERMS are over
VISITOR_HASH = "v" * 64
GUEST = Holder(Channel.WEB, "fr", VISITOR_HASH)
INTEGRATOR = Holder(Channel.API, "en")
HOLD_TERMS = HoldTerms(timedelta(minutes=15), 6, 10, "k" * 32, limited=False)
PAYMENT_TERMS = PaymentTerms(
    session=timedelta(minutes=15),
    grace=timedelta(minutes=10),
    retry_base=timedelta(seconds=10),
    return_url="http://localhost:8000/payments/flutterwave/return",
    hold=HOLD_TERMS,
)
PAYER = Payer("+237671234567", "Awa Ngo", "awa@gmail.com")


@cache
def signer() -> TicketSigner:
    """A signer of tickets with a key of this run."""
    return TicketSigner.from_key(_new_signing_key())


def hold(
    network: Network,
    *seats: str,
    start: str = "DLA",
    end: str = "YAO",
    holder: Holder = GUEST,
    trip_id: int | None = None,
) -> Booking:
    """Hold seats (12 by default) on the network's trip."""
    trip = trip_id or network.trip.id
    return hold_seats(trip, start, end, seats or ("12",), holder=holder, terms=HOLD_TERMS)


def details(booking: Booking, *categories: Category, payer: Payer = PAYER) -> CheckoutDetails:
    """What a traveller types at the checkout: adults called P1, P2 … unless categories are given, in seat order."""
    passengers = list_passengers(booking)
    chosen = [*categories, *[Category.ADULT] * (len(passengers) - len(categories))]
    given = [
        PassengerDetails(passenger.seat, f"P{number} NGO", category)
        for number, (passenger, category) in enumerate(zip(passengers, chosen, strict=True), 1)
    ]
    return CheckoutDetails(tuple(given), payer)


def start(booking: Booking, gateway: FakeGateway, *categories: Category, **changes: timedelta) -> Payment:
    """Start a payment of a booking; `changes` are terms."""
    terms = replace(PAYMENT_TERMS, **changes)
    return start_payment(booking.reference, details(booking, *categories), gateway=gateway, terms=terms)


def check(payment: Payment | str, gateway: FakeGateway, **changes: timedelta) -> None:
    """Ask the gateway about an attempt and act on it."""
    tx_ref = payment if isinstance(payment, str) else payment.tx_ref
    check_payment(tx_ref, gateway=gateway, signer=signer(), terms=replace(PAYMENT_TERMS, **changes))


def confirm(network: Network, *seats: str, gateway: FakeGateway | None = None) -> Booking:
    """Hold, pay and confirm seats; returns the booking."""
    gateway = gateway or FakeGateway()
    booking = hold(network, *seats)
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, payment.expected_amount)
    check(payment, gateway)
    return fresh(booking)


def fresh(booking: Booking) -> Booking:
    """The booking as it is now."""
    db.session.expire_all()
    db.session.rollback()
    return get_booking(booking.reference)


def payments_of(booking: Booking) -> list[Payment]:
    """All payments of a booking as they are now, oldest first."""
    db.session.expire_all()
    return list(db.session.query(Payment).filter_by(booking_id=booking.id).order_by(Payment.id))


def pass_time(booking: Booking, by: timedelta) -> None:
    """Let time pass for one booking: every moment on it, its claims and its payments moves into the past."""

    def work() -> None:
        moves = {
            "booking": ("id", ["hold_expires_at", "created_at"]),
            "seat_claim": ("booking_id", ["expires_at"]),
            "payment": ("booking_id", ["session_ends_at", "created_at", "next_check_at", "verified_at"]),
        }
        for table, (key, columns) in moves.items():
            moved = ", ".join(f"{column} = {column} - :by" for column in columns)
            db.session.execute(text(f"UPDATE {table} SET {moved} WHERE {key} = :id"), {"by": by, "id": booking.id})  # noqa: S608

    in_transaction(work)


def race(app: Flask, *works: Callable[[], Any]) -> list[Any]:
    """Run these at once, each in a thread with a connection of its own; returns what each gave back or raised."""
    barrier, outcomes = threading.Barrier(len(works)), []

    def run(work: Callable[[], Any]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                outcomes.append(work())
            except Exception as error:
                outcomes.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def claims_of(booking: Booking) -> Sequence[tuple[str, int, str]]:
    """(seat, segment, state) of each claim of a booking."""
    rows = db.session.execute(
        text("SELECT seat, segment, state FROM seat_claim WHERE booking_id = :id ORDER BY place, segment"),
        {"id": booking.id},
    )
    return [tuple(row) for row in rows]
