"""`aurapark jobs …` and `aurapark outbox …`: what runs by the clock, and what was given up."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from aurapark.jobs.registry import Job
    from aurapark.outbox import OutboxRow

T = TypeVar("T")
OPEN = ("ready", "leased", "dead")

jobs = AppGroup("jobs", help="What runs by the clock: run one now, see how the last runs went.")
outbox = AppGroup("outbox", help="Work written down to be done after a commit; what was given up.")


@jobs.command("run")
@click.argument("name")
def run(name: str) -> None:
    """Do what is due of a job now, for 20 seconds at most; harmless beside other runs."""
    from aurapark.jobs.models import Source
    from aurapark.jobs.runs import run_job
    from aurapark.settings import current_settings

    outcome = _clearly(lambda: run_job(name, current_settings(), Source.COMMAND))
    click.echo(f"{name}: {outcome.sentence % {'count': outcome.processed}}")


@jobs.command("list")
def list_jobs() -> None:
    """Show every job: when it is due, how the last run went, and how late the newest tick is."""
    from aurapark.jobs.registry import JOBS

    click.echo("\n".join(_job_line(job) for job in JOBS))


@jobs.command("runs")
@click.argument("name")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
def runs(name: str, limit: int) -> None:
    """Show the newest runs of one job."""
    from aurapark.jobs.records import list_runs
    from aurapark.jobs.runs import get_job

    job = _clearly(lambda: get_job(name))
    for found in list_runs(job.name, limit):
        took = f"{(found.finished_at - found.started_at).total_seconds():.2f} s" if found.finished_at else "not ended"
        done = "-" if found.processed is None else found.processed
        at = f"{found.started_at:%Y-%m-%d %H:%M:%S} {found.source:<9}"
        click.echo(f"{at} {took:>10}  done {done}{'  ' + found.error if found.error else ''}")


@outbox.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([*OPEN, "done"]), help="By default all but done.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
def list_rows(states: tuple[str, ...], limit: int) -> None:
    """Show work that is not done, oldest first."""
    from aurapark import outbox

    wanted = [outbox.WorkState(state) for state in states or OPEN]
    found = outbox.list_rows(wanted, limit=limit)
    click.echo("\n".join(_row_line(row) for row in found) or "nothing waits")


@outbox.command("show")
@click.argument("row_id", type=int)
def show(row_id: int) -> None:
    """Show one piece of work."""
    row = _row(row_id)
    click.echo(_row_line(row))
    for name in ("next_at", "lease_until", "created_at", "done_at", "silent", "payload"):
        click.echo(f"      {name}: {getattr(row, name)}")


@outbox.command("retry")
@click.argument("row_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
def retry(row_id: int, actor: str, reason: str) -> None:
    """Have work that was given up tried again from the beginning."""
    from aurapark.jobs.dead_rows import retry_row

    _clearly(lambda: retry_row(row_id, actor=actor, reason=reason))
    click.echo(_row_line(_row(row_id)))


@outbox.command("dismiss")
@click.argument("row_id", type=int)
@click.option("--as", "actor", required=True, help="Your name.")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
def dismiss(row_id: int, actor: str, reason: str) -> None:
    """Close work that was given up and shall not be done any more."""
    from aurapark.jobs.dead_rows import dismiss_row

    _clearly(lambda: dismiss_row(row_id, actor=actor, reason=reason))
    click.echo(_row_line(_row(row_id)))


def _clearly(work: Callable[[], T]) -> T:
    from aurapark.errors import DomainError

    try:
        return work()
    except DomainError as error:
        bad = error.details.get("bad")
        raise click.ClickException(f"{error} {', '.join(bad)}" if bad else str(error)) from error


def _job_line(job: "Job") -> str:
    from datetime import timedelta

    from aurapark import clock
    from aurapark.jobs.records import find_last_run
    from aurapark.jobs.schedule import last_tick, next_tick
    from aurapark.settings import current_settings

    now, sweep = clock.now(), timedelta(seconds=current_settings().sweep_seconds)
    due, following = last_tick(job.schedules, now, sweep), next_tick(job.schedules, now, sweep)
    last = find_last_run(job.name)
    late = 0 if last and last.started_at >= due else (now - due).total_seconds()
    how = "never" if last is None else f"{last.started_at:%Y-%m-%d %H:%M:%S} {last.source} done {last.processed or 0}"
    failed = f" {last.error}" if last and last.error else ""
    when = "; ".join(map(str, job.schedules))
    return f"{job.name:<21} last {how}{failed} · next {following:%H:%M:%S} · late {late:.0f} s · {when}"


def _row(row_id: int) -> "OutboxRow":
    from aurapark.outbox import find_row

    row = find_row(row_id)
    if row is None:
        click.echo(f"Error: there is no piece of work {row_id}", err=True)
        sys.exit(1)
    return row


def _row_line(row: "OutboxRow") -> str:
    known = f"{row.kind} {row.dedupe_key} {row.state} tries={row.attempts}"
    return f"{row.id:>6} {row.created_at:%Y-%m-%d %H:%M} {known} error={row.last_error or '-'}"
