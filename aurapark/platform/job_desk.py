"""Jobs as the platform sees them: how the last run of each went, when it is due, and all runs of one. One run now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, func, select, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from aurapark import audit, clock
from aurapark.config import Settings
from aurapark.errors import N_, Conflict
from aurapark.extensions import db
from aurapark.heartbeat import Heartbeat
from aurapark.jobs.models import JobRun
from aurapark.jobs.records import find_last_run
from aurapark.jobs.registry import JOBS, Job
from aurapark.jobs.runs import get_job
from aurapark.jobs.schedule import last_tick, next_tick
from aurapark.keyset import Page, Place, fetch_page

SILENT = timedelta(seconds=90)
PROCESSES = ("sweeper", "worker", "scheduler")
LATE_FROM = timedelta(minutes=2)


class DidNotFail(Conflict):
    sentence = N_("The last run of this job did not fail.")


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job: its last run on record, its next tick, and how late the newest tick is."""

    job: Job
    last: JobRun | None
    next_at: datetime
    late: timedelta

    @property
    def failed(self) -> bool:
        """Say whether the last run ended with an error."""
        return bool(self.last and self.last.error)

    @property
    def is_late(self) -> bool:
        """Say whether the newest tick came so long ago that its run should be on record."""
        return self.late > LATE_FROM


@dataclass(frozen=True, slots=True)
class Life:
    """The last sign of life of one process, None when there never was one."""

    name: str
    at: datetime | None
    alive: bool


def list_jobs(settings: Settings) -> list[JobLine]:
    """Return every job with its last run (one statement)."""
    names = func.unnest(array([job.name for job in JOBS], type_=Text)).table_valued("name", name="named")
    newest = select(JobRun).where(JobRun.job == names.c.name).order_by(JobRun.started_at.desc(), JobRun.id.desc())
    last = aliased(JobRun, newest.limit(1).lateral("last"))
    found = {run.job: run for run in db.session.scalars(select(last).select_from(names.join(last, true())))}
    return [_line(job, found.get(job.name), settings) for job in JOBS]


def get_line(name: str, settings: Settings) -> JobLine:
    """Return one job with its last run (one statement). Raises JobUnknown."""
    job = get_job(name)
    return _line(job, find_last_run(name), settings)


def list_runs(name: str, *, outcome: str, after: Place | None) -> Page[JobRun]:
    """Return one page of a job's runs, newest first (one statement); `failed`, those that `did` something, or all."""
    wanted = select(JobRun).where(JobRun.job == name)
    if outcome == "failed":
        wanted = wanted.where(JobRun.error.is_not(None))
    elif outcome == "did":
        wanted = wanted.where(JobRun.processed > 0)
    return fetch_page(wanted, (JobRun.started_at, JobRun.id), after=after)


def list_lives() -> list[Life]:
    """Return the signs of life of the processes behind the site (one statement)."""
    rows = db.session.execute(select(Heartbeat.name, Heartbeat.at, func.now() - Heartbeat.at <= SILENT))
    found = {row[0]: (row[1], bool(row[2])) for row in rows}
    return [Life(name, *found.get(name, (None, False))) for name in PROCESSES]


def note_asked(name: str, *, actor: str) -> None:
    """Note, in the transaction under way, who had a job run."""
    audit.record("job.run", "job", get_job(name).name, actor=actor)


def require_failed(name: str) -> None:
    """Raise DidNotFail unless the last run of this job ended with an error; JobUnknown."""
    last = find_last_run(get_job(name).name)
    if last is None or last.error is None:
        raise DidNotFail


def _line(job: Job, last: JobRun | None, settings: Settings) -> JobLine:
    now, sweep = clock.now(), timedelta(seconds=settings.sweep_seconds)
    due = last_tick(job.schedules, now, sweep)
    late = timedelta() if last and last.started_at >= due else now - due
    return JobLine(job, last, next_tick(job.schedules, now, sweep), late)
