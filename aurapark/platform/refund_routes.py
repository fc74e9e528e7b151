"""Refunds for the money desk: the queue, one refund with its deeds, and what is proposed beside the policy."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.checkout import refund_by_hand as by_hand
from aurapark.checkout import refund_proposals as proposals
from aurapark.checkout.withdraw import withdraw_refund
from aurapark.errors import N_, DomainError
from aurapark.office.forms import ReasonForm
from aurapark.platform import refund_desk as desk
from aurapark.platform.desk_forms import ProofForm, RefundForm
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.language import sentence_of
from aurapark.web.listing import list_of
from aurapark.web.problems import Problem, problems_of
from aurapark.web.state_names import sale_state

bp = AudienceBlueprint("platform_refunds", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
APPROVERS = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
FINANCE = frozenset({PlatformRole.FINANCE})
FILES = ("csv", "xlsx")
COLUMNS = (
    Column("id", "number"),
    Column("created_at", "time"),
    *(Column(name) for name in ("tx_ref", "booking", "agency", "state", "reason")),
    Column("amount", "money"),
    *(Column(name) for name in ("currency", "gateway_refund_id", "failure")),
    Column("succeeded_at", "time"),
)
DONE = {
    "retried": N_("The refund is sent again."),
    "proposed": N_("It is noted that the money was paid back. Somebody else approves it."),
    "approved": N_("The refund is booked as paid by hand."),
    "withdrawn": N_("The refund is taken back. The case of this money is yours."),
    "refunded": N_("The refund is approved, and on its way."),
    "declined": N_("The proposal is declined."),
    "proposal-withdrawn": N_("The proposal is taken back."),
}


@bp.get("/refunds", roles=EVERYBODY)
def refunds() -> Response:
    """Show what is proposed, and refunds, newest first."""
    return _show_list()


@bp.get("/refunds.csv", roles=APPROVERS, defaults={"ending": "csv"})
@bp.get("/refunds.xlsx", roles=APPROVERS, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the list out as a file, narrowed as the page was."""
    form = RefundForm(request.args)
    if not form.validate():
        return _show_list()
    return send_export("refunds", ending, Sheet("refunds", COLUMNS, _rows(form)))


@bp.get("/refunds/<int:refund_id>", roles=EVERYBODY)
def refund(refund_id: int) -> Response:
    """Show one refund: where it is, why, and what can be done."""
    return _show(refund_id)


@bp.post("/refunds/<int:refund_id>/retry", roles=APPROVERS, step_up=True)
def retry(refund_id: int) -> Response:
    """Send a refund that failed once more, from the start."""
    form, actor = ReasonForm(request.form), require_identity().actor
    return _act(
        refund_id, form, lambda: by_hand.retry_refund(refund_id, actor=actor, reason=form.reason.data), "retried"
    )


@bp.post("/refunds/<int:refund_id>/paid", roles=APPROVERS, step_up=True)
def paid(refund_id: int) -> Response:
    """Say that a refund that failed was paid by bank, with the proof; a second person approves."""
    form, actor = ProofForm(request.form), require_identity().actor

    def work() -> object:
        said = f"{form.proof.data} ({form.reason.data})"
        return by_hand.propose_done(refund_id, actor=actor, proof=said)

    return _act(refund_id, form, work, "proposed")


@bp.post("/refunds/<int:refund_id>/approve", roles=APPROVERS, step_up=True)
def approve(refund_id: int) -> Response:
    """Approve what somebody else said: it is booked from the bank."""
    form, actor = ReasonForm(request.form), require_identity().actor
    return _act(
        refund_id, form, lambda: by_hand.approve_done(refund_id, actor=actor, reason=form.reason.data), "approved"
    )


@bp.post("/refunds/<int:refund_id>/withdraw", roles=FINANCE, step_up=True)
def withdraw(refund_id: int) -> Response:
    """Take back a refund that was never sent."""
    form, actor = ReasonForm(request.form), require_identity().actor
    return _act(refund_id, form, lambda: withdraw_refund(refund_id, actor=actor, reason=form.reason.data), "withdrawn")


@bp.post("/refunds/proposals/<int:proposal_id>/approve", roles=APPROVERS, step_up=True)
def approve_proposal(proposal_id: int) -> Response:
    """Approve a refund outside the policy that somebody else proposed."""
    return _decide(proposal_id, proposals.approve_refund, "refunded")


