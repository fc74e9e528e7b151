"""Work that must happen after a commit: a row written in the same transaction, claimed and done later.

PostgreSQL is the queue. A claim takes a lease and a token and counts an attempt, so a crash counts; finishing
checks the token, so that a worker that lost its lease changes nothing. What gives up is `dead` and visible.
"""

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, Text, Uuid, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model, db

MAX_STEP = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
ERROR_LENGTH = 300


class WorkState(StrEnum):
    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"


class OutboxRow(Model):
    """One piece of work. `dedupe_key` begins with the id it is about; the same piece is never written twice."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("state", WorkState),
        CheckConstraint("(state = 'leased') = (lease_until IS NOT NULL AND lease_token IS NOT NULL)", name="lease"),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("uq_outbox_kind_dedupe_key", "kind", "dedupe_key", unique=True),
        Index("ix_outbox_due", "next_at", postgresql_where=text("state IN ('ready', 'leased')")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    dedupe_key: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[WorkState] = mapped_column(Word(WorkState), server_default=WorkState.READY)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed row: what to do, and the token that proves the claim."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    token: uuid.UUID


def publish(rows: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
    """Write (kind, dedupe_key, payload) rows in the transaction under way; what is there stays (one statement)."""
    values = [{"kind": kind, "dedupe_key": key, "payload": payload} for kind, key, payload in rows]
    if values:
        db.session.execute(insert(OutboxRow).values(values).on_conflict_do_nothing())


def claim(kinds: Sequence[str], *, limit: int, lease: timedelta) -> list[Work]:
    """Take due work, oldest first, passing over what others hold. Call in a transaction of its own."""
    token = uuid.uuid4()
    due = (
        select(OutboxRow.id)
        .where(
            OutboxRow.kind.in_(kinds),
            OutboxRow.state.in_([WorkState.READY, WorkState.LEASED]),
            OutboxRow.next_at <= func.now(),
            func.coalesce(OutboxRow.lease_until, func.to_timestamp(0)) <= func.now(),
        )
        .order_by(OutboxRow.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(OutboxRow)
        .where(OutboxRow.id.in_(due.scalar_subquery()))
        .values(
            state=WorkState.LEASED,
            attempts=OutboxRow.attempts + 1,
            lease_until=func.now() + lease,
            lease_token=token,
        )
        .returning(OutboxRow.id, OutboxRow.kind, OutboxRow.payload, OutboxRow.attempts, OutboxRow.created_at)
        .execution_options(synchronize_session=False)
    )
    rows = db.session.execute(taken).all()
    taken_now = [Work(row.id, row.kind, row.payload, row.attempts, row.created_at, token) for row in rows]
    return sorted(taken_now, key=lambda work: work.id)


def finish(work: Work) -> bool:
    """Mark the work done; False when the lease was lost meanwhile and nothing changed."""
    return _close(work, state=WorkState.DONE, done_at=func.now(), last_error=None)


def give_back(work: Work, error: str, *, base: timedelta) -> bool:
    """Try again later, each time after twice the wait up to an hour; after 24 hours it is `dead` and stays visible."""
    wait = min(base * 2 ** (work.attempts - 1), MAX_STEP) * random.uniform(0.5, 1)  # noqa: S311  jitter, not a secret
    values: dict[str, Any] = {"last_error": error[:ERROR_LENGTH]}
    dead = OutboxRow.created_at < func.now() - GIVE_UP_AFTER
    if db.session.scalar(select(dead).where(OutboxRow.id == work.id)):
        return _close(work, state=WorkState.DEAD, **values)
    return _close(work, state=WorkState.READY, next_at=func.now() + wait, **values)


def _close(work: Work, **values: Any) -> bool:
    statement = (
        update(OutboxRow)
        .where(OutboxRow.id == work.id, OutboxRow.lease_token == work.token, OutboxRow.state == WorkState.LEASED)
        .values(lease_until=None, lease_token=None, **values)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(statement).first() is not None
