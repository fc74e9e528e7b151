"""Factories for things without a life of their own; what has states comes from tests/stories.py."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from aurapark.agencies.models import Agency, AgencyState
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.fares.models import Fare
from aurapark.fleet.models import SeatMap, Vehicle
from aurapark.timetable.models import City, Route, RouteStop, Schedule, Stop, Trip, TripStop

C70 = "\n".join(["X...SD", *["SSS.SS"] * 6, "SSS.DD", *["SSS.SS"] * 6, "SSSSSS"])
H19 = "\n".join(["XSS.", "SSSD", "SSJS", "SSJS", "SS.S", "SS.S"])
_numbers = itertools.count(1)

CITIES = {
    "DLA": ("Douala", 4.04827, 9.70428, "DLA-AKWA", "Akwa, Douche municipale"),
    "EDA": ("Edéa", 3.8, 10.13333, "EDA-GARE", "Gare routière"),
    "YAO": ("Yaoundé", 3.86667, 11.51667, "YAO-MVAN", "Mvan"),
}
POLICY = [{"hours": 24, "percent": 100}, {"hours": 2, "percent": 50}]
FARES = {(0, 1): 1500, (1, 2): 3000, (0, 2): 4000}
HOURS = [0, 1, 5]


def save(*things: Any) -> None:
    """Commit these objects."""
    in_transaction(lambda: db.session.add_all(things))


def make_agency(**changes: Any) -> Agency:
    """An active agency."""
    number = next(_numbers)
    values = {
        "code": f"agency{number}",
        "name": f"Agency {number} Voyages",
        "short_name": f"A{number}",
        "licence": f"TEST-{number:04}",
        "state": AgencyState.ACTIVE,
        "languages": ["fr", "en"],
        "timezone": "Africa/Douala",
        "boarding_close_minutes": 15,
        "luggage_free_kg": 15,
        "refund_policy": POLICY,
    }
    agency = Agency(**{**values, **changes})
    save(agency)
    return agency


@dataclass
class Network:
    """An agency with one route Douala – Edéa – Yaoundé; `trip` departs tomorrow at 07:00 UTC."""

    agency: Agency
    route: Route
    vehicle: Vehicle
    seat_map: SeatMap
    stops: list[Stop]
    trip: Trip = field(init=False)

    @classmethod
    def make(cls, grid: str = C70, **agency_changes: Any) -> "Network":
        """Make and commit a network; cities and stops are shared by several."""
        number = next(_numbers)
        agency = make_agency(**agency_changes)
        stops = _stops()
        seats = sum(letter in "SJ" for letter in grid)
        seat_map = SeatMap(code=f"MAP{number}", name_fr="Gros porteur", name_en="Coach", grid=grid, seats=seats)
        route = Route(agency_id=agency.id, code=f"R{number}")
        save(seat_map, route)
        vehicle = Vehicle(
            agency_id=agency.id,
            plate=f"LT {number:03} TS",
            name="Ngondo",
            service_class="classique",
            seat_map_id=seat_map.id,
        )
        plan = [
            RouteStop(
                route_id=route.id, position=i, stop_id=stop.id, km=i * 100, minutes_day=h * 60, minutes_night=h * 70
            )
            for i, (stop, h) in enumerate(zip(stops, HOURS, strict=True))
        ]
        fares = [
            Fare(
                route_id=route.id,
                service_class="classique",
                board_position=board,
                alight_position=alight,
                valid_from=date(2020, 1, 1),
                adult=adult,
                youth=adult * 10 // 16,
                child=adult // 2,
                reduced_mobility=adult // 2,
            )
            for (board, alight), adult in FARES.items()
        ]
        save(vehicle, *plan, *fares)
        network = cls(agency, route, vehicle, seat_map, stops)
        network.trip = network.add_trip()
        return network

    def add_trip(self, departs_at: datetime | None = None, **changes: Any) -> Trip:
        """Add a trip of the route, by default tomorrow at 07:00 UTC, without a schedule."""
        departs_at = departs_at or datetime.combine(date.today() + timedelta(days=1), time(7), UTC)  # noqa: DTZ011
        trip = Trip(
            **{
                "agency_id": self.agency.id,
                "route_id": self.route.id,
                "vehicle_id": self.vehicle.id,
                "seat_map_id": self.seat_map.id,
                "service_class": "classique",
                "service_date": departs_at.date(),
                "departs_at": departs_at,
                "arrives_at": departs_at + timedelta(hours=HOURS[-1]),
                **changes,
            }
        )
        save(trip)
        save(
            *[
                TripStop(trip_id=trip.id, position=i, stop_id=stop.id, departs_at=departs_at + timedelta(hours=h))
                for i, (stop, h) in enumerate(zip(self.stops, HOURS, strict=True))
            ]
        )
        return trip

    def add_schedule(self, departs: time, **changes: Any) -> Schedule:
        """Add a daily schedule of the route."""
        schedule = Schedule(
            **{
                "route_id": self.route.id,
                "departs": departs,
                "service_class": "classique",
                "vehicle_id": self.vehicle.id,
                "valid_from": date(2020, 1, 1),
                **changes,
            }
        )
        save(schedule)
        return schedule


def _stops() -> list[Stop]:
    stops = []
    for rank, (code, (name, latitude, longitude, stop_code, stop_name)) in enumerate(CITIES.items(), 1):
        if db.session.get(City, code) is None:
            save(City(code=code, name=name, region="Centre", latitude=latitude, longitude=longitude, rank=rank))
            save(Stop(code=stop_code, name=stop_name, city_code=code))
        stops.append(db.session.query(Stop).filter_by(code=stop_code).one())
    return stops
