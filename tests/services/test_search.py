"""Searching trips: which are offered, with which leg, seats and price, and in how many statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from aurapark import clock
from aurapark.booking.models import Channel
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import hold_seats
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.search.queries import find_trips, list_agencies, list_nearest_dates, list_places, list_popular_legs
from aurapark.search.rules import PAGE_SIZE, TripOffer, TripSearch
from aurapark.timetable.errors import UnknownStop
from aurapark.timetable.models import City, Stop, TripStop
from tests.factories import H19, Network, save

HOLDER = Holder(Channel.API, "fr")
TERMS = HoldTerms(timedelta(minutes=15), 6, 10, "k" * 32)


def tomorrow() -> date:
    return clock.now().date() + timedelta(days=1)


def at(hour: int, minute: int = 0, days: int = 1) -> datetime:
    """A moment in UTC; Douala's clock shows one hour more."""
    return datetime.combine(clock.now().date() + timedelta(days=days), time(hour, minute), UTC)


def search(from_code: str = "DLA", to_code: str = "YAO", **changes: Any) -> TripSearch:
    asked = TripSearch(from_code=from_code, to_code=to_code, date=tomorrow(), passengers=1)
    return replace(asked, **changes)


def offers(from_code: str = "DLA", to_code: str = "YAO", **changes: Any) -> list[TripOffer]:
    return find_trips(search(from_code, to_code, **changes)).trips


def ids(from_code: str = "DLA", to_code: str = "YAO", **changes: Any) -> list[int]:
    return [offer.trip_id for offer in offers(from_code, to_code, **changes)]


def hold(network: Network, *seats: str, start: str = "DLA", end: str = "YAO") -> None:
    hold_seats(network.trip.id, start, end, seats, holder=HOLDER, terms=TERMS)


