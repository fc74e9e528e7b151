"""Writing disputes: called inside one transaction, which the story opens."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from aurapark.disputes.errors import DisputeNotFound, NotDisputable
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.extensions import db

LARGEST_ID = 120


def report_dispute(provider: str, gateway_dispute_id: str, charge_id: str | None) -> bool:
    """Note that an event or a list named a dispute: the gateway is asked about it at once. Says whether it is new."""
    values = {
        "provider": provider,
        "gateway_dispute_id": gateway_dispute_id[:LARGEST_ID],
        "charge_id": charge_id,
        "state": DisputeState.REPORTED.value,
        "next_check_at": func.now(),
    }
    statement = insert(Dispute).values(**values).on_conflict_do_nothing().returning(Dispute.id)
    if db.session.scalar(statement) is not None:
        return True
    same = (Dispute.provider == provider) & (Dispute.gateway_dispute_id == gateway_dispute_id[:LARGEST_ID])
    _touch(same, next_check_at=func.now())
    return False


def name_dispute(provider: str, gateway_dispute_id: str | None) -> Dispute:
    """Return the dispute of that id, locked, as an event left it, or a new row; to be opened in the same transaction.

    Raises NotDisputable when it was opened before.
    """
    if gateway_dispute_id:
        same = (Dispute.provider == provider) & (Dispute.gateway_dispute_id == gateway_dispute_id)
        if known := db.session.scalars(select(Dispute).where(same).with_for_update()).first():
            if known.opened_at is not None:
                raise NotDisputable
            return known
    dispute = Dispute(provider=provider, gateway_dispute_id=gateway_dispute_id, state=DisputeState.DROPPED)
    db.session.add(dispute)
    db.session.flush()
    return dispute


def claim_due(lease: timedelta, provider: str) -> int | None:
    """Take one dispute of this gateway whose question is due, passing over what others hold; due again after the lease.

    The question counts from here on, so that a crash counts. Returns its id, None when nothing is due.
    """
    due = (
        select(Dispute.id)
        .where(Dispute.next_check_at <= func.now(), Dispute.provider == provider)
        .order_by(Dispute.next_check_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    dispute_id: int | None = db.session.scalar(due)
    if dispute_id is not None:
        _touch(Dispute.id == dispute_id, next_check_at=func.now() + lease, checks=Dispute.checks + 1)
    return dispute_id


def lock_dispute(dispute_id: int) -> Dispute:
    """Return a dispute, locked, as it is now; its booking and payment were locked before. Raises DisputeNotFound."""
    statement = select(Dispute).where(Dispute.id == dispute_id).with_for_update()
    dispute = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if dispute is None:
        raise DisputeNotFound
    return dispute


def _touch(which, **values) -> None:  # type: ignore[no-untyped-def]  # SQLAlchemy expressions
    statement = update(Dispute).where(which).values(**values, updated_at=Dispute.updated_at)
    db.session.execute(statement.execution_options(synchronize_session=False))
