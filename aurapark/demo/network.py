"""The demo's network: places, agencies, routes and fares, written so that twice is once."""

from collections.abc import Iterator
from datetime import date
from itertools import combinations
from typing import Any

from sqlalchemy import select

from aurapark.agencies.models import Agency, AgencyState
from aurapark.demo.prices import leg_fare
from aurapark.demo.source import read_demo
from aurapark.demo.writing import add_missing
from aurapark.extensions import db
from aurapark.fares.models import Fare
from aurapark.fleet.models import SeatMap
from aurapark.timetable.models import City, Route, RouteStop, Stop

SINCE = date(2024, 2, 26)  # the fare order in force
POPULAR_CITIES = 12  # the file names the busiest first

STOPS_OF = {  # the stops of a route in the cities that have several
    "R01": ("YAO-MVAN", "DLA-AKWA"),
    "R02": ("DLA-BONABERI",),
    "R03": ("YAO-TONGOLO",),
    "R04": ("YAO-MELEN",),
    "R05": ("DLA-BONABERI",),
    "R06": ("DLA-BONABERI",),
    "R07": ("DLA-BONABERI",),
    "R08": ("DLA-BONABERI",),
    "R09": ("YAO-MIMBOMAN",),
    "R10": ("YAO-MVAN",),
    "R11": ("DLA-AKWA",),
    "R12": ("YAO-MVAN",),
    "R13": ("YAO-MVAN",),
    "R14": ("DLA-BONABERI",),
    "R15": ("YAO-TONGOLO",),
    "R16": ("YAO-MIMBOMAN",),
    "R19": ("YAO-MIMBOMAN",),
}
REFUND_STEPS = {
    "wouri": [{"hours": 24, "percent": 100}, {"hours": 2, "percent": 70}],
    "ndop": [{"hours": 12, "percent": 80}],
    "ringroad": [],
    "ocean": [{"hours": 6, "percent": 70}],
    "kadey": [{"hours": 24, "percent": 80}],
    "septentrion": [{"hours": 24, "percent": 80}],
}
NOT_ON_SALE: list[dict[str, Any]] = [  # ours: one agency that may not sell any more, one that may not yet
    {"id": "littoral", "name": "Littoral Rapide", "short": "LRP", "licence": "DEMO-0007", "state": "suspended"},
    {"id": "savane", "name": "Savane Voyages", "short": "SVV", "licence": "DEMO-0008", "state": "pending"},
]
SUSPENDED_ROUTE = ("littoral", "R01")


def agency_code(agency: str, copy: int) -> str:
    """Return the code of an agency, or of its copy for load tests."""
    return agency if copy == 0 else f"{agency}-{copy + 1}"


def write_places() -> None:
    """Write the cities, stops and seat maps that are missing."""
    demo = read_demo()
    add_missing(
        City,
        (
            {
                "code": city["code"],
                "name": city["name"],
                "region": city["region"],
                "latitude": city["lat"],
                "longitude": city["lon"],
                "rank": rank if rank <= POPULAR_CITIES else None,
            }
            for rank, city in enumerate(demo["cities"], 1)
        ),
    )
    stations = [{"code": it["id"], "name": it["name"], "city_code": it["city"]} for it in demo["stations"]]
    with_station = {station["city_code"] for station in stations}
    served = dict.fromkeys(stop["city"] for route in demo["routes"] for stop in route["stops"])
    others = [city for city in served if city not in with_station]
    add_missing(Stop, [*stations, *({"code": f"{it}-GARE", "name": "Gare routière", "city_code": it} for it in others)])
    add_missing(
        SeatMap,
        (
            {
                "code": code,
                "name_fr": layout["fr"],
                "name_en": layout["en"],
                "grid": "\n".join(layout["rows"]),
                "seats": layout["seats"],
            }
            for code, layout in demo["layouts"].items()
        ),
    )


