"""Reading the audit log: newest first, narrowed by who, what and when; a page of it, or all of it for a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from aurapark.audit import AuditEntry
from aurapark.keyset import Page, Place, fetch_all, fetch_page

NEWEST_FIRST = (AuditEntry.id,)


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """What of the log is wanted; empty means all. `action` may be its beginning, such as `role.`."""

    action: str = ""
    actor: str = ""
    entity: str = ""
    entity_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_entries(search: AuditSearch, *, after: Place | None = None) -> Page[AuditEntry]:
    """Return one page of entries (one statement)."""
    return fetch_page(_entries(search), NEWEST_FIRST, after=after)


def each_entry(search: AuditSearch) -> Iterator[AuditEntry]:
    """Yield all entries, whatever their number, a few hundred in memory at a time."""
    return fetch_all(_entries(search), NEWEST_FIRST)


def _entries(search: AuditSearch) -> Select[AuditEntry]:
    wanted = select(AuditEntry)
    exact = {"actor": search.actor, "entity": search.entity, "entity_id": search.entity_id}
    for column, value in exact.items():
        if value:
            wanted = wanted.where(getattr(AuditEntry, column) == value)
    if search.action:
        wanted = wanted.where(AuditEntry.action.startswith(search.action, autoescape=True))
    if search.since:
        wanted = wanted.where(AuditEntry.at >= search.since)
    if search.until:
        wanted = wanted.where(AuditEntry.at < search.until)
    return wanted
