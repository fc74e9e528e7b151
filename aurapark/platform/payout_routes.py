"""Payouts for the platform's people: all of them, those of a settlement, one as a timeline; two persons for each."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import make_response, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.agencies.queries import find_agency, get_agency
from aurapark.audit_reading import AuditSearch, list_entries
from aurapark.errors import N_, DomainError
from aurapark.keyset import Page
from aurapark.office.forms import ReasonForm
from aurapark.payouts import decide, queries
from aurapark.payouts.service import ENTITY, Wanted, left_to_pay
from aurapark.payouts.sweep import can_send
from aurapark.platform.payout_forms import OUTSIDE, TRANSFER, PayoutForm, PrepareForm
from aurapark.settings import current_settings
from aurapark.settlements.queries import get_settlement
from aurapark.settlements.rules import month_of
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.language import sentence_of
from aurapark.web.listing import list_of
from aurapark.web.payout_names import payout_state, payout_way
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_payouts", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

FINANCE = frozenset({PlatformRole.FINANCE})
APPROVERS = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
FILES = ("csv", "xlsx")
COLUMNS = (
    Column("id", "number"),
    *(Column(name) for name in ("reference", "agency", "month")),
    Column("amount", "money"),
    *(Column(name) for name in ("currency", "state", "way")),
    Column("created_at", "time"),
    Column("ended_at", "time"),
    Column("fee", "money"),
    *(Column(name) for name in ("gateway_transfer_id", "proof", "failure")),
)
DONE = {
    "prepared": N_("The payout is prepared. Somebody else approves it."),
    "approved": N_("The payout is approved, and on its way."),
    "outside": N_("The payout is booked as paid outside."),
    "rejected": N_("The payout is rejected. Nothing was sent."),
    "asked": N_("The gateway is asked again."),
}


@bp.get("/payouts", roles=APPROVERS)
def payouts() -> Response:
    """Show payouts, newest first."""
    form = PayoutForm(request.args)
    listing = list_of(form, _page, path="/admin/payouts", exports=FILES)
    page = render_template(
        "admin/payouts.html", listing=listing, form=form, problems=listing.problems, month_of=month_of
    )
    return make_response(page, 422 if listing.problems else 200)


@bp.get("/payouts.csv", roles=APPROVERS, defaults={"ending": "csv"})
@bp.get("/payouts.xlsx", roles=APPROVERS, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the list out as a file, narrowed as the page was."""
    form = PayoutForm(request.args)
    if not form.validate() or not _knows_agency(form):
        return payouts()
    return send_export("payouts", ending, Sheet("payouts", COLUMNS, _rows(form)))


@bp.get("/payouts/<int:payout_id>", roles=APPROVERS)
def payout(payout_id: int) -> Response:
    """Show one payout: who did what, what the gateway said, and what can be done."""
    return _show(payout_id)


@bp.post("/payouts/<int:payout_id>/approve", roles=APPROVERS, step_up=True)
def approve(payout_id: int) -> Response:
    """Approve what somebody else prepared."""
    return _act(payout_id, decide.approve_payout, "approved")


@bp.post("/payouts/<int:payout_id>/reject", roles=APPROVERS, step_up=True)
def reject(payout_id: int) -> Response:
    """Reject what was prepared."""
    return _act(payout_id, decide.reject_payout, "rejected")


@bp.post("/payouts/<int:payout_id>/ask", roles=APPROVERS)
def ask(payout_id: int) -> Response:
    """Ask the gateway about a payout at once."""
    try:
        decide.ask_about_payout(payout_id)
    except DomainError as error:
        return _refuse(error, partial(_show, payout_id))
    wake("process_payouts")
    return redirect(f"/admin/payouts/{payout_id}?done=asked", 303)


@bp.get("/settlements/<int:settlement_id>/payouts", roles=APPROVERS)
def of_settlement(settlement_id: int) -> Response:
    """Show the payouts of a settlement, and what is left to pay."""
    return _show_settlement(settlement_id)


