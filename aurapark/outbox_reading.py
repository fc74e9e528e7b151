"""Reading the outbox: newest first, narrowed by state, kind, key and day; as pages, and as all of it for a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, text

from aurapark.keyset import Page, Place, fetch_all, fetch_page
from aurapark.outbox import OutboxRow, WorkState

KEY = (OutboxRow.created_at, OutboxRow.id)
OPEN = (WorkState.READY, WorkState.LEASED, WorkState.DEAD)
NOT_DONE = text("outbox.state <> 'done'")  # as the index of these rows has it, not as a parameter


@dataclass(frozen=True, slots=True)
class OutboxSearch:
    """What of the outbox is wanted; empty means all. `key` may be its beginning, such as a booking's reference."""

    states: tuple[WorkState, ...] = ()
    kind: str = ""
    key: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_work(search: OutboxSearch, *, after: Place | None = None) -> Page[OutboxRow]:
    """Return one page of work, newest first (one statement)."""
    return fetch_page(_wanted(search), KEY, after=after)


def each_work(search: OutboxSearch) -> Iterator[OutboxRow]:
    """Yield all of it, newest first, however much it is."""
    return fetch_all(_wanted(search), KEY)


def _wanted(search: OutboxSearch) -> Select[OutboxRow]:
    wanted = select(OutboxRow)
    if search.states == OPEN:
        wanted = wanted.where(NOT_DONE)
    elif search.states:
        wanted = wanted.where(OutboxRow.state.in_(search.states))
    if search.kind:
        wanted = wanted.where(OutboxRow.kind == search.kind)
    if search.key:
        wanted = wanted.where(OutboxRow.dedupe_key.startswith(search.key, autoescape=True))
    if search.since:
        wanted = wanted.where(OutboxRow.created_at >= search.since)
    if search.until:
        wanted = wanted.where(OutboxRow.created_at < search.until)
    return wanted