@bp.post("/refunds/proposals/<int:proposal_id>/decline", roles=APPROVERS, step_up=True)
def decline_proposal(proposal_id: int) -> Response:
    """Say no to a refund outside the policy."""
    return _decide(proposal_id, proposals.decline_refund, "declined")


@bp.post("/refunds/proposals/<int:proposal_id>/withdraw", roles=EVERYBODY)
def withdraw_proposal(proposal_id: int) -> Response:
    """Take back one's own proposal."""
    return _decide(proposal_id, proposals.withdraw_proposal, "proposal-withdrawn")


def _act(refund_id: int, form: ReasonForm, work: Callable[[], object], done: str) -> Response:
    desk.get_refund_view(refund_id)
    if not form.validate():
        return _show(refund_id, form, status=422)
    try:
        work()
    except DomainError as error:
        return _show(refund_id, form, status=error.status, problem=sentence_of(error))
    wake("process_refunds")
    return redirect(f"/admin/refunds/{refund_id}?done={done}", 303)


def _decide(proposal_id: int, deed: Callable[..., object], done: str) -> Response:
    form, who = ReasonForm(request.form), require_identity()
    proposals.get_proposal(proposal_id)
    if not form.validate():
        return _show_list(proposal_id, form, status=422)
    try:
        deed(proposal_id, actor=who.actor, reason=form.reason.data)
    except DomainError as error:
        return _show_list(proposal_id, form, status=error.status, problem=sentence_of(error))
    wake("process_refunds")
    return redirect(f"/admin/refunds?done={done}", 303)


def _page(form: RefundForm) -> Any:
    return desk.list_refunds(_search(form), after=form.after.data)


def _rows(form: RefundForm) -> Iterator[tuple[Any, ...]]:
    for one in desk.each_refund(_search(form)):
        what = one.tx_ref, one.reference, one.name, sale_state(one.state), sale_state(one.reason)
        yield (
            one.id,
            one.created_at,
            *what,
            one.amount,
            one.currency,
            one.gateway_refund_id,
            one.failure,
            one.succeeded_at,
        )


def _search(form: RefundForm) -> desk.RefundSearch:
    return desk.RefundSearch(
        state=form.state.data or "",
        reason=form.reason.data or "",
        tx_ref=form.tx_ref.data or "",
        since=form.start,
        until=form.end,
    )


def _show_list(
    about: int | None = None, said: ReasonForm | None = None, *, status: int = 200, problem: str = ""
) -> Response:
    who, form = require_identity(), RefundForm(request.args)
    files = FILES if who.platform_role in APPROVERS else ()
    listing = list_of(form, _page, path="/admin/refunds", exports=files)
    if said is not None:
        _reason_form(about, said, about or 0)
    wrong = [Problem(problem)] if problem else problems_of(said) if said else listing.problems
    page = render_template(
        "admin/refunds.html",
        who=who,
        listing=listing,
        form=form,
        proposed=desk.list_proposals(),
        reason_form=partial(_reason_form, about, said),
        waits=desk.why_it_waits,
        problems=wrong,
        done=done_words(DONE),
    )
    return make_response(page, 422 if listing.problems else status)


def _reason_form(about: int | None, said: ReasonForm | None, proposal_id: int) -> ReasonForm:
    """A form for each proposal of the list: ids differ, names do not; what was typed stays where it was."""
    shown = said if said is not None and proposal_id == about else ReasonForm()
    shown.reason.id = f"reason-{proposal_id}"
    return shown


def _show(refund_id: int, form: ReasonForm | None = None, *, status: int = 200, problem: str = "") -> Response:
    view = desk.get_refund_view(refund_id)
    shown = ProofForm(request.form or None)
    for field in form or ():
        shown[field.name].errors = [*field.errors]
    refund = view.refund
    page = render_template(
        "admin/refund.html",
        who=require_identity(),
        view=view,
        waits=desk.why_it_waits(refund.state, view.payment.state, refund.failure, refund.handler),
        form=shown,
        problems=[Problem(problem)] if problem else problems_of(shown),
        done=done_words(DONE),
    )
    return make_response(page, status)