@bp.post("/settlements/<int:settlement_id>/payouts", roles=FINANCE, step_up=True)
def prepare(settlement_id: int) -> Response:
    """Prepare a payout of a settlement that is closed."""
    form, who = PrepareForm(request.form, can_send=can_send(current_settings())), require_identity()
    get_settlement(settlement_id)
    if not form.validate():
        return _show_settlement(settlement_id, form, status=422)
    wanted = Wanted(form.amount.data, form.seen, form.proof.data if form.how.data == OUTSIDE else None)
    sends = can_send(current_settings())
    try:
        payout_id = decide.prepare_payout(
            settlement_id, wanted, by=who.user_id, reason=form.reason.data, can_send=sends
        )
    except DomainError as error:
        return _refuse(error, partial(_show_settlement, settlement_id, form))
    return redirect(f"/admin/payouts/{payout_id}?done=prepared", 303)


def payouts_of(settlement_id: int) -> dict[str, Any]:
    """Return what `admin/_payouts.html` shows of a settlement: its payouts, what is left, and the form to prepare one.

    For every page that shows them. Raises SettlementNotFound.
    """
    settlement = get_settlement(settlement_id)
    left, sends = left_to_pay(settlement), can_send(current_settings())
    form = PrepareForm(can_send=sends, amount=left, left=str(left), how=TRANSFER if sends else OUTSIDE)
    return {"settlement": settlement, "payouts": queries.list_payouts(settlement.id), "left": left, "payout_form": form}


def _act(payout_id: int, deed: Callable[..., None], done: str) -> Response:
    form, who = ReasonForm(request.form), require_identity()
    found = queries.get_payout(payout_id)
    if not form.validate():
        return _show(payout_id, form, status=422)
    outside = done == "approved" and found.account_id is None
    try:
        deed(payout_id, by=who.user_id, reason=form.reason.data)
    except DomainError as error:
        return _refuse(error, partial(_show, payout_id, form))
    wake("process_payouts")
    return redirect(f"/admin/payouts/{payout_id}?done={'outside' if outside else done}", 303)


def _refuse(error: DomainError, show: Callable[..., Response]) -> Response:
    if error.status == 404:
        raise error
    return show(status=error.status, problem=sentence_of(error))


def _page(form: PayoutForm) -> Any:
    if not _knows_agency(form):
        return Page()
    return queries.find_payouts(_search(form), after=form.after.data)


def _knows_agency(form: PayoutForm) -> bool:
    """Say at its field when there is no agency of that code."""
    if form.agency.data and find_agency(form.agency.data) is None:
        form.agency.errors = [gettext("There is no agency of this code.")]
        return False
    return True


def _rows(form: PayoutForm) -> Iterator[tuple[Any, ...]]:
    for one, settlement, agency, zone in queries.each_payout(_search(form)):
        what = one.reference, agency, str(month_of(settlement.period_start, zone))
        state = payout_state(one), payout_way(one.method)
        ends = one.gateway_transfer_id, one.proof, one.failure
        yield one.id, *what, one.amount, one.currency, *state, one.created_at, one.ended_at, one.fee, *ends


def _search(form: PayoutForm) -> queries.PayoutSearch:
    middle = form.period.bounds("UTC")[0].replace(day=15) if form.period else None  # the 1st begins apart in two zones
    return queries.PayoutSearch(state=form.state.data or "", agency=form.agency.data or "", month=middle)


def _show(payout_id: int, form: ReasonForm | None = None, *, status: int = 200, problem: str = "") -> Response:
    view, who = queries.view_payout(payout_id), require_identity()
    shown = form or ReasonForm()
    page = render_template(
        "admin/payout.html",
        view=view,
        who=who,
        month=month_of(view.settlement.period_start, view.agency.timezone),
        entries=list_entries(AuditSearch(entity=ENTITY, entity_id=str(payout_id))).rows,
        form=shown,
        problems=[Problem(problem)] if problem else problems_of(shown),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _show_settlement(
    settlement_id: int, form: PrepareForm | None = None, *, status: int = 200, problem: str = ""
) -> Response:
    shown = payouts_of(settlement_id)
    agency = get_agency(shown["settlement"].agency_id)
    if form is not None:
        form.left.data = str(shown["left"])  # what is left is what the page says now
        form.left.raw_data = None
        shown["payout_form"] = form
    page = render_template(
        "admin/settlement_payouts.html",
        **shown,
        agency=agency,
        who=require_identity(),
        month=month_of(shown["settlement"].period_start, agency.timezone),
        problems=[Problem(problem)] if problem else problems_of(shown["payout_form"]),
        done=done_words(DONE),
    )
    return make_response(page, status)
