"""The search pages: what they find, what they say when there is nothing, and how they answer nonsense."""

from datetime import timedelta

import pytest

from aurapark import clock
from tests.factories import Network
from tests.pages.conftest import Way
from tests.pages.test_seats import somebody_holds
from tests.pages.traveller import Page, Traveller


def tomorrow() -> str:
    return (clock.today() + timedelta(days=1)).isoformat()


def search(traveller: Traveller, **changes: str) -> Page:
    query = {"from": "DLA", "to": "YAO", "date": tomorrow(), "passengers": "2", **changes}
    return traveller.get("/trips?" + "&".join(f"{name}={value}" for name, value in query.items()))


def test_the_total_of_the_results_is_the_total_that_is_paid(way: Way) -> None:
    found = search(way.traveller)
    assert "8,000 FCFA" in found.text
    assert "Pay 8,000 FCFA" in way.hold("12", "13").text


def test_several_agencies_are_compared_and_sorted(traveller: Traveller, network: Network) -> None:
    other = Network.make(name="Littoral Voyages", licence="LIC-77")
    page = search(traveller)
    assert len(page.all("article")) == 2
    assert "Littoral Voyages" in page.text
    assert "Licence LIC-77" in page.text
    only = search(traveller, agency=other.agency.code)
    assert len(only.all("article")) == 1


def test_a_leg_between_stops_has_its_own_price(traveller: Traveller, network: Network) -> None:
    assert "3,000 FCFA" in search(traveller, to="EDA-GARE").text


def test_a_day_in_french_writing_is_read(traveller: Traveller, network: Network) -> None:
    day = clock.today() + timedelta(days=1)
    assert search(traveller, date=f"{day:%d/%m/%Y}").status == 200


def test_a_sold_out_trip_stays_and_cannot_be_chosen(way: Way) -> None:
    for start in range(1, 71, 10):
        somebody_holds(way, *[str(seat) for seat in range(start, min(start + 10, 71))])
    page = search(way.traveller)
    assert "Sold out" in page.text
    assert not [a for a in page.all("a") if "/seats?" in a.get("href", "")]


def test_too_few_seats_are_said(way: Way) -> None:
    for start in range(1, 71, 10):
        somebody_holds(way, *[str(seat) for seat in range(start, min(start + 10, 71)) if seat != 7])
    assert "Only 1 seat left" in search(way.traveller).text


def test_a_day_without_trips_names_the_nearest_ones(traveller: Traveller, network: Network) -> None:
    page = search(traveller, date=(clock.today() + timedelta(days=3)).isoformat())
    assert page.status == 200
    assert "No trip on this day" in page.text
    links = [a.get("href", "") for a in page.all("a")]
    assert any(f"date={tomorrow()}" in link and "passengers=2" in link for link in links)


def test_filters_that_leave_nothing_can_be_taken_away(traveller: Traveller, network: Network) -> None:
    page = search(traveller, **{"class": "vvip"})
    assert "No trip matches these filters" in page.text
    assert "Show all trips of the day" in page.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"from": "XXX"}, "We do not know this stop"),
        ({"from": ""}, "Choose where you leave from."),
        ({"to": "DLA"}, "Choose two different places."),
        ({"date": "2020-01-01"}, "This day is over"),
        ({"date": "2099-01-01"}, "days ahead"),
        ({"date": "soon"}, "Enter a day such as"),
        ({"passengers": "0"}, "Choose 1 to 6 passengers"),
        ({"passengers": "99"}, "Choose 1 to 6 passengers"),
        ({"class": "golden"}, "We do not know this class"),
        ({"from": "DLA&from=YAO"}, "Give one answer only"),
        ({"from": "<script>alert(1)</script>"}, "We do not know this stop"),
    ],
)
def test_a_search_that_means_nothing_is_asked_again(
    traveller: Traveller, network: Network, changes: dict[str, str], said: str
) -> None:
    page = search(traveller, **changes)
    assert page.status == 400
    assert said in page.text
    assert page.title.startswith("Error:")
    assert "<script>alert" not in page.response.text
    assert page.form("/trips")


def test_the_search_comes_back_filled(traveller: Traveller, network: Network) -> None:
    form = traveller.get(f"/?from=DLA&to=YAO-MVAN&date={tomorrow()}&passengers=3").form("/trips")
    assert form == {"from": "DLA", "to": "YAO-MVAN", "date": tomorrow(), "passengers": "3"}


def test_popular_routes_carry_their_lowest_price(traveller: Traveller, network: Network) -> None:
    from datetime import time

    network.add_schedule(time(7))
    page = traveller.get("/")
    assert "Douala – Yaoundé from 4,000 FCFA" in page.text


def test_a_strange_page_number_is_the_first(traveller: Traveller, network: Network) -> None:
    assert search(traveller, page="x").status == 200
    assert search(traveller, page="9999999999999").status == 200
