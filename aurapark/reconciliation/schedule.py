"""When the books are compared: every six hours, a day of them at a time, remembered in PostgreSQL."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from aurapark.extensions import db
from aurapark.payments.models import Payment, Provider
from aurapark.reconciliation.models import ReconciliationSchedule

LEASE = timedelta(minutes=15)  # and the wait after a gateway did not answer
FIRST_AFTER = timedelta(minutes=5)
DAYS_BACK = 4  # each day is compared again so often: rows arrive late, and pages shift
FIRST_OF_DAY, ROUND = time(3, 10, tzinfo=UTC), timedelta(hours=6)


def lock_schedule(provider: Provider) -> ReconciliationSchedule:
    """Return the gateway's row, locked; made when it is missing."""
    row = insert(ReconciliationSchedule).values(provider=provider.value, next_at=func.now() + FIRST_AFTER)
    db.session.execute(row.on_conflict_do_nothing())
    statement = select(ReconciliationSchedule).where(ReconciliationSchedule.provider == provider.value)
    return db.session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one()


def claim_day(provider: Provider) -> date | None:
    """Take the day (UTC) that is due to be compared, None when none is; it is due again when the lease ends."""
    schedule = lock_schedule(provider)
    now = _now()
    if schedule.next_at > now:
        return None
    schedule.next_at = now + LEASE
    if schedule.next_day is None:
        schedule.next_day = _first_day(schedule.done_at or _first_attempt() or now, now)
    return schedule.next_day


def finish_day(provider: Provider, day: date) -> None:
    """Note that a claimed day was compared: the next one is due at once, after today's in the next round."""
    lock_schedule(provider)
    now = _now()
    values: dict[str, Any]
    if day < now.date():
        values = {"next_day": day + timedelta(days=1), "next_at": now}
    else:
        values = {"next_day": None, "next_at": _next_round(now), "done_at": now}
    mine = (ReconciliationSchedule.provider == provider.value) & (ReconciliationSchedule.next_day == day)
    db.session.execute(update(ReconciliationSchedule).where(mine).values(values))


def _first_day(done_at: datetime, now: datetime) -> date:
    return min(done_at.date(), now.date()) - timedelta(days=DAYS_BACK)


def _first_attempt() -> datetime | None:
    """Return when the first payment of all was begun: what was never compared is compared from there."""
    return db.session.scalar(select(Payment.created_at).order_by(Payment.created_at, Payment.id).limit(1))


def _next_round(now: datetime) -> datetime:
    first = datetime.combine(now.date(), FIRST_OF_DAY) - timedelta(days=1)
    return first + ((now - first) // ROUND + 1) * ROUND


def _now() -> datetime:
    return db.session.scalars(select(func.now())).one().astimezone(UTC)
