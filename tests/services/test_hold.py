"""Holding seats: all or nothing, frozen prices, take-over of what has lapsed."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from aurapark.booking.errors import NoSuchSeat, SeatsTaken, WrongSeatCount
from aurapark.booking.models import Booking, Channel
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import extend_hold, hold_seats
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.timetable.errors import TripClosed, TripNotFound
from tests.factories import Network

HOLDER = Holder(Channel.API, "fr")
TERMS = HoldTerms(timedelta(minutes=15), 6, 10, "k" * 32)


def hold(network: Network, *seats: str, start: str = "DLA", end: str = "YAO") -> Booking:
    return hold_seats(network.trip.id, start, end, seats, holder=HOLDER, terms=TERMS)


def claims() -> list[tuple[str, int]]:
    return [tuple(row) for row in db.session.execute(text("SELECT seat, segment FROM seat_claim ORDER BY 1, 2"))]


def lapse(booking: Booking) -> None:
    def work() -> None:
        for table, column in (("booking", "hold_expires_at"), ("seat_claim", "expires_at")):
            key = "id" if table == "booking" else "booking_id"
            db.session.execute(text(f"UPDATE {table} SET {column} = now() - interval '1 s' WHERE {key} = {booking.id}"))  # noqa: S608

    in_transaction(work)


def test_a_hold_claims_every_segment_and_freezes_the_price(network: Network) -> None:
    booking = hold(network, "13", "12")
    assert claims() == [("12", 0), ("12", 1), ("13", 0), ("13", 1)]
    assert (booking.total, booking.commission, booking.currency) == (8000, 800, "XAF")


def test_a_taken_seat_refuses_the_whole_hold(network: Network) -> None:
    hold(network, "12")
    with pytest.raises(SeatsTaken) as refused:
        hold(network, "11", "12", "13")
    assert refused.value.seats == ["12"]
    assert claims() == [("12", 0), ("12", 1)]


def test_one_seat_is_sold_on_two_legs_that_do_not_overlap(network: Network) -> None:
    hold(network, "12", start="DLA", end="EDA")
    hold(network, "12", start="EDA", end="YAO")
    with pytest.raises(SeatsTaken):
        hold(network, "12", start="DLA", end="YAO")


def test_lapsed_hold_does_not_need_a_worker(network: Network) -> None:
    lapse(hold(network, "12"))
    assert hold(network, "12").state == "held"


def test_a_hold_is_extended_by_five_minutes(network: Network) -> None:
    booking = hold(network, "12")
    before = booking.hold_expires_at
    assert extend_hold(booking.reference).hold_expires_at == before + timedelta(minutes=5)
    ends = db.session.scalars(text("SELECT DISTINCT expires_at FROM seat_claim")).all()
    assert ends == [before + timedelta(minutes=5)]  # the claims too, or somebody could take the seats over


@pytest.mark.parametrize(
    ("seats", "error"),
    [([], WrongSeatCount), (list("1234567"), WrongSeatCount), (["71"], NoSuchSeat), (["1", "1"], NoSuchSeat)],
)
def test_bad_choices_are_refused(network: Network, seats: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        hold(network, *seats)


def test_the_wrong_way_round_is_no_trip(network: Network) -> None:
    with pytest.raises(TripNotFound):
        hold(network, "12", start="YAO", end="DLA")


def test_sales_close_before_departure(network: Network) -> None:
    from aurapark import clock

    network.trip = network.add_trip(clock.now() + timedelta(minutes=10))
    with pytest.raises(TripClosed):
        hold(network, "12")
