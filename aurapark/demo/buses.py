"""The demo's buses and schedules: as many buses as the timetable needs, with plates and names of their own."""

from datetime import time
from typing import Any

from sqlalchemy import select

from aurapark.agencies.models import Agency
from aurapark.demo.network import SINCE, SUSPENDED_ROUTE, agency_code
from aurapark.demo.rotation import Bus, Line, RoundTrip, Run, plan_round_trips, plan_week
from aurapark.demo.source import read_demo
from aurapark.demo.writing import add_missing
from aurapark.extensions import db
from aurapark.fleet.models import SeatMap, Vehicle
from aurapark.timetable.models import ALL_DAYS, DepartureMode, Route, Schedule

SUSPENDED_DEPARTS = 11 * 60
BUSES_OF_A_COPY = 400  # plates of one copy of the network
FIRST_NUMBER, NUMBERS = 701, 299
SUFFIX_LETTERS = "MNPQRSTUVWXYZABCDEFGHJKL"
PLATE_LETTERS = {
    "Centre": "CE",
    "Littoral": "LT",
    "Ouest": "OU",
    "Nord-Ouest": "NW",
    "Sud-Ouest": "SW",
    "Sud": "SU",
    "Est": "ES",
    "Adamaoua": "AD",
    "Nord": "NO",
    "Extrême-Nord": "EN",
}
BUS_NAMES = ["Patience", "Dieu merci", "Lionceau", "La Sanaga", "Ngondo", "Kilum", "Toghu", "Mandara"]


def write_buses(copy: int) -> None:
    """Write the vehicles and schedules that are missing for one copy of the agencies."""
    plans = [(agency["id"], *plan_week(_round_trips(agency), agency["fleet"])) for agency in read_demo()["agencies"]]
    plans.append((SUSPENDED_ROUTE[0], [Bus("C70", "YAO")], [_suspended_run()]))
    agencies, maps = _ids(Agency), _ids(SeatMap)
    vehicles: list[dict[str, Any]] = []
    schedules: list[tuple[int, str, Run]] = []
    for agency, buses, runs in plans:
        agency_id = agencies[agency_code(agency, copy)]
        plates = [_plate(bus.home, copy * BUSES_OF_A_COPY + len(vehicles) + n) for n, bus in enumerate(buses)]
        vehicles += [
            {
                "agency_id": agency_id,
                "plate": plate,
                "name": _bus_name(number),
                "service_class": _class_of(bus.layout),
                "seat_map_id": maps[bus.layout],
            }
            for number, (bus, plate) in enumerate(zip(buses, plates, strict=True))
        ]
        schedules += [(agency_id, plates[run.bus], run) for run in runs]
    add_missing(Vehicle, vehicles)
    _write_schedules(schedules)


def _round_trips(agency: dict[str, Any]) -> list[RoundTrip]:
    """Return the round trips of an agency; agencies that share a route take alternate departures."""
    trips = []
    for route in read_demo()["routes"]:
        sharing = [other["id"] for other in read_demo()["agencies"] if route["id"] in other["routes"]]
        if agency["id"] in sharing:
            trips += plan_round_trips(_line(route), sharing.index(agency["id"]), len(sharing))
    return trips


def _line(route: dict[str, Any]) -> Line:
    departures = [time.fromisoformat(departs) for departs in route["departures"]]
    return Line(
        route=route["id"],
        home=route["stops"][0]["city"],
        km=route["km"],
        by_day=route["minutes_day"],
        by_night=route["minutes_night"],
        departures=tuple(departs.hour * 60 + departs.minute for departs in departures),
    )


def _suspended_run() -> Run:
    return Run(SUSPENDED_ROUTE[1], False, SUSPENDED_DEPARTS, "C70", 0, ALL_DAYS)


def _write_schedules(runs: list[tuple[int, str, Run]]) -> None:
    modes = {agency["id"]: agency.get("departure_mode") for agency in read_demo()["agencies"]}
    codes = {row.id: row.code.partition("-")[0] for row in db.session.execute(select(Agency.id, Agency.code))}
    routes = {(row.agency_id, row.code): row.id for row in db.session.execute(select(Route.__table__))}
    vehicles = {row.plate: row.id for row in db.session.execute(select(Vehicle.plate, Vehicle.id))}
    add_missing(
        Schedule,
        (
            {
                "route_id": routes[agency_id, f"{run.route}-R" if run.back else run.route],
                "departs": time(*divmod(run.departs, 60)),
                "days": run.days,
                "service_class": _class_of(run.layout),
                "vehicle_id": vehicles[plate],
                "departure_mode": modes.get(codes[agency_id]) or DepartureMode.SCHEDULED,
                "valid_from": SINCE,
            }
            for agency_id, plate, run in runs
        ),
    )


def _class_of(layout: str) -> str:
    return str(read_demo()["layouts"][layout]["cls"][0])


def _plate(home: str, number: int) -> str:
    region = next(city["region"] for city in read_demo()["cities"] if city["code"] == home)
    turn, number = divmod(number, NUMBERS)
    first, second = divmod(turn, len(SUFFIX_LETTERS))
    return f"{PLATE_LETTERS[region]} {FIRST_NUMBER + number} {'DEFGHJKL'[first]}{SUFFIX_LETTERS[second]}"


def _bus_name(number: int) -> str:
    again, name = divmod(number, len(BUS_NAMES))
    return f"{BUS_NAMES[name]} {again + 1}" if again else BUS_NAMES[name]


def _ids(model: type[Agency] | type[SeatMap]) -> dict[str, int]:
    return {row.code: row.id for row in db.session.execute(select(model.code, model.id))}
