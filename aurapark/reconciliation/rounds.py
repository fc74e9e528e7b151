"""The doctor's rounds: every five minutes one of the sweepers examines the invariants, and what it found is kept.

In parts of a second on a day's data; where it would take long it is broken off, so that no work waits for it. People
run `aurapark doctor`, which takes its time.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from aurapark.config import Settings
from aurapark.database import STATEMENT_TIMEOUT, in_transaction, let_go, sqlstate
from aurapark.extensions import db
from aurapark.log import log_event
from aurapark.reconciliation.doctor import Finding, Verdict, examine_within
from aurapark.reconciliation.models import DoctorReport

EVERY = timedelta(minutes=5)
SECONDS_ALLOWED = 15.0
KEEP_VERDICTS = text("""
    INSERT INTO doctor_verdict AS known (id, finds, count, since, clean_at)
    VALUES (:id, :finds, CAST(:count AS int), CASE WHEN :count > 0 THEN now() END, CASE WHEN :count = 0 THEN now() END)
    ON CONFLICT (id) DO UPDATE SET
        finds = excluded.finds, count = excluded.count, seen_at = now(),
        since = CASE WHEN excluded.count > 0 THEN coalesce(known.since, now()) END,
        clean_at = coalesce(excluded.clean_at, known.clean_at)
""")


def go_round(settings: Settings, limit: int = 1) -> int:  # noqa: ARG001  a sweep's arguments
    """Examine the invariants if that is due; returns 1 when it was. Never two at once, whoever asks."""
    if not in_transaction(_claim):
        return 0
    let_go()
    started = time.monotonic()
    findings = _examine()
    seconds = round(time.monotonic() - started, 3)
    in_transaction(lambda: _keep(findings, seconds))
    _tell(findings, seconds)
    return 1


def _claim() -> bool:
    db.session.execute(insert(DoctorReport).values(id=1).on_conflict_do_nothing())
    due = update(DoctorReport).where(DoctorReport.next_at <= func.now()).values(next_at=func.now() + EVERY)
    return db.session.execute(due.returning(DoctorReport.id)).first() is not None


def _examine() -> list[Finding] | None:
    """Return the findings, None when there was no time for all of them."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with db.engine.connect().execution_options(**options) as connection, _broken_off(connection, SECONDS_ALLOWED):
            return examine_within(connection)
    except OperationalError as error:
        if sqlstate(error) != STATEMENT_TIMEOUT:
            raise
        return None


@contextlib.contextmanager
def _broken_off(connection: Connection, seconds: float) -> Iterator[None]:
    """Cancel whatever this connection still does after so many seconds: PostgreSQL 15 limits statements only."""
    driver: Any = connection.connection.driver_connection
    done = threading.Event()

    def watch() -> None:
        late = not done.wait(seconds)
        while late and not done.wait(0.2):
            driver.cancel_safe(timeout=1)

    watcher = threading.Thread(target=watch, name="doctor")
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _keep(findings: list[Finding] | None, seconds: float) -> None:
    db.session.execute(
        update(DoctorReport).values(
            at=func.now(),
            seconds=seconds,
            clean=None if findings is None else not _found(findings),
            found=[{"id": f["id"], "finds": f["finds"], "count": f["count"]} for f in _found(findings or [])],
        )
    )
    if findings:
        db.session.execute(KEEP_VERDICTS, [_verdict(*one) for one in _numbered(findings)])


def _numbered(findings: list[Finding]) -> Iterator[tuple[str, Finding]]:
    """Yield each finding under a name of its own: `I13`, `I13/2`."""
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.id] += 1
        yield (f"{finding.id}/{seen[finding.id]}" if seen[finding.id] > 1 else finding.id), finding


def _verdict(name: str, finding: Finding) -> dict[str, Any]:
    count = None if finding.verdict == Verdict.SKIPPED else finding.count
    return {"id": name, "finds": finding.finds, "count": count}


def _found(findings: list[Finding]) -> list[dict[str, Any]]:
    """What was found, without its rows: they may be about people."""
    return [asdict(finding) for finding in findings if finding.verdict == Verdict.FOUND]


def _tell(findings: list[Finding] | None, seconds: float) -> None:
    if findings is None:
        log_event("doctor_broken_off", seconds=seconds)
        return
    found = ",".join(f"{finding['id']}:{finding['count']}" for finding in _found(findings))
    log_event("doctor_found" if found else "doctor_clean", found=found or "-", seconds=seconds)
