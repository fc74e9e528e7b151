"""Reading refunds."""

from collections.abc import Sequence

from sqlalchemy import func, select

from aurapark.extensions import db
from aurapark.refunds.errors import RefundNotFound
from aurapark.refunds.models import NOT_COUNTED, Refund, RefundState


def get_refund(refund_id: int) -> Refund:
    """Return a refund, not locked. Raises RefundNotFound."""
    refund = db.session.get(Refund, refund_id, populate_existing=True)
    if refund is None:
        raise RefundNotFound
    return refund


def list_refunds(payment_ids: Sequence[int]) -> list[Refund]:
    """Return the refunds of these payments, oldest first."""
    statement = select(Refund).where(Refund.payment_id.in_(payment_ids)).order_by(Refund.id)
    return list(db.session.scalars(statement))


def list_failed() -> list[Refund]:
    """Return the refunds that wait for a person, longest first."""
    statement = select(Refund).where(Refund.state == RefundState.FAILED).order_by(Refund.updated_at)
    return list(db.session.scalars(statement))


def total_refunded(payment_id: int, *states: RefundState) -> int:
    """Return the sum of a payment's refunds in these states; of all that are asked for, on their way or done."""
    counted = Refund.state.in_(states) if states else Refund.state.not_in(NOT_COUNTED)
    statement = select(func.coalesce(func.sum(Refund.amount), 0)).where(Refund.payment_id == payment_id, counted)
    return int(db.session.scalar(statement) or 0)
