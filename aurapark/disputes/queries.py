"""Reading disputes."""

from collections.abc import Sequence

from sqlalchemy import func, select

from aurapark.disputes.errors import DisputeNotFound
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.extensions import db

TAKEN = (DisputeState.OPEN, DisputeState.LOST)  # the gateway has this money back, for now or for good


def get_dispute(dispute_id: int) -> Dispute:
    """Return a dispute, not locked. Raises DisputeNotFound."""
    dispute = db.session.get(Dispute, dispute_id, populate_existing=True)
    if dispute is None:
        raise DisputeNotFound
    return dispute


def list_disputes(*states: DisputeState) -> list[Dispute]:
    """Return the disputes in these states, by default those that are reported or open, oldest first."""
    wanted = states or (DisputeState.REPORTED, DisputeState.OPEN)
    statement = select(Dispute).where(Dispute.state.in_(wanted)).order_by(Dispute.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def is_named(provider: str, charge_id: str) -> bool:
    """Say whether an event named a dispute of this charge and the gateway has not yet told us more."""
    statement = select(Dispute.id).where(
        Dispute.provider == provider,
        Dispute.charge_id == charge_id,
        Dispute.state == DisputeState.REPORTED,
        Dispute.gateway_status.is_(None),
    )
    return db.session.scalar(statement.limit(1)) is not None


def sum_lost(payment_id: int) -> int:
    """Return what lost disputes took of a payment beside the refunds that were due anyway."""
    statement = select(func.coalesce(func.sum(Dispute.amount - Dispute.covered), 0)).where(
        Dispute.payment_id == payment_id, Dispute.state == DisputeState.LOST
    )
    return int(db.session.scalar(statement) or 0)


def sum_taken(provider: str) -> Sequence[tuple[str, int]]:
    """Return by currency what a gateway took back for disputes that are open or lost."""
    statement = select(Dispute.currency, func.coalesce(func.sum(Dispute.amount), 0)).where(
        Dispute.provider == provider, Dispute.state.in_(TAKEN)
    )
    rows = db.session.execute(statement.group_by(Dispute.currency))
    return [(str(currency), int(amount or 0)) for currency, amount in rows]
