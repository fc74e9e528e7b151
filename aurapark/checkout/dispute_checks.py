"""What became of a dispute: the gateway is asked outside, and its answer is written down once.

An event only names a dispute. Where the gateway cannot be asked about disputes at all, an event of its own is believed
as far as it protects us: the dispute is opened on what we know ourselves, and people close it.
"""

import logging
from datetime import timedelta

from sqlalchemy import select

from aurapark import audit, states
from aurapark.booking.service import database_now
from aurapark.cases.models import CaseKind
from aurapark.cases.service import open_case
from aurapark.checkout.disputes import lock_payment_of, lose_dispute, open_dispute, win_dispute
from aurapark.database import in_transaction, let_go
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.disputes.queries import get_dispute
from aurapark.disputes.service import claim_due, lock_dispute
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.payments.gateway import (
    DisputeOutcome,
    Gateway,
    GatewayDispute,
    GatewayError,
    GatewayNotNow,
    GatewayRefused,
)
from aurapark.payments.models import Payment, PaymentState
from aurapark.refunds import rules
from aurapark.refunds.rules import Patience

DAILY_STEPS = 8_640  # of RETRY_BASE_SECONDS: how often a dispute that is known is asked about
UNKNOWN_TRIES = 5  # clear answers "none of that id" before it is dropped
CLOSING = {DisputeOutcome.WON: DisputeState.WON, DisputeOutcome.LOST: DisputeState.LOST}


def process_due_dispute(*, gateway: Gateway, patience: Patience) -> bool:
    """Ask about one dispute whose question is due; False when none is. For workers: the gateway may take a minute."""
    dispute_id = in_transaction(lambda: claim_due(patience.lease, gateway.provider))
    if dispute_id is None:
        return False
    dispute = get_dispute(dispute_id)
    name, charge_id, state = dispute.gateway_dispute_id, dispute.charge_id, dispute.state
    if name is None or state in CLOSING.values():
        in_transaction(lambda: _stop_asking(dispute_id))
        return True
    let_go()
    try:
        seen = gateway.get_dispute(name, charge_id)
    except GatewayError as error:
        cannot = isinstance(error, GatewayRefused) and not isinstance(error, GatewayNotNow)
        log_event("dispute_unanswered", dispute=dispute_id, why=error)
        in_transaction(lambda: _open_unasked(dispute_id, patience) if cannot else _ask_later(dispute_id, patience))
        return True
    in_transaction(lambda: _write_down(dispute_id, seen, patience) if seen else _note_unknown(dispute_id, patience))
    return True


def _write_down(dispute_id: int, seen: GatewayDispute, patience: Patience) -> None:
    """Act on the gateway's answer; everything is read again under its lock."""
    named = get_dispute(dispute_id)
    payment_id = named.payment_id or _find(named.provider, seen.charge_id)
    if payment_id is None:
        _drop(dispute_id, {"charge": seen.charge_id, "amount": str(seen.amount), "status": seen.status})
        return
    booking, payment = lock_payment_of(payment_id)
    dispute, now = lock_dispute(dispute_id), database_now()
    dispute.gateway_status, dispute.next_check_at = seen.status, now + patience.base * DAILY_STEPS
    why = f"gateway said {seen.status}"
    if dispute.state in (DisputeState.REPORTED, DisputeState.DROPPED) and seen.outcome != DisputeOutcome.WATCH:
        if not states.may_move(payment, PaymentState.DISPUTED):  # another one of the same money is open
            _need_a_person(dispute, {"payment": payment.public_id, "status": seen.status})
            return
        amount = _amount(seen, payment)
        open_dispute(dispute, booking, payment, amount, actor=audit.SYSTEM, reason=why, now=now)
    elif seen.outcome == DisputeOutcome.WATCH:
        _need_a_person(dispute, {"payment": payment.public_id, "status": seen.status})
    if dispute.state == DisputeState.OPEN and seen.outcome in CLOSING:
        close = win_dispute if seen.outcome == DisputeOutcome.WON else lose_dispute
        close(dispute, booking, payment, actor=audit.SYSTEM, reason=why, now=now)


def _amount(seen: GatewayDispute, payment: Payment) -> int:
    """Return what they hold, as far as it is of this payment; all of it when their figure says nothing to us."""
    paid, currency = payment.paid_amount or 0, seen.currency or payment.paid_currency
    fits = currency == payment.paid_currency and seen.amount == int(seen.amount) and 0 < seen.amount <= paid
    return int(seen.amount) if fits else paid


def _open_unasked(dispute_id: int, patience: Patience) -> None:
    named = get_dispute(dispute_id)
    payment_id = _find(named.provider, named.charge_id) if named.charge_id else None
    if named.state != DisputeState.REPORTED or payment_id is None:
        return _ask_later(dispute_id, patience)
    booking, payment = lock_payment_of(payment_id)
    dispute, now = lock_dispute(dispute_id), database_now()
    if dispute.state != DisputeState.REPORTED:
        return None
    dispute.next_check_at = now + patience.base * DAILY_STEPS
    if not states.may_move(payment, PaymentState.DISPUTED):
        return _need_a_person(dispute, {"payment": payment.public_id, "status": "not asked"})
    why = "an event of the gateway, which cannot be asked"
    return open_dispute(dispute, booking, payment, payment.paid_amount or 0, actor=audit.SYSTEM, reason=why, now=now)


def _note_unknown(dispute_id: int, patience: Patience) -> None:
    """The gateway clearly knows none of that id: after some time nobody asks any more, and people are told."""
    dispute = get_dispute(dispute_id)
    if dispute.state == DisputeState.REPORTED and dispute.checks >= UNKNOWN_TRIES:
        return _drop(dispute_id, {"status": "not found"})
    return _ask_later(dispute_id, patience)


def _drop(dispute_id: int, known: dict[str, object]) -> None:
    dispute = lock_dispute(dispute_id)
    if dispute.state == DisputeState.REPORTED:
        states.move(dispute, DisputeState.DROPPED)
    dispute.next_check_at = None
    _need_a_person(dispute, known)


def _need_a_person(dispute: Dispute, known: dict[str, object]) -> None:
    details = {"dispute": dispute.gateway_dispute_id, "provider": dispute.provider, **known}
    if open_case(CaseKind.DISPUTE, "dispute", str(dispute.id), details):
        log_event("dispute_for_people", level=logging.ERROR, **details)


def _ask_later(dispute_id: int, patience: Patience) -> None:
    dispute, now = lock_dispute(dispute_id), database_now()
    if dispute.state in CLOSING.values():
        return
    later = rules.next_query(dispute.checks, sending_at=dispute.created_at, now=now, base=patience.base)
    dispute.next_check_at = later if dispute.state == DisputeState.REPORTED else now + _day(patience)


def _stop_asking(dispute_id: int) -> None:
    lock_dispute(dispute_id).next_check_at = None


def _day(patience: Patience) -> timedelta:
    return patience.base * DAILY_STEPS


def _find(provider: str, charge_id: str) -> int | None:
    statement = select(Payment.id).where(Payment.provider == provider, Payment.gateway_tx_id == charge_id)
    return db.session.scalar(statement)
