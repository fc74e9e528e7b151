"""The main way, page by page, without JavaScript: search, seats, checkout, gateway, tickets."""

from datetime import timedelta

from aurapark import clock
from tests.factories import Network
from tests.pages.conftest import Way
from tests.pages.traveller import Traveller


def test_from_the_search_to_the_tickets(way: Way, traveller: Traveller, network: Network) -> None:
    home = traveller.get("/")
    assert home.status == 200
    assert {"from", "to", "date", "passengers"} <= set(home.form("/trips"))
    day = (clock.today() + timedelta(days=1)).isoformat()
    found = traveller.get(f"/trips?from=DLA&to=YAO&date={day}&passengers=2")
    assert "1 trip" in found.text
    assert "8,000 FCFA" in found.text
    seats_url = next(a.get("href", "") for a in found.all("a") if "/seats?" in a.get("href", ""))
    seats = traveller.get(seats_url)
    assert "Choose 2 seats" in seats.text
    checkout = way.hold("12", "13")
    assert checkout.status == 200
    assert "Seats 12 and 13 kept until" in checkout.text
    reference = way.pay("12", "13")
    booking = traveller.get(f"/bookings/{reference}")
    assert "Your tickets" in booking.text
    assert "Aïssatou Ngo Bell" in booking.text
    assert len(booking.all("article")) == 2
