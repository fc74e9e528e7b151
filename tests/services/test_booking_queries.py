"""Reading bookings."""

import pytest

from aurapark.booking.access import Asker, may_open
from aurapark.booking.errors import BookingNotFound
from aurapark.booking.queries import find_by_token, get_booking_view, list_taken_seats
from aurapark.checkout.queries import get_sale
from aurapark.references import booking_token
from aurapark.timetable.rules import Leg
from tests.factories import Network
from tests.services.test_hold import TERMS, hold, lapse


def test_a_booking_is_seen_with_its_trip_and_seats(network: Network) -> None:
    booking = hold(network, "13", "12", start="EDA")
    view = get_booking_view(booking.reference)
    assert (view.seats, view.trip.board.city, view.live, view.tickets) == (["12", "13"], "Edéa", True, [])
    assert get_sale(booking.reference).open_payment is None


def test_a_token_opens_its_booking_and_no_other(network: Network) -> None:
    booking = hold(network, "12")
    opened = find_by_token(booking_token(TERMS.token_key, booking.reference, 1))
    assert opened is not None
    assert opened.id == booking.id
    assert find_by_token(booking_token(TERMS.token_key, booking.reference, 2)) is None


def test_unknown_and_foreign_bookings_open_to_nobody(network: Network) -> None:
    assert not may_open(hold(network, "12").reference, Asker("somebody"))
    with pytest.raises(BookingNotFound):
        get_booking_view("ZZZZZZ")


def test_taken_seats_are_those_of_the_leg_that_have_not_lapsed(network: Network) -> None:
    hold(network, "12", end="EDA")
    lapse(hold(network, "13"))
    assert list_taken_seats(network.trip.id, Leg(0, 2)) == {"12"}
    assert list_taken_seats(network.trip.id, Leg(1, 2)) == set()
