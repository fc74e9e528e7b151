"""What stands on record about runs: written in the transaction under way, shown by `aurapark jobs`, forgotten later."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aurapark.extensions import db
from aurapark.jobs.models import JobRun, Source

KEPT, IDLE_KEPT = timedelta(days=30), timedelta(days=1)  # what did something or failed; what found nothing to do


def open_run(job: str, source: Source, tick: datetime | None = None) -> int | None:
    """Write that a run begins; None when this tick of the job was run before."""
    row = insert(JobRun).values(job=job, source=source, tick=tick).on_conflict_do_nothing().returning(JobRun.id)
    return db.session.scalar(row)


def close_run(run_id: int, *, processed: int, error: str | None) -> None:
    """Write how a run ended; an error by its name, never by its text: that may carry the values of a row."""
    ended = {"finished_at": func.clock_timestamp(), "processed": processed, "error": error}
    db.session.execute(update(JobRun).where(JobRun.id == run_id).values(**ended))


def add_run(job: str, source: Source, *, took: timedelta, processed: int, error: str | None) -> None:
    """Write a run that is over already."""
    began = func.now() - took
    values = {"processed": processed, "error": error, "started_at": began, "finished_at": func.now()}
    db.session.execute(insert(JobRun).values(job=job, source=source, **values))


def find_last_run(job: str) -> JobRun | None:
    """Return the newest run of a job."""
    return db.session.scalars(
        select(JobRun).where(JobRun.job == job).order_by(JobRun.started_at.desc(), JobRun.id.desc()).limit(1)
    ).first()


def list_runs(job: str, limit: int) -> list[JobRun]:
    """Return the newest runs of a job, newest first."""
    newest = JobRun.started_at.desc(), JobRun.id.desc()
    return list(db.session.scalars(select(JobRun).where(JobRun.job == job).order_by(*newest).limit(limit)))


def forget_runs(limit: int) -> int:
    """Forget up to `limit` runs that are old; returns how many were."""
    idle = (JobRun.processed == 0) & JobRun.error.is_(None) & (JobRun.started_at < func.now() - IDLE_KEPT)
    old = select(JobRun.id).where(or_(JobRun.started_at < func.now() - KEPT, idle)).order_by(JobRun.started_at)
    gone = delete(JobRun).where(JobRun.id.in_(old.limit(limit).with_for_update(skip_locked=True).scalar_subquery()))
    return len(db.session.execute(gone.returning(JobRun.id)).all())
