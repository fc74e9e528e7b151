"""The demo: loaded once for this module, looked at from all sides, loaded again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock, create_app
from aurapark.demo import loader
from aurapark.demo.demand import Special, TripToFill
from aurapark.demo.sales import sell
from aurapark.demo.source import read_grids
from aurapark.devstack.sandbox.running import Admin, running_sandbox
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.fares.rules import SeatPrices
from aurapark.reconciliation import doctor
from aurapark.search.queries import find_trips, list_agencies, list_places, list_popular_legs
from aurapark.search.rules import TripOffer, TripSearch
from aurapark.settings import current_settings
from aurapark.timetable.rules import Leg
from tests.conftest import admin_connection, make_settings, url_of

DATABASE = "aurapark_demo"
COUNTS = ("city", "stop", "agency", "route", "fare", "vehicle", "schedule", "trip", "booking", "seat_claim", "ticket")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    """A sandbox that is told of the charges."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        running.admin.address = running.base_url
        yield running.admin


@pytest.fixture(scope="module")
def demo(
    servers: EmbeddedServers, template_database: str, tmp_path_factory: pytest.TempPathFactory, sandbox: Admin
) -> Iterator[loader.Loaded]:
    """The application with the demo loaded, and what the load said."""
    with admin_connection(servers) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {template_database}")
    settings = make_settings(
        url_of(servers, DATABASE),
        servers.redis_url,
        tmp_path_factory.mktemp("demo"),
        FLUTTERWAVE_BASE_URL=sandbox.address,
        FLUTTERWAVE_CHECKOUT_HOSTS=sandbox.address.split("/")[2],
    )
    app = create_app(settings)
    with app.app_context():
        yield loader.load_demo(settings)
        db.session.remove()
        db.engine.dispose()
    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def rows(query: str, **values: Any) -> list[tuple[Any, ...]]:
    found = [tuple(row) for row in db.session.execute(text(query), values)]
    db.session.rollback()
    return found


def value(query: str, **values: Any) -> Any:
    return rows(query, **values)[0][0]


def tomorrow(days: int = 1) -> date:
    return clock.today() + timedelta(days=days)


def offers(from_code: str, to_code: str, day: date, **changes: Any) -> list[TripOffer]:
    search = TripSearch(from_code=from_code, to_code=to_code, date=day, passengers=1)
    return find_trips(replace(search, **changes)).trips


def fingerprint(last_day: date) -> list[tuple[Any, ...]]:
    """What there is on trips until that day, in one hash per table."""
    return [
        row
        for table, booking in (("booking", "id"), ("ticket", "booking_id"), ("payment", "booking_id"))
        for row in rows(
            f"SELECT md5(string_agg(it::text, ',' ORDER BY it.id)) FROM {table} it"  # noqa: S608
            f" JOIN booking ON booking.id = it.{booking}"
            " JOIN trip ON trip.id = booking.trip_id WHERE service_date <= :day",
            day=last_day,
        )
    ]


def count_rows() -> dict[str, int]:
    return {table: value(f"SELECT count(*) FROM {table}") for table in COUNTS}  # noqa: S608


def test_the_demo_satisfies_every_invariant(demo: loader.Loaded) -> None:
    findings = doctor.examine(db.engine)
    assert [finding for finding in findings if finding.verdict == doctor.Verdict.FOUND] == []


def test_the_network_is_that_of_the_file(demo: loader.Loaded) -> None:
    assert value("SELECT count(*) FROM city") == 32
    assert value("SELECT count(*) FROM stop") == 35
    assert rows("SELECT state, count(*) FROM agency GROUP BY 1 ORDER BY 1") == [
        ("active", 6),
        ("pending", 1),
        ("suspended", 1),
    ]
    assert value("SELECT count(*) FROM route WHERE code LIKE '%-R'") == 21
    assert [place.code for place in list_places()][:3] == ["YAO", "YAO-MELEN", "YAO-MIMBOMAN"]
    assert len(list_agencies()) == 6
    assert len(list_popular_legs()) == 6


