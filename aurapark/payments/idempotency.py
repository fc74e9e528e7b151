"""Answers kept by idempotency key: one caller's key stands for one call, however often it is sent.

The key's row is committed before the work begins, with a lock that ends by itself: a call that crashed leaves the
key to the next caller with the same body. Only answers that succeeded are kept, for 72 hours.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aurapark.errors import N_, Conflict, DomainError
from aurapark.extensions import db
from aurapark.payments.models import IdempotencyKey

KEPT = timedelta(hours=72)


class KeyReused(DomainError):
    status, code = 422, "IDEMPOTENCY_KEY_REUSED"
    sentence = N_("This Idempotency-Key was used for another request. Please use a new one.")


class StillRunning(Conflict):
    sentence = N_("The first request with this Idempotency-Key is still running. Please ask again in a moment.")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a key until the lock ends."""

    id: int
    locked_until: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered; `replayed` says that it was kept from the first call."""

    status: int
    data: dict[str, Any]
    replayed: bool = False


def claim_key(caller: str, key: str, body: Mapping[str, Any], *, lease: timedelta) -> Claim | Answer:
    """Take the key for a caller, or return the answer kept for it. Call in a transaction of its own.

    Raises KeyReused when the key stands for another body, StillRunning while the first call works.
    """
    fingerprint = fingerprint_of(body)
    wanted = insert(IdempotencyKey).values(
        caller=caller, key=key, body_sha256=fingerprint, locked_until=func.now() + lease
    )
    crashed = (
        IdempotencyKey.status.is_(None)
        & (IdempotencyKey.locked_until <= func.now())
        & (IdempotencyKey.body_sha256 == wanted.excluded.body_sha256)
    )
    fresh = {name: wanted.excluded[name] for name in ("body_sha256", "locked_until", "status", "answer", "created_at")}
    taken = db.session.execute(
        wanted.on_conflict_do_update(
            index_elements=["caller", "key"],
            set_=fresh,
            where=or_(crashed, IdempotencyKey.created_at <= func.now() - KEPT),
        ).returning(IdempotencyKey.id, IdempotencyKey.locked_until)
    ).first()
    return Claim(*taken) if taken else _kept_answer(caller, key, fingerprint)


def keep_answer(claim: Claim, answer: Answer) -> None:
    """Keep the answer for whoever sends the key again. Raises StillRunning when the lock was lost meanwhile."""
    statement = update(IdempotencyKey).where(*_mine(claim)).values(status=answer.status, answer=answer.data)
    if db.session.execute(statement.returning(IdempotencyKey.id)).first() is None:
        raise StillRunning


def let_key_go(claim: Claim) -> None:
    """Forget a key whose call failed: sent again it is tried again."""
    db.session.execute(delete(IdempotencyKey).where(*_mine(claim)))


def sweep_idempotency(limit: int) -> int:
    """Forget up to `limit` keys that are older than 72 hours; returns how many were."""
    old = select(IdempotencyKey.id).where(IdempotencyKey.created_at <= func.now() - KEPT).limit(limit)
    forgotten = delete(IdempotencyKey).where(IdempotencyKey.id.in_(old.with_for_update(skip_locked=True)))
    return len(list(db.session.scalars(forgotten.returning(IdempotencyKey.id))))


def fingerprint_of(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a body in one canonical writing, in hex."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _kept_answer(caller: str, key: str, fingerprint: str) -> Answer:
    columns = (IdempotencyKey.body_sha256, IdempotencyKey.status, IdempotencyKey.answer)
    row = db.session.execute(select(*columns).where(IdempotencyKey.caller == caller, IdempotencyKey.key == key)).first()
    if row is not None and row.body_sha256 != fingerprint:
        raise KeyReused
    if row is None or row.status is None:
        raise StillRunning
    return Answer(row.status, row.answer, replayed=True)


def _mine(claim: Claim) -> tuple[Any, ...]:
    return (
        IdempotencyKey.id == claim.id,
        IdempotencyKey.locked_until == claim.locked_until,
        IdempotencyKey.status.is_(None),
    )
