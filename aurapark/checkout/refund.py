"""One refund on its way: begun, sent, found again when the answer got lost, and followed until the money is back.

A step is committed before the gateway is called. There is no second call for an answer that got lost: the gateway's
list is read, and only two clear answers "nothing there", five minutes apart, allow one more.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from aurapark import states
from aurapark.booking.service import database_now
from aurapark.cases.models import CaseKind
from aurapark.checkout import refund_outcome
from aurapark.checkout.refund_outcome import lock_with_payment
from aurapark.database import in_transaction, let_go
from aurapark.disputes.queries import is_named, sum_lost
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.payments.gateway import Gateway, GatewayError, GatewayNotNow, GatewayRefund, GatewayRefused
from aurapark.payments.models import Payment, PaymentState
from aurapark.refunds import rules
from aurapark.refunds.models import EMPTY_QUERIES, IN_THE_AIR, Refund, RefundState
from aurapark.refunds.queries import list_refunds, total_refunded
from aurapark.refunds.rules import MOST_POSTS, Ours, Patience, find_ours
from aurapark.refunds.service import claim_due

HOW_LATE = timedelta(days=1)  # their clock and ours: the list is asked from the day before


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be asked of the gateway: plain values that outlive the transaction."""

    refund_id: int
    state: RefundState
    charge_id: str
    since: datetime
    ours: Ours
    currency: str
    gateway_refund_id: str | None


def process_due_refund(*, gateway: Gateway, patience: Patience) -> bool:
    """Do the next step of one refund that is due; False when none is. For workers: the gateway may take a minute."""
    started = time.monotonic()
    refund_id = in_transaction(lambda: claim_due(patience.lease, gateway.provider))
    if refund_id is None:
        return False
    process_refund(refund_id, gateway=gateway, patience=patience, started=started)
    return True


def process_refund(refund_id: int, *, gateway: Gateway, patience: Patience, started: float | None = None) -> None:
    """Do the next step of a claimed refund. `started` is when it was claimed, by time.monotonic().

    Raises RefundNotFound.
    """
    started = time.monotonic() if started is None else started
    step = in_transaction(lambda: _begin(refund_id, gateway, patience))
    if step is None:
        return
    let_go()
    if step.state == RefundState.SENDING:
        _send(step, gateway, patience, give_up=started + patience.lease.total_seconds() / 2)
    elif step.state == RefundState.UNKNOWN:
        _look_for(step, gateway, patience)
    else:
        _follow(step, gateway, patience)


def _begin(refund_id: int, gateway: Gateway, patience: Patience) -> _Step | None:
    """Commit what is about to be done; None when there is nothing to do now."""
    refund, payment = lock_with_payment(refund_id)
    now = database_now()
    if refund.state == RefundState.REQUESTED:
        if _must_wait(refund, payment, gateway):
            refund.next_check_at = now + rules.pause(patience.base)
            return None
        states.move(refund, RefundState.SENDING)
        refund.sending_at, refund.posts = now, refund.posts + 1
    elif refund.state == RefundState.SENDING:  # whoever was sending it is gone
        states.move(refund, RefundState.UNKNOWN)
    elif refund.state == RefundState.SUCCEEDED and refund.gateway_refund_id and not refund.dispute_id:
        pass  # an event said something about it: it may have failed after all
    elif refund.state not in (RefundState.SENT, RefundState.UNKNOWN):
        refund.next_check_at = None
        return None
    return _step(refund, payment)


def _must_wait(refund: Refund, payment: Payment, gateway: Gateway) -> bool:
    """Money that is disputed, it seems or for sure, or was lost, is not paid back too; one refund of a payment at a
    time; a silent gateway is left alone."""
    others = [one for one in list_refunds([payment.id]) if one.id != refund.id and one.state in IN_THE_AIR]
    gone = sum_lost(payment.id) if payment.state in (PaymentState.REFUNDED, PaymentState.PARTIALLY_REFUNDED) else 0
    too_much = bool(gone) and gone + total_refunded(payment.id) > (payment.paid_amount or 0)
    disputed = payment.state == PaymentState.DISPUTED or is_named(payment.provider, payment.gateway_tx_id or "")
    return disputed or too_much or bool(others) or not gateway.is_up()


def _step(refund: Refund, payment: Payment) -> _Step:
    others = [one for one in list_refunds([payment.id]) if one.id != refund.id]
    ids = {one.gateway_refund_id for one in others if one.gateway_refund_id}
    ids |= {former for one in others for former in one.former_ids}
    since = (payment.verified_at or payment.created_at) - HOW_LATE
    return _Step(
        refund.id,
        refund.state,
        payment.gateway_tx_id or "",
        since,
        Ours(refund.amount, frozenset(refund.former_ids), frozenset(ids)),
        refund.currency,
        refund.gateway_refund_id,
    )