def test_every_day_has_all_trips_and_no_bus_is_in_two_places(demo: loader.Loaded) -> None:
    ahead = "SELECT service_date, count(*) FROM trip WHERE service_date >= :today GROUP BY 1 ORDER BY 1 LIMIT 15"
    by_day = rows(ahead, today=clock.today())
    assert by_day == [(clock.today() + timedelta(days=ahead), 146) for ahead in range(15)]
    clashes = """
        SELECT a.id, b.id FROM trip a JOIN trip b ON a.vehicle_id = b.vehicle_id AND a.id < b.id
        WHERE a.departs_at < b.arrives_at + interval '59 min' AND b.departs_at < a.arrives_at + interval '59 min'
    """
    assert rows(clashes) == []


def test_no_trip_is_faster_than_the_ministry_allows(demo: loader.Loaded) -> None:
    least = {("YAO", "BFS"): 300, ("DLA", "BFS"): 360, ("DLA", "YAO"): 300, ("YAO", "BTA"): 360}
    found = rows("""
        SELECT a.city_code, b.city_code, min(extract(epoch FROM t2.departs_at - t1.departs_at) / 60),
               min(extract(epoch FROM t2.departs_at - t1.departs_at) / 60)
                   FILTER (WHERE extract(hour FROM trip.departs_at AT TIME ZONE 'Africa/Douala') >= 20)
        FROM trip JOIN trip_stop t1 ON t1.trip_id = trip.id JOIN trip_stop t2 ON t2.trip_id = trip.id
        JOIN stop a ON a.id = t1.stop_id JOIN stop b ON b.id = t2.stop_id
        WHERE t1.position < t2.position GROUP BY 1, 2
    """)
    minutes = {(start, end): (by_day, by_night) for start, end, by_day, by_night in found}
    for (start, end), allowed in least.items():
        for pair in ((start, end), (end, start)):
            assert minutes[pair][0] >= allowed
    assert minutes["YAO", "MRA"] == (1565, 1565)


def test_fares_follow_the_order(demo: loader.Loaded) -> None:
    assert {(o.service_class, o.adult) for o in offers("YAO", "DLA", tomorrow())} == {
        ("classique", 4000),
        ("vip", 6500),
        ("vvip", 7500),
    }
    assert {(o.service_class, o.adult) for o in offers("EDA", "DLA", tomorrow(), agency="wouri")} >= {
        ("classique", 1000),
        ("vip", 2000),
    }
    prices = (
        "SELECT DISTINCT youth, child, reduced_mobility FROM fare WHERE adult = 4000 AND service_class = 'classique'"
    )
    assert rows(prices) == [(2500, 2000, 2000)]


def test_two_agencies_take_alternate_departures_of_a_shared_route(demo: loader.Loaded) -> None:
    assert [offer.agency_code for offer in offers("DLA", "KRI", tomorrow())] == ["wouri", "ocean", "wouri"]
    assert [offer.agency_code for offer in offers("YAO", "NGD", tomorrow())][:2] == ["kadey", "septentrion"]


def test_the_next_days_are_full_and_later_ones_thinner(demo: loader.Loaded) -> None:
    sold = dict(
        rows(
            "SELECT service_date - :today, count(*) FROM seat_claim JOIN trip ON trip.id = trip_id GROUP BY 1",
            today=clock.today(),
        )
    )
    assert min(sold[1], sold[2], sold[3]) > 5 * sold[13]


def test_the_month_before_is_settled(demo: loader.Loaded) -> None:
    start = clock.today().replace(day=1)
    past = "SELECT state, count(*) FROM trip WHERE service_date < :start GROUP BY 1"
    assert rows(past, start=start) == [("completed", 146 * len(loader.PAST_DAYS))]
    settled = rows("SELECT agency_id, state, net > 0 FROM settlement WHERE period_end <= now() ORDER BY 1")
    sellers = rows("SELECT DISTINCT agency_id FROM trip ORDER BY 1")
    assert settled == [(agency, "closed", True) for (agency,) in sellers]


