"""Holds whose time is over. Expiry itself is a condition in every query; this only tidies."""

from sqlalchemy import exists, func, or_, select

from aurapark.booking import service as bookings
from aurapark.booking.models import Booking, BookingState
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.payments.models import OPEN_STATES, Payment, PaymentState
from aurapark.payments.rules import UNANSWERED_STEPS
from aurapark.payments.service import is_open, lock_payments


def expire_hold(reference: str) -> bool:
    """Let a lapsed hold go; False when it lives, has ended otherwise, or a payment is open that must be asked about.

    Raises BookingNotFound.
    """

    def work() -> bool:
        booking = bookings.lock_booking(reference)
        now = bookings.database_now()
        if booking.state != BookingState.HELD or booking.hold_expires_at > now:
            return False
        if any(is_open(payment) for payment in lock_payments(booking.id)):
            return False
        bookings.end_hold(booking, BookingState.EXPIRED, now=now)
        return True

    expired = in_transaction(work)
    if expired:
        log_event("hold_lapsed", booking=reference)
    return expired


def list_lapsed_holds(limit: int, *, terms: PaymentTerms) -> list[str]:
    """Return lapsed holds that nobody is paying, longest first.

    Those with an open payment are left to its check, which asks the gateway first. So are those whose tries all
    failed at the gateway, for one more step of waiting: its last word was no, but it is asked once more.
    """
    patience = terms.retry_base * UNANSWERED_STEPS
    asked_about = exists().where(
        Payment.booking_id == Booking.id,
        or_(
            Payment.state.in_(OPEN_STATES),
            (Payment.state == PaymentState.FAILED)
            & Payment.link.is_not(None)
            & (Booking.hold_expires_at > func.now() - patience),
        ),
    )
    due = (
        select(Booking.reference)
        .where(Booking.state == BookingState.HELD, Booking.hold_expires_at <= func.now(), ~asked_about)
        .order_by(Booking.hold_expires_at)
        .limit(limit)
    )
    return list(db.session.scalars(due))
