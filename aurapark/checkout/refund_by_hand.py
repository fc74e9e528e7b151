"""What people do about a refund that failed: try it again, or say, two of them and with a proof, that it was paid."""

from typing import Any

from aurapark import audit, states
from aurapark.booking.service import database_now
from aurapark.cases.models import Resolution
from aurapark.cases.service import resolve_refund
from aurapark.checkout.refund_outcome import lock_with_payment, settle
from aurapark.database import in_transaction
from aurapark.ledger.rules import postings_for_bank_refund
from aurapark.money import Money
from aurapark.payments.models import Payment
from aurapark.refunds.errors import NotFailed, ProofNeeded, TwoPersons
from aurapark.refunds.models import Refund, RefundState


def retry_refund(refund_id: int, *, actor: str, reason: str) -> Refund:
    """Send a failed refund once more, from the start.

    Raises RefundNotFound, NotFailed, RefundTooLarge, CaseInOtherHands, ReasonNeeded.
    """

    def work() -> Refund:
        refund, _ = _lock_failed(refund_id)
        now, before = database_now(), _standing(refund)
        states.move(refund, RefundState.REQUESTED)
        refund.posts, refund.checks, refund.next_check_at = 0, 0, now
        refund.empty_queries, refund.last_empty_at = 0, None
        refund.handler = refund.proof = refund.failure = None
        audit.record(
            "refund.retry", "refund", str(refund.id), actor=actor, reason=reason, before=before, after=_standing(refund)
        )
        resolve_refund(refund.id, actor=actor, reason=reason, resolution=Resolution.RETRY)
        return refund

    return in_transaction(work)


def propose_done(refund_id: int, *, actor: str, proof: str) -> Refund:
    """Say that the money of a failed refund was paid back by bank, with the proof; a second person approves.

    Raises RefundNotFound, NotFailed, ProofNeeded.
    """

    def work() -> Refund:
        refund, _ = _lock_failed(refund_id)
        if not proof.strip():
            raise ProofNeeded
        before = _standing(refund)
        refund.handler, refund.proof = actor, proof.strip()
        audit.record(
            "refund.propose",
            "refund",
            str(refund.id),
            actor=actor,
            reason=refund.proof,
            before=before,
            after=_standing(refund),
        )
        return refund

    return in_transaction(work)


def approve_done(refund_id: int, *, actor: str, reason: str) -> Refund:
    """Approve that a failed refund was paid back by hand: it is booked from the bank.

    Raises RefundNotFound, NotFailed, TwoPersons when nobody else has said so, RefundTooLarge.
    """

    def work() -> Refund:
        refund, payment = _lock_failed(refund_id)
        if not refund.handler or refund.handler.strip().casefold() == actor.strip().casefold():
            raise TwoPersons
        now, before = database_now(), _standing(refund)
        refund.approver = actor
        resolve_refund(refund.id, actor=refund.handler, reason=refund.proof or "", resolution=Resolution.BY_HAND)
        settle(refund, payment, postings_for_bank_refund(refund=Money(refund.amount, refund.currency)), now=now)
        audit.record(
            "refund.approve",
            "refund",
            str(refund.id),
            actor=actor,
            reason=reason,
            before=before,
            after=_standing(refund),
        )
        return refund

    return in_transaction(work)


def _standing(refund: Refund) -> dict[str, Any]:
    return {
        "state": refund.state.value,
        "amount": refund.amount,
        "currency": refund.currency,
        "handler": refund.handler,
        "approver": refund.approver,
    }


def _lock_failed(refund_id: int) -> tuple[Refund, Payment]:
    refund, payment = lock_with_payment(refund_id)
    if refund.state != RefundState.FAILED:
        raise NotFailed
    return refund, payment
