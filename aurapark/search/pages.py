"""What the search pages show: places to choose from, trips as cards, dates and routes as links."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from aurapark.search.forms import SearchForm
from aurapark.search.rules import DateOffer, Place, PopularLeg, TripOffer, TripSearch
from aurapark.web.fields import options
from aurapark.web.formats import day, language
from aurapark.web.names import class_name
from aurapark.web.views import RouteLink, TripCard


def offer_places(form: SearchForm, places: Sequence[Place]) -> None:
    """Let the form choose among cities, popular ones first, then by region; a stop stays when it was asked for."""
    served = {place.city_code for place in places if place.kind == "stop"}
    cities = [place for place in places if place.kind == "city" and place.code in served]
    stops = {place.code: f"{place.city}, {place.name}" for place in places if place.kind == "stop"}
    popular = options(((city.code, city.name) for city in cities if city.rank), _("Main cities"))
    rest = sorted((city for city in cities if not city.rank), key=lambda city: (city.region, city.name))
    regional = [option for city in rest for option in options([(city.code, city.name)], city.region)]
    for field in (form.from_code, form.to_code):
        asked = options([(field.data, stops[field.data])], _("Your choice")) if field.data in stops else []
        field.choices = [*options([("", _("Choose"))]), *asked, *popular, *regional]


def name_of(code: str, places: Iterable[Place]) -> str:
    """Return the city's name of a stop or city code, or the code itself."""
    return next((place.city for place in places if place.code == code), code)


def trip_card(offer: TripOffer, passengers: int) -> TripCard:
    """Return one trip of the results, priced for the whole party."""
    note = _why_not(offer, passengers)
    return TripCard(
        trip_id=offer.trip_id,
        href=seats_url(offer, passengers),
        departs_at=offer.board.at,
        arrives_at=offer.alight.at,
        from_place=offer.board.name,
        to_place=offer.alight.name,
        agency=offer.agency_name,
        licence=offer.licence,
        service_class=class_name(offer.service_class),
        passengers=passengers,
        amount=offer.adult * passengers,
        seats_free=offer.seats_free,
        zone=offer.timezone,
        included=_included(offer),
        on_sale=not note,
        note=note,
    )


def seats_url(offer: TripOffer, passengers: int) -> str:
    """Return the address of the seat map for this leg and party."""
    leg: dict[str, Any] = {"from": offer.board.code, "to": offer.alight.code, "passengers": passengers}
    return url_for("checkout.seats", trip_id=offer.trip_id, **leg)


def search_args(search: TripSearch, **changes: object) -> dict[str, Any]:
    """Return the query of a search, some values changed; what is not set is left out."""
    query: dict[str, Any] = {
        "from": search.from_code,
        "to": search.to_code,
        "date": search.date.isoformat(),
        "passengers": search.passengers,
        "class": search.service_class,
        "agency": search.agency,
        "part": search.part_of_day,
        "leaves": search.leaves,
        "sort": None if search.sort == "departure" else search.sort,
        **changes,
    }
    return {name: value for name, value in query.items() if value}


def route_link(leg: PopularLeg, date: str) -> RouteLink:
    """Return a popular route as a search for that day."""
    query: dict[str, Any] = {"from": leg.from_code, "to": leg.to_code, "date": date, "passengers": 1}
    return RouteLink(f"{leg.from_name} – {leg.to_name}", url_for("search.results", **query), leg.amount_from)


def date_link(offer: DateOffer, href: str) -> RouteLink:
    """Return a day on which there are seats, with the lowest price of one."""
    return RouteLink(day(offer.date, locale=language()), href, offer.amount_from)


def _why_not(offer: TripOffer, passengers: int) -> str:
    if not offer.on_sale:
        return str(_("Sales have closed. Tickets only at the counter."))
    if offer.seats_free == 0:
        return str(_("Sold out"))
    if offer.seats_free < passengers:
        return str(ngettext("Only %(num)d seat left", "Only %(num)d seats left", offer.seats_free))
    return ""


def _included(offer: TripOffer) -> list[str]:
    return [_("%(weight)d kg of luggage included", weight=offer.luggage_free_kg)] if offer.luggage_free_kg else []
