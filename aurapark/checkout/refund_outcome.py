"""What the gateway said of a refund, written down once: booked, told, or left to a person.

Called inside one transaction; locks the payment, then the refund. What is final stays: a poll, a webhook and a person
at once change nothing twice.
"""

import logging
from datetime import datetime, timedelta

from aurapark import audit, states
from aurapark.booking.models import Booking
from aurapark.booking.service import database_now
from aurapark.cases.models import CaseKind, Resolution
from aurapark.cases.service import open_case, resolve_refund
from aurapark.disputes.queries import sum_lost
from aurapark.extensions import db
from aurapark.ledger.models import EventType
from aurapark.ledger.rules import Posting, postings_for_refund
from aurapark.ledger.service import post
from aurapark.log import log_event
from aurapark.money import Money
from aurapark.notifications.messages import Message, announce
from aurapark.payments.gateway import GatewayRefund, RefundOutcome
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.service import lock_payment
from aurapark.refunds import rules
from aurapark.refunds.models import Refund, RefundState
from aurapark.refunds.queries import get_refund, total_refunded
from aurapark.refunds.service import lock_refund


def lock_with_payment(refund_id: int) -> tuple[Refund, Payment]:
    """Lock the payment, then the refund; return both as they are now. Raises RefundNotFound."""
    payment = lock_payment(get_refund(refund_id).payment_id)
    return lock_refund(refund_id), payment


def record(refund_id: int, seen: GatewayRefund, *, base: timedelta) -> None:
    """Write down how the gateway's refund stands. Never steps back; the second time nothing happens."""
    refund, payment = lock_with_payment(refund_id)
    now = database_now()
    if refund.state == RefundState.REQUESTED:  # put back meanwhile, and now there is an answer after all
        states.move(refund, RefundState.SENDING)
        refund.sending_at, refund.gateway_refund_id = refund.sending_at or now, seen.refund_id
        db.session.flush()
    if refund.state in (RefundState.SENDING, RefundState.UNKNOWN):
        states.move(refund, RefundState.SENT)
        refund.gateway_refund_id, refund.failure, refund.checks = seen.refund_id, None, 0
        db.session.flush()
    if refund.state == RefundState.SUCCEEDED:
        _note_contrary(refund, seen)
    if refund.state != RefundState.SENT or refund.gateway_refund_id != seen.refund_id:
        return
    if seen.outcome == RefundOutcome.SUCCEEDED:
        provider = payment.provider.value
        settle(refund, payment, postings_for_refund(provider, refund=Money(refund.amount, refund.currency)), now=now)
    elif seen.outcome == RefundOutcome.FAILED:
        _fail(refund, payment, f"gateway said {seen.status}", now=now)
    else:
        ask_later(refund, now=now, base=base)


def refused(refund_id: int, why: str) -> None:
    """The gateway clearly will not make this refund: a person decides."""
    refund, payment = lock_with_payment(refund_id)
    now = database_now()
    if refund.state == RefundState.SENDING:
        _fail(refund, payment, why, now=now)


def settle(refund: Refund, payment: Payment, postings: list[Posting], *, now: datetime) -> None:
    """The money is back: book it once and tell the traveller."""
    booking = db.session.get_one(Booking, payment.booking_id)
    states.move(refund, RefundState.SUCCEEDED)
    refund.succeeded_at, refund.next_check_at, refund.failure = now, None, None
    db.session.flush()
    _note_on_payment(payment)
    post(EventType.REFUND, str(refund.id), postings, booking_id=booking.id, agency_id=booking.agency_id)
    resolve_refund(refund.id, actor=audit.SYSTEM, reason="the money is back", resolution=Resolution.RULE)
    announce(Message.REFUND_SENT, booking, occasion=str(refund.id), refund=refund.id)
    log_event("refund_succeeded", refund=refund.id, booking=booking.reference, tx_ref=payment.tx_ref)


def ask_later(refund: Refund, *, now: datetime, base: timedelta) -> None:
    """Set the next question; after a week a person has to look as well."""
    began = refund.sending_at or now
    refund.next_check_at = rules.next_query(refund.checks, sending_at=began, now=now, base=base)
    if rules.is_overdue(began, now=now, base=base):
        need_a_person(refund, CaseKind.REFUND_OVERDUE, {"state": refund.state.value})


def need_a_person(refund: Refund, kind: CaseKind, known: dict[str, object]) -> None:
    """Open a case about a refund, once, and say so in the log."""
    details = {"refund": refund.id, "amount": refund.amount, "currency": refund.currency, **known}
    if open_case(kind, "refund", str(refund.id), details):
        log_event(kind.value, level=logging.ERROR, **details)


def _note_contrary(refund: Refund, seen: GatewayRefund) -> None:
    """A refund that was done failed afterwards: what is booked stays, and a person sees to the money."""
    refund.next_check_at = None
    if refund.gateway_refund_id == seen.refund_id and seen.outcome == RefundOutcome.FAILED:
        theirs = {"refund": seen.refund_id, "charge": seen.charge_id, "amount": str(seen.amount), "status": seen.status}
        need_a_person(refund, CaseKind.REFUND_DIFFERS, {"state": refund.state.value, "theirs": theirs})


def _fail(refund: Refund, payment: Payment, why: str, *, now: datetime) -> None:
    booking = db.session.get_one(Booking, payment.booking_id)
    states.move(refund, RefundState.FAILED)
    if refund.gateway_refund_id:
        refund.former_ids = [*refund.former_ids, refund.gateway_refund_id]
    refund.gateway_refund_id, refund.next_check_at, refund.failure = None, None, why
    audit.record("refund.fail", "refund", str(refund.id), reason=why)
    announce(Message.REFUND_FAILED, booking, occasion=str(refund.id), refund=refund.id)
    need_a_person(refund, CaseKind.REFUND_FAILED, {"tx_ref": payment.tx_ref, "why": why, "at": now.isoformat()})


def _note_on_payment(payment: Payment) -> None:
    """All back: refunded; else partially. A disputed payment stays so."""
    returned = total_refunded(payment.id, RefundState.SUCCEEDED) + sum_lost(payment.id)
    to = PaymentState.REFUNDED if returned >= (payment.paid_amount or 0) else PaymentState.PARTIALLY_REFUNDED
    if states.may_move(payment, to) and payment.state != PaymentState.DISPUTED:
        states.move(payment, to)
