"""The fate of one verified charge: applied to its booking, or kept for review because no rule sells a seat for it.

Called inside the transaction that has locked booking and payments.
"""

from collections.abc import Sequence
from datetime import datetime

from aurapark import audit, states
from aurapark.booking import claims
from aurapark.booking.models import Booking, BookingState, ClaimState, Passenger
from aurapark.booking.qr import TicketSigner
from aurapark.booking.queries import list_passengers
from aurapark.booking.tickets import issue_tickets
from aurapark.checkout.posting import post_payment
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.notifications.messages import Message, announce
from aurapark.payments.gateway import Charge
from aurapark.payments.models import Disposition, Payment
from aurapark.payments.rules import Fate, wrong_money
from aurapark.payments.service import is_open, record_success
from aurapark.timetable.models import ON_SALE_STATES, TripState
from aurapark.timetable.rules import TripLeg

BOOKING_REASONS = {
    BookingState.CONFIRMED: "second",
    BookingState.RELEASED: "released",
    BookingState.CANCELLED: "cancelled",
}


def record_charge(
    booking: Booking,
    payments: Sequence[Payment],
    attempt: Payment,
    charge: Charge,
    *,
    trip: TripLeg,
    signer: TicketSigner,
    next_check_at: datetime | None,
) -> Payment:
    """Record a charge that is not recorded yet; when it pays the booking, sell the seats and issue the tickets.

    A late one counts when its very seats are still free. Returns the payment that carries it.
    """
    passengers = list_passengers(booking)
    reason = _hindrance(booking, attempt, charge, trip)
    if reason is None and not _sell_seats(booking, passengers, trip):
        reason = "seats_gone"
    fate = Fate(Disposition.REVIEW, reason) if reason else Fate(Disposition.APPLIED)
    payment = record_success(attempt, payments, charge, fate, now=trip.asked_at, next_check_at=next_check_at)
    post_payment(booking, payment)
    if fate.disposition == Disposition.APPLIED:
        _confirm(booking, payment, passengers, trip, signer)
    else:
        _keep_for_review(booking, payments, payment)
    log_event(f"payment_{fate.disposition}", booking=booking.reference, tx_ref=payment.tx_ref, why=fate.reason or "-")
    return payment


def _hindrance(booking: Booking, attempt: Payment, charge: Charge, trip: TripLeg) -> str | None:
    """Return why this charge cannot pay this booking, None when only the seats can still be in the way."""
    if booking.state in BOOKING_REASONS:
        return BOOKING_REASONS[booking.state]
    if wrong := wrong_money(charge, expected=attempt.expected_amount, currency=attempt.currency):
        return wrong
    if trip.state == TripState.CANCELLED:
        return "trip_cancelled"
    if trip.state not in ON_SALE_STATES or trip.board.at <= trip.asked_at:
        return "trip_departed"
    return None


def _sell_seats(booking: Booking, passengers: Sequence[Passenger], trip: TripLeg) -> bool:
    """Sell the booking's claims; those that were let go are taken again if all of them are free."""
    if claims.set_state(booking, ClaimState.SOLD, None) == len(passengers) * trip.leg.segments:
        return True
    savepoint = db.session.begin_nested()
    seats = [passenger.seat for passenger in passengers]
    taken = claims.claim(booking, seats, trip.layout, state=ClaimState.SOLD, expires_at=None)
    if taken:
        savepoint.rollback()
    else:
        savepoint.commit()
    return not taken


def _confirm(
    booking: Booking, payment: Payment, passengers: Sequence[Passenger], trip: TripLeg, signer: TicketSigner
) -> None:
    before = booking.state
    if payment.id is None:
        db.session.flush()
    states.move(booking, BookingState.CONFIRMED)
    booking.confirmed_at, booking.confirming_payment_id = trip.asked_at, payment.id
    issue_tickets(booking, trip, passengers, signer)
    announce(Message.TICKET, booking)
    after = {"state": booking.state, "payment": payment.public_id}
    audit.record("booking.confirm", "booking", booking.reference, before={"state": before}, after=after)


def _keep_for_review(booking: Booking, payments: Sequence[Payment], payment: Payment) -> None:
    """Leave the money to people; a hold lives on until its time, so that the traveller can try again."""
    db.session.flush()
    after = {"amount": payment.paid_amount, "currency": payment.paid_currency}
    audit.record("payment.review", "payment", payment.public_id, reason=payment.disposition_reason, after=after)
    if booking.state == BookingState.HELD:
        state = ClaimState.PAYING if any(is_open(other) for other in payments) else ClaimState.HELD
        claims.set_state(booking, state, booking.hold_expires_at)
