"""Writing payouts: called inside one transaction, which the story opens. Settlements are locked before payouts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from aurapark import audit, states
from aurapark.agencies.models import Agency, AgencyState
from aurapark.agencies.payout_accounts import payable_account
from aurapark.booking.service import database_now
from aurapark.cases.service import resolve_payout
from aurapark.extensions import db
from aurapark.payouts.errors import (
    AccountChanged,
    AgencyIsSuspended,
    LeftChanged,
    NoAccount,
    NotADraft,
    NothingToPay,
    PayoutNotFound,
    PayoutProofNeeded,
    PayoutTooLarge,
    SecondPersonNeeded,
    SettlementNotClosed,
)
from aurapark.payouts.models import OPEN_STATES, Payout, PayoutMethod, PayoutState
from aurapark.references import new_payout_reference
from aurapark.settlements.errors import SettlementNotFound
from aurapark.settlements.models import Settlement, SettlementState

ENTITY = "payout"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to pay: how much, of what was `left` when they looked, and how. `proof`: paid outside."""

    amount: int
    left: int
    proof: str | None = None


def prepare(settlement_id: int, wanted: Wanted, *, by: int, reason: str) -> Payout:
    """Write a draft that a second person will approve.

    Raises SettlementNotFound, SettlementNotClosed, NothingToPay, LeftChanged, PayoutTooLarge, AgencyIsSuspended,
    NoAccount, PayoutProofNeeded.
    """
    settlement = lock_settlement(settlement_id)
    left = _require_payable(settlement)
    if wanted.left != left:
        raise LeftChanged
    if not 0 < wanted.amount <= left:
        raise PayoutTooLarge
    if wanted.proof is not None and not wanted.proof.strip():
        raise PayoutProofNeeded
    _require_not_suspended(settlement.agency_id)
    account = payable_account(settlement.agency_id, database_now()) if wanted.proof is None else None
    if wanted.proof is None and account is None:
        raise NoAccount
    _close_failed_cases(settlement.id, by)
    payout = Payout(
        settlement_id=settlement.id,
        agency_id=settlement.agency_id,
        reference=new_payout_reference(),
        method=PayoutMethod.FLUTTERWAVE if account else PayoutMethod.OUTSIDE,
        account_id=account.id if account else None,
        amount=wanted.amount,
        currency=settlement.currency,
        state=PayoutState.DRAFT,
        prepared_by=by,
        proof=wanted.proof.strip() if wanted.proof is not None else None,
    )
    db.session.add(payout)
    db.session.flush()
    note(payout, "prepare", before=None, actor=_actor(by), reason=reason)
    return payout


def approve(payout: Payout, *, by: int, reason: str) -> None:
    """Approve a locked draft that somebody else prepared: due at once.

    Raises NotADraft, SecondPersonNeeded, AgencyIsSuspended, AccountChanged.
    """
    if not payout.is_draft:
        raise NotADraft
    if payout.prepared_by == by:
        raise SecondPersonNeeded
    _require_not_suspended(payout.agency_id)
    if in_the_way(payout) is not None:
        raise AccountChanged
    states.move(payout, PayoutState.APPROVED)
    payout.approved_by, payout.approved_at, payout.next_check_at = by, func.now(), func.now()
    db.session.flush()
    note(payout, "approve", before=PayoutState.DRAFT, actor=_actor(by), reason=reason)


def reject(payout: Payout, *, by: int, reason: str) -> None:
    """Reject a locked draft; whoever prepared it may too. Raises NotADraft."""
    if not payout.is_draft:
        raise NotADraft
    payout.rejected_by, payout.rejected_at = by, func.now()
    db.session.flush()
    note(payout, "reject", before=PayoutState.DRAFT, actor=_actor(by), reason=reason)


def in_the_way(payout: Payout) -> str | None:
    """Say why a payout may not be sent now: the agency is suspended, or its account is another one by now."""
    state = db.session.scalar(select(Agency.state).where(Agency.id == payout.agency_id).with_for_update(read=True))
    if state == AgencyState.SUSPENDED:
        return "the agency is suspended"
    if payout.account_id is None:
        return None
    account = payable_account(payout.agency_id, database_now())
    return None if account and account.id == payout.account_id else "the agency's account has changed"


