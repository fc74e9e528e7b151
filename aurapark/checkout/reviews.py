"""Money under review: given the fate of its rule when there is one, else by a person."""

from sqlalchemy import func, select

from aurapark.booking import service as bookings
from aurapark.booking.models import Booking
from aurapark.booking.qr import TicketSigner
from aurapark.cases.models import Resolution
from aurapark.cases.service import resolve_review
from aurapark.checkout.fates import FOR_PEOPLE, apply_by_hand, fate_of, judge_again, note_fate
from aurapark.checkout.pay_back import give_back_kept_money
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.money import Money
from aurapark.notifications.messages import Message, announce
from aurapark.payments.errors import NotUnderReview, PaymentNotFound
from aurapark.payments.models import Disposition, Payment, PaymentState
from aurapark.payments.service import lock_payments
from aurapark.refunds.models import Refund, RefundReason
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg


def list_reviews_with_a_rule(limit: int) -> list[str]:
    """Return the `tx_ref` of payments under review that need no person, oldest first."""
    statement = select(Payment.tx_ref).where(
        Payment.disposition == Disposition.REVIEW,
        func.coalesce(Payment.disposition_reason, "").not_in(FOR_PEOPLE),
        Payment.state != PaymentState.DISPUTED,
    )
    return list(db.session.scalars(statement.order_by(Payment.id).limit(limit)))


def list_reviews() -> list[Payment]:
    """Return the payments that wait for a person, oldest first."""
    statement = select(Payment).where(Payment.disposition == Disposition.REVIEW).order_by(Payment.id)
    return list(db.session.scalars(statement))


def settle_review(tx_ref: str, *, signer: TicketSigner) -> bool:
    """Judge a payment under review by the rules; False when it has its fate already or no rule fits.

    Raises PaymentNotFound.
    """

    def work() -> bool:
        booking, payments, payment = _lock(tx_ref)
        trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
        return judge_again(booking, payments, payment, trip=trip, signer=signer)

    return in_transaction(work)


def refund_review(tx_ref: str, *, actor: str, reason: str) -> Refund:
    """Send money under review back, by decision of a person who says why.

    Raises PaymentNotFound, NotUnderReview, CaseInOtherHands.
    """

    def work() -> Refund:
        booking, _, payment = _lock(tx_ref)
        if payment.disposition != Disposition.REVIEW or payment.state == PaymentState.DISPUTED:
            raise NotUnderReview
        before = fate_of(payment)
        payment.disposition, payment.disposition_reason = Disposition.REFUND, RefundReason.REVIEW
        amount = Money(payment.paid_amount or 0, payment.paid_currency or "")
        refund = give_back_kept_money(payment, RefundReason.REVIEW, amount, actor=actor)
        note_fate(payment, before, actor=actor, reason=reason)
        resolve_review(payment.public_id, actor=actor, reason=reason, resolution=Resolution.REFUND)
        announce(Message.REFUND_ASKED, booking, occasion=str(refund.id), refund=refund.id)
        return refund

    return in_transaction(work)


def apply_review(tx_ref: str, *, actor: str, reason: str, signer: TicketSigner) -> None:
    """Let money under review pay its booking, by decision of a person who says why.

    Raises PaymentNotFound, NotUnderReview, CannotApply, CaseInOtherHands.
    """

    def work() -> None:
        booking, _, payment = _lock(tx_ref)
        if payment.disposition != Disposition.REVIEW or payment.state == PaymentState.DISPUTED:
            raise NotUnderReview
        trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
        before = fate_of(payment)
        apply_by_hand(booking, payment, trip=trip, signer=signer)
        note_fate(payment, before, actor=actor, reason=reason)
        resolve_review(payment.public_id, actor=actor, reason=reason, resolution=Resolution.APPLY)

    in_transaction(work)


def _lock(tx_ref: str) -> tuple[Booking, list[Payment], Payment]:
    statement = select(Booking.reference).join(Payment, Payment.booking_id == Booking.id)
    reference = db.session.scalar(statement.where(Payment.tx_ref == tx_ref))
    if reference is None:
        raise PaymentNotFound
    booking = bookings.lock_booking(reference)
    payments = lock_payments(booking.id)
    return booking, payments, next(payment for payment in payments if payment.tx_ref == tx_ref)
