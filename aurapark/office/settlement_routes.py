"""What the agency is owed, month by month: every line, its files, and lines that are disputed."""

from collections.abc import Callable
from typing import Any

from flask import redirect, request
from werkzeug.wrappers import Response

from aurapark.accounts.models import AgencyRole
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.office.forms import ReasonForm
from aurapark.office.scope import Staff, current_staff
from aurapark.settlements import disputing
from aurapark.settlements.models import Settlement
from aurapark.settlements.queries import list_settlement_page
from aurapark.wake import wake
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.language import sentence_of
from aurapark.web.listing import AfterField, ListForm, show_list
from aurapark.web.statement_files import send_lines, send_pdf
from aurapark.web.statement_forms import LinesForm
from aurapark.web.statement_pages import Desk, Statement, show_line, show_statement, show_trips

bp = AudienceBlueprint("office_settlements", __name__, audience=Audience.AGENCY, url_prefix="/agency/settlements")

READ = frozenset({AgencyRole.OWNER, AgencyRole.ACCOUNTANT})
DESK = Desk("/agency/settlements", "layouts/staff.html", platform=False, may_dispute=True)
DONE = {
    "disputed": N_("The dispute is with our finance team. You are told as soon as there is an answer."),
    "withdrawn": N_("The dispute is withdrawn."),
}


class SettlementsForm(ListForm):
    """Which page of the agency's settlements is wanted."""

    after = AfterField(timed=True)


@bp.get("", roles=READ)
def settlements() -> Response:
    """Show the agency's settlements, newest month first."""
    staff = current_staff()

    def find(form: Any) -> Any:
        return list_settlement_page(staff.agency.id, after=form.after.data)

    return show_list(
        "agency/settlements.html", SettlementsForm(request.args), find, staff=staff, as_statement=Statement
    )


@bp.get("/<int:settlement_id>", roles=READ)
def settlement(settlement_id: int) -> Response:
    """Show one settlement with its lines."""
    staff, statement = _statement(settlement_id)
    return show_statement(DESK, statement, staff=staff)


@bp.get("/<int:settlement_id>/trips", roles=READ)
def trips(settlement_id: int) -> Response:
    """Show the trips of a settlement's month with their sums."""
    staff, statement = _statement(settlement_id)
    return show_trips(DESK, statement, staff=staff)


@bp.get("/<int:settlement_id>.csv", roles=READ, defaults={"ending": "csv"})
@bp.get("/<int:settlement_id>.xlsx", roles=READ, defaults={"ending": "xlsx"})
def lines_file(settlement_id: int, ending: str) -> Response:
    """Give the lines out as a file, narrowed as the page was."""
    staff, statement = _statement(settlement_id)
    form = LinesForm(request.args)
    return (
        send_lines(statement, form.search, ending) if form.validate() else show_statement(DESK, statement, staff=staff)
    )


@bp.get("/<int:settlement_id>.pdf", roles=READ)
def pdf(settlement_id: int) -> Response:
    """Give the statement out as a document."""
    return send_pdf(_statement(settlement_id)[1])


@bp.get("/<int:settlement_id>/lines/<int:entry_id>", roles=READ)
def line(settlement_id: int, entry_id: int) -> Response:
    """Show one line: what it comes from, and its dispute."""
    staff, statement = _statement(settlement_id)
    return show_line(DESK, statement, entry_id, ReasonForm(), done=DONE, staff=staff)


@bp.post("/<int:settlement_id>/lines/<int:entry_id>/dispute", roles=READ)
def dispute(settlement_id: int, entry_id: int) -> Response:
    """Dispute a line of a closed settlement."""
    form = ReasonForm(request.form)
    staff, statement = _statement(settlement_id)
    if not form.validate():
        return show_line(DESK, statement, entry_id, form, status=422, staff=staff)
    by, actor, reason = staff.who.user_id, staff.who.actor, form.reason.data

    def work() -> None:
        disputing.dispute_line(staff.own(Settlement, settlement_id), entry_id, by=by, actor=actor, reason=reason)

    return _act(work, "disputed", staff, settlement_id, entry_id, form)


@bp.post("/<int:settlement_id>/lines/<int:entry_id>/withdraw", roles=READ)
def withdraw(settlement_id: int, entry_id: int) -> Response:
    """Take a dispute back that is not answered yet."""
    staff, _ = _statement(settlement_id)
    by, actor = staff.who.user_id, staff.who.actor

    def work() -> None:
        disputing.withdraw_dispute(staff.own(Settlement, settlement_id), entry_id, by=by, actor=actor)

    return _act(work, "withdrawn", staff, settlement_id, entry_id, ReasonForm())


def _act(
    work: Callable[[], object], done: str, staff: Staff, settlement_id: int, entry_id: int, form: ReasonForm
) -> Response:
    try:
        in_transaction(work)
    except DomainError as error:
        if error.status == 404:
            raise
        statement = _statement(settlement_id)[1]
        status, problem = error.status, sentence_of(error)
        return show_line(DESK, statement, entry_id, form, problem=problem, status=status, staff=staff)
    wake("send_messages")
    return redirect(f"/agency/settlements/{settlement_id}/lines/{entry_id}?done={done}", 303)


def _statement(settlement_id: int) -> tuple[Staff, Statement]:
    staff = current_staff()
    return staff, Statement(staff.own(Settlement, settlement_id), staff.agency)