def left_to_pay(settlement: Settlement) -> int:
    """Return what of a settlement's net no payout covers yet: no draft, none under way, none that arrived."""
    live = (Payout.state != PayoutState.FAILED) & Payout.rejected_at.is_(None)
    covered = select(func.coalesce(func.sum(Payout.amount), 0)).where(Payout.settlement_id == settlement.id, live)
    return max(settlement.net, 0) - int(db.session.scalar(covered) or 0)


def lock_settlement(settlement_id: int) -> Settlement:
    """Return a settlement, locked. Raises SettlementNotFound."""
    statement = select(Settlement).where(Settlement.id == settlement_id).with_for_update(key_share=True)
    known = 0 < settlement_id < 2**63
    found = db.session.scalars(statement.execution_options(populate_existing=True)).first() if known else None
    if found is None:
        raise SettlementNotFound
    return found


def lock_payout(payout_id: int) -> Payout:
    """Return a payout, locked, as it is now. Raises PayoutNotFound."""
    statement = select(Payout).where(Payout.id == payout_id).with_for_update()
    known = 0 < payout_id < 2**63
    found = db.session.scalars(statement.execution_options(populate_existing=True)).first() if known else None
    if found is None:
        raise PayoutNotFound
    return found


def claim_due(lease: timedelta) -> int | None:
    """Take one payout that is due, passing over what others hold; it is due again when the lease ends.

    The look counts from here on, so that a crash counts. Returns its id, None when nothing is due.
    """
    due = select(Payout.id).where(Payout.next_check_at <= func.now(), Payout.method == PayoutMethod.FLUTTERWAVE)
    payout_id = db.session.scalar(due.order_by(Payout.next_check_at).limit(1).with_for_update(skip_locked=True))
    if payout_id is not None:
        later = {"next_check_at": func.now() + lease, "checks": Payout.checks + 1}
        db.session.execute(update(Payout).where(Payout.id == payout_id).values(**later))
    return payout_id


def make_payout_due(reference: str) -> bool:
    """Make the next question about a payout due at once, when it is under way or done; False for an unknown one.

    One that is done is asked about too: its money may have come back.
    """
    known = db.session.execute(select(Payout.id, Payout.state).where(Payout.reference == reference)).first()
    if known and known.state in (*OPEN_STATES, PayoutState.SUCCEEDED):
        due = update(Payout).where(Payout.id == known.id, Payout.state.in_((*OPEN_STATES, PayoutState.SUCCEEDED)))
        db.session.execute(due.values(next_check_at=func.now()))
    return known is not None


def note(payout: Payout, action: str, *, before: PayoutState | None, reason: str, actor: str = audit.SYSTEM) -> None:
    """Put a step on record, with the state it was in before."""
    after: dict[str, Any] = {"state": payout.state.value, "amount": payout.amount, "settlement": payout.settlement_id}
    was = {**after, "state": before.value} if before else None
    audit.record(f"payout.{action}", ENTITY, str(payout.id), actor=actor, reason=reason, before=was, after=after)


def _require_payable(settlement: Settlement) -> int:
    """Return what is left to pay."""
    if settlement.state == SettlementState.OPEN:
        raise SettlementNotClosed
    left = left_to_pay(settlement)
    if left <= 0:
        raise NothingToPay
    return left


def _require_not_suspended(agency_id: int) -> None:
    if db.session.scalar(select(Agency.state).where(Agency.id == agency_id)) == AgencyState.SUSPENDED:
        raise AgencyIsSuspended


def _close_failed_cases(settlement_id: int, by: int) -> None:
    """Whoever prepares another payout has seen to those that failed."""
    failed = select(Payout.id).where(Payout.settlement_id == settlement_id, Payout.state == PayoutState.FAILED)
    for payout_id in db.session.scalars(failed):
        resolve_payout(payout_id, actor=_actor(by), reason="another payout was prepared")


def _actor(user_id: int) -> str:
    return f"user:{user_id}"