def _send(step: _Step, gateway: Gateway, patience: Patience, *, give_up: float) -> None:
    """Look whether it is there already, then ask for it, once."""
    try:
        there = find_ours(gateway.list_refunds(step.charge_id, step.since), step.ours)
    except GatewayError as error:
        return _put_back(step, patience, error)
    if there is not None and there.outcome != "failed":
        return _record(step, there, patience)
    if time.monotonic() > give_up:  # somebody else may have it by now
        return _put_back(step, patience, GatewayError("too slow to be sure"))
    try:
        answer = gateway.refund(step.charge_id, step.ours.amount, step.currency, f"AuraPark refund {step.refund_id}")
    except GatewayNotNow as error:
        return _put_back(step, patience, error)
    except GatewayRefused as error:
        return _write_refusal(step, error)
    except GatewayError as error:
        return _lose_sight(step, patience, error)
    return _record(step, answer, patience)


def _look_for(step: _Step, gateway: Gateway, patience: Patience) -> None:
    """The answer got lost: find out from the list whether it happened."""
    try:
        there = find_ours(gateway.list_refunds(step.charge_id, step.since), step.ours)
    except GatewayError as error:
        log_event("refund_unanswered", refund=step.refund_id, why=error)
        return in_transaction(lambda: _ask_again(step.refund_id, patience))
    if there is not None:
        return _record(step, there, patience)
    return in_transaction(lambda: _note_empty(step.refund_id, patience))


def _follow(step: _Step, gateway: Gateway, patience: Patience) -> None:
    try:
        seen = gateway.get_refund(step.gateway_refund_id or "")
    except GatewayError as error:
        log_event("refund_unanswered", refund=step.refund_id, why=error)
        return in_transaction(lambda: _ask_again(step.refund_id, patience))
    return _record(step, seen, patience)


def _record(step: _Step, seen: GatewayRefund, patience: Patience) -> None:
    in_transaction(lambda: refund_outcome.record(step.refund_id, seen, base=patience.base))


def _put_back(step: _Step, patience: Patience, error: GatewayError) -> None:
    """Nothing happened there: it waits, and begins again from the start."""
    log_event("refund_waits", refund=step.refund_id, why=error)

    def work() -> None:
        refund, _ = lock_with_payment(step.refund_id)
        if refund.state != RefundState.SENDING:
            return
        refund.failure, refund.posts = type(error).__name__, refund.posts - 1
        refund.next_check_at = database_now() + rules.pause(patience.base)
        states.move(refund, RefundState.FAILED)
        db.session.flush()
        states.move(refund, RefundState.REQUESTED)

    in_transaction(work)


def _write_refusal(step: _Step, error: GatewayRefused) -> None:
    in_transaction(lambda: refund_outcome.refused(step.refund_id, str(error)))


def _lose_sight(step: _Step, patience: Patience, error: GatewayError) -> None:
    """The call may have happened: from now on only the gateway's list says so."""
    log_event("refund_unknown", refund=step.refund_id, why=error)

    def work() -> None:
        refund, _ = lock_with_payment(step.refund_id)
        if refund.state == RefundState.SENDING:
            states.move(refund, RefundState.UNKNOWN)
            refund.next_check_at = database_now() + rules.pause(patience.base)

    in_transaction(work)


def _ask_again(refund_id: int, patience: Patience) -> None:
    refund, _ = lock_with_payment(refund_id)
    if refund.state in (RefundState.SENT, RefundState.UNKNOWN, RefundState.SUCCEEDED):
        refund_outcome.ask_later(refund, now=database_now(), base=patience.base)


def _note_empty(refund_id: int, patience: Patience) -> None:
    """A clear answer: nothing there. The second one, five minutes after the first, allows one more call."""
    refund, _ = lock_with_payment(refund_id)
    now = database_now()
    if refund.state != RefundState.UNKNOWN:
        return
    apart = rules.between_empties(patience.base)
    if refund.last_empty_at is None or now - refund.last_empty_at >= apart:
        refund.empty_queries, refund.last_empty_at = refund.empty_queries + 1, now
    if refund.empty_queries < EMPTY_QUERIES:
        refund.next_check_at = (refund.last_empty_at or now) + apart
        return
    if refund.posts >= MOST_POSTS:
        refund_outcome.ask_later(refund, now=now, base=patience.base)
        refund_outcome.need_a_person(refund, CaseKind.REFUND_OVERDUE, {"state": refund.state.value})
        return
    db.session.flush()  # the query is recorded before the move it allows
    states.move(refund, RefundState.REQUESTED)
    refund.empty_queries, refund.last_empty_at, refund.next_check_at = 0, None, now
