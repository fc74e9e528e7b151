"""Pages about statements, the same for the agency they are of and for the platform: sums, lines, trips, one line.

`base` is where they are (`/agency/settlements`), `layout` the template they stand in; each asks for at most eight
statements, whatever the number of lines.
"""

from dataclasses import dataclass
from typing import Any

from flask import make_response, render_template, request
from werkzeug.wrappers import Response
from wtforms import Form

from aurapark.agencies.models import Agency
from aurapark.payouts.queries import list_payouts
from aurapark.settlements import disputing
from aurapark.settlements.lines import get_line, list_lines, list_trips, sum_by_trip
from aurapark.settlements.models import LineKind, Settlement, SettlementState
from aurapark.settlements.queries import get_progress, list_routes
from aurapark.settlements.rules import Month, month_of, statement_number
from aurapark.web.done import done_words
from aurapark.web.listing import list_of
from aurapark.web.problems import Problem, problems_of
from aurapark.web.statement_forms import LinesForm, TripsForm

EXPORTS = ("csv", "xlsx")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who looks at a statement: where its pages are, what they stand in, and what may be done there."""

    base: str
    layout: str
    platform: bool
    may_close: bool = False
    may_answer: bool = False
    may_dispute: bool = False

    def url(self, settlement: Settlement) -> str:
        """Return where the pages of a settlement are."""
        return f"{self.base}/{settlement.id}"

    def booking_url(self, reference: str) -> str:
        """Return where a booking is to be seen from here."""
        return f"{self.base.rpartition('/')[0]}/bookings/{reference}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A settlement with its agency, as pages and documents name it."""

    settlement: Settlement
    agency: Agency

    @property
    def month(self) -> Month:
        return month_of(self.settlement.period_start, self.agency.timezone)

    @property
    def number(self) -> str:
        return statement_number(self.settlement.period_start, self.agency.timezone, self.agency.id)

    @property
    def open(self) -> bool:
        return self.settlement.state == SettlementState.OPEN


def show_statement(
    desk: Desk,
    statement: Statement,
    *,
    form: Form | None = None,
    problem: str = "",
    status: int = 200,
    done: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """Show the sums of a settlement and a page of its lines; `form` is one that closes it, with what is wrong."""
    settlement = statement.settlement
    lines = LinesForm(request.args)
    listing = list_of(
        lines,
        lambda form: list_lines(settlement.id, form.search, after=form.after.data),
        path=desk.url(settlement),
        exports=EXPORTS,
    )
    problems = _problems(form, problem) or listing.problems
    page = render_template(
        "statement/statement.html",
        desk=desk,
        statement=statement,
        progress=get_progress(statement.agency.id) if statement.open else None,
        disputes=disputing.list_disputes(settlement.id),
        payouts=[] if statement.open else list_payouts(settlement.id),
        listing=listing,
        form=lines,
        deed=form,
        problems=problems,
        done=done_words(done or {}),
        **values,
    )
    return make_response(page, 422 if listing.problems and status == 200 else status)


def show_trips(desk: Desk, statement: Statement, **values: Any) -> Response:
    """Show a page of the trips of a settlement's month, each with its sums."""
    settlement, zone = statement.settlement, statement.agency.timezone
    form = TripsForm(request.args, list_routes(statement.agency.id))
    listing = list_of(form, lambda form: list_trips(settlement, zone, form.search, after=form.after.data))
    sums = sum_by_trip(settlement.id, [one.id for one in listing.rows])
    page = render_template(
        "statement/trips.html",
        desk=desk,
        statement=statement,
        listing=listing,
        form=form,
        sums=sums,
        problems=listing.problems,
        **values,
    )
    return make_response(page, 422 if listing.problems else 200)


def show_line(
    desk: Desk,
    statement: Statement,
    entry_id: int,
    form: Form,
    *,
    problem: str = "",
    status: int = 200,
    done: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """Show one line: what it comes from, what is said about it, and what may be done."""
    line = get_line(statement.settlement.id, entry_id)
    page = render_template(
        "statement/line.html",
        desk=desk,
        statement=statement,
        line=line,
        disputes=disputing.list_line_disputes(entry_id),
        disputable=line.kind != LineKind.CARRY and not statement.open,
        form=form,
        problems=_problems(form, problem),
        done=done_words(done or {}),
        **values,
    )
    return make_response(page, status)


def _problems(form: Form | None, problem: str) -> list[Problem]:
    if problem:
        return [Problem(problem)]
    return problems_of(form) if form is not None else []
