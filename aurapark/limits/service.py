"""Locks whoever counts as one, and counts tries that failed. Called inside one transaction, which the story opens.

What is counted after `lock_holders` is true until the transaction ends, for everybody who locks first. The rows come
before all others in the order of locks, sorted among themselves, so that nobody waits in a ring.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from aurapark.errors import TooMany
from aurapark.extensions import db
from aurapark.references import fingerprint

KEEP = timedelta(days=1)  # longer than any limit looks back

LOCK = text("SELECT lock_holders(CAST(:keys AS text[]))")
# When a key is blocked: from its `most`th youngest failure on, for as long as `within`.
BLOCKED_UNTIL = text("""
    SELECT max(at + within) FROM unnest(CAST(:keys AS text[]), CAST(:most AS int[]), CAST(:within AS interval[]))
        AS wall (key, most, within), LATERAL (
            SELECT at FROM failed_try f WHERE f.key = wall.key AND at > now() - within
            ORDER BY at DESC OFFSET most - 1 LIMIT 1) AS one
""")
NOTE = text("INSERT INTO failed_try (key) SELECT unnest(CAST(:keys AS text[]))")
FORGET = (
    text("""
        DELETE FROM holder WHERE key IN (
            SELECT key FROM holder WHERE seen_at < now() - :keep ORDER BY seen_at LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING 1
    """),
    text("""
        DELETE FROM failed_try WHERE id IN (
            SELECT id FROM failed_try WHERE at < now() - :keep ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING 1
    """),
)


@dataclass(frozen=True, slots=True)
class Wall:
    """At most so many failures under one key within a time."""

    key: str
    most: int
    within: timedelta


def key_of(kind: str, name: str) -> str:
    """Return the key of a holder; the name itself, a phone perhaps, is not stored."""
    return f"{kind}:{fingerprint(name)}"


def lock_holders(keys: Sequence[str]) -> None:
    """Lock one row for each key, sorted, in one statement; without keys nothing is asked."""
    if keys:
        db.session.execute(LOCK, {"keys": sorted(set(keys))})


def require_tries_left(walls: Sequence[Wall]) -> None:
    """Lock what is about to be tried, and raise TooMany when too many tries have failed, whatever is tried."""
    lock_holders([wall.key for wall in walls])
    until: datetime | None = db.session.scalar(
        BLOCKED_UNTIL,
        {
            "keys": [wall.key for wall in walls],
            "most": [wall.most for wall in walls],
            "within": [wall.within for wall in walls],
        },
    )
    if until:
        raise TooMany(until)


def note_failure(walls: Sequence[Wall]) -> None:
    """Count one failure for each key."""
    db.session.execute(NOTE, {"keys": [wall.key for wall in walls]})


def forget_old(limit: int) -> int:
    """Delete rows no limit looks at any more; returns how many."""
    gone = [db.session.execute(statement, {"keep": KEEP, "limit": limit}).all() for statement in FORGET]
    return sum(len(rows) for rows in gone)
