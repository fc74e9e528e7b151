"""Stops, trips and seats over the API."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from aurapark import clock
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.api.conftest import Api, data, refused
from tests.factories import Network

TOMORROW = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
MEANINGLESS = [
    ({"from": "NOWHERE"}, {"from"}),
    ({"to": "NOWHERE"}, {"to"}),
    ({"from": "x' OR 1"}, {"from"}),
    ({"from": "%00"}, {"from"}),
    ({"to": "DLA"}, {"to"}),
    ({"date": (date.today() - timedelta(days=2)).isoformat()}, {"date"}),  # noqa: DTZ011
    ({"date": "soon"}, {"date"}),
    ({"date": "2999-01-01"}, {"date"}),
    ({"passengers": 0}, {"passengers"}),
    ({"passengers": 99}, {"passengers"}),
    ({"passengers": "two"}, {"passengers"}),
    ({"passengers": "1&passengers=2"}, {"passengers"}),
]


def trips(date: str = TOMORROW, **query: object) -> str:
    given = {"from": "DLA", "to": "YAO", "date": date, **query}
    return "/api/trips?" + "&".join(f"{name}={value}" for name, value in given.items())


def seats(network: Network, **query: object) -> str:
    given = {"from": "DLA", "to": "YAO", **query}
    return f"/api/trips/{network.trip.id}/seats?" + "&".join(f"{name}={value}" for name, value in given.items())


def test_stops_are_listed_with_their_city(api: Api, network: Network) -> None:
    answer = api.get("/api/stops")
    found = {stop["code"]: stop for stop in data(answer)}
    assert (found["DLA-AKWA"]["city"], found["DLA-AKWA"]["cityCode"]) == ("Douala", "DLA")
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_a_trip_is_shown_as_the_contract_says(api: Api, network: Network) -> None:
    page = data(api.get(trips(passengers=2)))
    assert (page["page"], page["pages"]) == (1, 1)
    assert page["trips"] == [
        {
            "tripId": network.trip.id,
            "agency": {"code": network.agency.code, "name": network.agency.name},
            "serviceClass": "classique",
            "from": {"code": "DLA-AKWA", "name": "Akwa, Douche municipale", "city": "Douala"},
            "to": {"code": "YAO-MVAN", "name": "Mvan", "city": "Yaoundé"},
            "departsAt": f"{TOMORROW}T08:00:00+01:00",
            "arrivesAt": f"{TOMORROW}T13:00:00+01:00",
            "amount": 8000,
            "currency": "XAF",
            "seatsFree": 70,
            "onSale": True,
        }
    ]


def test_a_search_that_means_nothing_is_refused_by_field(api: Api, network: Network) -> None:
    for query, fields in MEANINGLESS:
        assert set(refused(api.get(trips(**query)), 400, "VALIDATION_ERROR")) == fields, query


def test_seats_are_listed_and_rev_says_when_they_changed(api: Api, network: Network) -> None:
    first = data(api.get(seats(network)))
    assert len(first["seats"]) == 70
    assert first["seats"][11] == {"seat": "12", "state": "free", "amount": 4000}
    same = api.get(seats(network, since=first["rev"]))
    assert (same.status_code, same.data) == (204, b"")
    Api(api.app).reserve(network, "12")
    then = data(api.get(seats(network, since=first["rev"])))
    assert then["seats"][11]["state"] == "taken"
    assert then["rev"] != first["rev"]


def test_an_unchanged_answer_is_at_most_250_bytes(api: Api, network: Network) -> None:
    rev = data(api.get(seats(network)))["rev"]
    answer = api.get(seats(network, since=rev))
    line = f"HTTP/1.1 {answer.status}\r\nServer: gunicorn\r\nDate: {clock.now():%a, %d %b %Y %H:%M:%S} GMT\r\n"
    assert len(line) + len("Connection: keep-alive\r\n\r\n") + len(str(answer.headers)) <= 250, answer.headers


def test_a_taken_leg_leaves_the_other_leg_free(api: Api, network: Network) -> None:
    Api(api.app).reserve(network, "12", to="EDA")
    assert data(api.get(seats(network, **{"from": "EDA"})))["seats"][11]["state"] == "free"
    assert data(api.get(seats(network)))["seats"][11]["state"] == "taken"


@pytest.mark.parametrize("trip_id", [999999, 10**30])
def test_an_unknown_trip_is_not_found(api: Api, network: Network, trip_id: int) -> None:
    refused(api.get(f"/api/trips/{trip_id}/seats?from=DLA&to=YAO"), 404, "NOT_FOUND")


def test_the_wrong_way_round_is_not_found(api: Api, network: Network) -> None:
    refused(api.get(f"/api/trips/{network.trip.id}/seats?from=YAO&to=DLA"), 404, "NOT_FOUND")


def test_missing_places_are_named(api: Api, network: Network) -> None:
    assert set(refused(api.get(f"/api/trips/{network.trip.id}/seats"), 400, "VALIDATION_ERROR")) == {"from", "to"}


def test_a_cancelled_trip_is_gone_and_a_closed_one_conflicts(api: Api, network: Network) -> None:
    closed = network.add_trip(clock.now() + timedelta(minutes=5))
    refused(api.get(f"/api/trips/{closed.id}/seats?from=DLA&to=YAO"), 409, "CONFLICT")
    cancel = text("UPDATE trip SET state = 'cancelled', cancelled_at = now() WHERE id = :id")
    in_transaction(lambda: db.session.execute(cancel, {"id": network.trip.id}))
    refused(api.get(seats(network)), 410, "GONE")
