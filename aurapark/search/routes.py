"""The way in: the search, and the trips it finds. Both pages only read, set no cookie and may be cached."""

from datetime import date, timedelta

from flask import Response, make_response, render_template, request, url_for
from flask_babel import gettext as _

from aurapark import clock
from aurapark.search import pages
from aurapark.search.forms import SearchForm
from aurapark.search.queries import (
    find_trips,
    list_agencies,
    list_nearest_dates,
    list_places,
    list_popular_legs,
)
from aurapark.search.rules import TripSearch
from aurapark.settings import current_settings
from aurapark.timetable.errors import UnknownStop
from aurapark.timetable.holidays import names_on
from aurapark.web.audience import Audience, AudienceBlueprint
from aurapark.web.fields import options
from aurapark.web.formats import language
from aurapark.web.headers import keep_for
from aurapark.web.language import sentence_of
from aurapark.web.problems import Problem, problems_of

HOME_SECONDS, RESULTS_SECONDS = 300, 20
DATES_SHOWN = 4

bp = AudienceBlueprint("search", __name__, audience=Audience.PUBLIC)


@bp.get("/")
def home() -> Response:
    """Show the search, filled with what the address says."""
    tomorrow = clock.today() + timedelta(days=1)
    form = SearchForm(request.args, max_passengers=current_settings().max_seats, date=tomorrow)
    pages.offer_places(form, list_places())
    routes = [pages.route_link(leg, tomorrow.isoformat()) for leg in list_popular_legs()]
    return keep_for(make_response(render_template("search/home.html", form=form, routes=routes)), HOME_SECONDS)


@bp.get("/trips")
def results() -> Response:
    """Show the day's trips; when there are none, the nearest dates; when the search means nothing, the search again."""
    form = SearchForm(request.args, max_passengers=current_settings().max_seats)
    places = list_places()
    pages.offer_places(form, places)
    if not form.validate():
        return _search_again(form, problems_of(form))
    search = form.search
    try:
        found = find_trips(search, form.page.data)
        dates = [] if found.trips else list_nearest_dates(search)[:DATES_SHOWN]
    except UnknownStop as error:
        return _search_again(form, [Problem(sentence_of(error), _unknown(form, error.details["code"]))])
    form.agency.choices = options(
        [("", _("All agencies")), *((agency.code, agency.name) for agency in list_agencies())]
    )
    page = render_template(
        "search/results.html",
        form=form,
        search=search,
        found=found,
        trips=[(pages.trip_card(offer, search.passengers), offer) for offer in found.trips],
        dates=[pages.date_link(offer, _day_url(search, offer.date)) for offer in dates],
        from_name=pages.name_of(search.from_code, places),
        to_name=pages.name_of(search.to_code, places),
        days=_neighbours(search),
        holidays=names_on(search.date, language()),
        url_of=lambda number: url_for(".results", **pages.search_args(search, page=number)),
        filtered=bool(search.service_class or search.agency or search.part_of_day or search.leaves),
        unfiltered_url=url_for(
            ".results", **pages.search_args(search, **{"class": None, "agency": None, "part": None, "leaves": None})
        ),
    )
    return keep_for(make_response(page), RESULTS_SECONDS)


def _search_again(form: SearchForm, problems: list[Problem]) -> Response:
    return make_response(render_template("search/search.html", form=form, problems=problems), 400)


def _unknown(form: SearchForm, code: str) -> str:
    return str(form.from_code.id if form.from_code.data == code else form.to_code.id)


def _neighbours(search: TripSearch) -> dict[str, tuple[date, str]]:
    """Return the day before and the day after with their addresses, the day before only when it is not over."""
    days = {"next": search.date + timedelta(days=1)}
    if search.date > clock.today():
        days["previous"] = search.date - timedelta(days=1)
    return {name: (day, _day_url(search, day)) for name, day in days.items()}


def _day_url(search: TripSearch, day: date) -> str:
    return url_for(".results", **pages.search_args(search, date=day.isoformat()))
