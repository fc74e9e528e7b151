"""A refund outside the policy: somebody proposes it, somebody else approves it, and the agency bears it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from aurapark import audit, states
from aurapark.audit import ReasonNeeded
from aurapark.booking import service as bookings
from aurapark.booking.models import Booking
from aurapark.checkout.pay_back import give_back_applied_money
from aurapark.database import in_transaction
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.extensions import db
from aurapark.money import Money
from aurapark.notifications.messages import Message, announce
from aurapark.payments.errors import PaymentNotFound
from aurapark.payments.models import Disposition, Payment, PaymentState, Provider
from aurapark.payments.service import lock_payments
from aurapark.refunds.errors import (
    NothingToRefund,
    ProposalDecided,
    ProposalNotFound,
    RefundTooLarge,
    TwoPersons,
)
from aurapark.refunds.models import Refund, RefundReason, RefundState
from aurapark.refunds.proposal_models import ProposalState, RefundProposal

REFUNDABLE = (PaymentState.SUCCEEDED, PaymentState.PARTIALLY_REFUNDED)


def propose_refund(payment_id: int, amount: int, *, actor: str, reason: str) -> RefundProposal:
    """Propose that part of a sale's money goes back though no rule asks for it. Nothing moves yet.

    Raises PaymentNotFound, NothingToRefund, RefundTooLarge, AlreadyProposed, ReasonNeeded.
    """
    _require(actor, reason)

    def work() -> RefundProposal:
        _, payment = _lock_payment(payment_id)
        _require_left(payment, amount)
        wanted = {"amount": amount, "currency": payment.paid_currency}
        proposal = RefundProposal(payment_id=payment.id, reason=reason.strip(), proposed_by=actor.strip(), **wanted)
        db.session.add(proposal)
        db.session.flush()
        after = {"payment": payment.public_id, **wanted}
        entity_id = str(proposal.id)
        audit.record("refund.propose", "refund_proposal", entity_id, actor=actor, reason=reason, before={}, after=after)
        return proposal

    return in_transaction(work)


def approve_refund(proposal_id: int, *, actor: str, reason: str) -> RefundProposal:
    """Ask for the refund that somebody else proposed: the agency bears it, and gets back its part of the commission.

    Raises ProposalNotFound, ProposalDecided, TwoPersons, NothingToRefund, RefundTooLarge, ReasonNeeded.
    """
    return in_transaction(lambda: _decide(proposal_id, ProposalState.APPROVED, _ask, actor=actor, reason=reason))


def decline_refund(proposal_id: int, *, actor: str, reason: str) -> RefundProposal:
    """Say no to what somebody else proposed. Raises ProposalNotFound, ProposalDecided, TwoPersons, ReasonNeeded."""
    return in_transaction(lambda: _decide(proposal_id, ProposalState.DECLINED, None, actor=actor, reason=reason))


def withdraw_proposal(proposal_id: int, *, actor: str, reason: str) -> RefundProposal:
    """Take back one's own proposal. Raises ProposalNotFound, ProposalDecided, TwoPersons, ReasonNeeded."""
    return in_transaction(lambda: _decide(proposal_id, ProposalState.WITHDRAWN, None, actor=actor, reason=reason))


def left_of(payment: Payment) -> int:
    """Return what of a payment has neither gone back, nor is about to, nor was lost to a dispute (one statement); 0
    when none of it may go back by a proposal: it paid for nothing, is disputed, or came as cash."""
    if payment.disposition != Disposition.APPLIED or payment.state not in REFUNDABLE:
        return 0
    if payment.provider == Provider.CASH:
        return 0
    owed = select(func.coalesce(func.sum(Refund.amount), 0)).where(  # one that failed is owed still
        Refund.payment_id == payment.id, Refund.state != RefundState.CANCELLED
    )
    lost = select(func.coalesce(func.sum(Dispute.amount - Dispute.covered), 0)).where(
        Dispute.payment_id == payment.id, Dispute.state == DisputeState.LOST
    )
    gone = db.session.scalar(select(owed.scalar_subquery() + lost.scalar_subquery())) or 0
    return max((payment.paid_amount or 0) - int(gone), 0)


def _decide(
    proposal_id: int,
    to: ProposalState,
    deed: Callable[[Booking, Payment, RefundProposal, str], Refund] | None,
    *,
    actor: str,
    reason: str,
) -> RefundProposal:
    _require(actor, reason)
    booking, payment = _lock_payment(get_proposal(proposal_id).payment_id)
    proposal = _lock_proposal(proposal_id)
    if proposal.state != ProposalState.PROPOSED:
        raise ProposalDecided
    own = proposal.proposed_by.casefold() == actor.strip().casefold()
    if own != (to == ProposalState.WITHDRAWN):
        raise TwoPersons
    before = _standing(proposal)
    refund = deed(booking, payment, proposal, actor) if deed is not None else None
    now = db.session.scalar(select(func.now()))
    states.move(proposal, to)
    proposal.decided_by, proposal.decided_because, proposal.decided_at = actor.strip(), reason.strip(), now
    proposal.refund_id = refund.id if refund else None
    db.session.flush()
    action = {ProposalState.APPROVED: "approve", ProposalState.DECLINED: "decline"}.get(to, "withdraw")
    entity_id, after = str(proposal.id), _standing(proposal)
    audit.record(
        f"refund.{action}", "refund_proposal", entity_id, actor=actor, reason=reason, before=before, after=after
    )
    return proposal


def _ask(booking: Booking, payment: Payment, proposal: RefundProposal, actor: str) -> Refund:
    _require_left(payment, proposal.amount)
    action, amount = f"proposal:{proposal.id}", Money(proposal.amount, proposal.currency)
    refund = give_back_applied_money(
        booking, payment, action=action, reason=RefundReason.AGENCY, amount=amount, actor=actor
    )
    announce(Message.REFUND_ASKED, booking, occasion=str(refund.id), refund=refund.id)
    return refund


def get_proposal(proposal_id: int) -> RefundProposal:
    """Return a proposal, not locked. Raises ProposalNotFound."""
    found = db.session.get(RefundProposal, proposal_id, populate_existing=True)
    if found is None:
        raise ProposalNotFound
    return found


def _lock_proposal(proposal_id: int) -> RefundProposal:
    statement = select(RefundProposal).where(RefundProposal.id == proposal_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one()


def _lock_payment(payment_id: int) -> tuple[Booking, Payment]:
    statement = select(Booking.reference).join(Payment, Payment.booking_id == Booking.id)
    reference = db.session.scalar(statement.where(Payment.id == payment_id))
    if reference is None:
        raise PaymentNotFound
    booking = bookings.lock_booking(reference)
    return booking, next(one for one in lock_payments(booking.id) if one.id == payment_id)


def _require_left(payment: Payment, amount: int) -> None:
    left = left_of(payment)
    if not left:
        raise NothingToRefund
    if not 0 < amount <= left:
        raise RefundTooLarge


def _require(actor: str, reason: str) -> None:
    if not actor.strip() or not reason.strip():
        raise ReasonNeeded


def _standing(proposal: RefundProposal) -> dict[str, Any]:
    return {"state": proposal.state.value, "amount": proposal.amount, "currency": proposal.currency}
