"""The seat page: holding, choosing for people, refusing bad choices, and what happens when somebody was faster."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from aurapark import clock
from aurapark.booking.models import Channel
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import hold_seats
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.pages.conftest import Way
from tests.pages.traveller import Page

TERMS = HoldTerms(timedelta(minutes=15), 10, 10, "k" * 32)


def somebody_holds(way: Way, *seats: str) -> None:
    hold_seats(way.network.trip.id, "DLA", "YAO", seats, holder=Holder(Channel.API, "fr"), terms=TERMS)


def held() -> dict[str, list[str]]:
    """The seats of each web booking that holds."""
    rows = db.session.execute(
        text(
            "SELECT reference, array_agg(DISTINCT seat ORDER BY seat) FROM booking JOIN seat_claim"
            " ON booking_id = booking.id WHERE channel = 'web' AND booking.state = 'held' GROUP BY reference"
        )
    )
    found = {reference: list(seats) for reference, seats in rows}
    db.session.rollback()
    return found


def checked(page: Page) -> list[str]:
    return [
        box.get("value", "")
        for box in page.all("input")
        if box.get("name") == "seat" and box.get("checked") is not None
    ]


def send(way: Way, passengers: int = 2, **fields: object) -> Page:
    url = way.seats_url.replace("passengers=2", f"passengers={passengers}")
    form = way.traveller.get(url).form(f"/trips/{way.network.trip.id}/seats")
    return way.traveller.post(url, {**form, **fields})


def test_looking_holds_nothing(way: Way) -> None:
    page = way.traveller.get(way.seats_url)
    assert "70 seats, 70 free" in page.text
    assert len([box for box in page.all("input") if box.get("name") == "seat"]) == 70
    assert not held()


def test_one_passenger_gets_radios(way: Way) -> None:
    page = way.traveller.get(way.seats_url.replace("passengers=2", "passengers=1"))
    kinds = {box.get("type") for box in page.all("input") if box.get("name") == "seat"}
    assert kinds == {"radio"}


def test_continue_holds_and_pressing_twice_is_once(way: Way) -> None:
    first, second = way.hold("12", "13"), way.hold("12", "13")
    assert first.url == second.url
    assert list(held().values()) == [["12", "13"]]


def test_going_back_to_other_seats_gives_the_first_ones_back(way: Way) -> None:
    way.hold("12", "13")
    page = way.traveller.get(way.seats_url)
    assert checked(page) == ["12", "13"]
    assert "kept for you until" in page.text
    way.hold("13", "14")
    assert list(held().values()) == [["13", "14"]]


def test_choose_for_me_ticks_and_holds_nothing(way: Way) -> None:
    page = send(way, auto="1", preference="window")
    assert page.status == 200
    assert len(checked(page)) == 2
    assert not held()


def test_choose_for_me_keeps_what_is_ticked(way: Way) -> None:
    page = send(way, auto="1", seat=["12"])
    assert "12" in checked(page)
    assert len(checked(page)) == 2


def test_refresh_keeps_the_ticks_and_shows_what_was_lost(way: Way) -> None:
    somebody_holds(way, "12")
    page = send(way, refresh="1", seat=["12", "13"])
    assert checked(page) == ["13"]
    assert "just taken" in page.text
    assert not held()


@pytest.mark.parametrize(
    ("seats", "said"),
    [
        ([], "Choose at least one seat"),
        (["12"], "You chose 1 seat for 2 passengers"),
        (["12", "13", "14"], "You chose 3 seats for 2 passengers. Take some away."),
        (["12", "71"], "no such seat"),
        (["12", "12"], "chosen twice"),
        (["12", "<script>"], "no seat <script>"),
        ([str(n) for n in range(1, 9)], "1 to 6 seats"),
    ],
)
def test_a_bad_choice_is_explained(way: Way, seats: list[str], said: str) -> None:
    page = send(way, seat=seats)
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert said in page.text
    assert not held()


@pytest.mark.parametrize("passengers", ["0", "99", "-1", "two", "1e1"])
def test_a_party_that_is_none_is_refused(way: Way, passengers: str) -> None:
    page = way.traveller.get(way.seats_url.replace("passengers=2", f"passengers={passengers}"))
    assert page.status == 400
    assert "1 to 6 seats" in page.text


@pytest.mark.parametrize("leg", ["from=YAO&to=DLA", "from=XXX&to=YAO", "from=DLA", "from=%00&to=YAO", "from='&to=YAO"])
def test_a_leg_that_is_none_is_not_found(way: Way, leg: str) -> None:
    assert way.traveller.get(f"/trips/{way.network.trip.id}/seats?{leg}").status == 404


def test_a_trip_that_is_none_is_not_found(way: Way) -> None:
    assert way.traveller.get("/trips/999999999/seats?from=DLA&to=YAO").status == 404
    assert way.traveller.get("/trips/99999999999999999999/seats?from=DLA&to=YAO").status == 404


def test_a_closed_trip_says_so(way: Way) -> None:
    trip = way.network.add_trip(clock.now() + timedelta(minutes=5))
    page = way.traveller.get(f"/trips/{trip.id}/seats?from=DLA&to=YAO")
    assert page.status == 409
    assert "Sales for this trip have closed" in page.text
    assert "/?from=DLA&to=YAO" in [a.get("href") for a in page.all("a")]


def test_a_trip_cancelled_meanwhile_says_so(way: Way) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    in_transaction(lambda: db.session.execute(text("UPDATE trip SET state = 'cancelled', cancelled_at = now()")))
    page = way.traveller.post(way.seats_url, {**form, "seat": ["12", "13"]})
    assert page.status == 410
    assert "cancelled this trip" in page.text


def test_somebody_was_faster_the_rest_is_kept_and_near_seats_offered(way: Way) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    somebody_holds(way, "12")
    page = way.traveller.post(way.seats_url, {**form, "seat": ["12", "13"]})
    assert page.status == 409
    assert page.title.startswith("Error:")
    assert "Seat 12 was just taken. We kept seat 13 for you until" in page.text
    assert list(held().values()) == [["13"]]
    offers = [box.get("value") for box in page.all("input") if box.get("name") == "instead"]
    assert offers[0] == "14"
    assert offers[-1] == "map"
    choice = page.form(f"/trips/{way.network.trip.id}/seats", containing="instead")
    checkout = way.traveller.post(way.seats_url, {**choice, "instead": "14"})
    assert "Seats 13 and 14 kept until" in checkout.text
    assert list(held().values()) == [["13", "14"]]


def test_the_map_is_a_choice_after_a_conflict(way: Way) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    somebody_holds(way, "12")
    page = way.traveller.post(way.seats_url, {**form, "seat": ["12", "13"]})
    choice = page.form(f"/trips/{way.network.trip.id}/seats", containing="instead")
    page = way.traveller.post(way.seats_url, {**choice, "instead": "map"})
    assert page.status == 200
    assert checked(page) == ["13"]


def test_a_bus_that_filled_up_offers_other_departures(way: Way) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    for start in range(1, 71, 10):
        somebody_holds(way, *[str(seat) for seat in range(start, min(start + 10, 71)) if seat != 13])
    page = way.traveller.post(way.seats_url, {**form, "seat": ["12", "13"]})
    assert page.status == 409
    assert "not enough free seats left" in page.text
    assert "Continue with seat 13 only" in page.text
    assert "Other departures" in page.text
    page = way.traveller.post(way.seats_url, {**form, "auto": "1"})
    assert "Only 1 seat is left" in page.text