def test_special_trips_are_always_present(demo: loader.Loaded) -> None:
    departures = {offer.board.at.astimezone(UTC).strftime("%H:%M"): offer for offer in offers("YAO", "DLA", tomorrow())}
    assert departures["07:30"].seats_free == 0
    assert 1 in [offer.seats_free for offer in offers("DLA", "BUE", tomorrow(), agency="wouri")]
    folding = rows(
        """
        SELECT trip.id, count(DISTINCT claim.seat), seat_map.code FROM trip
        JOIN seat_map ON seat_map.id = trip.seat_map_id JOIN seat_claim claim ON claim.trip_id = trip.id
        WHERE service_date = :day AND seat_map.code IN ('K30', 'H19') GROUP BY 1, 3
        HAVING count(DISTINCT claim.seat) = CASE code WHEN 'K30' THEN 24 ELSE 17 END
    """,
        day=tomorrow(),
    )
    assert folding
    to_go = rows(
        """
        SELECT seat_map.seats - count(DISTINCT seat) FROM trip JOIN seat_map ON seat_map.id = seat_map_id
        JOIN seat_claim ON trip_id = trip.id WHERE service_date = :day AND departure_mode = 'when_full'
        GROUP BY trip.id, seat_map.seats
    """,
        day=tomorrow(),
    )
    assert (12,) in to_go
    near = {"first": clock.today(), "last": tomorrow(2)}
    cancelled = rows("SELECT id FROM trip WHERE state = 'cancelled' AND service_date BETWEEN :first AND :last", **near)
    assert cancelled
    assert value("SELECT count(*) FROM seat_claim WHERE trip_id = :id", id=cancelled[0][0]) == 0
    assert rows("SELECT id FROM trip WHERE delay_minutes = 45 AND service_date BETWEEN :first AND :last", **near)
    assert [offer.board.at.hour for offer in offers("YAO", "MRA", tomorrow())] == [19]
    assert "littoral" not in [offer.agency_code for offer in offers("YAO", "DLA", tomorrow())]
    suspended = "SELECT count(*) FROM trip JOIN agency ON agency.id = agency_id WHERE agency.code = 'littoral'"
    assert value(f"{suspended} AND service_date = :day", day=tomorrow()) == 0


def test_the_sandbox_knows_every_charge(demo: loader.Loaded, sandbox: Admin) -> None:
    assert demo.charges == demo.bookings
    tx_ref, charge, amount = rows("SELECT tx_ref, gateway_tx_id, paid_amount FROM payment ORDER BY id LIMIT 1")[0]
    (known,) = sandbox.charges(tx_ref=tx_ref)
    assert (str(known["id"]), known["amount"], known["status"]) == (charge, amount, "successful")
    assert value("SELECT count(*) FROM payment WHERE gateway_tx_id !~ '^[0-9]+$'") == 0


def test_the_scenarios_are_played_once_through_the_real_stories(demo: loader.Loaded) -> None:
    assert list(demo.scenarios) == ["B1", "B2", "B4", "B11", "B12", "B13", "B14"]
    found = rows("""
        SELECT payer_email, count(*), array_agg(DISTINCT booking.state), array_agg(DISTINCT agency_id),
               sum((SELECT count(*) FROM passenger WHERE booking_id = booking.id))
        FROM booking WHERE payer_email IN ('b1@example.com', 'b2@example.com', 'b4@example.com', 'b11@example.com',
                                           'b12@example.com', 'b13@example.com', 'b14@example.com') GROUP BY 1
    """)
    by_scenario = {email.split("@")[0]: rest for email, *rest in found}
    assert {name: (bookings, int(seats)) for name, (bookings, _, _, seats) in by_scenario.items()} == {
        "b1": (1, 1),
        "b2": (1, 3),
        "b4": (1, 1),
        "b11": (1, 2),
        "b12": (2, 12),
        "b13": (2, 2),
        "b14": (2, 2),
    }
    assert all(states == ["confirmed"] for _, states, _, _ in by_scenario.values())
    assert len(by_scenario["b14"][2]) == 2
    of = "SELECT count(DISTINCT {}) FROM passenger JOIN booking ON booking.id = booking_id WHERE payer_email = '{}'"
    assert value(of.format("amount", "b2@example.com")) == 3
    assert value("SELECT expired_at IS NOT NULL FROM booking WHERE payer_email = 'b4@example.com'")
    assert value(of.format("seat", "b13@example.com")) == 1


