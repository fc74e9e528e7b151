"""The chain of the audit log: each entry's hash covers the one before it, so that no past entry changes unseen.

Entries are sealed afterwards, in batches, by whoever holds the one row of `audit_chain`: a chain inside the sale would
queue every buyer. They are numbered as they are sealed, so one that was committed late, with a smaller id, follows.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, cast, func, select, text, update

from aurapark.audit import AuditChain, AuditEntry
from aurapark.extensions import db

GENESIS = "0" * 64
STRETCH = 10_000  # links looked at in one go
TURN = timedelta(minutes=5)
WAITS_AT_MOST = timedelta(minutes=10)
LATE_AT_MOST = timedelta(hours=1)  # a transaction lasts seconds; a time of long ago was not written then

SET_SEALS = text("""
    UPDATE audit_entry SET seal = sealed.seal, hash = sealed.hash
    FROM unnest(CAST(:ids AS bigint[]), CAST(:seals AS bigint[]), CAST(:hashes AS text[])) AS sealed (id, seal, hash)
    WHERE audit_entry.id = sealed.id
""")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link. Whoever keeps it elsewhere can later prove that nothing before it was changed."""

    number: int
    hash: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """How far the chain has come: its newest link, and how many entries are behind it."""

    head: Head
    unsealed: int


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold: what is wrong, the link's number, and the entry where there is one."""

    what: str
    seal: int | None
    log_id: int | None = None


def seal(limit: int) -> int:
    """Seal up to `limit` entries in the transaction under way, oldest first; 0 while another process seals."""
    head = db.session.execute(_head().with_for_update(skip_locked=True)).one_or_none()
    if head is None:
        return 0
    waiting = _entries().where(AuditEntry.hash.is_(None)).order_by(AuditEntry.id).limit(limit)
    rows = db.session.execute(waiting).all()
    if not rows:
        return 0
    links, previous = [], head.hash
    for number, row in enumerate(rows, start=head.number + 1):
        previous = link_hash(previous, content_of(row, number))
        links.append((row.id, number, previous))
    ids, seals, hashes = zip(*links, strict=True)
    db.session.execute(SET_SEALS, {"ids": list(ids), "seals": list(seals), "hashes": list(hashes)})
    db.session.execute(update(AuditChain).values(number=seals[-1], hash=previous, sealed_at=func.now()))
    return len(rows)


def content_of(entry: Row[Any], number: int) -> str:
    """Return what an entry's hash is over: one line of JSON; `before` and `after` as PostgreSQL prints them."""
    at = entry.at.isoformat(timespec="microseconds")
    who = (entry.actor, entry.action, entry.entity, entry.entity_id, entry.reason)
    return json.dumps(
        [number, entry.id, at, *who, entry.before, entry.after], ensure_ascii=False, separators=(",", ":")
    )


def link_hash(previous: str, content: str) -> str:
    """Return the hash of a link: SHA-256 over the previous one in hex, then the content."""
    return hashlib.sha256((previous + content).encode()).hexdigest()


def read_head(connection: Connection) -> Head:
    """Return the newest link."""
    row = connection.execute(_head()).one()
    return Head(row.number, row.hash, row.sealed_at)


def read_state(connection: Connection) -> State:
    """Return the newest link, and how many entries wait for theirs (two statements)."""
    waiting = select(func.count()).select_from(AuditEntry).where(AuditEntry.hash.is_(None))
    return State(read_head(connection), connection.scalar(waiting) or 0)


def list_links(connection: Connection, after: int = 0) -> Iterator[tuple[int, str, str]]:
    """Return number, content and hash of every link after that number, in order."""
    for row in _stretch(connection, after + 1, None):
        yield row.seal, content_of(row, row.seal), row.hash


def check_all(connection: Connection, published: tuple[int, str] | None = None) -> list[Break]:
    """Check every link from the first, and that the chain runs through a head that was published earlier."""
    head = read_head(connection)
    found = [*_check_ends(connection, head), *_check_stretch(connection, 1, None)]
    if published and _hash_at(connection, published[0]) != published[1]:
        found.append(Break("not the published hash", published[0]))
    return found


def check_some(connection: Connection, now: datetime, stretch: int = STRETCH) -> list[Break]:
    """Check the newest links and one older stretch, another one every few minutes, so that all have their turn."""
    head = read_head(connection)
    newest = max(1, head.number - stretch + 1)
    found = [*_check_ends(connection, head), *_check_stretch(connection, newest, None)]
    if newest > 1:
        turns = -(-(newest - 1) // stretch)
        first = int(now.timestamp() // TURN.total_seconds()) % turns * stretch + 1
        found += _check_stretch(connection, first, min(first + stretch, newest) - 1)
    return found


def _head() -> Select[*tuple[Any, ...]]:
    return select(AuditChain.number, AuditChain.hash, AuditChain.sealed_at)


def _entries() -> Select[*tuple[Any, ...]]:
    before, after = cast(AuditEntry.before, Text).label("before"), cast(AuditEntry.after, Text).label("after")
    one = AuditEntry
    return select(
        one.id, one.at, one.actor, one.action, one.entity, one.entity_id, one.reason, before, after, one.hash, one.seal
    )


def _stretch(connection: Connection, first: int, last: int | None) -> Iterator[Row[Any]]:
    wanted = _entries().where(AuditEntry.seal >= first).order_by(AuditEntry.seal)
    if last is not None:
        wanted = wanted.where(AuditEntry.seal <= last)
    yield from connection.execute(wanted, execution_options={"yield_per": 2000})


def _check_stretch(connection: Connection, first: int, last: int | None) -> Iterator[Break]:
    """Follow the links from one number to another; a broken one is named once, and the walk goes on behind it."""
    expected: str | None = _hash_at(connection, first - 1)
    number, newest = first - 1, None
    for row in _stretch(connection, first, last):
        number += 1
        if row.seal != number:
            yield Break(f"missing up to {row.seal - 1}", number)
            number, expected = row.seal, None
        if expected is not None and link_hash(expected, content_of(row, number)) != row.hash:
            yield Break("changed, or not the one that was sealed", number, row.id)
        if newest is not None and row.at < newest - LATE_AT_MOST:
            yield Break("written later than it says", number, row.id)
        newest = max(newest or row.at, row.at)
        expected = row.hash
    if last is not None and number < last:
        yield Break(f"missing up to {last}", number + 1)


def _check_ends(connection: Connection, head: Head) -> Iterator[Break]:
    """Compare the head with the links there are, and look for entries that nobody seals."""
    sealed = AuditEntry.seal.is_not(None)
    count, newest = connection.execute(select(func.count(), func.max(AuditEntry.seal)).where(sealed)).one()
    if (newest or 0) > head.number:
        yield Break(f"added behind the head, up to {newest}", head.number + 1)
    elif (newest or 0) < head.number:
        yield Break(f"missing up to {head.number}", (newest or 0) + 1)
    elif count != head.number:
        yield Break(f"{count} links where there must be {head.number}", None)
    if _hash_at(connection, head.number) not in (head.hash, None):
        yield Break("not the hash of the head", head.number)
    oldest, now = connection.execute(select(func.min(AuditEntry.at), func.now()).where(AuditEntry.hash.is_(None))).one()
    if oldest is not None and max(oldest, head.sealed_at) < now - WAITS_AT_MOST:
        yield Break(f"not sealed since {oldest.isoformat(timespec='seconds')}", None)


def _hash_at(connection: Connection, number: int) -> str | None:
    if number == 0:
        return GENESIS
    return connection.scalar(select(AuditEntry.hash).where(AuditEntry.seal == number))
