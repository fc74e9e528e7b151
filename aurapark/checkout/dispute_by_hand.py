"""Disputes that people open and close: for a gateway that tells them by mail or on its own pages."""

from aurapark.booking.service import database_now
from aurapark.checkout.disputes import lock_payment_of, lose_dispute, open_dispute, win_dispute
from aurapark.database import in_transaction
from aurapark.disputes.errors import DisputeNotOpen, DisputeReasonNeeded, NotDisputable
from aurapark.disputes.models import Dispute
from aurapark.disputes.queries import get_dispute
from aurapark.disputes.service import lock_dispute, name_dispute
from aurapark.payments.models import Provider
from aurapark.payments.queries import get_payment


def open_by_hand(
    tx_ref: str, *, actor: str, reason: str, amount: int | None = None, gateway_dispute_id: str | None = None
) -> Dispute:
    """Open a dispute of a payment, of all of it when no amount is given.

    With the gateway's own id, an event about it, before or later, is the same dispute. Raises PaymentNotFound,
    NotDisputable, WrongDisputedAmount, DisputeReasonNeeded.
    """
    _require(actor, reason)

    def work() -> Dispute:
        booking, payment = lock_payment_of(get_payment(tx_ref).id)
        if payment.provider == Provider.CASH:
            raise NotDisputable
        dispute = name_dispute(payment.provider, gateway_dispute_id)
        wanted = payment.paid_amount or 0 if amount is None else amount
        open_dispute(dispute, booking, payment, wanted, actor=actor, reason=reason, now=database_now())
        return dispute

    return in_transaction(work)


def close_by_hand(dispute_id: int, *, won: bool, actor: str, reason: str) -> Dispute:
    """Say how a dispute ended. Raises DisputeNotFound, DisputeNotOpen, DisputeReasonNeeded, CaseInOtherHands."""
    _require(actor, reason)

    def work() -> Dispute:
        payment_id = get_dispute(dispute_id).payment_id
        if payment_id is None:
            raise DisputeNotOpen
        booking, payment = lock_payment_of(payment_id)
        dispute = lock_dispute(dispute_id)
        close = win_dispute if won else lose_dispute
        close(dispute, booking, payment, actor=actor, reason=reason, now=database_now())
        return dispute

    return in_transaction(work)


def _require(actor: str, reason: str) -> None:
    if not actor.strip() or not reason.strip():
        raise DisputeReasonNeeded
