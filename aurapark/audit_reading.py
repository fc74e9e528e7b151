"""Reading the audit log: newest first, narrowed by who, what and when; as pages, and as lines of a CSV file."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from aurapark.audit import AuditEntry
from aurapark.extensions import db

PAGE_SIZE = 40
AT_ONCE = 500  # rows fetched at once for a file
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
COLUMNS = ("id", "at", "actor", "action", "entity", "entity_id", "reason", "before", "after")


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """What of the log is wanted; empty means all. `action` may be its beginning, such as `role.`."""

    action: str = ""
    actor: str = ""
    entity: str = ""
    entity_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_entries(search: AuditSearch, *, before: int | None = None) -> tuple[Sequence[AuditEntry], int | None]:
    """Return one page of entries, and the number behind which the next page begins (one statement)."""
    wanted = _entries(search)
    if before is not None:
        wanted = wanted.where(AuditEntry.id < before)
    found = db.session.scalars(wanted.limit(PAGE_SIZE + 1)).all()
    page = found[:PAGE_SIZE]
    return page, page[-1].id if len(found) > PAGE_SIZE else None


def csv_lines(search: AuditSearch) -> Iterator[str]:
    """Yield a CSV file, whatever its size, a few hundred rows in memory at a time."""
    yield _line(COLUMNS)
    rows = db.session.scalars(_entries(search), execution_options={"yield_per": AT_ONCE})
    for entry in rows:
        yield _line([_cell(getattr(entry, column)) for column in COLUMNS])


def _entries(search: AuditSearch) -> Select[AuditEntry]:
    wanted = select(AuditEntry).order_by(AuditEntry.id.desc())
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


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
