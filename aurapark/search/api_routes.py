"""The API's reading side: stops, trips, and the seats of one trip as they are now."""

from typing import Any

from flask import Response, request
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from aurapark.booking.seats import get_seats
from aurapark.search.forms import LegForm, SearchForm
from aurapark.search.queries import find_trips, list_places
from aurapark.search.rules import TripOffer
from aurapark.settings import current_settings
from aurapark.timetable.errors import UnknownStop
from aurapark.timetable.rules import StopOnTrip
from aurapark.web import api
from aurapark.web.headers import keep_for

STOPS_SECONDS = 300

bp = api.blueprint("search_api", __name__)


@bp.get("/stops")
def stops() -> Response:
    """Return every stop; `cityCode` may stand for all stops of its city."""
    found = [
        {
            "code": place.code,
            "name": place.name,
            "city": place.city,
            "cityCode": place.city_code,
            "latitude": place.latitude,
            "longitude": place.longitude,
        }
        for place in list_places()
        if place.kind == "stop"
    ]
    return keep_for(api.answer(found), STOPS_SECONDS)


@bp.get("/trips")
def trips() -> Response:
    """Return the day's trips; `amount` is the price for all passengers as adults."""
    form = SearchForm(request.args, max_passengers=current_settings().max_seats)
    api.require_valid(form)
    search = form.search
    try:
        found = find_trips(search, form.page.data)
    except UnknownStop as error:
        unknown = [name for name in ("from", "to") if form.data[f"{name}_code"] == error.details["code"]]
        raise api.InvalidInput({name: [gettext(error.sentence)] for name in unknown}) from error
    offers = [_as_json(offer, search.passengers) for offer in found.trips]
    return api.answer({"trips": offers, "page": found.page, "pages": found.pages})


@bp.get("/trips/<int:trip_id>/seats")
def seats(trip_id: int) -> Response:
    """Return the seats of a leg in map order, or 204 while they are as the caller has seen them."""
    form = LegForm(MultiDict((name, request.args.get(name, "")) for name in ("from", "to")))
    api.require_valid(form)
    found = get_seats(trip_id, str(form.from_code.data), str(form.to_code.data))
    if request.args.get("since") == found.rev:
        unchanged = Response(status=204)
        unchanged.headers.remove("Content-Type")
        return unchanged
    visible = [
        {"seat": seat, "state": "free" if seat in found.free else "taken", "amount": found.prices.adult}
        for seat in found.trip.layout.seats
    ]
    return api.answer({"rev": found.rev, "seats": visible})


def stop_json(stop: StopOnTrip) -> dict[str, str]:
    """Return a stop as the API shows it."""
    return {"code": stop.code, "name": stop.name, "city": stop.city}


def _as_json(offer: TripOffer, passengers: int) -> dict[str, Any]:
    return {
        "tripId": offer.trip_id,
        "agency": {"code": offer.agency_code, "name": offer.agency_name},
        "serviceClass": offer.service_class,
        "from": stop_json(offer.board),
        "to": stop_json(offer.alight),
        "departsAt": api.moment(offer.board.at, offer.timezone),
        "arrivesAt": api.moment(offer.alight.at, offer.timezone),
        "amount": offer.adult * passengers,
        "currency": offer.currency,
        "seatsFree": offer.seats_free,
        "onSale": offer.on_sale,
    }
