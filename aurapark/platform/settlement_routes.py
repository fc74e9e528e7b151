"""Every agency's settlements for the platform: found, read, closed by hand, and their disputed lines answered."""

from collections.abc import Callable
from typing import Any

from flask import redirect, request
from werkzeug.wrappers import Response
from wtforms import Form

from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.agencies.queries import get_agency
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.office.forms import ReasonForm
from aurapark.platform.settlement_forms import AnswerForm
from aurapark.settlements import disputing
from aurapark.settlements.calculate import close_month
from aurapark.settlements.dispute_models import LineDisputeState
from aurapark.settlements.models import SettlementState
from aurapark.settlements.queries import get_settlement, list_settlement_page
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.language import sentence_of
from aurapark.web.listing import show_list
from aurapark.web.statement_files import send_lines, send_pdf
from aurapark.web.statement_forms import DisputesForm, LinesForm, SettlementsForm
from aurapark.web.statement_pages import Desk, Statement, show_line, show_statement, show_trips

bp = AudienceBlueprint("platform_settlements", __name__, audience=Audience.PLATFORM, url_prefix="/admin")

BASE = "/admin/settlements"
READ = frozenset({PlatformRole.FINANCE, PlatformRole.ADMIN})
FINANCE = frozenset({PlatformRole.FINANCE})
DONE = {
    "closed": N_("The month is closed. The agency's owners and accountants are told."),
    "accepted": N_("The correction is in the books. It becomes a line of the first month that is not closed."),
    "refused": N_("The dispute is refused. The agency is told."),
}


@bp.get("/settlements", roles=READ)
def settlements() -> Response:
    """Show settlements, newest month first, of one agency, month or state, or all."""
    return show_list("admin/settlements.html", SettlementsForm(request.args), _find, as_statement=Statement)


@bp.get("/line-disputes", roles=READ)
def line_disputes() -> Response:
    """Show disputed lines of every agency, newest first."""

    def find(form: Any) -> Any:
        state = LineDisputeState(form.state.data) if form.state.data else None
        return disputing.list_all_disputes(state, after=form.after.data)

    return show_list("admin/line_disputes.html", DisputesForm(request.args), find)


@bp.get("/settlements/<int:settlement_id>", roles=READ)
def settlement(settlement_id: int) -> Response:
    """Show one settlement with its lines."""
    return show_statement(_desk(), _statement(settlement_id), form=ReasonForm(), done=DONE)


@bp.post("/settlements/<int:settlement_id>/close", roles=FINANCE)
def close(settlement_id: int) -> Response:
    """Close this month now; the job does it by itself on the 1st."""
    form, statement = ReasonForm(request.form), _statement(settlement_id)
    if not form.validate():
        return show_statement(_desk(), statement, form=form, status=422)
    agency_id, month, actor = statement.agency.id, statement.month, require_identity().actor
    try:
        close_month(agency_id, month, actor=actor, reason=form.reason.data)
    except DomainError as error:
        problem = sentence_of(error)
        return show_statement(_desk(), _statement(settlement_id), form=form, problem=problem, status=error.status)
    wake("send_messages")
    return redirect(f"{BASE}/{settlement_id}?done=closed", 303)


@bp.get("/settlements/<int:settlement_id>/trips", roles=READ)
def trips(settlement_id: int) -> Response:
    """Show the trips of a settlement's month with their sums."""
    return show_trips(_desk(), _statement(settlement_id))


@bp.get("/settlements/<int:settlement_id>.csv", roles=READ, defaults={"ending": "csv"})
@bp.get("/settlements/<int:settlement_id>.xlsx", roles=READ, defaults={"ending": "xlsx"})
def lines_file(settlement_id: int, ending: str) -> Response:
    """Give the lines out as a file, narrowed as the page was."""
    statement, form = _statement(settlement_id), LinesForm(request.args)
    if not form.validate():
        return show_statement(_desk(), statement, form=ReasonForm())
    return send_lines(statement, form.search, ending)


@bp.get("/settlements/<int:settlement_id>.pdf", roles=READ)
def pdf(settlement_id: int) -> Response:
    """Give the statement out as a document."""
    return send_pdf(_statement(settlement_id))


@bp.get("/settlements/<int:settlement_id>/lines/<int:entry_id>", roles=READ)
def line(settlement_id: int, entry_id: int) -> Response:
    """Show one line: what it comes from, and its dispute."""
    return show_line(_desk(), _statement(settlement_id), entry_id, AnswerForm(), done=DONE)


@bp.post("/settlements/<int:settlement_id>/lines/<int:entry_id>/accept", roles=FINANCE, step_up=True)
def accept(settlement_id: int, entry_id: int) -> Response:
    """Correct a disputed line by an amount."""
    form, who = AnswerForm(request.form), require_identity()

    def work() -> None:
        settlement, reason = get_settlement(settlement_id), form.reason.data
        disputing.accept_dispute(settlement, entry_id, form.francs, by=who.user_id, actor=who.actor, reason=reason)

    return _answer(work, "accepted", settlement_id, entry_id, form)


@bp.post("/settlements/<int:settlement_id>/lines/<int:entry_id>/refuse", roles=FINANCE, step_up=True)
def refuse(settlement_id: int, entry_id: int) -> Response:
    """Leave a disputed line as it is, and say why."""
    form, who = AnswerForm(request.form), require_identity()

    def work() -> None:
        settlement, reason = get_settlement(settlement_id), form.reason.data
        disputing.refuse_dispute(settlement, entry_id, by=who.user_id, actor=who.actor, reason=reason)

    return _answer(work, "refused", settlement_id, entry_id, form)


def _answer(work: Callable[[], None], done: str, settlement_id: int, entry_id: int, form: Form) -> Response:
    statement = _statement(settlement_id)
    if not form.validate():
        return show_line(_desk(), statement, entry_id, form, status=422)
    try:
        in_transaction(work)
    except DomainError as error:
        if error.status == 404:
            raise
        problem = sentence_of(error)
        return show_line(_desk(), _statement(settlement_id), entry_id, form, problem=problem, status=error.status)
    wake("send_messages")
    return redirect(f"{BASE}/{settlement_id}/lines/{entry_id}?done={done}", 303)


def _find(form: Any) -> Any:
    state = SettlementState(form.state.data) if form.state.data else None
    return list_settlement_page(form.agency_id, month=form.wanted, state=state, after=form.after.data)


def _desk() -> Desk:
    finance = require_identity().platform_role == PlatformRole.FINANCE
    return Desk(BASE, "layouts/platform.html", platform=True, may_close=finance, may_answer=finance)


def _statement(settlement_id: int) -> Statement:
    found = get_settlement(settlement_id)
    return Statement(found, get_agency(found.agency_id))
