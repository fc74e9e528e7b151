"""The outbox: work written down to be done after a commit. Everybody of the platform reads it and has work that was
given up tried again; an admin dismisses it. Rows hold ids; what looks personal all the same is masked."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.audit_reading import AuditSearch, list_entries
from aurapark.errors import N_, DomainError
from aurapark.jobs.dead_rows import RowNotFound, dismiss_row, retry_row
from aurapark.masking import mask
from aurapark.office.forms import ReasonForm
from aurapark.outbox import MOST_TRIES, OutboxRow, WorkState, find_row
from aurapark.outbox_reading import each_work, list_work
from aurapark.platform.work_forms import KINDS, STATES, OutboxForm
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.language import sentence_of
from aurapark.web.listing import show_list
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_outbox", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
ADMIN = frozenset({PlatformRole.ADMIN})
FILES = ("csv", "xlsx")
MOST_ID = 2**63 - 1
COLUMNS = (  # as they stand in the table: what a program reads has no language
    Column("id", "number"),
    *(Column(name) for name in ("kind", "dedupe_key", "state")),
    Column("attempts", "number"),
    *(Column(name, "time") for name in ("created_at", "next_at", "done_at")),
    Column("last_error"),
)
DONE = {
    "retried": N_("It is tried again from the beginning, at once."),
    "dismissed": N_("It is dismissed: nobody tries it any more."),
}


@bp.get("/outbox", roles=EVERYBODY)
def outbox() -> Response:
    """Show a page of work, newest first; without a filter what is not done."""
    form = OutboxForm(request.args)
    return show_list("admin/outbox.html", form, _page, exports=FILES, states=STATES, kinds=KINDS, mask=mask)


@bp.get("/outbox.csv", roles=EVERYBODY, defaults={"ending": "csv"})
@bp.get("/outbox.xlsx", roles=EVERYBODY, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the work out as a file, narrowed as the page was."""
    form = OutboxForm(request.args)
    if not form.validate():
        return outbox()
    return send_export("outbox", ending, Sheet("outbox", COLUMNS, _rows(form), zone="UTC"))


@bp.get("/outbox/<int:row_id>", roles=EVERYBODY)
def row(row_id: int) -> Response:
    """Show one piece of work, and what people did about it."""
    return _show(row_id, ReasonForm())


@bp.post("/outbox/<int:row_id>/retry", roles=EVERYBODY)
def retry(row_id: int) -> Response:
    """Have work that was given up tried again."""
    return _act(row_id, retry_row, "retried")


@bp.post("/outbox/<int:row_id>/dismiss", roles=ADMIN)
def dismiss(row_id: int) -> Response:
    """Close work that shall not be done any more."""
    return _act(row_id, dismiss_row, "dismissed")


def _act(row_id: int, deed: Callable[..., None], done: str) -> Response:
    form, who, found = ReasonForm(request.form), require_identity(), _get(row_id)
    if not form.validate():
        return _show(row_id, form, status=422)
    try:
        deed(found.id, actor=who.actor, reason=form.reason.data)
    except DomainError as error:
        return _show(row_id, form, status=error.status, problem=sentence_of(error))
    if done == "retried":
        wake("send_messages")
    return redirect(f"/admin/outbox/{row_id}?done={done}", 303)


def _show(row_id: int, form: ReasonForm, *, status: int = 200, problem: str = "") -> Response:
    found = _get(row_id)
    page = render_template(
        "admin/outbox_row.html",
        row=found,
        key=mask(found.dedupe_key),
        payload={name: mask(_text(value)) for name, value in sorted(found.payload.items())},
        dead=found.state == WorkState.DEAD,
        most=MOST_TRIES,
        states=STATES,
        kinds=KINDS,
        entries=list_entries(AuditSearch(entity="outbox", entity_id=str(found.id))).rows,
        who=require_identity(),
        form=form,
        problems=[Problem(problem)] if problem else problems_of(form),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _get(row_id: int) -> OutboxRow:
    found = find_row(row_id) if row_id <= MOST_ID else None
    if found is None:
        raise RowNotFound
    return found


def _page(form: OutboxForm) -> Any:
    return list_work(form.search, after=form.after.data)


def _rows(form: OutboxForm) -> Iterator[tuple[Any, ...]]:
    for one in each_work(form.search):
        times = one.created_at, one.next_at, one.done_at
        yield one.id, one.kind, mask(one.dedupe_key), one.state.value, one.attempts, *times, one.last_error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
