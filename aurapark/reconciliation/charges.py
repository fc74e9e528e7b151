"""A gateway's charges of one day against our payments, in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select

from aurapark.cases.models import CaseKind
from aurapark.database import let_go
from aurapark.extensions import db
from aurapark.payments.gateway import SUCCESSFUL, Charge, Gateway, GatewayError
from aurapark.payments.gateway_lists import GatewayLists
from aurapark.payments.models import Payment
from aurapark.payments.rules import whole_amount
from aurapark.reconciliation.report import AskAgain, Report

AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A charge as we recorded it: plain values that outlive the transaction."""

    public_id: str
    tx_ref: str
    charge_id: str
    amount: int | None
    currency: str | None

    @classmethod
    def of(cls, payment: Payment) -> "Recorded":
        money = (payment.paid_amount, payment.paid_currency)
        return cls(payment.public_id, payment.tx_ref, payment.gateway_tx_id or "", *money)


def reconcile_charges(day: date, gateway: Gateway, lists: GatewayLists, ask_again: AskAgain, report: Report) -> None:
    """Compare the charges of a day (UTC). Raises GatewayError when the list could not be read."""
    let_go()
    listed = lists.list_transactions(day, day)
    report.charges += len(listed)
    known = _find_recorded(gateway, [charge.gateway_tx_id for charge in listed])
    for charge in listed:
        recorded = known.get(charge.gateway_tx_id)
        if recorded:
            _compare(recorded, charge, report)
        elif charge.status == SUCCESSFUL:
            _take_up(charge, gateway, ask_again, report)
    seen = {charge.gateway_tx_id for charge in listed}
    for recorded in _list_verified(gateway, day):
        if recorded.charge_id not in seen:
            _look_for(recorded, gateway, report)


def _compare(ours: Recorded, charge: Charge, report: Report) -> None:
    same_name = ours.tx_ref == charge.tx_ref or ours.tx_ref.startswith(f"{charge.tx_ref}/")
    same_money = (ours.amount, ours.currency) == (whole_amount(charge), charge.currency)
    if not (same_name and same_money and charge.status == SUCCESSFUL):
        details = {"ours": _describe_ours(ours), "theirs": _describe(charge)}
        report.open(CaseKind.CHARGE_DIFFERS, "payment", ours.public_id, details)


def _take_up(charge: Charge, gateway: Gateway, ask_again: AskAgain, report: Report) -> None:
    """Have a charge we do not know recorded by the confirm story when its reference is ours; else it is a case."""
    entity_id = f"{gateway.provider}/{charge.gateway_tx_id}"
    if not _is_ours(charge.tx_ref, gateway):
        report.open(CaseKind.UNKNOWN_CHARGE, "charge", entity_id, _describe(charge))
        return
    report.asked_again += 1
    ask_again(charge.tx_ref)
    if _find_recorded(gateway, [charge.gateway_tx_id]):
        report.recorded += 1
        return
    verified = _ask(charge.tx_ref, gateway, report)
    if verified is None or _find_recorded(gateway, [charge.gateway_tx_id]):
        return
    status = next((one.status for one in verified if one.gateway_tx_id == charge.gateway_tx_id), "not found")
    details = {**_describe(charge), "verified": status}
    report.open(CaseKind.CHARGE_NOT_RECORDED, "charge", entity_id, details)


def _look_for(ours: Recorded, gateway: Gateway, report: Report) -> None:
    """Ask for a charge of ours that is not in the list of its day: it may be in another day's."""
    charges = _ask(ours.tx_ref.partition("/")[0], gateway, report)
    if charges is None:
        return
    found = next((charge for charge in charges if charge.gateway_tx_id == ours.charge_id), None)
    if found:
        _compare(ours, found, report)
    else:
        report.open(CaseKind.CHARGE_MISSING, "payment", ours.public_id, _describe_ours(ours))


def _ask(tx_ref: str, gateway: Gateway, report: Report) -> list[Charge] | None:
    let_go()
    try:
        return gateway.list_charges(tx_ref)
    except GatewayError:
        report.unanswered += 1
        return None


def _find_recorded(gateway: Gateway, ids: Sequence[str]) -> dict[str, Recorded]:
    found: dict[str, Recorded] = {}
    for first in range(0, len(ids), AT_ONCE):
        part = Payment.gateway_tx_id.in_(ids[first : first + AT_ONCE])
        found |= {one.charge_id: one for one in _list_recorded(gateway, part)}
    return found


def _list_verified(gateway: Gateway, day: date) -> list[Recorded]:
    start = datetime.combine(day, time(), UTC)
    that_day = (Payment.verified_at >= start) & (Payment.verified_at < start + timedelta(days=1))
    return _list_recorded(gateway, Payment.gateway_tx_id.is_not(None) & that_day)


def _list_recorded(gateway: Gateway, which: ColumnElement[bool]) -> list[Recorded]:
    statement = select(Payment).where(Payment.provider == gateway.provider, which).order_by(Payment.id)
    return [Recorded.of(one) for one in db.session.scalars(statement.execution_options(populate_existing=True))]


def _is_ours(tx_ref: str, gateway: Gateway) -> bool:
    ours = (Payment.tx_ref == tx_ref) & Payment.root_id.is_(None) & (Payment.provider == gateway.provider)
    return db.session.scalar(select(Payment.id).where(ours)) is not None


def _describe(charge: Charge) -> dict[str, Any]:
    return {
        "charge": charge.gateway_tx_id,
        "tx_ref": charge.tx_ref[:100],
        "amount": str(charge.amount),
        "currency": charge.currency[:10],
        "status": charge.status[:40],
    }


def _describe_ours(ours: Recorded) -> dict[str, Any]:
    return {"tx_ref": ours.tx_ref, "charge": ours.charge_id, "amount": ours.amount, "currency": ours.currency}
