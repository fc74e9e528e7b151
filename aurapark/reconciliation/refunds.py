"""A gateway's refunds of one day against ours, in both directions."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select

from aurapark.cases.models import CaseKind
from aurapark.database import in_transaction, let_go
from aurapark.extensions import db
from aurapark.payments.gateway import (
    Gateway,
    GatewayError,
    GatewayNotNow,
    GatewayRefund,
    GatewayRefused,
    RefundOutcome,
)
from aurapark.payments.gateway_lists import GatewayLists
from aurapark.payments.models import Payment
from aurapark.reconciliation.report import Report
from aurapark.refunds.models import IN_THE_AIR, Refund, RefundState
from aurapark.refunds.service import make_lost_refunds_due, make_refund_due

CONTRARY = {
    (RefundState.SUCCEEDED, RefundOutcome.FAILED),
    (RefundState.FAILED, RefundOutcome.SUCCEEDED),
    (RefundState.CANCELLED, RefundOutcome.SUCCEEDED),
    (RefundState.REQUESTED, RefundOutcome.SUCCEEDED),
}


@dataclass(frozen=True, slots=True)
class Ours:
    """A refund of ours: plain values that outlive the transaction."""

    id: int
    gateway_refund_id: str | None
    state: RefundState
    amount: int
    charge_id: str | None


def reconcile_refunds(day: date, gateway: Gateway, lists: GatewayLists, report: Report) -> None:
    """Compare the refunds of a day (UTC). Raises GatewayError when the list could not be read."""
    let_go()
    listed = lists.list_gateway_refunds(day, day)
    report.refunds += len(listed)
    for refund in listed:
        _compare(refund, gateway, report)
    seen = {refund.refund_id for refund in listed}
    for ours in _list_sent(gateway, day):
        if ours.gateway_refund_id not in seen:
            _look_for(ours, gateway, report)


def _compare(theirs: GatewayRefund, gateway: Gateway, report: Report) -> None:
    ours = _find(theirs, gateway)
    if ours is None:
        _take_up(theirs, gateway, report)
        return
    former = ours.gateway_refund_id != theirs.refund_id  # one that failed, of which we made another
    contrary = theirs.outcome == RefundOutcome.SUCCEEDED if former else (ours.state, theirs.outcome) in CONTRARY
    if contrary or ours.amount != theirs.amount or ours.charge_id != theirs.charge_id:
        details = {"ours": {"amount": ours.amount, "charge": ours.charge_id, "state": ours.state.value}}
        report.open(CaseKind.REFUND_DIFFERS, "refund", str(ours.id), {**details, "theirs": _describe(theirs)})
    elif ours.state == RefundState.SENT and theirs.outcome != RefundOutcome.SENT:
        report.asked_again += in_transaction(lambda: make_refund_due(theirs.refund_id, theirs.charge_id))


def _take_up(theirs: GatewayRefund, gateway: Gateway, report: Report) -> None:
    """One that we do not know is ours when its answer got lost; one that failed moved no money; else it is a case."""
    if theirs.outcome == RefundOutcome.FAILED:
        return
    if _is_in_the_air(theirs.charge_id, gateway):
        report.asked_again += in_transaction(lambda: make_lost_refunds_due(theirs.charge_id))
        return
    entity_id = f"{gateway.provider}/{theirs.refund_id}"
    report.open(CaseKind.UNKNOWN_REFUND, "gateway_refund", entity_id, _describe(theirs))


def _look_for(ours: Ours, gateway: Gateway, report: Report) -> None:
    """Ask for a refund of ours that is not in the list of its day: it may be in another day's."""
    let_go()
    try:
        gateway.get_refund(ours.gateway_refund_id or "")
    except GatewayError as error:
        if not isinstance(error, GatewayRefused) or isinstance(error, GatewayNotNow):
            report.unanswered += 1
            return
        details = {"refund": ours.gateway_refund_id, "charge": ours.charge_id, "amount": ours.amount}
        report.open(CaseKind.REFUND_MISSING, "refund", str(ours.id), details)


def _find(theirs: GatewayRefund, gateway: Gateway) -> Ours | None:
    named = or_(Refund.gateway_refund_id == theirs.refund_id, Refund.former_ids.contains([theirs.refund_id]))
    here_first = func.coalesce(Refund.gateway_refund_id == theirs.refund_id, False).desc()
    found = db.session.execute(_of(gateway).where(named).order_by(here_first)).first()
    return Ours(*found) if found else None


def _list_sent(gateway: Gateway, day: date) -> list[Ours]:
    start = datetime.combine(day, time(), UTC)
    statement = _of(gateway).where(
        Refund.gateway_refund_id.is_not(None),
        Refund.dispute_id.is_(None),
        Refund.state.in_((RefundState.SENT, RefundState.SUCCEEDED)),
        Refund.sending_at >= start,
        Refund.sending_at < start + timedelta(days=1),
    )
    return [Ours(*row) for row in db.session.execute(statement.order_by(Refund.id))]


def _is_in_the_air(charge_id: str, gateway: Gateway) -> bool:
    statement = _of(gateway).where(Payment.gateway_tx_id == charge_id, Refund.state.in_(IN_THE_AIR))
    return db.session.execute(statement).first() is not None


def _of(gateway: Gateway) -> Select[*tuple[Any, ...]]:
    columns = (Refund.id, Refund.gateway_refund_id, Refund.state, Refund.amount, Payment.gateway_tx_id)
    joined = select(*columns).join(Payment, Payment.id == Refund.payment_id)
    return joined.where(Payment.provider == gateway.provider)


def _describe(theirs: GatewayRefund) -> dict[str, str]:
    return {
        "refund": theirs.refund_id,
        "charge": theirs.charge_id,
        "amount": str(theirs.amount),
        "status": theirs.status,
    }
