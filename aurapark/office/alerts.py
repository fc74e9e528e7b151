"""What an agency's people should know before anything else: each alert is a fact of the database, none is a guess."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import aliased

from aurapark.accounts.models import AgencyRole
from aurapark.agencies.payout_models import PayoutAccount
from aurapark.booking.models import Booking
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.extensions import db
from aurapark.payments.models import Payment
from aurapark.payouts.models import Payout, PayoutState
from aurapark.refunds.models import OPEN_STATES as OPEN_REFUNDS
from aurapark.refunds.models import Refund, RefundReason
from aurapark.settlements.models import Settlement, SettlementState


class AlertKind(StrEnum):
    NO_ACCOUNT = "no_account"
    ACCOUNT_WAITS = "account_waits"
    PAYOUT_FAILED = "payout_failed"
    OWES = "owes"
    DISPUTES = "disputes"
    TRIP_REFUNDS = "trip_refunds"


BOOKS = frozenset({AgencyRole.OWNER, AgencyRole.ACCOUNTANT})
MONEY = BOOKS | {AgencyRole.MANAGER}
FOR: dict[AlertKind, Collection[AgencyRole]] = {
    AlertKind.NO_ACCOUNT: BOOKS,
    AlertKind.ACCOUNT_WAITS: BOOKS,
    AlertKind.PAYOUT_FAILED: BOOKS,
    AlertKind.OWES: BOOKS,
    AlertKind.DISPUTES: MONEY,
    AlertKind.TRIP_REFUNDS: MONEY,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to know: how many of its kind, how much money, since or until when; what it has not is None."""

    kind: AlertKind
    count: int = 1
    amount: int | None = None
    at: datetime | None = None


def list_alerts(agency_id: int, role: AgencyRole) -> list[Alert]:
    """Return what there is to know for somebody with this role (one statement, none for who sees no money)."""
    if role not in MONEY:
        return []
    row = db.session.execute(select(*_facts(agency_id))).one()
    found = [
        Alert(AlertKind.PAYOUT_FAILED, row.failed_count, row.failed_amount) if row.failed_count else None,
        Alert(AlertKind.OWES, amount=-row.last_net) if row.last_net is not None and row.last_net < 0 else None,
        _account_alert(row),
        Alert(AlertKind.DISPUTES, row.dispute_count, row.dispute_amount) if row.dispute_count else None,
        Alert(AlertKind.TRIP_REFUNDS, row.refund_count, row.refund_amount) if row.refund_count else None,
    ]
    return [one for one in found if one is not None and role in FOR[one.kind]]


def _account_alert(row: Any) -> Alert | None:
    if row.waits_until is not None:
        return Alert(AlertKind.ACCOUNT_WAITS, at=row.waits_until)
    return None if row.payable else Alert(AlertKind.NO_ACCOUNT)


def _facts(agency_id: int) -> list[Any]:
    account = and_(PayoutAccount.agency_id == agency_id, PayoutAccount.withdrawn_at.is_(None))
    waits = select(func.max(PayoutAccount.payable_from)).where(account, PayoutAccount.payable_from > func.now())
    last = select(Settlement.net).where(Settlement.agency_id == agency_id, Settlement.state != SettlementState.OPEN)
    return [
        exists().where(account, PayoutAccount.payable_from <= func.now()).label("payable"),
        waits.scalar_subquery().label("waits_until"),
        last.order_by(Settlement.period_start.desc()).limit(1).scalar_subquery().label("last_net"),
        *_counted("failed", Payout.amount, _failed_payouts(agency_id)),
        *_counted("dispute", Dispute.amount, _open_disputes(agency_id)),
        *_counted("refund", Refund.amount, _refunds_of_trips(agency_id)),
    ]


def _counted(name: str, amount: Any, found: Any) -> list[Any]:
    """How many there are and how much money: two columns."""
    return [
        found.with_only_columns(func.count()).scalar_subquery().label(f"{name}_count"),
        found.with_only_columns(func.coalesce(func.sum(amount), 0)).scalar_subquery().label(f"{name}_amount"),
    ]


def _failed_payouts(agency_id: int) -> Any:
    """Payouts that failed with none made after them for the same settlement."""
    later = aliased(Payout)
    again = exists().where(later.settlement_id == Payout.settlement_id, later.id > Payout.id)
    return select(Payout).where(Payout.agency_id == agency_id, Payout.state == PayoutState.FAILED, ~again)


def _open_disputes(agency_id: int) -> Any:
    of = select(Dispute).join(Payment, Payment.id == Dispute.payment_id).join(Booking, Booking.id == Payment.booking_id)
    return of.where(Dispute.state == DisputeState.OPEN, Booking.agency_id == agency_id)


def _refunds_of_trips(agency_id: int) -> Any:
    """Refunds of cancelled trips that are not with the payers yet."""
    of = select(Refund).join(Payment, Payment.id == Refund.payment_id).join(Booking, Booking.id == Payment.booking_id)
    cancelled = Refund.reason == RefundReason.TRIP_CANCELLED
    return of.where(Refund.state.in_(OPEN_REFUNDS), cancelled, Booking.agency_id == agency_id)
