"""Disputes for the money desk: the list, one dispute, and how it ended when a gateway tells it by mail."""

from collections.abc import Iterator
from typing import Any

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.checkout.dispute_by_hand import close_by_hand
from aurapark.errors import N_, DomainError
from aurapark.office.forms import ReasonForm
from aurapark.platform import case_desk as desk
from aurapark.platform.desk_forms import DisputeForm
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.language import sentence_of
from aurapark.web.listing import show_list
from aurapark.web.problems import Problem, problems_of
from aurapark.web.state_names import sale_state

bp = AudienceBlueprint("platform_disputes", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
FINANCE = frozenset({PlatformRole.FINANCE})
READ_MONEY = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
FILES = ("csv", "xlsx")
COLUMNS = (
    Column("id", "number"),
    Column("created_at", "time"),
    *(Column(name) for name in ("tx_ref", "provider", "gateway_dispute_id", "state")),
    Column("amount", "money"),
    Column("currency"),
    Column("opened_at", "time"),
    Column("closed_at", "time"),
)
DONE = {
    "won": N_("The dispute is won: its money is ours again."),
    "lost": N_("The dispute is lost: its money went back to the payer."),
}


@bp.get("/disputes", roles=EVERYBODY)
def disputes() -> Response:
    """Show disputes, newest first."""
    files = FILES if require_identity().platform_role in READ_MONEY else ()
    return show_list("admin/disputes.html", DisputeForm(request.args), _page, exports=files)


@bp.get("/disputes.csv", roles=READ_MONEY, defaults={"ending": "csv"})
@bp.get("/disputes.xlsx", roles=READ_MONEY, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the list out as a file, narrowed as the page was."""
    form = DisputeForm(request.args)
    if not form.validate():
        return disputes()
    return send_export("disputes", ending, Sheet("disputes", COLUMNS, _rows(form)))


@bp.get("/disputes/<int:dispute_id>", roles=EVERYBODY)
def dispute(dispute_id: int) -> Response:
    """Show one dispute."""
    return _show(dispute_id)


@bp.post("/disputes/<int:dispute_id>/won", roles=FINANCE, step_up=True)
def win(dispute_id: int) -> Response:
    """Say that a dispute was won."""
    return _close(dispute_id, won=True)


@bp.post("/disputes/<int:dispute_id>/lost", roles=FINANCE, step_up=True)
def lose(dispute_id: int) -> Response:
    """Say that a dispute was lost."""
    return _close(dispute_id, won=False)


def _close(dispute_id: int, *, won: bool) -> Response:
    form, actor = ReasonForm(request.form), require_identity().actor
    desk.get_dispute_view(dispute_id)
    if not form.validate():
        return _show(dispute_id, form, status=422)
    try:
        close_by_hand(dispute_id, won=won, actor=actor, reason=form.reason.data)
    except DomainError as error:
        return _show(dispute_id, form, status=error.status, problem=sentence_of(error))
    return redirect(f"/admin/disputes/{dispute_id}?done={'won' if won else 'lost'}", 303)


def _page(form: DisputeForm) -> Any:
    return desk.list_disputes(form.state.data or "", since=form.start, until=form.end, after=form.after.data)


def _rows(form: DisputeForm) -> Iterator[tuple[Any, ...]]:
    for one in desk.each_dispute(form.state.data or "", since=form.start, until=form.end):
        what = one.tx_ref, one.provider, one.gateway_dispute_id, sale_state(one.state)
        yield one.id, one.created_at, *what, one.amount, one.currency, one.opened_at, one.closed_at


def _show(dispute_id: int, form: ReasonForm | None = None, *, status: int = 200, problem: str = "") -> Response:
    view = desk.get_dispute_view(dispute_id)
    page = render_template(
        "admin/dispute.html",
        who=require_identity(),
        view=view,
        form=form or ReasonForm(),
        problems=[Problem(problem)] if problem else problems_of(form) if form else [],
        done=done_words(DONE),
    )
    return make_response(page, status)
