"""Payments for the money desk: the list, one attempt with its history, the question to the gateway, raw events."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.agencies.queries import list_all_agencies
from aurapark.cases.models import CaseKind, CaseState
from aurapark.checkout.dispute_by_hand import open_by_hand
from aurapark.checkout.refund_proposals import left_of, propose_refund
from aurapark.database import in_transaction
from aurapark.disputes.models import DisputeState
from aurapark.errors import N_, DomainError
from aurapark.ledger.models import EventType
from aurapark.office.forms import ReasonForm
from aurapark.platform import payment_desk as desk
from aurapark.platform.desk_forms import DisputeOpenForm, EventForm, PaymentForm, ProposeForm
from aurapark.platform.readings import may_read, note_reading
from aurapark.references import read_reference
from aurapark.refunds.models import RefundReason, RefundState
from aurapark.refunds.proposal_models import ProposalState
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.language import sentence_of
from aurapark.web.listing import show_list
from aurapark.web.problems import Problem, problems_of
from aurapark.web.state_names import sale_state

bp = AudienceBlueprint("platform_payments", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

EVERYBODY = frozenset(PlatformRole)
FINANCE = frozenset({PlatformRole.FINANCE})
READ_MONEY = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
SAYS_WHY = frozenset({PlatformRole.SUPPORT})
FILES = ("csv", "xlsx")
EVENT = "webhook_event"
WORDS: dict[
    str, dict[str, tuple[str, type[StrEnum]]]
] = {  # by kind of moment: what is shown, of which value, a word of what
    "movement": {"name": ("event", EventType)},
    "refund": {"name": ("state", RefundState), "why": ("reason", RefundReason)},
    "dispute": {"name": ("state", DisputeState)},
    "proposal": {"name": ("state", ProposalState)},
    "case": {"name": ("state", CaseState), "why": ("kind", CaseKind)},
}
DONE = {
    "asked": N_("The gateway is asked again. Its answer stands here in a moment: reload the page."),
    "proposed": N_("The refund is proposed. Somebody else approves it."),
    "disputed": N_("The dispute is open: its money is held, refunds of it wait."),
}


COLUMNS = (  # as they stand in the table: what a program reads has no language
    Column("id", "number"),
    Column("created_at", "time"),
    *(Column(name) for name in ("tx_ref", "booking", "agency", "provider", "state", "disposition")),
    Column("amount", "money"),
    *(Column(name) for name in ("currency", "gateway_tx_id", "fee")),
    Column("verified_at", "time"),
)


class Moment(NamedTuple):
    """Something that happened to the money of a payment, with its names."""

    what: str
    at: datetime
    id: str
    known: dict[str, Any]


@bp.get("/payments", roles=EVERYBODY)
def payments() -> Response:
    """Show payments, newest first."""
    files = FILES if require_identity().platform_role in READ_MONEY else ()
    return show_list("admin/payments.html", _form(), _page, exports=files)


@bp.get("/payments.csv", roles=READ_MONEY, defaults={"ending": "csv"})
@bp.get("/payments.xlsx", roles=READ_MONEY, defaults={"ending": "xlsx"})
def export(ending: str) -> Response:
    """Give the list out as a file, narrowed as the page was."""
    form = _form()
    if not form.validate():
        return payments()
    return send_export("payments", ending, Sheet("payments", COLUMNS, _rows(form)))


@bp.get("/payments/<int:payment_id>", roles=EVERYBODY)
def payment(payment_id: int) -> Response:
    """Show one attempt to pay and everything that happened to its money."""
    return _show(payment_id)


@bp.post("/payments/<int:payment_id>/ask", roles=EVERYBODY)
def ask(payment_id: int) -> Response:
    """Ask the gateway about an attempt again, now."""
    form, who = ReasonForm(request.form), require_identity()
    if not form.validate():
        return _show(payment_id, form=form, status=422)
    try:
        tx_ref = desk.ask_gateway(payment_id, actor=who.actor, reason=form.reason.data)
    except DomainError as error:
        return _refused(payment_id, form, error)
    wake("check_payment", tx_ref)
    return redirect(f"/admin/payments/{payment_id}?done=asked", 303)


@bp.post("/payments/<int:payment_id>/propose-refund", roles=EVERYBODY)
def propose(payment_id: int) -> Response:
    """Propose a refund outside the policy; nothing moves before somebody else approves it."""
    form, who = ProposeForm(request.form), require_identity()
    if not form.validate():
        return _show(payment_id, form=form, status=422)
    try:
        propose_refund(payment_id, form.amount.data, actor=who.actor, reason=form.reason.data)
    except DomainError as error:
        return _refused(payment_id, form, error)
    return redirect(f"/admin/payments/{payment_id}?done=proposed", 303)


@bp.post("/payments/<int:payment_id>/dispute", roles=FINANCE, step_up=True)
def dispute(payment_id: int) -> Response:
    """Open a dispute that a gateway told by mail or on its own pages."""
    form, who = DisputeOpenForm(request.form), require_identity()
    tx_ref = desk.get_payment_view(payment_id).payment.tx_ref
    if not form.validate():
        return _show(payment_id, form=form, status=422)
    try:
        open_by_hand(
            tx_ref,
            actor=who.actor,
            reason=form.reason.data,
            amount=form.amount.data,
            gateway_dispute_id=form.gateway_id.data or None,
        )
    except DomainError as error:
        return _refused(payment_id, form, error)
    return redirect(f"/admin/payments/{payment_id}?done=disputed", 303)


@bp.get("/events", roles=EVERYBODY)
def events() -> Response:
    """Show the gateways' events as they came, newest first."""
    return show_list("admin/events.html", EventForm(request.args), _events)


