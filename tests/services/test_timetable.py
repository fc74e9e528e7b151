"""Schedules make trips: local times, days of the week, night times, and never the same trip twice."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from aurapark import clock
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.timetable.generate import generate_trips
from aurapark.timetable.models import Trip, TripStop
from aurapark.timetable.service import keep_timetable_ahead
from tests.factories import Network

MONDAY = date(2026, 12, 14)


def generate(days: int = 1, first_day: date = MONDAY) -> int:
    return in_transaction(lambda: generate_trips(first_day, days))


def run(statement: str, **values: Any) -> None:
    in_transaction(lambda: db.session.execute(text(statement), values))


def trips() -> list[Trip]:
    return list(db.session.scalars(select(Trip).where(Trip.schedule_id.is_not(None)).order_by(Trip.departs_at)))


def stop_times(trip: Trip) -> list[datetime]:
    times = select(TripStop.departs_at).where(TripStop.trip_id == trip.id).order_by(TripStop.position)
    return list(db.session.scalars(times))


def test_a_schedule_makes_one_trip_a_day_at_the_local_time(network: Network) -> None:
    network.add_schedule(time(7))
    assert generate(days=3) == 3
    first = trips()[0]
    assert (first.service_date, first.departs_at) == (MONDAY, datetime(2026, 12, 14, 6, tzinfo=UTC))
    assert stop_times(first) == [datetime(2026, 12, 14, hour, tzinfo=UTC) for hour in (6, 7, 11)]
    assert first.arrives_at == stop_times(first)[-1]
    assert (first.vehicle_id, first.seat_map_id, first.agency_id) == (
        network.vehicle.id,
        network.seat_map.id,
        network.agency.id,
    )


def test_running_again_makes_nothing_and_burns_no_ids(network: Network) -> None:
    network.add_schedule(time(7))
    generate(days=5)
    before = [(trip.id, stop_times(trip)) for trip in trips()]
    assert generate(days=5) == 0
    assert generate(days=6) == 1
    assert [(trip.id, stop_times(trip)) for trip in trips()][:5] == before
    assert trips()[5].id == before[-1][0] + 1


def test_an_edited_trip_is_left_alone(network: Network) -> None:
    network.add_schedule(time(7))
    generate()
    trip = trips()[0]
    later = trip.departs_at + timedelta(hours=1)
    run("UPDATE trip SET departs_at = :at WHERE id = :id", at=later, id=trip.id)
    generate()
    db.session.expire_all()
    assert [trip.departs_at for trip in trips()] == [later]


@pytest.mark.parametrize(("departs", "hours"), [("19:59", 5), ("20:00", 5.8), ("04:59", 5.8), ("05:00", 5)])
def test_a_departure_at_night_runs_by_the_night_times(network: Network, departs: str, hours: float) -> None:
    network.add_schedule(time.fromisoformat(departs))
    generate()
    (trip,) = trips()
    assert (trip.arrives_at - trip.departs_at) / timedelta(hours=1) == pytest.approx(hours, abs=0.05)


def test_days_of_the_week_and_validity_are_kept(network: Network) -> None:
    network.add_schedule(time(7), days=0b1000001, valid_until=MONDAY + timedelta(days=7))
    assert generate(days=21) == 3
    assert [trip.service_date.isoweekday() for trip in trips()] == [1, 7, 1]


def test_each_agency_keeps_its_own_zone(network: Network) -> None:
    east = Network.make(timezone="Asia/Kolkata")
    east.add_schedule(time(7))
    generate()
    assert trips()[0].departs_at == datetime(2026, 12, 14, 1, 30, tzinfo=UTC)


def test_an_agency_not_yet_accepted_gets_no_trips(network: Network) -> None:
    network.add_schedule(time(7))
    run("UPDATE agency SET state = 'pending'")
    assert generate() == 0


def test_there_are_always_trips_for_the_next_days(network: Network) -> None:
    network.add_schedule(time(23, 59))
    assert in_transaction(lambda: keep_timetable_ahead(days=14)) == 15
    assert [trips()[0].service_date, trips()[-1].service_date] == [
        clock.today(),
        clock.today() + timedelta(days=14),
    ]
    assert in_transaction(keep_timetable_ahead) == 0
