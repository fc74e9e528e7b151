"""A swarm that hoards: 200 visitors of one network, then with invented addresses; somebody elsewhere still finds a
seat on every trip of the day. FAULT_SCALE=10 makes the day longer and the swarm more stubborn."""

import itertools
import os
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aurapark import clock
from aurapark.extensions import db
from tests.factories import Network

FAULT_SCALE = int(os.environ.get("FAULT_SCALE", "1"))
SWARM, ADDRESSES = 200, 50
TRIPS = 3 if FAULT_SCALE == 1 else 24
ROUNDS = 1 if FAULT_SCALE == 1 else 5
THEIRS, ELSEWHERE = "192.0.2.77", "198.51.100.5"
SHARE = 21  # 30 % of 70 seats


@pytest.fixture
def environment() -> dict[str, str]:
    return {"RATE_LIMITS": "on", "MAX_SEATS": "6"}


def test_a_buyer_elsewhere_finds_a_seat_on_every_trip_of_the_day(app: Flask, network: Network) -> None:
    trips = [network.trip.id]
    for number in range(1, TRIPS):
        trips.append(network.add_trip(clock.now() + timedelta(hours=20, minutes=15 * number)).id)
    for invented in (None, ADDRESSES):
        statuses = [status for _ in range(ROUNDS) for status in _swarm(app, trips, invented)]
        assert set(statuses) <= {201, 409, 429}
        assert statuses.count(429) > len(statuses) // 2
        assert max(_unpaid_seats(trips)) <= SHARE
        for trip_id in trips:
            answer = _reserve(app.test_client(), trip_id, 1, ELSEWHERE)
            assert answer.status_code == 201, answer.get_json()
            _give_back(app.test_client(), answer.get_json()["data"])


def _swarm(app: Flask, trips: list[int], invented: int | None) -> list[int]:
    """Each of 200 visitors takes as many seats as they get on every trip."""
    client, statuses = app.test_client(), []
    for number, trip_id in itertools.product(range(SWARM // TRIPS if FAULT_SCALE == 1 else SWARM), trips):
        forwarded = {"X-Forwarded-For": f"10.{number % invented}.0.1", "X-Real-IP": "10.9.9.9"} if invented else {}
        statuses.append(_reserve(client, trip_id, 1 + number % 6, THEIRS, **forwarded).status_code)
    return statuses


def _reserve(client: FlaskClient, trip_id: int, count: int, address: str, **headers: str):  # type: ignore[no-untyped-def]
    wish = {"tripId": trip_id, "from": "DLA", "to": "YAO", "count": count}
    environ = {"REMOTE_ADDR": address}
    return client.post("/api/bookings/reserve", json=wish, headers=headers, environ_base=environ)


def _give_back(client: FlaskClient, held: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {held['bookingToken']}"}
    answer = client.post(
        f"/api/bookings/{held['bookingRef']}/release", headers=headers, environ_base={"REMOTE_ADDR": ELSEWHERE}
    )
    assert answer.status_code == 200


def _unpaid_seats(trips: list[int]) -> list[int]:
    statement = "SELECT count(DISTINCT (trip_id, seat)) FROM seat_claim WHERE trip_id = ANY(:trips) GROUP BY trip_id"
    return list(db.session.scalars(db.text(statement), {"trips": trips}))
