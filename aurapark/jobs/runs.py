"""Running one job, from wherever it was asked for: bounded in time, recorded, its failure named and passed on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError, NotFound
from aurapark.extensions import db
from aurapark.jobs.models import Source
from aurapark.jobs.records import add_run, close_run, open_run
from aurapark.jobs.registry import BY_NAME, Job
from aurapark.log import about
from aurapark.metrics import count_sweep

RUN_SECONDS = 20  # after that no new piece is begun: with one call of 35 s a run ends within the worker's 60 s


class JobUnknown(NotFound):
    sentence = N_("There is no such job.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did; `more` says that it stopped before everything was done."""

    job: str
    processed: int
    more: bool

    @property
    def sentence(self) -> str:
        """Return what to tell people, with a hole for the count."""
        if not self.processed:
            return N_("Nothing was due.")
        return N_("Done: %(count)s. More is due.") if self.more else N_("Done: %(count)s.")


def get_job(name: str) -> Job:
    """Return a job by its name. Raises JobUnknown."""
    job = BY_NAME.get(name)
    if job is None:
        raise JobUnknown
    return job


def run_job(name: str, settings: Settings, source: Source, *, tick: datetime | None = None) -> Outcome:
    """Do what is due of a job now and record it. A tick of the schedule that was run before does nothing.

    Call outside a transaction. Raises JobUnknown, and whatever the work raises, after it was recorded.
    """
    job = get_job(name)
    run_id = in_transaction(lambda: open_run(name, source, tick))
    if run_id is None:
        return Outcome(name, 0, more=False)
    progress = Progress()
    try:
        more = work_off(job, settings, progress, go_on=_for_a_while())
    except Exception as error:
        db.session.remove()
        failure = named(error)
        in_transaction(lambda: close_run(run_id, processed=progress.rows, error=failure))
        raise
    in_transaction(lambda: close_run(run_id, processed=progress.rows, error=None))
    return Outcome(name, progress.rows, more)


@dataclass(slots=True)
class Progress:
    """How many rows a run has taken up so far: it may fail on the way."""

    rows: int = 0


def work_off(job: Job, settings: Settings, progress: Progress, *, go_on: Callable[[], bool]) -> bool:
    """Take up what is due, piece by piece, while `go_on()` says so; True when more may be due."""
    started, failed = time.monotonic(), True
    try:
        with about(job=job.name):
            more = _take_up(job, settings, progress, go_on)
        failed = False
    finally:
        count_sweep(job.name, rows=progress.rows, seconds=time.monotonic() - started, failed=failed)
    return more


def record_sweep(name: str, progress: Progress, *, seconds: float, error: Exception | None) -> None:
    """Record what the sweeper did of a job, when it did something: it looks every few seconds."""
    if progress.rows or error is not None:
        took, failure = timedelta(seconds=seconds), named(error) if error else None
        in_transaction(lambda: add_run(name, Source.SWEEPER, took=took, processed=progress.rows, error=failure))


def named(error: Exception) -> str:
    """Return what to keep of an error: its kind, and what a domain error is about, never its text."""
    what = ",".join(sorted(map(str, error.details.get("bad", ())))) if isinstance(error, DomainError) else ""
    return f"{type(error).__name__}: {what}" if what else type(error).__name__


def _take_up(job: Job, settings: Settings, progress: Progress, go_on: Callable[[], bool]) -> bool:
    for _ in range(job.times):
        if not go_on():
            return True
        done = job.work(settings, job.limit)
        progress.rows += done
        if done < job.limit:
            return False
    return True


def _for_a_while() -> Callable[[], bool]:
    give_up = time.monotonic() + RUN_SECONDS
    return lambda: time.monotonic() < give_up
