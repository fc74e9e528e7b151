"""Public holidays, year by year: the platform reads, admins add, change and remove them with a reason."""

from collections.abc import Callable

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from aurapark import clock
from aurapark.accounts.access import require_identity
from aurapark.accounts.models import PlatformRole
from aurapark.database import in_transaction
from aurapark.errors import N_, DomainError
from aurapark.office.forms import ReasonForm
from aurapark.platform.holiday_forms import HolidayForm, KnownForm, YearForm
from aurapark.timetable import holidays as calendar
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

bp = AudienceBlueprint("platform_holidays", __name__, audience=Audience.PLATFORM, url_prefix="/admin/holidays")

EVERYBODY = frozenset(PlatformRole)
ADMIN = frozenset({PlatformRole.ADMIN})
DONE = {
    "added": N_("The holiday is added."),
    "known": N_("The known holidays of the year are added."),
    "changed": N_("The holiday is changed."),
    "removed": N_("The holiday is removed."),
}


@bp.get("", roles=EVERYBODY)
def holidays() -> Response:
    """Show the holidays of a year, this one unless another is asked for."""
    form = YearForm(request.args)
    if not form.validate():
        return _show_year(clock.today().year, asked=form, status=422)
    return _show_year(form.year.data or clock.today().year)


@bp.post("", roles=ADMIN)
def add() -> Response:
    """Add a holiday."""
    form, who = HolidayForm(request.form), require_identity()
    if not form.validate():
        return _show_year(clock.today().year, form=form, status=422)
    return _act(
        lambda: calendar.add_holiday(form.holiday, actor=who.actor, reason=form.reason.data),
        f"/admin/holidays?year={form.holiday.day.year}&done=added",
        lambda status, problem: _show_year(form.holiday.day.year, form=form, status=status, problem=problem),
    )


@bp.post("/known", roles=ADMIN)
def add_known() -> Response:
    """Add the holidays of a year that nobody has to announce."""
    form, who = KnownForm(request.form, prefix="known-"), require_identity()
    if not form.validate():
        return _show_year(clock.today().year, known=form, status=422)
    year, reason = form.year.data, form.reason.data
    return _act(
        lambda: calendar.add_known(year, actor=who.actor, reason=reason),
        f"/admin/holidays?year={year}&done=known",
        lambda status, problem: _show_year(year, known=form, status=status, problem=problem),
    )


@bp.get("/<int:holiday_id>", roles=ADMIN)
def holiday(holiday_id: int) -> Response:
    """Show one holiday, to be changed or removed."""
    return _show_one(holiday_id, None)


@bp.post("/<int:holiday_id>", roles=ADMIN)
def change(holiday_id: int) -> Response:
    """Give a holiday another day or name."""
    form, who = HolidayForm(request.form), require_identity()
    calendar.get_holiday(holiday_id)
    if not form.validate():
        return _show_one(holiday_id, form, status=422)
    return _act(
        lambda: calendar.change_holiday(holiday_id, form.holiday, actor=who.actor, reason=form.reason.data),
        f"/admin/holidays?year={form.holiday.day.year}&done=changed",
        lambda status, problem: _show_one(holiday_id, form, status=status, problem=problem),
    )


@bp.post("/<int:holiday_id>/remove", roles=ADMIN)
def remove(holiday_id: int) -> Response:
    """Take a holiday away."""
    form, who, found = ReasonForm(request.form), require_identity(), calendar.get_holiday(holiday_id)
    if not form.validate():
        return _show_one(holiday_id, form, status=422)
    return _act(
        lambda: calendar.remove_holiday(holiday_id, actor=who.actor, reason=form.reason.data),
        f"/admin/holidays?year={found.day.year}&done=removed",
        lambda status, problem: _show_one(holiday_id, form, status=status, problem=problem),
    )


def _act(work: Callable[[], object], then: str, again: Callable[[int, str], Response]) -> Response:
    try:
        in_transaction(work)
    except DomainError as error:
        if error.status == 404:
            raise
        return again(error.status, sentence_of(error))
    return redirect(then, 303)


def _show_year(
    year: int,
    *,
    asked: YearForm | None = None,
    form: HolidayForm | None = None,
    known: KnownForm | None = None,
    status: int = 200,
    problem: str = "",
) -> Response:
    wrong = form or known or asked
    page = render_template(
        "admin/holidays.html",
        year=year,
        holidays=calendar.list_holidays(year),
        asked=asked or YearForm(data={"year": year}),
        form=form or HolidayForm(),
        known=known or KnownForm(data={"year": year}, prefix="known-"),
        may=require_identity().platform_role == PlatformRole.ADMIN,
        problems=[Problem(problem)] if problem else problems_of(wrong) if wrong else [],
        done=done_words(DONE),
    )
    return make_response(page, status)


def _show_one(holiday_id: int, form: ReasonForm | None, *, status: int = 200, problem: str = "") -> Response:
    found = calendar.get_holiday(holiday_id)
    shown = form if isinstance(form, HolidayForm) else HolidayForm(request.form or None, obj=found)
    if form is not None:
        shown.reason.errors = [*form.reason.errors]
    problems = [Problem(problem)] if problem else problems_of(shown)
    page = render_template("admin/holiday.html", holiday=found, form=shown, problems=problems)
    return make_response(page, status)
