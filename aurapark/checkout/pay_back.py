"""Asking for money to go back, inside the transaction of another story that has locked booking and payments."""

from collections.abc import Sequence

from sqlalchemy import func, select

from aurapark import audit
from aurapark.booking.models import Booking
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.queries import sum_commission_given_back
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.payments.models import Payment
from aurapark.refunds.models import NOT_COUNTED, Refund, RefundReason, RefundState
from aurapark.refunds.queries import list_refunds
from aurapark.refunds.service import request_refund

FATE = "fate"


def give_back_kept_money(payment: Payment, reason: RefundReason, amount: Money, *, actor: str = audit.SYSTEM) -> Refund:
    """Ask for money that was never applied to go back: the books owe it to the payer since it was recorded."""
    action = _fate(payment)
    refund, new = request_refund(payment.id, action=action, reason=reason, amount=amount, requested_by=actor)
    if new:
        _note(refund, payment, actor)
    return refund


def give_back_applied_money(
    booking: Booking, payment: Payment, *, action: str, reason: RefundReason, amount: Money, actor: str
) -> Refund:
    """Ask for money of a sale to go back: from now on the agency bears it, and gets back its part of the commission.

    The same action is asked for and posted once.
    """
    refund, new = request_refund(payment.id, action=action, reason=reason, amount=amount, requested_by=actor)
    if not new:
        return refund
    back = _commission_back(booking, payment)
    postings = rules.postings_for_refund_due(booking.agency_id, refund=amount, commission_back=back)
    post(EventType.REFUND_DUE, str(refund.id), postings, booking_id=booking.id, agency_id=booking.agency_id)
    _note(refund, payment, actor)
    return refund


def list_left(payment_ids: Sequence[int]) -> dict[int, int]:
    """Return, by payment with money, what of it neither went back nor is asked back (one statement)."""
    gone = select(func.coalesce(func.sum(Refund.amount), 0)).where(
        Refund.payment_id == Payment.id, Refund.state.not_in(NOT_COUNTED)
    )
    statement = select(Payment.id, Payment.paid_amount, gone.scalar_subquery()).where(
        Payment.id.in_(payment_ids), Payment.paid_amount.is_not(None)
    )
    return {row[0]: max(row[1] - row[2], 0) for row in db.session.execute(statement)}


def _fate(payment: Payment) -> str:
    """Return the action that sends this money back: the one there is, or a new one after those that were withdrawn."""
    before = [one for one in list_refunds([payment.id]) if one.action.partition("/")[0] == FATE]
    last = before[-1] if before else None
    if last and last.state != RefundState.CANCELLED:
        return last.action
    return f"{FATE}/{len(before) + 1}" if before else FATE


def _commission_back(booking: Booking, payment: Payment) -> Money:
    """Return what this refund, which is asked for already, gives back of the commission."""
    due = [one for one in list_refunds([payment.id]) if is_of_the_sale(one)]
    return rules.commission_back(
        Money(booking.commission, booking.currency),
        total=Money(booking.total, booking.currency),
        refunded=Money(sum(one.amount for one in due), booking.currency),
        given_back=sum_commission_given_back(booking.id, booking.currency),
    )


def is_of_the_sale(refund: Refund) -> bool:
    """Say whether the agency bears this refund: one that failed is still owed, the overpaid part never was its own."""
    return refund.reason != RefundReason.OVER and refund.state != RefundState.CANCELLED


def _note(refund: Refund, payment: Payment, actor: str) -> None:
    after = {"payment": payment.public_id, "amount": refund.amount, "currency": refund.currency}
    audit.record("refund.request", "refund", str(refund.id), actor=actor, reason=refund.reason.value, after=after)
