"""Jobs, for everybody of the platform: how each fares, and one run now. Only an admin has one run that did not fail."""

from datetime import UTC

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark import clock
from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.database import in_transaction
from aurapark.errors import N_
from aurapark.jobs.models import Source
from aurapark.jobs.runs import run_job
from aurapark.log import log_failure
from aurapark.platform import job_desk as desk
from aurapark.platform.job_words import JOB_WORDS, SOURCES
from aurapark.platform.work_forms import RunsForm
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.listing import list_of
from aurapark.web.problems import Problem

bp = AudienceBlueprint("platform_jobs", __name__, audience=Audience.PLATFORM, url_prefix="/admin/jobs")

EVERYBODY = frozenset(PlatformRole)
ADMIN = frozenset({PlatformRole.ADMIN})
DONE = {
    "asked": N_("The worker has been asked to run it. The run stands below as soon as it has begun."),
    "ran": N_("It was run here, because no worker gives a sign of life. The run stands below."),
}


@bp.get("", roles=EVERYBODY)
def jobs() -> str:
    """Show every job: last run, next tick, how late."""
    values = {"jobs": desk.list_jobs(current_settings()), "lives": desk.list_lives()}
    return render_template("admin/jobs.html", words=JOB_WORDS, **values)


@bp.get("/<job>", roles=EVERYBODY)
def job(job: str) -> Response:
    """Show one job and its runs, newest first."""
    return _show(job)


@bp.post("/<job>/run", roles=ADMIN)
def run(job: str) -> Response:
    """Have a job run now."""
    return _run(job)


@bp.post("/<job>/retry", roles=EVERYBODY)
def retry(job: str) -> Response:
    """Have a job run again whose last run failed."""
    try:
        desk.require_failed(job)
    except desk.DidNotFail as error:
        return _show(job, status=error.status, problem=sentence_of(error))
    return _run(job)


def _run(name: str) -> Response:
    """Ask the worker; where there is none, run it here: what is due is bounded in time, and recorded either way."""
    who, tick = require_identity(), clock.now().astimezone(UTC).replace(microsecond=0)
    in_transaction(lambda: desk.note_asked(name, actor=who.actor))
    works = any(life.alive for life in desk.list_lives() if life.name == "worker")
    if works and wake(name, f"{tick:%Y-%m-%dT%H:%M:%SZ}", Source.DESK.value):
        return redirect(f"/admin/jobs/{name}?done=asked", 303)
    try:
        run_job(name, current_settings(), Source.DESK, tick=tick)
    except Exception as error:  # it stands on record by its name; the page shows it
        log_failure("job_failed", error, job=name)
    return redirect(f"/admin/jobs/{name}?done=ran", 303)


def _show(name: str, *, status: int = 200, problem: str = "") -> Response:
    line = desk.get_line(name, current_settings())
    form = RunsForm(request.args)
    listing = list_of(
        form,
        lambda form: desk.list_runs(name, outcome=form.outcome.data or "", after=form.after.data),
        path=f"/admin/jobs/{name}",
    )
    page = render_template(
        "admin/job.html",
        line=line,
        words=JOB_WORDS.get(name, ""),
        sources=SOURCES,
        form=form,
        listing=listing,
        who=require_identity(),
        problems=[Problem(problem)] if problem else listing.problems,
        done=done_words(DONE),
    )
    return make_response(page, 422 if listing.problems else status)
