"""What became of a payment: three doors (webhook, return page, sweep) lead into this one room.

The gateway is asked outside; then, in one transaction, each charge it verified is recorded once with its fate, and
an attempt whose time is over lets its seats go. Running this again, or in several processes at once, changes
nothing more.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from aurapark import states
from aurapark.booking import claims
from aurapark.booking import service as bookings
from aurapark.booking.models import Booking, BookingState, ClaimState
from aurapark.booking.qr import TicketSigner
from aurapark.checkout.attempts import Attempt, get_attempt
from aurapark.checkout.fates import record_charge
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import in_transaction, let_go
from aurapark.log import log_event
from aurapark.notifications.messages import Message, announce
from aurapark.payments.errors import PaymentNotFound
from aurapark.payments.gateway import FAILED, SUCCESSFUL, Charge, Gateway, GatewayError
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.queries import get_payment
from aurapark.payments.rules import ALARM_STEPS, next_check
from aurapark.payments.service import is_open, lock_payments, make_check_due
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg


def check_payment(tx_ref: str, *, gateway: Gateway, signer: TicketSigner, terms: PaymentTerms) -> None:
    """Ask the gateway about one attempt and act on what it says. For workers: the gateway may take half a minute.

    Raises PaymentNotFound when the reference is not ours.
    """
    attempt = get_attempt(tx_ref)
    ends_at = attempt.session_ends_at + terms.grace
    charges = ask(attempt, gateway, close_link=attempt.asked_at >= ends_at)
    in_transaction(lambda: write_down(attempt, charges, ends_at=ends_at, base=terms.retry_base, signer=signer))


def request_check(tx_ref: str) -> Payment:
    """Make the next question about an attempt due at once: for the way back from the gateway, which proves nothing.

    Raises PaymentNotFound.
    """

    def work() -> Payment:
        if not make_check_due(tx_ref):
            raise PaymentNotFound
        return get_payment(tx_ref)

    return in_transaction(work)


def ask(attempt: Attempt, gateway: Gateway, *, close_link: bool) -> list[Charge] | None:
    """Return all charges of an attempt, None when the gateway gave no clear answer, or is not the attempt's own.

    A link is closed before the question, so that nobody begins to pay between the answer and the release.
    """
    if attempt.provider != gateway.provider:  # another one knows nothing of it, which would look like "not paid"
        log_event("payment_of_another_gateway", level=logging.ERROR, tx_ref=attempt.tx_ref, gateway=attempt.provider)
        return None
    let_go()
    if close_link and attempt.link_to_close:
        try:
            gateway.disable_link(attempt.link_to_close)
        except GatewayError as error:
            log_event("link_not_closed", tx_ref=attempt.tx_ref, why=error)
    try:
        return gateway.list_charges(attempt.tx_ref)
    except GatewayError as error:
        log_event("payment_unanswered", tx_ref=attempt.tx_ref, why=error)
        return None


def write_down(
    attempt: Attempt,
    charges: Sequence[Charge] | None,
    *,
    ends_at: datetime,
    base: timedelta,
    signer: TicketSigner,
) -> None:
    """Act on the gateway's answer in the transaction under way; everything is read again under its lock.

    Locks booking, payments, claims, in this order.
    """
    booking = bookings.lock_booking(attempt.reference)
    payments = lock_payments(booking.id)
    payment = next(payment for payment in payments if payment.tx_ref == attempt.tx_ref)
    known = {payment.gateway_tx_id for payment in payments}
    new = [c for c in charges or () if c.status == SUCCESSFUL and c.gateway_tx_id not in known]
    if new:
        _record(booking, payments, payment, new, ends_at=ends_at, base=base, signer=signer)
        return
    now = bookings.database_now()
    if charges is not None and payment.gateway_tx_id is None:
        _note_no_money(booking, payments, payment, charges, ends_at=ends_at, now=now)
    payment.next_check_at = next_check(payment.state, payment.checks, window_ends_at=ends_at, now=now, base=base)
    if charges is None and is_open(payment) and now > ends_at + base * ALARM_STEPS:
        log_event("payment_stuck", level=logging.ERROR, booking=booking.reference, tx_ref=payment.tx_ref)


def _record(
    booking: Booking,
    payments: list[Payment],
    payment: Payment,
    new: Sequence[Charge],
    *,
    ends_at: datetime,
    base: timedelta,
    signer: TicketSigner,
) -> None:
    """Record each charge; the attempt, which has money now, is still watched for further ones."""
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    again = next_check(PaymentState.SUCCEEDED, payment.checks, window_ends_at=ends_at, now=trip.asked_at, base=base)
    for charge in new:
        recorded = record_charge(booking, payments, payment, charge, trip=trip, signer=signer, next_check_at=again)
        if recorded not in payments:
            payments.append(recorded)


def _note_no_money(
    booking: Booking,
    payments: Sequence[Payment],
    payment: Payment,
    charges: Sequence[Charge],
    *,
    ends_at: datetime,
    now: datetime,
) -> None:
    """No success: before the end of its time nothing is final; after it, the attempt lapses and the seats go."""
    if now < ends_at:
        if is_open(payment) and charges and all(charge.status == FAILED for charge in charges):
            _note_failure(booking, payment, now=now)
        return
    if lapsed := is_open(payment):
        states.move(payment, PaymentState.LAPSED)
        log_event("payment_lapsed", booking=booking.reference, tx_ref=payment.tx_ref)
    if booking.state != BookingState.HELD or any(is_open(other) for other in payments):
        return
    if lapsed:
        announce(Message.PAYMENT_FAILED, booking, occasion=str(payment.attempt))
    if booking.hold_expires_at > now:  # it was extended meanwhile: an ordinary hold again
        claims.set_state(booking, ClaimState.HELD, booking.hold_expires_at)
        return
    bookings.end_hold(booking, BookingState.EXPIRED, now=now)
    log_event("hold_lapsed", booking=booking.reference, trip=booking.trip_id)


def _note_failure(booking: Booking, payment: Payment, *, now: datetime) -> None:
    """Every try on the page failed so far. The page may be open still: the seats are kept, and we go on asking."""
    states.move(payment, PaymentState.FAILED)
    payment.failure = "failed_at_gateway"
    log_event("payment_failed", booking=booking.reference, tx_ref=payment.tx_ref)
    if booking.state == BookingState.HELD and booking.hold_expires_at > now:
        announce(Message.PAYMENT_FAILED, booking, occasion=str(payment.attempt))
