"""Runs every invariant of `invariants.sql` on live data. A statement returns what it finds: no row is clean.

The statements speak to the views of the schema `audit` only. One whose views do not exist yet is skipped by name.
The chain of the audit log and the sums of the ledger by hour are checked beside them.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from aurapark import audit_chain, clock
from aurapark.ledger.hours import list_wrong_hours

INVARIANTS = Path(__file__).with_name("invariants.sql")
FIRST_ROWS = 5
TIME_LIMIT = "5min"
NEED_MORE_THAN_SQL = ("I17", "I28")
HOURS_ID, HOURS_FINDS = "F1", "an hour of the ledger that does not come to what its movements do"
CHAIN_FINDS = "an entry of the audit log changed, removed or inserted afterwards"

_STATEMENT = re.compile(r"^-- (I\d+) (.+)\n(select\b[^;]+);", re.MULTILINE | re.IGNORECASE)
_VIEW = re.compile(r"(?<!distinct )\b(?:from|join)\s+([a-z_]+)", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'")


class Verdict(StrEnum):
    CLEAN = "clean"
    FOUND = "found"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One statement: its id such as I5, what a row of it means, and the views it reads."""

    id: str
    finds: str
    sql: str
    views: frozenset[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one statement found: how many rows, and the first of them; `missing` names the views it waits for."""

    id: str
    finds: str
    verdict: Verdict
    count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def examine(engine: Engine, *, full: bool = False) -> list[Finding]:
    """Run every statement whose views exist, in one read-only transaction that sees one moment.

    Of the audit log's chain the newest links and one older stretch are checked, with `full` all of them.
    """
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection:
        return examine_within(connection, full=full)


def examine_within(connection: Connection, *, full: bool = False) -> list[Finding]:
    """Run every statement whose views exist in the transaction that is open on this connection."""
    for setting in ("search_path = audit", "timezone = 'Africa/Douala'", f"statement_timeout = '{TIME_LIMIT}'"):
        connection.execute(text(f"SET LOCAL {setting}"))
    existing = set(connection.scalars(text("SELECT viewname FROM pg_views WHERE schemaname = 'audit'")))
    found = [_run(connection, invariant, existing) for invariant in read_invariants()]
    return [*found, _chain(connection, full), _hours(connection, full)]


def all_clean(findings: Sequence[Finding]) -> bool:
    """Say whether nothing was found."""
    return all(finding.verdict != Verdict.FOUND for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """Return the findings as lines for people, one statement a line, first rows below."""
    lines = []
    for finding in findings:
        outcome = {
            Verdict.CLEAN: "clean",
            Verdict.FOUND: f"{finding.count} FOUND",
            Verdict.SKIPPED: f"skipped, no audit.{', audit.'.join(finding.missing)} yet",
        }[finding.verdict]
        lines.append(f"{finding.id:<4} {finding.finds}: {outcome}")
        lines += [f"       {', '.join(f'{name}={value}' for name, value in row.items())}" for row in finding.rows]
    lines.append(f"Not checked here, they need more than SQL: {', '.join(_not_checked(findings))}.")
    return "\n".join(lines)


def as_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as a document of plain values, ready for JSON."""
    invariants = [asdict(finding) for finding in findings]
    return {"clean": all_clean(findings), "invariants": invariants, "notChecked": _not_checked(findings)}


def read_invariants(path: Path = INVARIANTS) -> list[Invariant]:
    """Return the statements of the file in its order; the comment above each is its id and what it finds."""
    return [
        Invariant(id, finds.strip(), sql, frozenset(_VIEW.findall(_QUOTED.sub("''", sql))))
        for id, finds, sql in _STATEMENT.findall(path.read_text())
    ]


def _not_checked(findings: Sequence[Finding]) -> list[str]:
    return [id for id in NEED_MORE_THAN_SQL if all(id != finding.id for finding in findings)]


def _run(connection: Connection, invariant: Invariant, existing: set[str]) -> Finding:
    if missing := sorted(invariant.views - existing):
        return Finding(invariant.id, invariant.finds, Verdict.SKIPPED, missing=missing)
    count = _query(connection, f"SELECT count(*) AS n FROM ({invariant.sql}) AS found")[0]["n"]  # nosec B608  # noqa: S608  our own file
    if not count:
        return Finding(invariant.id, invariant.finds, Verdict.CLEAN)
    rows = _query(connection, f"SELECT * FROM ({invariant.sql}) AS found LIMIT {FIRST_ROWS}")  # nosec B608  # noqa: S608  our own file
    return Finding(invariant.id, invariant.finds, Verdict.FOUND, count, rows)


def _chain(connection: Connection, full: bool) -> Finding:
    """Say whether the chain of the audit log holds (I27)."""
    connection.execute(text("SET LOCAL search_path = public"))
    breaks = audit_chain.check_all(connection) if full else audit_chain.check_some(connection, clock.now())
    verdict = Verdict.FOUND if breaks else Verdict.CLEAN
    return Finding("I27", CHAIN_FINDS, verdict, len(breaks), [asdict(one) for one in breaks[:FIRST_ROWS]])


def _hours(connection: Connection, full: bool) -> Finding:
    """Say whether the sums by hour, which pages show, are those of the ledger: it finds what committed too late."""
    connection.execute(text("SET LOCAL search_path = public"))
    wrong = list_wrong_hours(connection, full=full)
    verdict = Verdict.FOUND if wrong else Verdict.CLEAN
    return Finding(HOURS_ID, HOURS_FINDS, verdict, len(wrong), wrong[:FIRST_ROWS])


def _query(connection: Connection, sql: str) -> list[dict[str, Any]]:
    # without parameters: the statements hold % and : that are no place-holders
    result = connection.execution_options(no_parameters=True).exec_driver_sql(sql)
    return [dict(row) for row in result.mappings()]
