"""Cases for the money desk: what needs a person, each with an owner; taken, handed over, resolved with a reason."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.cases.models import CaseState, Resolution
from aurapark.cases.service import hand_over
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError, Unavailable
from aurapark.log import log_event
from aurapark.office.forms import ReasonForm
from aurapark.payments.gateway import GatewayError
from aurapark.platform import case_desk as desk
from aurapark.platform.desk_forms import CaseForm, HandOverForm, ResolveForm
from aurapark.reconciliation.resolve import Decision, actions_for, resolve
from aurapark.references import read_reference
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.language import sentence_of
from aurapark.web.listing import show_list
from aurapark.web.problems import Problem, problems_of
from aurapark.web.state_names import sale_state

bp = AudienceBlueprint("platform_cases", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
FINANCE = frozenset({PlatformRole.FINANCE})
READ_MONEY = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
FILES = ("csv", "xlsx")
COLUMNS = (
    Column("id", "number"),
    Column("opened_at", "time"),
    *(Column(name) for name in ("kind", "entity", "entity_id", "state", "owner", "details")),
    Column("resolved_at", "time"),
    *(Column(name) for name in ("resolution", "reason")),
)
DONE = {
    "taken": N_("The case is yours."),
    "handed": N_("The case is handed over."),
    "resolved": N_("The case is resolved."),
}


@bp.get("/cases", roles=EVERYBODY)
def cases() -> Response:
    """Show cases: open ones, the oldest first, or resolved ones."""
    role = require_identity().platform_role
    people = desk.list_people()
    files = FILES if role in READ_MONEY else ()
    values = {"people": people, "done": done_words(DONE)}
    return show_list("admin/cases.html", CaseForm(request.args), _page, exports=files, **values)


@bp.get("/cases.csv", roles=READ_MONEY, defaults={"ending": "csv"})
@bp.get("/cases.xlsx", roles=READ_MONEY, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the list out as a file, narrowed as the page was."""
    form = CaseForm(request.args)
    if not form.validate():
        return cases()
    return send_export("cases", ending, Sheet("cases", COLUMNS, _rows(form)))


@bp.get("/cases/<int:case_id>", roles=EVERYBODY)
def case(case_id: int) -> Response:
    """Show one case: what is known, whose it is, what may be decided."""
    return _show(case_id)


@bp.post("/cases/<int:case_id>/take", roles=FINANCE, step_up=True)
def take(case_id: int) -> Response:
    """Take a case into one's own hands; whoever had it on the page must have it still."""
    form, actor = ReasonForm(request.form), require_identity().actor
    return _give(case_id, form, actor, "taken")


@bp.post("/cases/<int:case_id>/hand-over", roles=FINANCE, step_up=True)
def give(case_id: int) -> Response:
    """Put a case into the hands of somebody else of the finance team."""
    form = HandOverForm(request.form, people=list(desk.list_people().items()))
    return _give(case_id, form, form.to.data or "", "handed")


@bp.post("/cases/<int:case_id>/resolve", roles=FINANCE, step_up=True)
def decide(case_id: int) -> Response:
    """Do what is decided about a case, and close it."""
    found, actor = desk.get_case_view(case_id).case, require_identity().actor
    form = ResolveForm(request.form, allowed=actions_for(found.kind))
    if not form.validate():
        return _show(case_id, form, status=422)
    action = Resolution(form.action.data)
    reference = read_reference(form.reference.data or "") if action == Resolution.ATTACH else None
    decision = Decision(action, actor, form.reason.data, reference or None)
    try:
        _resolve(case_id, decision)
    except DomainError as error:
        return _show(case_id, form, status=error.status, problem=sentence_of(error))
    wake("process_refunds")
    return redirect(f"/admin/cases/{case_id}?done=resolved", 303)


def _resolve(case_id: int, decision: Decision) -> None:
    """Raises Unavailable when a gateway had to be asked and gave no answer that can be used."""
    try:
        resolve(case_id, decision, current_settings())
    except GatewayError as error:
        log_event("case_unanswered", case=case_id, why=error)
        raise Unavailable from error


def _give(case_id: int, form: ReasonForm, to: str, done: str) -> Response:
    actor, seen = require_identity().actor, request.form.get("seen") or None
    desk.get_case_view(case_id)
    if not form.validate():
        return _show(case_id, form, status=422)
    work: Callable[[], object] = partial(hand_over, case_id, to=to, seen=seen, actor=actor, reason=form.reason.data)
    try:
        in_transaction(work)
    except DomainError as error:
        return _show(case_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/cases/{case_id}?done={done}", 303)


def _page(form: CaseForm) -> Any:
    return desk.list_cases(_search(form), after=form.after.data)


def _rows(form: CaseForm) -> Iterator[tuple[Any, ...]]:
    for one in desk.each_case(_search(form)):
        what = sale_state(one.kind), one.entity, one.entity_id, sale_state(one.state), one.owner, one.details
        end = sale_state(one.resolution) if one.resolution else None
        yield one.id, one.opened_at, *what, one.resolved_at, end, one.reason


def _search(form: CaseForm) -> desk.CaseSearch:
    owners = {"mine": require_identity().actor, "nobody": ""}
    return desk.CaseSearch(
        resolved=form.state.data == "resolved",
        kind=form.kind.data or "",
        owner=owners.get(form.owner.data or ""),
        since=form.start,
        until=form.end,
    )


def _show(case_id: int, form: Any = None, *, status: int = 200, problem: str = "") -> Response:
    view, people = desk.get_case_view(case_id), desk.list_people()
    shown = ResolveForm(request.form or None, allowed=actions_for(view.case.kind))
    over = HandOverForm(request.form or None, people=list(people.items()))
    for field in form or ():
        for target in (shown, over):
            if field.name in target:
                target[field.name].errors = [*field.errors]
    page = render_template(
        "admin/case.html",
        who=require_identity(),
        view=view,
        people=people,
        open=view.case.state != CaseState.RESOLVED,
        form=shown,
        over=over,
        problems=[Problem(problem)] if problem else problems_of(form) if form else [],
        done=done_words(DONE),
    )
    return make_response(page, status)