def test_loading_again_changes_nothing(demo: loader.Loaded) -> None:
    before = count_rows()
    whole = fingerprint(tomorrow(30))
    again = loader.load_demo(current_settings())
    assert (again.trips, again.bookings, again.charges, list(again.scenarios)) == (0, 0, 0, [])
    assert count_rows() == before
    assert fingerprint(tomorrow(30)) == whole


def test_loading_tomorrow_adds_the_new_day_only(demo: loader.Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    last_day, before = tomorrow(14), fingerprint(tomorrow(14))
    next_day = tomorrow()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "today", lambda *_: next_day)
        added = loader.load_demo(current_settings())
    assert added.trips == 146
    assert added.bookings > 0
    assert value("SELECT max(service_date) FROM trip") == last_day + timedelta(days=1)
    assert fingerprint(last_day) == before


def a_trip(**changes: Any) -> TripToFill:
    day = date(2026, 12, 1)
    stops = [datetime(2026, 12, 1, 7, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 3, 5)]
    values = {
        "trip_id": 1,
        "agency_id": 1,
        "agency": "wouri",
        "route_id": 1,
        "route": "R01",
        "service_class": "classique",
        "when_full": False,
        "day": day,
        "departs": "08:00",
        "days_ahead": 1,
        "grid": read_grids()["C70"],
        "stops": stops,
        "close_minutes": 15,
        "commission_percent": 10,
        "refund_policy": "[]",
    }
    return TripToFill(**{**values, **changes})


PRICES = {Leg(board, alight): SeatPrices(4000, 2500, 2000, 2000) for board, alight in ((0, 1), (1, 2), (0, 2))}


def sales(seed: int = 1, special: Special | None = None) -> list[Any]:
    return sell(a_trip(), special, PRICES, seed=seed, now=datetime(2026, 11, 30, tzinfo=UTC), used=set())


def test_the_same_seed_seats_the_same_people() -> None:
    assert sales() == sales()
    assert sales(seed=2) != sales()


@pytest.mark.parametrize(
    ("special", "free"), [(Special.SOLD_OUT, 0), (Special.ONE_FREE, 1), (Special.TWELVE_TO_GO, 12)]
)
def test_a_special_trip_has_exactly_so_many_free_seats(special: Special, free: int) -> None:
    seats = [passenger.seat for sale in sales(special=special) for passenger in sale.seated]
    assert len(seats) == len(set(seats)) == 70 - free


def test_nobody_sits_on_a_cancelled_trip() -> None:
    assert sales(special=Special.CANCELLED) == []


def test_no_seat_is_sold_twice_and_parties_stay_within_six() -> None:
    claimed = [
        (it.seat, segment)
        for sale in sales()
        for it in sale.seated
        for segment in range(sale.leg.board, sale.leg.alight)
    ]
    assert len(claimed) == len(set(claimed))
    assert {len(sale.seated) for sale in sales()} <= set(range(1, 7))


def test_production_gets_no_demo_data(app: Flask) -> None:
    app.config["AURAPARK"] = replace(current_settings(), env="production")
    result = app.test_cli_runner().invoke(_command(), ["demo", "load"])
    assert result.exit_code == 1
    assert "production" in result.output
    assert loader.is_empty()


def test_if_empty_leaves_a_database_with_trips_alone(app: Flask, network: Any) -> None:
    result = app.test_cli_runner().invoke(_command(), ["demo", "load", "--if-empty"])
    assert (result.exit_code, result.output) == (0, "")
    assert value("SELECT count(*) FROM trip") == 1


def _command() -> Any:
    from aurapark.cli import group

    return group