def run(statement: str, **values: Any) -> None:
    in_transaction(lambda: db.session.execute(text(statement), values))


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    statements: list[str] = []

    def count(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", count)
    yield statements
    event.remove(db.engine, "before_cursor_execute", count)


def test_an_offer_says_all_that_a_traveller_compares(network: Network) -> None:
    (offer,) = offers()
    assert (offer.trip_id, offer.agency_name, offer.licence) == (
        network.trip.id,
        network.agency.name,
        network.agency.licence,
    )
    assert (offer.board.code, offer.board.city, offer.board.at) == ("DLA-AKWA", "Douala", at(7))
    assert (offer.alight.code, offer.alight.city_code, offer.alight.at) == ("YAO-MVAN", "YAO", at(12))
    assert (offer.adult, offer.currency, offer.seats, offer.seats_free) == (4000, "XAF", 70, 70)
    assert (offer.service_class, offer.luggage_free_kg, offer.on_sale) == ("classique", 15, True)


@pytest.mark.parametrize(
    ("start", "end", "adult", "departs"),
    [("DLA-AKWA", "EDA", 1500, 7), ("EDA-GARE", "YAO-MVAN", 3000, 8), ("DLA", "YAO-MVAN", 4000, 7)],
)
def test_stops_and_cities_between_the_ends_are_found(
    network: Network, start: str, end: str, adult: int, departs: int
) -> None:
    (offer,) = offers(start, end)
    assert (offer.adult, offer.board.at.hour) == (adult, departs)


def test_free_seats_are_those_of_the_very_leg(network: Network) -> None:
    hold(network, "12", "13", start="DLA", end="EDA")
    hold(network, "12", start="EDA", end="YAO")
    assert [offers(*leg)[0].seats_free for leg in (("DLA", "EDA"), ("EDA", "YAO"), ("DLA", "YAO"))] == [68, 69, 68]


def test_a_lapsed_hold_counts_as_free_and_a_payment_in_flight_does_not(network: Network) -> None:
    hold(network, "12", "13")
    run("UPDATE seat_claim SET expires_at = now() - interval '1 s'")
    assert offers()[0].seats_free == 70
    run("UPDATE seat_claim SET state = 'paying' WHERE seat = '12'")
    assert offers()[0].seats_free == 69


def test_several_agencies_stand_side_by_side(network: Network) -> None:
    other = Network.make(grid=H19, name="Autre Voyages")
    assert [(offer.trip_id, offer.seats) for offer in offers()] == [(network.trip.id, 70), (other.trip.id, 19)]
    assert ids(agency=other.agency.code) == [other.trip.id]
    assert {agency.name for agency in list_agencies()} == {network.agency.name, "Autre Voyages"}


@pytest.mark.parametrize("state", ["pending", "suspended"])
def test_only_active_agencies_are_on_sale(network: Network, state: str) -> None:
    run("UPDATE agency SET state = :state", state=state)
    assert offers() == []
    assert list_agencies() == []
    assert list_nearest_dates(search()) == []


def test_cancelled_trips_are_left_out(network: Network) -> None:
    run("UPDATE trip SET state = 'cancelled', cancelled_at = now()")
    assert offers() == []


def test_a_leg_without_a_fare_is_not_sold(network: Network) -> None:
    run("DELETE FROM fare WHERE board_position = 0 AND alight_position = 2")
    assert offers() == []
    assert len(offers("DLA", "EDA")) == 1


def test_the_newest_fare_that_counts_on_the_day_is_shown(network: Network) -> None:
    for valid_from, adult in ((tomorrow(), 4500), (tomorrow() + timedelta(days=1), 9000)):
        run(
            "INSERT INTO fare (route_id, service_class, board_position, alight_position, valid_from, adult, youth,"
            " child, reduced_mobility) VALUES (:route, 'classique', 0, 2, :day, :adult, 1, 1, 1)",
            route=network.route.id,
            day=valid_from,
            adult=adult,
        )
    assert offers()[0].adult == 4500


def test_the_date_is_the_agency_s(network: Network) -> None:
    late = network.add_trip(at(23, 30, days=0))  # half past midnight in Douala
    assert ids() == [late.id, network.trip.id]
    run("UPDATE agency SET timezone = 'UTC'")
    assert ids() == [network.trip.id]


def test_what_has_left_is_gone_and_what_has_closed_is_not_on_sale(network: Network) -> None:
    now = clock.now()
    network.add_trip(now - timedelta(minutes=1))
    closed = network.add_trip(now + timedelta(minutes=10))
    delayed = network.add_trip(now - timedelta(minutes=5), delay_minutes=45)
    departed = network.add_trip(now + timedelta(minutes=20), state="departed")
    found = {
        offer.trip_id: offer.on_sale
        for day in (now.date(), now.date() + timedelta(days=1))
        for offer in offers(date=day)
    }
    assert found == {closed.id: False, delayed.id: True, network.trip.id: True}
    assert departed.id not in found


def test_a_delay_moves_the_times_shown(network: Network) -> None:
    run("UPDATE trip SET delay_minutes = 45")
    assert (offers()[0].board.at, offers()[0].alight.at) == (at(7, 45), at(12, 45))


def test_sold_out_trips_stay_in_the_list_unless_asked_away(network: Network) -> None:
    small = Network.make(grid="XSS")
    hold(small, "1", "2")
    assert [offer.seats_free for offer in offers()] == [70, 0]
    assert ids(enough_seats=True) == [network.trip.id]
    assert ids(enough_seats=True, passengers=71) == []


def test_part_of_the_day_follows_the_local_clock(network: Network) -> None:
    departures = {  # local hour: trip
        hour: network.add_trip(at(0) + timedelta(hours=hour - 1)).id for hour in (0, 4, 5, 11, 12, 16, 17, 19, 20, 23)
    }
    run("DELETE FROM trip_stop WHERE trip_id = :id", id=network.trip.id)
    for part, hours in {
        "night": (0, 4, 20, 23),
        "morning": (5, 11),
        "afternoon": (12, 16),
        "evening": (17, 19),
    }.items():
        assert ids(part_of_day=part) == [departures[hour] for hour in hours]


def test_buses_that_wait_until_they_are_full_can_be_left_out(network: Network) -> None:
    waits = Network.make()
    run("UPDATE trip SET departure_mode = 'when_full' WHERE id = :id", id=waits.trip.id)
    assert ids() == [network.trip.id, waits.trip.id]
    assert ids(leaves="on_time") == [network.trip.id]


def test_offers_are_sorted_and_filtered(network: Network) -> None:
    early_and_dear, slow = Network.make(), Network.make()
    run("UPDATE fare SET adult = 5000 WHERE route_id = :id", id=early_and_dear.route.id)
    run(
        "UPDATE trip_stop SET departs_at = departs_at - interval '1 hour' WHERE trip_id = :id",
        id=early_and_dear.trip.id,
    )
    run(
        "UPDATE trip_stop SET departs_at = departs_at + interval '1 h' WHERE position = 2 AND trip_id = :id",
        id=slow.trip.id,
    )
    first, usual, last = early_and_dear.trip.id, network.trip.id, slow.trip.id
    assert ids() == [first, usual, last]
    assert ids(sort="price") == [usual, last, first]
    assert ids(sort="duration") == [first, usual, last]
    run("UPDATE trip SET service_class = 'vip' WHERE id = :id", id=first)
    run("UPDATE fare SET service_class = 'vip' WHERE route_id = :id", id=early_and_dear.route.id)
    assert ids(service_class="vip") == [first]


def test_a_city_with_two_stops_gives_one_offer_per_trip(network: Network) -> None:
    second = Stop(code="DLA-BONABERI", name="Bonabéri", city_code="DLA")
    save(second)
    run("UPDATE trip_stop SET stop_id = :stop WHERE position = 1", stop=second.id)
    assert [offer.board.code for offer in offers("DLA", "YAO")] == ["DLA-AKWA"]
    assert [offer.board.code for offer in offers("DLA-BONABERI", "YAO")] in ([], ["DLA-BONABERI"])


def test_pages_of_twenty_in_the_same_number_of_statements(network: Network) -> None:
    with counted_statements() as for_one:
        find_trips(search())
    for minute in range(49):
        network.add_trip(at(9, minute))
    with counted_statements() as for_fifty:
        pages = [find_trips(search(), page) for page in (1, 2, 3)]
    assert [len(page.trips) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 10]
    assert [(page.page, page.pages, page.total) for page in pages] == [(1, 3, 50), (2, 3, 50), (3, 3, 50)]
    assert len({offer.trip_id for page in pages for offer in page.trips}) == 50
    assert len(for_fifty) == 3 * len(for_one) <= 9
    assert find_trips(search(), 99) == pages[2]


@pytest.mark.parametrize(("start", "end"), [("XXX", "YAO"), ("DLA", "DLA-NOWHERE")])
def test_an_unknown_stop_is_refused(network: Network, start: str, end: str) -> None:
    with pytest.raises(UnknownStop):
        find_trips(search(start, end))


def test_a_city_without_trips_is_known_and_has_none(network: Network) -> None:
    save(City(code="KBA", name="Kumba", region="Sud-Ouest", latitude=4.6, longitude=9.4))
    page = find_trips(search("DLA", "KBA"))
    assert (page.trips, page.page, page.pages, page.total) == ([], 1, 1, 0)
    assert find_trips(search("YAO", "DLA")).trips == []


def test_places_come_with_cities_before_their_stops_and_popular_ones_first(network: Network) -> None:
    save(City(code="KBA", name="Abong", region="Sud-Ouest", latitude=4.6, longitude=9.4))
    assert [place.code for place in list_places()] == ["DLA", "DLA-AKWA", "EDA", "EDA-GARE", "YAO", "YAO-MVAN", "KBA"]
    assert [(place.kind, place.city) for place in list_places()[:2]] == [("city", "Douala"), ("stop", "Douala")]


def test_nearest_dates_are_those_with_room(network: Network) -> None:
    network.add_trip(at(9, days=3))
    network.add_trip(at(9, days=8))
    run("UPDATE fare SET adult = 3500 WHERE alight_position = 2 AND board_position = 0")
    small = Network.make(grid="XSS")
    run("UPDATE trip_stop SET departs_at = departs_at + interval '4 days' WHERE trip_id = :id", id=small.trip.id)
    hold(small, "1")
    wanted = tomorrow() + timedelta(days=4)
    found = list_nearest_dates(search(date=wanted))
    assert [(offer.date - tomorrow(), offer.trips, offer.amount_from) for offer in found] == [
        (timedelta(days=4), 1, 4000),
        (timedelta(days=2), 1, 3500),
        (timedelta(days=7), 1, 3500),
        (timedelta(days=0), 1, 3500),
    ]
    assert wanted not in [offer.date for offer in list_nearest_dates(search(date=wanted, passengers=2))]
    assert len(list_nearest_dates(search(date=wanted), days=1)) == 3


def test_popular_legs_are_those_with_most_departures(network: Network) -> None:
    network.add_schedule(time(7))
    (leg,) = list_popular_legs()
    assert (leg.from_name, leg.to_code, leg.amount_from) == ("Douala", "YAO", 4000)


def test_the_leg_offered_is_the_leg_that_is_held(network: Network) -> None:
    from aurapark.timetable.queries import get_trip_leg

    save(Stop(code="DLA-BONABERI", name="Bonabéri", city_code="DLA"))
    stop = db.session.query(Stop).filter_by(code="DLA-BONABERI").one()
    save(TripStop(trip_id=network.trip.id, position=3, stop_id=stop.id, departs_at=at(14)))
    (offer,) = offers("DLA", "YAO")
    leg = get_trip_leg(network.trip.id, "DLA", "YAO")
    assert (offer.board, offer.alight, offer.service_class) == (leg.board, leg.alight, leg.service_class)
