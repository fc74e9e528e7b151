"""Reading payouts: of one settlement, one of them, and the list that staff look through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from aurapark.accounts.models import User
from aurapark.agencies.models import Agency
from aurapark.agencies.payout_models import PayoutAccount
from aurapark.extensions import db
from aurapark.keyset import Page, Place, fetch_all, fetch_page
from aurapark.payouts.errors import PayoutNotFound
from aurapark.payouts.models import Payout, PayoutState
from aurapark.settlements.models import Settlement

NEWEST_FIRST = (Payout.id,)
REJECTED = "rejected"  # a word of the list: such a payout is a draft for ever


@dataclass(frozen=True, slots=True)
class PayoutSearch:
    """Which payouts are wanted; empty means all. `state` may be `rejected`; `month` is any moment of a period."""

    state: str = ""
    agency: str = ""
    month: datetime | None = None


@dataclass(frozen=True, slots=True)
class PayoutView:
    """A payout with what stands around it, for a page."""

    payout: Payout
    settlement: Settlement
    agency: Agency
    account: PayoutAccount | None
    prepared_by: str
    approved_by: str
    rejected_by: str


def total_paid(settlement_id: int) -> int:
    """Return what arrived of a settlement."""
    arrived = (Payout.settlement_id == settlement_id) & (Payout.state == PayoutState.SUCCEEDED)
    return int(db.session.scalar(select(func.coalesce(func.sum(Payout.amount), 0)).where(arrived)) or 0)


def get_payout(payout_id: int) -> Payout:
    """Return a payout, not locked. Raises PayoutNotFound."""
    payout = db.session.get(Payout, payout_id, populate_existing=True) if 0 < payout_id < 2**63 else None
    if payout is None:
        raise PayoutNotFound
    return payout


def list_payouts(settlement_id: int) -> Sequence[Payout]:
    """Return the payouts of a settlement, oldest first."""
    statement = select(Payout).where(Payout.settlement_id == settlement_id).order_by(Payout.id)
    return db.session.scalars(statement).all()


def view_payout(payout_id: int) -> PayoutView:
    """Return a payout with all that its page shows (one statement). Raises PayoutNotFound."""
    preparer, approver, rejecter = aliased(User), aliased(User), aliased(User)
    statement = (
        select(Payout, Settlement, Agency, PayoutAccount, preparer, approver, rejecter)
        .join(Settlement, Settlement.id == Payout.settlement_id)
        .join(Agency, Agency.id == Payout.agency_id)
        .outerjoin(PayoutAccount, PayoutAccount.id == Payout.account_id)
        .join(preparer, preparer.id == Payout.prepared_by)
        .outerjoin(approver, approver.id == Payout.approved_by)
        .outerjoin(rejecter, rejecter.id == Payout.rejected_by)
        .where(Payout.id == payout_id)
    )
    row = db.session.execute(statement).first() if 0 < payout_id < 2**63 else None
    if row is None:
        raise PayoutNotFound
    payout, settlement, agency, account, *people = row
    return PayoutView(payout, settlement, agency, account, *(_named(user) for user in people))


def find_payouts(search: PayoutSearch, *, after: Place | None = None) -> Page[Any]:
    """Return one page of payouts with agency and settlement, newest first (one statement)."""
    return fetch_page(_wanted(search), NEWEST_FIRST, after=after, place_of=lambda row: (row.Payout.id,))


def each_payout(search: PayoutSearch) -> Iterator[Any]:
    """Yield all of them, a few hundred in memory at a time."""
    return fetch_all(_wanted(search), NEWEST_FIRST)


def _wanted(search: PayoutSearch) -> Any:
    wanted = (
        select(Payout, Settlement, Agency.name, Agency.timezone)
        .join(Settlement, Settlement.id == Payout.settlement_id)
        .join(Agency, Agency.id == Payout.agency_id)
    )
    if search.state == REJECTED:
        wanted = wanted.where(Payout.rejected_at.is_not(None))
    elif search.state == PayoutState.DRAFT:
        wanted = wanted.where(Payout.state == PayoutState.DRAFT, Payout.rejected_at.is_(None))
    elif search.state:
        wanted = wanted.where(Payout.state == PayoutState(search.state))
    if search.agency:
        wanted = wanted.where(Agency.code == search.agency)
    if search.month:
        wanted = wanted.where(Settlement.period_start <= search.month, Settlement.period_end > search.month)
    return wanted


def _named(user: User | None) -> str:
    return (user.name or user.email or f"user:{user.id}") if user else ""
