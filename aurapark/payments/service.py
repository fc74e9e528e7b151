"""Writing payment attempts and the money that came: called inside one transaction, which the story opens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from aurapark import states
from aurapark.extensions import db
from aurapark.payments.errors import TooManyAttempts
from aurapark.payments.gateway import Charge
from aurapark.payments.models import OPEN_STATES, Payment, PaymentState, Provider
from aurapark.payments.rules import MAX_ATTEMPTS, Fate, whole_amount
from aurapark.references import new_tx_ref


def lock_payments(booking_id: int) -> list[Payment]:
    """Return all payments of a locked booking, locked, as they are now, oldest first."""
    statement = select(Payment).where(Payment.booking_id == booking_id).order_by(Payment.id).with_for_update()
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def lock_payment(payment_id: int) -> Payment:
    """Return one payment, locked, as it is now; its booking is not locked."""
    statement = select(Payment).where(Payment.id == payment_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one()


def is_open(payment: Payment) -> bool:
    """Say whether the gateway has not yet given a final answer about this attempt."""
    return payment.state in OPEN_STATES


def require_another_attempt(before: Sequence[Payment]) -> None:
    """Raise TooManyAttempts when a locked booking was tried to pay as often as may be."""
    if sum(payment.root_id is None for payment in before) >= MAX_ATTEMPTS:
        raise TooManyAttempts(count=MAX_ATTEMPTS)


def open_attempt(
    booking_id: int,
    before: Sequence[Payment],
    *,
    provider: Provider,
    amount: int,
    currency: str,
    session_ends_at: datetime,
    next_check_at: datetime,
    tx_ref: str | None = None,
) -> Payment:
    """Write a new attempt after those `before` it; the gateway is called after the commit.

    It gets a reference of its own, unless it stands for money that came under a `tx_ref` nobody here gave out.
    """
    number = max((payment.attempt for payment in before), default=0) + 1
    payment = Payment(
        booking_id=booking_id,
        attempt=number,
        ordinal=1,
        provider=provider,
        tx_ref=tx_ref or new_tx_ref(number),
        state=PaymentState.CREATED,
        expected_amount=amount,
        currency=currency,
        session_ends_at=session_ends_at,
        next_check_at=next_check_at,
    )
    db.session.add(payment)
    db.session.flush()
    return payment


def record_success(
    attempt: Payment,
    before: Sequence[Payment],
    charge: Charge,
    fate: Fate,
    *,
    now: datetime,
    next_check_at: datetime | None,
) -> Payment:
    """Record a verified charge with its fate: on its attempt, or as a further row when that has one already.

    The attempt is asked about again at `next_check_at`: more charges may come.
    The database refuses a charge id that is recorded anywhere else.
    """
    payment = attempt
    attempt.next_check_at = next_check_at
    if attempt.gateway_tx_id is None:
        states.move(attempt, PaymentState.SUCCEEDED)
    else:
        payment = _further_row(attempt, before)
    payment.gateway_tx_id = charge.gateway_tx_id
    payment.paid_amount, payment.paid_currency = whole_amount(charge), charge.currency
    payment.fee, payment.settled = charge.fee, charge.settled
    payment.verified_at = now
    payment.disposition, payment.disposition_reason = fate.disposition, fate.reason
    return payment


def make_check_due(tx_ref: str) -> bool:
    """Make the next question about an attempt due at once; False when the reference is not ours."""
    statement = (
        update(Payment)
        .where(Payment.tx_ref == tx_ref, Payment.root_id.is_(None))
        .values(next_check_at=func.now(), updated_at=Payment.updated_at)
        .returning(Payment.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(statement).first() is not None


def claim_due_check(lease: timedelta) -> str | None:
    """Take one attempt whose question is due, passing over what others hold; it is due again when the lease ends.

    The question counts from here on, so that a crash counts. Returns its `tx_ref`, None when nothing is due.
    """
    due = (
        select(Payment.id)
        .where(Payment.next_check_at <= func.now())
        .order_by(Payment.next_check_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(Payment)
        .where(Payment.id == due.scalar_subquery())
        .values(next_check_at=func.now() + lease, checks=Payment.checks + 1, updated_at=Payment.updated_at)
        .returning(Payment.tx_ref)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(taken).scalar()


def _further_row(attempt: Payment, before: Sequence[Payment]) -> Payment:
    ordinal = 1 + max(payment.ordinal for payment in before if attempt.id in (payment.id, payment.root_id))
    payment = Payment(
        root_id=attempt.id,
        ordinal=ordinal,
        booking_id=attempt.booking_id,
        attempt=attempt.attempt,
        provider=attempt.provider,
        tx_ref=f"{attempt.tx_ref}/{ordinal}",
        state=PaymentState.SUCCEEDED,
        expected_amount=attempt.expected_amount,
        currency=attempt.currency,
    )
    db.session.add(payment)
    return payment
