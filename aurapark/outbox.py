"""Work that must happen after a commit: a row written in the same transaction, claimed and done later.

PostgreSQL is the queue. A claim takes a lease and a token and counts an attempt, so a crash counts; finishing
checks the token, so that a worker that lost its lease changes nothing. What gives up is `dead` and visible, until
a person has it tried again or dismisses it: a dismissed row is `done` and keeps its last error.
"""

import random
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    Text,
    Uuid,
    case,
    delete,
    func,
    null,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, array, insert
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model, db

MOST_STEPS = 360  # the longest wait, in first steps: an hour at 10 seconds
MOST_TRIES = 41  # about 24 hours with those waits
MOST_SILENT = 5  # tries whose process never came back: what kills whoever touches it is not tried for a day
ERROR_LENGTH = 300
KEPT = timedelta(days=400)  # done work; by then nothing asks for the same again: its trip, payments, refunds are over
SILENCE = "no process came back from it"
PERSONAL = re.compile(r"\S+@\S+|\+?\d[\d .-]{5,}\d|[\w-]{24,}")  # addresses, telephone numbers, tokens


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
        CheckConstraint("silent >= 0", name="silent"),
        Index("ix_outbox_due", "kind", "next_at", postgresql_where=text("state IN ('ready', 'leased')")),
        Index("ix_outbox_dead", "id", postgresql_where=text("state = 'dead'")),
        Index("ix_outbox_created_at", "created_at", "id"),
        Index("ix_outbox_open", "created_at", "id", postgresql_where=text("state <> 'done'")),
        Index("ix_outbox_dedupe_key", "dedupe_key", postgresql_ops={"dedupe_key": "text_pattern_ops"}),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    dedupe_key: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[WorkState] = mapped_column(Word(WorkState), server_default=WorkState.READY)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    silent: Mapped[int] = mapped_column(Integer, server_default="0")
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
    """Take due work, oldest first, passing over what others hold. Call in a transaction of its own.

    Each try counts here, so that a row that kills its process at every claim ends as `dead` too.
    """
    while True:
        token = uuid.uuid4()
        rows = db.session.execute(_take(kinds, limit, lease, token)).all()
        alive = [row for row in rows if row.state == WorkState.LEASED]
        if alive or not rows:
            taken = [Work(row.id, row.kind, row.payload, row.attempts, row.created_at, token) for row in alive]
            return sorted(taken, key=lambda work: work.id)


def finish(work: Work) -> bool:
    """Mark the work done; False when the lease was lost meanwhile and nothing changed."""
    return _close(work, state=WorkState.DONE, done_at=func.now(), last_error=None)


def give_back(work: Work, error: str, *, base: timedelta) -> bool:
    """Try again later, each time after twice the wait, up to an hour; after 41 tries it is `dead` and stays visible.

    `base` is the first wait. `error` is the name of what went wrong; addresses and numbers in it are masked.
    """
    if work.attempts >= MOST_TRIES:
        return give_up(work, error)
    steps = min(2 ** (work.attempts - 1), MOST_STEPS)
    wait = base * steps * random.uniform(0.5, 1)  # nosec B311  # noqa: S311  jitter, not a secret
    return _close(work, state=WorkState.READY, next_at=func.now() + wait, last_error=_redacted(error))


def find_row(row_id: int) -> OutboxRow | None:
    """Return one row as it is now, None when there is none."""
    return db.session.get(OutboxRow, row_id, populate_existing=True)


def list_rows(states: Sequence[WorkState], *, limit: int) -> list[OutboxRow]:
    """Return rows in these states, oldest first."""
    return list(
        db.session.scalars(select(OutboxRow).where(OutboxRow.state.in_(states)).order_by(OutboxRow.id).limit(limit))
    )


def revive(row_id: int) -> bool:
    """Let a dead row be tried from the beginning, at once; False when it is not dead."""
    return _change_dead(row_id, state=WorkState.READY, attempts=0, silent=0, next_at=func.now())


