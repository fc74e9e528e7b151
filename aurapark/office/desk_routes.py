"""The dashboard of an agency: its departures, what is owed, what it sold, and what it should know first."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import make_response, render_template, request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from aurapark import clock
from aurapark.accounts.models import AgencyRole
from aurapark.keyset import PAGE_SIZE, Page
from aurapark.office import sales_figures
from aurapark.office.alerts import BOOKS, MONEY, list_alerts
from aurapark.office.departures import day_bounds, each_departure, list_departures
from aurapark.office.desk_forms import CHOICES, USUAL_DAYS, DeparturesForm, PeriodForm
from aurapark.office.owed import read_owed
from aurapark.office.periods import last_days
from aurapark.office.sales import each_sale, read_sales
from aurapark.office.scope import Staff, current_staff
from aurapark.office.team_routes import DONE
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.done import done_words
from aurapark.web.exports import Column, Sheet, send_export
from aurapark.web.listing import show_list
from aurapark.web.names import class_name, trip_state
from aurapark.web.problems import problems_of

bp = AudienceBlueprint("office_desk", __name__, audience=Audience.AGENCY, url_prefix="/agency")

EVERYBODY = frozenset(AgencyRole)
FIND_BOOKINGS = EVERYBODY - {AgencyRole.BOARDING}
SHOWN_AT_HOME = 10
JUST_LEFT = timedelta(hours=1)  # still of interest: who is late calls about it
FILES = ("csv", "xlsx")
DEPARTURES = (
    Column(_l("Departure"), "time"),
    Column(_l("From")),
    Column(_l("To")),
    Column(_l("Class")),
    Column(_l("Bus")),
    Column(_l("Plate")),
    Column(_l("State")),
    Column(_l("Minutes late"), "number"),
    Column(_l("Seats"), "number"),
    Column(_l("Sold"), "number"),
    Column(_l("Held"), "number"),
    Column(_l("Tickets"), "number"),
    Column(_l("Paid in cash"), "number"),
    Column(_l("Boarded"), "number"),
    Column(_l("Did not come"), "number"),
)
SALES = (
    Column(_l("Day"), "day"),
    Column(_l("Channel")),
    Column(_l("From")),
    Column(_l("To")),
    Column(_l("Bookings"), "number"),
    Column(_l("Seats"), "number"),
    Column(_l("Sales, FCFA"), "money"),
    Column(_l("Refunds, FCFA"), "money"),
)


@bp.get("/", roles=EVERYBODY)
def home() -> str:
    """Show today: the next departures for everybody; alerts, what is owed and what was sold for who sees money."""
    staff = current_staff()
    agency_id, zone, today = staff.agency.id, staff.agency.timezone, clock.today(staff.agency.timezone)
    since = clock.now() - JUST_LEFT
    sales = read_sales(agency_id, last_days(USUAL_DAYS, today=today)) if staff.role in MONEY else None
    return render_template(
        "agency/home.html",
        staff=staff,
        done=done_words(DONE),
        alerts=list_alerts(agency_id, staff.role),
        departures=list_departures(agency_id, since, day_bounds(today, zone)[1], size=SHOWN_AT_HOME),
        sees_bookings=staff.role in FIND_BOOKINGS,
        sees_books=staff.role in BOOKS,
        owed=read_owed(agency_id) if staff.role in BOOKS else None,
        sales=sales,
        figures=sales_figures,
        trip_state=trip_state,
        class_name=class_name,
    )


@bp.get("/departures", roles=EVERYBODY)
def departures() -> Response:
    """Show all departures of a day, page by page."""
    staff = current_staff()
    return _show_departures(staff, _departures_form(staff))


@bp.get("/departures.csv", roles=BOOKS, defaults={"ending": "csv"})
@bp.get("/departures.xlsx", roles=BOOKS, defaults={"ending": "xlsx"})
def departures_file(ending: str) -> Response:
    """Give out the departures of a day as a file."""
    staff = current_staff()
    form = _departures_form(staff)
    if not form.validate():
        return _show_departures(staff, form)
    rows = _departure_rows(staff, form)
    return send_export("departures", ending, Sheet("departures", DEPARTURES, rows, zone=staff.agency.timezone))


@bp.get("/reports", roles=MONEY)
def reports() -> Response:
    """Show what was sold in a period, by day, channel and route."""
    staff = current_staff()
    return _show_reports(staff, _period_form(staff))


@bp.get("/reports.csv", roles=BOOKS, defaults={"ending": "csv"})
@bp.get("/reports.xlsx", roles=BOOKS, defaults={"ending": "xlsx"})
def reports_file(ending: str) -> Response:
    """Give out what was sold in a period as a file: a line for each day, channel and route."""
    staff = current_staff()
    form = _period_form(staff)
    if not form.validate():
        return _show_reports(staff, form)
    return send_export("sales", ending, Sheet("sales", SALES, _sale_rows(staff, form)))


def _departures_form(staff: Staff) -> DeparturesForm:
    return DeparturesForm(request.args, today=clock.today(staff.agency.timezone))


def _period_form(staff: Staff) -> PeriodForm:
    return PeriodForm(request.args, today=clock.today(staff.agency.timezone))


def _show_departures(staff: Staff, form: DeparturesForm) -> Response:
    def find(form: DeparturesForm) -> Page[Any]:
        return list_departures(staff.agency.id, *_span(staff, form), size=PAGE_SIZE, after=form.after.data)

    known = {"staff": staff, "sees_bookings": staff.role in FIND_BOOKINGS}
    words = {"trip_state": trip_state, "class_name": class_name}
    return show_list("agency/departures.html", form, find, exports=_files(staff), **known, **words)


def _span(staff: Staff, form: DeparturesForm) -> tuple[datetime, datetime]:
    since, until = day_bounds(form.chosen, staff.agency.timezone)
    return (max(since, clock.now() - JUST_LEFT) if form.part.data == "next" else since), until


def _show_reports(staff: Staff, form: PeriodForm) -> Response:
    valid = form.validate()
    page = render_template(
        "agency/reports.html",
        staff=staff,
        form=form,
        problems=problems_of(form),
        sales=read_sales(staff.agency.id, form.period) if valid else None,
        figures=sales_figures,
        choices=CHOICES,
        files=_files(staff),
    )
    return make_response(page, 200 if valid else 422)


def _files(staff: Staff) -> tuple[str, ...]:
    """Return the endings of the files that a role may take away."""
    return FILES if staff.role in BOOKS else ()


def _departure_rows(staff: Staff, form: DeparturesForm) -> Iterator[tuple[Any, ...]]:
    for one in each_departure(staff.agency.id, *_span(staff, form)):
        of_bus = class_name(one.service_class), one.bus, one.plate, trip_state(one.state), one.delay_minutes
        seats = one.seats, one.sold, one.held, one.tickets, one.cash, one.boarded, one.no_shows
        yield one.departs_at, one.start, one.end, *of_bus, *seats


def _sale_rows(staff: Staff, form: PeriodForm) -> Iterator[tuple[Any, ...]]:
    for row in each_sale(staff.agency.id, form.period):
        channel = str(sales_figures.CHANNELS[row.channel])
        yield row.day, channel, row.start, row.end, row.bookings, row.seats, row.gross, row.refunds
