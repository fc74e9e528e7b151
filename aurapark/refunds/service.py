"""Writing refunds: called inside one transaction, which the story opens, with the payment locked."""

from datetime import timedelta

from sqlalchemy import func, select, text, update

from aurapark.extensions import db
from aurapark.money import Money
from aurapark.refunds.errors import RefundNotFound
from aurapark.refunds.models import Refund, RefundReason, RefundState


def request_refund(
    payment_id: int, *, action: str, reason: RefundReason, amount: Money, requested_by: str
) -> tuple[Refund, bool]:
    """Ask for a refund of a locked payment, due at once; the same action is asked for once.

    Returns the refund, and whether it is new. Raises RefundTooLarge through the database's guard.
    """
    before = select(Refund).where(Refund.payment_id == payment_id, Refund.action == action)
    if known := db.session.scalars(before).first():
        return known, False
    refund = Refund(
        payment_id=payment_id,
        action=action,
        reason=reason,
        amount=amount.amount,
        currency=amount.currency,
        state=RefundState.REQUESTED,
        requested_by=requested_by,
        next_check_at=func.now(),
    )
    db.session.add(refund)
    db.session.flush()
    return refund, True


def lock_refund(refund_id: int) -> Refund:
    """Return a refund, locked, as it is now; its payment was locked before. Raises RefundNotFound."""
    statement = select(Refund).where(Refund.id == refund_id).with_for_update()
    refund = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if refund is None:
        raise RefundNotFound
    return refund


def claim_due(lease: timedelta, provider: str) -> int | None:
    """Take one refund of this gateway that is due, passing over what others hold; it is due again when the lease ends.

    The look counts from here on, so that a crash counts. Returns its id, None when nothing is due.
    """
    due = text("""
        SELECT refund.id FROM refund JOIN payment ON payment.id = refund.payment_id
        WHERE refund.next_check_at <= now() AND payment.provider = :provider
        ORDER BY refund.next_check_at LIMIT 1 FOR UPDATE OF refund SKIP LOCKED
    """)
    refund_id: int | None = db.session.scalar(due, {"provider": provider})
    if refund_id is not None:
        later = {"next_check_at": func.now() + lease, "checks": Refund.checks + 1}
        _touch(Refund.id == refund_id, **later)
    return refund_id


def make_refund_due(gateway_refund_id: str, charge_id: str | None = None) -> bool:
    """Make the next question about a refund due at once, when it is under way or done; False for an id not known.

    One that is done is asked about too: it may have failed afterwards.

    With `charge_id` the refund has to be one of that charge.
    """
    known = text("""
        SELECT refund.id FROM refund JOIN payment ON payment.id = refund.payment_id
        WHERE refund.gateway_refund_id = :id AND payment.gateway_tx_id = coalesce(:charge_id, payment.gateway_tx_id)
    """)
    ids = list(db.session.scalars(known, {"id": gateway_refund_id, "charge_id": charge_id}))
    if ids:
        asked = Refund.state.in_((RefundState.SENT, RefundState.SUCCEEDED))
        _touch(Refund.id.in_(ids) & asked, next_check_at=func.now())
    return bool(ids)


def make_lost_refunds_due(charge_id: str) -> bool:
    """Make the question about refunds of this charge whose answer got lost due at once; False when there are none."""
    lost = text("""
        SELECT refund.id FROM refund JOIN payment ON payment.id = refund.payment_id
        WHERE payment.gateway_tx_id = :charge_id AND refund.state = 'unknown'
    """)
    ids = list(db.session.scalars(lost, {"charge_id": charge_id}))
    return bool(ids) and _touch(Refund.id.in_(ids), next_check_at=func.now())


def _touch(which, **values) -> bool:  # type: ignore[no-untyped-def]  # SQLAlchemy expressions
    statement = (
        update(Refund)
        .where(which)
        .values(**values, updated_at=Refund.updated_at)
        .returning(Refund.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(statement).first() is not None