def lay_to_rest(row_id: int) -> bool:
    """Close a dead row that shall not be done any more: `done`, its last error kept. False when it is not dead."""
    return _change_dead(row_id, state=WorkState.DONE, done_at=func.now())


def forget_done(limit: int) -> int:
    """Forget up to `limit` pieces of work that were done long ago; returns how many. The dead wait for a person."""
    old = select(OutboxRow.id).where(OutboxRow.created_at < func.now() - KEPT, OutboxRow.state == WorkState.DONE)
    chosen = old.order_by(OutboxRow.created_at).limit(limit).with_for_update(skip_locked=True)
    gone = delete(OutboxRow).where(OutboxRow.id.in_(chosen.scalar_subquery())).returning(OutboxRow.id)
    return len(db.session.execute(gone.execution_options(synchronize_session=False)).all())


def _take(kinds: Sequence[str], limit: int, lease: timedelta, token: uuid.UUID) -> Any:
    """Return the statement that claims: an index range per kind, so that a heap of one kind slows no other down."""
    kind = func.unnest(array(list(kinds), type_=Text)).table_valued("name", name="kind")
    oldest = (
        select(OutboxRow.id, OutboxRow.next_at)
        .where(
            OutboxRow.kind == kind.c.name,
            OutboxRow.state.in_([WorkState.READY, WorkState.LEASED]),
            OutboxRow.next_at <= func.now(),
            func.coalesce(OutboxRow.lease_until, func.to_timestamp(0)) <= func.now(),
        )
        .order_by(OutboxRow.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .lateral("oldest")
    )
    due = select(oldest.c.id).select_from(kind.join(oldest, true())).order_by(oldest.c.next_at).limit(limit).cte("due")
    silent = OutboxRow.silent + case((OutboxRow.state == WorkState.LEASED, 1), else_=0)
    spent = or_(silent >= MOST_SILENT, OutboxRow.attempts >= MOST_TRIES)
    return (
        update(OutboxRow)
        .where(OutboxRow.id == due.c.id)
        .values(
            state=case((spent, WorkState.DEAD.value), else_=WorkState.LEASED.value),
            attempts=OutboxRow.attempts + case((spent, 0), else_=1),
            silent=silent,
            last_error=case((spent, SILENCE), else_=OutboxRow.last_error),
            lease_until=case((spent, null()), else_=func.now() + lease),
            lease_token=case((spent, null()), else_=token),
        )
        .returning(
            OutboxRow.id,
            OutboxRow.kind,
            OutboxRow.payload,
            OutboxRow.state,
            OutboxRow.attempts,
            OutboxRow.created_at,
        )
        .execution_options(synchronize_session=False)
    )


def _change_dead(row_id: int, **values: Any) -> bool:
    statement = (
        update(OutboxRow)
        .where(OutboxRow.id == row_id, OutboxRow.state == WorkState.DEAD)
        .values(**values)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(statement).first() is not None


def postpone(work: Work, error: str, *, wait: timedelta) -> bool:
    """Try again after a wait as if it had not been tried: what it needs was not there for anybody."""
    values: dict[str, Any] = {"last_error": _redacted(error), "attempts": OutboxRow.attempts - 1}
    return _close(work, state=WorkState.READY, next_at=func.now() + wait, **values)


def give_up(work: Work, error: str) -> bool:
    """Do not try again: the answer was a clear no. The row is `dead` and stays visible."""
    return _close(work, state=WorkState.DEAD, last_error=_redacted(error))


def _redacted(error: str) -> str:
    return PERSONAL.sub("…", error)[:ERROR_LENGTH]


def _close(work: Work, **values: Any) -> bool:
    statement = (
        update(OutboxRow)
        .where(OutboxRow.id == work.id, OutboxRow.lease_token == work.token, OutboxRow.state == WorkState.LEASED)
        .values(lease_until=None, lease_token=None, **values)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(statement).first() is not None
