"""Cases and disputes as the money desk reads them: lists, one of each with what the audit log says, whose they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from aurapark.accounts.models import PlatformRole, User
from aurapark.audit import AuditEntry
from aurapark.booking.models import Booking
from aurapark.cases.errors import CaseNotFound
from aurapark.cases.models import Case, CaseKind, CaseState
from aurapark.disputes.errors import DisputeNotFound
from aurapark.disputes.models import Dispute
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_all, fetch_page
from aurapark.payments.models import Payment
from aurapark.platform.overview import DIFFERENCES

MAX_ID = 2**63 - 1
MOST_ENTRIES = 50
OPEN = (CaseState.OPEN, CaseState.IN_HAND)
CASE_KEY = (Case.opened_at, Case.id)
DISPUTE_KEY = (Dispute.created_at, Dispute.id)


@dataclass(frozen=True, slots=True)
class CaseSearch:
    """Which cases are wanted; those that are not resolved, unless `resolved`. `owner` is an actor, "" for nobody's."""

    resolved: bool = False
    kind: str = ""
    owner: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case, the payment it is about where it is one of ours, and the audit log, newest first."""

    case: Case
    payment: Payment | None
    entries: Sequence[AuditEntry]


@dataclass(frozen=True, slots=True)
class DisputeView:
    """One dispute, its payment and booking once they are known, and the audit log, newest first."""

    dispute: Dispute
    payment: Payment | None
    booking: Booking | None
    entries: Sequence[AuditEntry]


def list_cases(search: CaseSearch, *, after: Place | None = None) -> Page[Any]:
    """Return one page of cases: of open ones the oldest first, of resolved ones the newest (one statement)."""
    return fetch_page(_cases(search), CASE_KEY, after=after, oldest_first=not search.resolved)


def each_case(search: CaseSearch) -> Iterator[Any]:
    """Yield all of them in the same order."""
    return fetch_all(_cases(search), CASE_KEY, oldest_first=not search.resolved)


def get_case_view(case_id: int) -> CaseView:
    """Return one case with what is known about it (three statements). Raises CaseNotFound."""
    case = db.session.get(Case, case_id, populate_existing=True) if 0 < case_id <= MAX_ID else None
    if case is None:
        raise CaseNotFound
    tx_ref = case.details.get("tx_ref")
    payment = db.session.scalars(select(Payment).where(Payment.tx_ref == str(tx_ref))).first() if tx_ref else None
    return CaseView(case, payment, _entries("case", str(case.id)))


def list_disputes(
    state: str, *, since: datetime | None, until: datetime | None, after: Place | None = None
) -> Page[Any]:
    """Return one page of disputes, newest first, with the payment they are about (one statement)."""
    return fetch_page(_disputes(state, since, until), DISPUTE_KEY, after=after)


def each_dispute(state: str, *, since: datetime | None, until: datetime | None) -> Iterator[Any]:
    """Yield all of them in the same order."""
    return fetch_all(_disputes(state, since, until), DISPUTE_KEY)


def get_dispute_view(dispute_id: int) -> DisputeView:
    """Return one dispute with what is known about it (two statements). Raises DisputeNotFound."""
    statement = (
        select(Dispute, Payment, Booking)
        .outerjoin(Payment, Payment.id == Dispute.payment_id)
        .outerjoin(Booking, Booking.id == Payment.booking_id)
        .where(Dispute.id == (dispute_id if 0 < dispute_id <= MAX_ID else 0))
    )
    row = db.session.execute(statement).first()
    if row is None:
        raise DisputeNotFound
    return DisputeView(row[0], row[1], row[2], _entries("dispute", str(dispute_id)))


def list_people() -> dict[str, str]:
    """Return who may have a case in hand, by the name under which they stand in the audit log (one statement)."""
    finance = User.platform_role == PlatformRole.FINANCE, User.disabled_at.is_(None), User.erased_at.is_(None)
    found = db.session.execute(select(User.id, User.name, User.email).where(*finance).order_by(User.name, User.id))
    return {f"user:{row.id}": row.name or row.email or f"user:{row.id}" for row in found}


def _entries(entity: str, entity_id: str) -> Sequence[AuditEntry]:
    mine = AuditEntry.entity == entity, AuditEntry.entity_id == entity_id
    return db.session.scalars(select(AuditEntry).where(*mine).order_by(AuditEntry.id.desc()).limit(MOST_ENTRIES)).all()


def _cases(search: CaseSearch) -> Select[Any]:
    wanted = select(Case).where(Case.state == CaseState.RESOLVED if search.resolved else Case.state.in_(OPEN))
    if search.kind == "difference":
        wanted = wanted.where(Case.kind.in_([CaseKind(kind) for kind in DIFFERENCES]))
    elif search.kind:
        wanted = wanted.where(Case.kind == search.kind)
    if search.owner is not None:
        wanted = wanted.where(or_(Case.owner == search.owner) if search.owner else Case.owner.is_(None))
    if search.since:
        wanted = wanted.where(Case.opened_at >= search.since)
    if search.until:
        wanted = wanted.where(Case.opened_at < search.until)
    return wanted


def _disputes(state: str, since: datetime | None, until: datetime | None) -> Select[Any]:
    columns = (
        "id",
        "created_at",
        "state",
        "amount",
        "currency",
        "provider",
        "gateway_dispute_id",
        "opened_at",
        "closed_at",
    )
    wanted = select(*(getattr(Dispute, name) for name in columns), Payment.tx_ref).outerjoin(
        Payment, Payment.id == Dispute.payment_id
    )
    if state:
        wanted = wanted.where(Dispute.state == state)
    if since:
        wanted = wanted.where(Dispute.created_at >= since)
    if until:
        wanted = wanted.where(Dispute.created_at < until)
    return wanted