def write_agencies(copy: int) -> None:
    """Write what is missing of the agencies with their routes and fares; copy 0 is the real thing."""
    agencies = [*read_demo()["agencies"], *NOT_ON_SALE]
    add_missing(Agency, (_agency(agency, copy) for agency in agencies))
    ids = {row.code: row.id for row in db.session.execute(select(Agency.code, Agency.id))}
    stops = {row.code: row.id for row in db.session.execute(select(Stop.code, Stop.id))}
    ours = {agency["id"]: ids[agency_code(agency["id"], copy)] for agency in agencies}

    add_missing(Route, ({"agency_id": ours[agency], "code": code} for agency, code, _ in _routes()))
    known = select(Route.agency_id, Route.code, Route.id).where(Route.agency_id.in_(ours.values()))
    routes = {(row.agency_id, row.code): row.id for row in db.session.execute(known)}
    for agency, code, route in _routes():
        route_id = routes[ours[agency], code]
        add_missing(RouteStop, _route_stops(route_id, route, code, stops))
        add_missing(Fare, _fares(route_id, route, code, _classes(agency)))


def _agency(agency: dict[str, Any], copy: int) -> dict[str, Any]:
    return {
        "code": agency_code(agency["id"], copy),
        "name": agency["name"] if copy == 0 else f"{agency['name']} {copy + 1}",
        "short_name": agency["short"],
        "licence": agency["licence"] if copy == 0 else f"{agency['licence']}-{copy + 1}",
        "state": AgencyState(agency.get("state", "active")),
        "languages": agency.get("langs", ["fr"]),
        "boarding_close_minutes": agency.get("boarding_close_min", 15),
        "luggage_free_kg": agency.get("luggage_free_kg", 15),
        "refund_policy": REFUND_STEPS.get(agency["id"], []),
    }


def _routes() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give (agency, code, route) for every route and direction an agency runs; the way back has a code with -R."""
    by_code = {route["id"]: route for route in read_demo()["routes"]}
    for agency in read_demo()["agencies"]:
        for code in agency["routes"]:
            yield agency["id"], code, by_code[code]
            yield agency["id"], f"{code}-R", by_code[code]
    yield *SUSPENDED_ROUTE, by_code[SUSPENDED_ROUTE[1]]


def _route_stops(route_id: int, route: dict[str, Any], code: str, stops: dict[str, int]) -> list[dict[str, Any]]:
    night = route["minutes_night"] / route["minutes_day"]
    return [
        {
            "route_id": route_id,
            "position": position,
            "stop_id": stops[_stop_code(route["id"], city, stops)],
            "km": km,
            "minutes_day": minutes,
            "minutes_night": round(minutes * night),
        }
        for position, (city, km, minutes) in enumerate(_plan(route, back=code.endswith("-R")))
    ]


def _plan(route: dict[str, Any], *, back: bool) -> list[tuple[str, int, int]]:
    """Return (city, km, minutes) from the first stop of this direction."""
    plan = [(stop["city"], stop["km"], stop["min"]) for stop in route["stops"]]
    if not back:
        return plan
    return [(city, route["km"] - km, route["minutes_day"] - minutes) for city, km, minutes in reversed(plan)]


def _stop_code(route: str, city: str, stops: dict[str, int]) -> str:
    return next(code for code in (*STOPS_OF.get(route, ()), *stops) if code.startswith(f"{city}-"))


def _classes(agency: str) -> list[str]:
    found = next((it for it in read_demo()["agencies"] if it["id"] == agency), None)
    return found["classes"] if found else ["classique"]


def _fares(route_id: int, route: dict[str, Any], code: str, classes: list[str]) -> Iterator[dict[str, Any]]:
    plan = _plan(route, back=code.endswith("-R"))
    for service_class in (name for name in classes if name in route["fare"]):
        for (board, start), (alight, end) in combinations(enumerate(plan), 2):
            km = end[1] - start[1]
            fare = leg_fare(route["fare"], service_class, km=km, whole=km == route["km"])
            yield {
                "route_id": route_id,
                "service_class": service_class,
                "board_position": board,
                "alight_position": alight,
                "valid_from": SINCE,
                "adult": fare.adult,
                "youth": fare.youth,
                "child": fare.child,
                "reduced_mobility": fare.reduced_mobility,
            }