@bp.get("/events/<int:event_id>", roles=EVERYBODY)
def event(event_id: int) -> Response:
    """Show one event, masked; support is asked why first."""
    return _show_event(event_id, ReasonForm())


@bp.post("/events/<int:event_id>/read", roles=SAYS_WHY)
def read_event(event_id: int) -> Response:
    """Note why an event is read."""
    form, who, found = ReasonForm(request.form), require_identity(), desk.get_event(event_id)
    if not form.validate():
        return _show_event(event_id, form, status=422)
    entity_id = str(found.id)
    in_transaction(lambda: note_reading(EVENT, entity_id, by=who, reason=form.reason.data))
    return redirect(f"/admin/events/{event_id}", 303)


def _form() -> PaymentForm:
    return PaymentForm(request.args, agencies=[(one.id, one.name) for one in list_all_agencies()])


def _page(form: PaymentForm) -> Any:
    return desk.list_payments(_search(form), after=form.after.data)


def _events(form: EventForm) -> Any:
    return desk.list_events(
        form.kind.data or "", form.tx_ref.data or "", since=form.start, until=form.end, after=form.after.data
    )


def _rows(form: PaymentForm) -> Iterator[tuple[Any, ...]]:
    for one in desk.each_payment(_search(form)):
        fate = sale_state(one.disposition) if one.disposition else None
        what = one.tx_ref, one.reference, one.name, one.provider.value, sale_state(one.state), fate
        money = one.amount, one.currency, one.gateway_tx_id, None if one.fee is None else str(one.fee)
        yield one.id, one.created_at, *what, *money, one.verified_at


def _search(form: PaymentForm) -> desk.PaymentSearch:
    return desk.PaymentSearch(
        state=form.state.data or "",
        disposition=form.disposition.data or "",
        provider=form.provider.data or "",
        need=form.need.data or "",
        agency_id=int(form.agency.data) if form.agency.data else None,
        least=form.least.data,
        most=form.most.data,
        since=form.start,
        until=form.end,
        tx_ref=form.tx_ref.data or "",
        gateway_id=form.gateway_id.data or "",
        reference=read_reference(form.reference.data or ""),
    )


def _refused(payment_id: int, form: ReasonForm, error: DomainError) -> Response:
    if error.status == 404:
        raise error
    return _show(payment_id, form=form, status=error.status, problem=sentence_of(error))


def _show(payment_id: int, *, form: ReasonForm | None = None, status: int = 200, problem: str = "") -> Response:
    view = desk.get_payment_view(payment_id)
    shown = DisputeOpenForm(request.form or None)
    for field in form or ():
        shown[field.name].errors = [*field.errors]
    page = render_template(
        "admin/payment.html",
        view=view,
        moments=[_told(one) for one in view.moments],
        who=require_identity(),
        left=left_of(view.payment) if view.payment.paid_amount else 0,
        form=shown,
        problems=[Problem(problem)] if problem else problems_of(shown),
        done=done_words(DONE),
    )
    return make_response(page, status)


def _told(one: Any) -> Moment:
    """A moment with the names of its state and its why, in the reader's language."""
    known, words = dict(one.known), WORDS.get(one.what, {})
    for key, (name, kind) in words.items():
        known[key] = sale_state(kind(known[name]))
    return Moment(one.what, one.at, one.id, known)


def _show_event(event_id: int, form: ReasonForm, *, status: int = 200) -> Response:
    found, who = desk.get_event(event_id), require_identity()
    if who.platform_role in SAYS_WHY and not may_read(EVENT, str(found.id), by=who):
        address = f"/admin/events/{found.id}/read"
        values = {"form": form, "action": address, "back": "/admin/events", "problems": problems_of(form)}
        return make_response(render_template("admin/why.html", **values), status)
    return make_response(render_template("admin/event.html", event=found, body=desk.masked_body(found)), status)
