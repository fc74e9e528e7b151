"""What became of a payout, written down once: booked, told, or left to a person.

Called inside one transaction; locks the settlement, then the payout. What is final stays: a poll, a webhook and a
person at once change nothing twice.
"""

import logging
from datetime import datetime, timedelta

from aurapark import audit, states
from aurapark.booking.service import database_now
from aurapark.cases.models import CaseKind
from aurapark.cases.service import open_case, resolve_payout
from aurapark.extensions import db
from aurapark.ledger.models import EventType
from aurapark.ledger.rules import BANK, clearing, postings_for_payout
from aurapark.ledger.service import post
from aurapark.log import log_event
from aurapark.money import Money
from aurapark.payments.transfers import GatewayTransfer, TransferOutcome
from aurapark.payouts import rules
from aurapark.payouts.models import Payout, PayoutMethod, PayoutState
from aurapark.payouts.queries import get_payout, total_paid
from aurapark.payouts.service import ENTITY, lock_payout, lock_settlement, note
from aurapark.payouts.telling import tell_paid
from aurapark.settlements.models import Settlement, SettlementState

UNDECIDED = (PayoutState.SENDING, PayoutState.UNKNOWN)


def lock_with_settlement(payout_id: int) -> tuple[Payout, Settlement]:
    """Lock the settlement, then the payout; return both as they are now. Raises PayoutNotFound."""
    settlement = lock_settlement(get_payout(payout_id).settlement_id)
    return lock_payout(payout_id), settlement


def record(payout_id: int, seen: GatewayTransfer, *, base: timedelta) -> None:
    """Write down how the gateway's transfer stands. Never steps back; the second time nothing happens."""
    payout, settlement = lock_with_settlement(payout_id)
    now = database_now()
    if seen.reference != payout.reference or seen.amount != payout.amount or seen.currency != payout.currency:
        return _differ(payout, seen, now=now, base=base)
    if payout.state in UNDECIDED:
        payout.gateway_transfer_id, payout.failure, payout.checks = seen.transfer_id, None, 0
        before = payout.state
        states.move(payout, PayoutState.SENT)
        db.session.flush()
        note(payout, "sent", before=before, reason=f"the gateway has it as {seen.transfer_id}, {seen.status}")
    if payout.state in (PayoutState.SUCCEEDED, PayoutState.FAILED):
        return _note_contrary(payout, seen)
    if payout.state != PayoutState.SENT or payout.gateway_transfer_id != seen.transfer_id:
        return None
    if seen.outcome == TransferOutcome.SUCCEEDED:
        payout.fee = seen.whole_fee
        return settle(payout, settlement, now=now)
    if seen.outcome == TransferOutcome.FAILED:
        return fail(payout, f"the gateway said {seen.status}: {seen.why}".rstrip(": "), now=now)
    return ask_later(payout, now=now, base=base)


def settle(payout: Payout, settlement: Settlement, *, now: datetime) -> None:
    """The money is with the agency: book it once, see whether the settlement is paid, and tell its people."""
    states.move(payout, PayoutState.SUCCEEDED)
    payout.ended_at, payout.next_check_at, payout.failure = now, None, None
    db.session.flush()
    net, fee = Money(payout.amount, payout.currency), Money(payout.fee or 0, payout.currency)
    paid_from = BANK if payout.method == PayoutMethod.OUTSIDE else clearing(payout.method)
    postings = postings_for_payout(payout.agency_id, net=net, paid_from=paid_from, fee=fee)
    post(EventType.PAYOUT, str(payout.id), postings, agency_id=payout.agency_id)
    if settlement.state == SettlementState.CLOSED and total_paid(settlement.id) == settlement.net:
        states.move(settlement, SettlementState.PAID)
        settlement.paid_at = now
        db.session.flush()
    resolve_payout(payout.id, actor=audit.SYSTEM, reason="the agency is paid")
    note(payout, "succeed", before=PayoutState.SENT, reason="the agency is paid")
    tell_paid(payout, settlement)
    log_event("payout_succeeded", payout=payout.id, settlement=settlement.id, agency=payout.agency_id)


def fail(payout: Payout, why: str, *, now: datetime) -> None:
    """Nothing was paid: a person looks at why, and prepares another payout under another reference."""
    before = payout.state
    states.move(payout, PayoutState.FAILED)
    payout.ended_at, payout.next_check_at, payout.failure = now, None, why
    db.session.flush()
    note(payout, "fail", before=before, reason=why)
    need_a_person(payout, CaseKind.PAYOUT_FAILED, {"why": why})


def ask_later(payout: Payout, *, now: datetime, base: timedelta) -> None:
    """Set the next question; after a week a person has to look as well."""
    began = payout.sending_at or payout.approved_at or now
    payout.next_check_at = rules.next_query(payout.checks, sending_at=began, now=now, base=base)
    if rules.is_overdue(began, now=now, base=base):
        need_a_person(payout, CaseKind.PAYOUT_OVERDUE, {"state": payout.state.value})


def need_a_person(payout: Payout, kind: CaseKind, known: dict[str, object]) -> None:
    """Open a case about a payout, once, and say so in the log."""
    about = {"payout": payout.id, "settlement": payout.settlement_id, "reference": payout.reference}
    details = {**about, "amount": payout.amount, "currency": payout.currency, **known}
    if open_case(kind, ENTITY, str(payout.id), details):
        log_event(kind.value, level=logging.ERROR, **details)


def describe(seen: GatewayTransfer) -> dict[str, str]:
    """Return a transfer of theirs for the details of a case."""
    return {
        "transfer": seen.transfer_id,
        "reference": seen.reference,
        "amount": str(seen.amount),
        "currency": seen.currency,
        "status": seen.status,
    }


def _differ(payout: Payout, seen: GatewayTransfer, *, now: datetime, base: timedelta) -> None:
    """Their transfer has our reference and another sum: nothing follows from it but a case."""
    need_a_person(payout, CaseKind.PAYOUT_DIFFERS, {"state": payout.state.value, "theirs": describe(seen)})
    if payout.state in (*UNDECIDED, PayoutState.SENT):
        ask_later(payout, now=now, base=base)


def _note_contrary(payout: Payout, seen: GatewayTransfer) -> None:
    """What was done came back, or what had failed was done: what is booked stays, and a person sees to the money."""
    payout.next_check_at = None
    failed = seen.outcome == TransferOutcome.FAILED
    if failed == (payout.state == PayoutState.SUCCEEDED):
        need_a_person(payout, CaseKind.PAYOUT_DIFFERS, {"state": payout.state.value, "theirs": describe(seen)})
