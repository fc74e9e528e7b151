"""A refund that was never sent is taken back by a person, who owns the case of that money from then on."""

from sqlalchemy import select

from aurapark import audit, states
from aurapark.booking import service as bookings
from aurapark.booking.models import Booking
from aurapark.cases.models import CaseKind, Resolution
from aurapark.cases.service import hand_case, resolve_case
from aurapark.checkout.pay_back import give_back_applied_money
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.service import list_postings, post
from aurapark.money import Money
from aurapark.payments.models import Disposition, Payment
from aurapark.payments.rules import WITHDRAWN
from aurapark.payments.service import lock_payments
from aurapark.refunds.errors import NotWithdrawable, WithdrawalReasonNeeded
from aurapark.refunds.models import Refund, RefundReason, RefundState
from aurapark.refunds.queries import get_refund
from aurapark.refunds.service import lock_refund

OWED_FOR_SURE = (RefundReason.TRIP_CANCELLED, RefundReason.OVER)  # no rule leaves this money with anybody else


def withdraw_refund(refund_id: int, *, actor: str, reason: str) -> Refund:
    """Take back a refund that was never sent.

    Money of a sale stays with the agency, and the case says whose decision that is; money that paid nothing is under
    review again. Either way the one who withdrew it owns the case until it is resolved.
    Raises RefundNotFound, NotWithdrawable, WithdrawalReasonNeeded.
    """
    if not actor.strip() or not reason.strip():
        raise WithdrawalReasonNeeded

    def work() -> Refund:
        booking, payment, refund = _lock(refund_id)
        if refund.state != RefundState.REQUESTED or refund.posts or refund.reason in OWED_FOR_SURE:
            raise NotWithdrawable
        states.move(refund, RefundState.CANCELLED)
        refund.next_check_at = None
        db.session.flush()
        _give_money_its_place(booking, payment, refund, actor, reason)
        before, after = {"state": RefundState.REQUESTED.value}, {"state": refund.state.value, "amount": refund.amount}
        entity_id = str(refund.id)
        audit.record("refund.withdraw", "refund", entity_id, actor=actor, reason=reason, before=before, after=after)
        return refund

    return in_transaction(work)


def ask_again(refund_id: int, *, case_id: int, actor: str, reason: str) -> Refund:
    """Ask once more for a refund of a sale that was withdrawn, and close its case.

    Raises RefundNotFound, NotWithdrawable, RefundTooLarge, and what closing the case raises.
    """

    def work() -> Refund:
        booking, payment, former = _lock(refund_id)
        if former.state != RefundState.CANCELLED or payment.disposition != Disposition.APPLIED:
            raise NotWithdrawable
        amount, action = Money(former.amount, former.currency), f"{former.action}/again:{former.id}"
        refund = give_back_applied_money(
            booking, payment, action=action, reason=former.reason, amount=amount, actor=actor
        )
        resolve_case(case_id, actor=actor, reason=reason, resolution=Resolution.REFUND)
        return refund

    return in_transaction(work)


def _give_money_its_place(booking: Booking, payment: Payment, refund: Refund, actor: str, reason: str) -> None:
    known = {"refund": refund.id, "tx_ref": payment.tx_ref, "amount": refund.amount, "currency": refund.currency}
    if payment.disposition != Disposition.APPLIED:
        payment.disposition, payment.disposition_reason = Disposition.REVIEW, WITHDRAWN
        hand_case(CaseKind.REVIEW, "payment", payment.public_id, {**known, "why": reason}, owner=actor)
        return
    due = list_postings(EventType.REFUND_DUE, str(refund.id))
    back = next((one.amount for one in due if one.debit == rules.COMMISSION), Money(0, refund.currency))
    amount = Money(refund.amount, refund.currency)
    postings = rules.postings_for_refund_withdrawn(booking.agency_id, refund=amount, commission_back=back)
    event_id, agency_id = str(refund.id), booking.agency_id
    post(EventType.REFUND_WITHDRAWN, event_id, postings, booking_id=booking.id, agency_id=agency_id)
    hand_case(CaseKind.REFUND_WITHDRAWN, "refund", str(refund.id), {**known, "why": reason}, owner=actor)


def _lock(refund_id: int) -> tuple[Booking, Payment, Refund]:
    payment_id = get_refund(refund_id).payment_id
    statement = select(Booking.reference).join(Payment, Payment.booking_id == Booking.id)
    booking = bookings.lock_booking(db.session.scalars(statement.where(Payment.id == payment_id)).one())
    payment = next(one for one in lock_payments(booking.id) if one.id == payment_id)
    return booking, payment, lock_refund(refund_id)
