"""What a lost dispute does to money that was owed: the payer has it already, so refunds that were due are made by it.

Called inside the transaction that closes the dispute, with booking, payments and dispute locked.
"""

from collections.abc import Sequence
from datetime import datetime

from aurapark import states
from aurapark.booking.models import Booking
from aurapark.cases.models import Resolution
from aurapark.cases.service import resolve_review
from aurapark.checkout.pay_back import give_back_kept_money, is_of_the_sale
from aurapark.checkout.refund_outcome import settle
from aurapark.disputes.models import Dispute
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.payments.models import Disposition, Payment
from aurapark.refunds.models import OPEN_STATES, Refund, RefundReason, RefundState
from aurapark.refunds.queries import list_refunds
from aurapark.refunds.service import lock_refund

NOT_SENT = (RefundState.REQUESTED, RefundState.FAILED)


def settle_lost_money(dispute: Dispute, booking: Booking, payment: Payment, *, now: datetime) -> bool:
    """Book a lost dispute; says whether a person must look: a refund is still on its way, or cannot be covered."""
    for refund in list_refunds([payment.id]):
        if refund.state in NOT_SENT and refund.amount <= (dispute.amount or 0) - dispute.covered:
            _count_as_made(lock_refund(refund.id), dispute, payment, now=now)
    refunds = list_refunds([payment.id])
    loss = (dispute.amount or 0) - dispute.covered
    if loss:
        ours = loss - min(loss, _of_the_agency(booking, payment, refunds))
        disputed, not_theirs = Money(loss, dispute.currency or ""), Money(ours, dispute.currency or "")
        postings = rules.postings_for_dispute_lost(booking.agency_id, disputed=disputed, ours=not_theirs)
        event_id, agency_id = str(dispute.id), booking.agency_id
        post(EventType.DISPUTE_LOST, event_id, postings, booking_id=booking.id, agency_id=agency_id)
    return any(one.state in (*OPEN_STATES, RefundState.FAILED) for one in refunds)


def _of_the_agency(booking: Booking, payment: Payment, refunds: Sequence[Refund]) -> int:
    """Return what the agency still has of this payment: its sale, less what went back at its cost."""
    if payment.disposition != Disposition.APPLIED:
        return 0
    return max(0, booking.total - sum(one.amount for one in refunds if is_of_the_sale(one)))


def end_review(dispute: Dispute, payment: Payment) -> None:
    """Money under review that goes back in full needs nobody any more: it is a refund, asked for before it is lost."""
    if payment.disposition != Disposition.REVIEW or dispute.amount != payment.paid_amount:
        return
    payment.disposition, payment.disposition_reason = Disposition.REFUND, RefundReason.REVIEW
    give_back_kept_money(payment, RefundReason.REVIEW, Money(dispute.amount or 0, dispute.currency or ""))
    why = "a lost dispute gave it back"
    resolve_review(payment.public_id, actor="system", reason=why, resolution=Resolution.RULE)


def _count_as_made(refund: Refund, dispute: Dispute, payment: Payment, *, now: datetime) -> None:
    """Bring a refund that was never sent to its end: the bank did what it asked for."""
    if refund.state == RefundState.FAILED:
        states.move(refund, RefundState.REQUESTED)
        refund.next_check_at = now
        db.session.flush()
    refund.gateway_refund_id, refund.dispute_id = f"dispute:{dispute.id}/{refund.id}", dispute.id
    states.move(refund, RefundState.SENDING)
    refund.sending_at = refund.sending_at or now
    db.session.flush()
    states.move(refund, RefundState.SENT)
    db.session.flush()
    amount = Money(refund.amount, refund.currency)
    dispute.covered += refund.amount
    settle(refund, payment, rules.postings_for_refund_by_dispute(refund=amount), now=now)
