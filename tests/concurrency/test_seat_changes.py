"""Seats changed by staff: nobody else's is taken, nobody waits in a ring; and both happen once the guard is gone."""

import os
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking import claims
from aurapark.booking.errors import SeatsTaken
from aurapark.booking.models import Booking
from aurapark.booking.queries import list_passengers
from aurapark.checkout.change import move_passenger
from aurapark.extensions import db
from tests.concurrency.test_seats_sold_once import deadlocks
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import findings
from tests.stories import claims_of, confirm, fresh, hold, race, signer

ROUNDS = max(2, int(os.environ.get("RACE_ROUNDS", "100")) // 20)
WHY = "asked at the counter"


def moving(booking: Booking, seat: str) -> Callable[[], object]:
    reference, passenger_id = booking.reference, list_passengers(booking)[0].id
    return lambda: move_passenger(reference, passenger_id, seat, actor="user:1", reason=WHY, signer=signer())


def two_for_one_seat(app: Flask, network: Network) -> tuple[list[Booking], list[object]]:
    """Two bookings want the same free seat, while a buyer holds it."""
    gateway = FakeGateway()
    bookings = [confirm(network, seat, gateway=gateway) for seat in ("12", "13")]
    works = [moving(booking, "20") for booking in bookings]
    outcomes = race(app, *works, lambda: hold(network, "20"))
    return bookings, outcomes


def test_one_of_three_gets_the_free_seat(app: Flask, network: Network) -> None:
    bookings, outcomes = two_for_one_seat(app, network)
    assert len([one for one in outcomes if isinstance(one, SeatsTaken)]) == 2, outcomes
    owners = [seat for booking in bookings for seat in {claim[0] for claim in claims_of(booking)}]
    assert sorted(owners) in (["12", "13"], ["13", "20"], ["12", "20"])
    assert findings() == []


def test_without_the_condition_two_sit_on_one_seat(
    app: Flask, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = claims.CLAIM.text
    unguarded = guarded[: guarded.index("WHERE seat_claim.booking_id")] + " RETURNING seat"
    monkeypatch.setattr(claims, "CLAIM", text(unguarded))
    bookings, outcomes = two_for_one_seat(app, network)
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    assert [list_passengers(fresh(booking))[0].seat for booking in bookings] == ["20", "20"]
    assert findings() != []


def swap_for_ever(app: Flask, network: Network, rounds: int = ROUNDS) -> None:
    """Each of four wants the seat of the next one, up and down the bus: all wait for all, and nobody gets one."""
    gateway = FakeGateway()
    seats = ["30", "10", "40", "20"]
    bookings = [confirm(network, seat, gateway=gateway) for seat in seats]
    for _round in range(rounds):
        works = [moving(booking, seats[(place + 1) % 4]) for place, booking in enumerate(bookings)]
        outcomes = race(app, *works)
        assert all(isinstance(one, SeatsTaken) for one in outcomes), outcomes


def test_people_who_swap_wait_in_no_ring(app: Flask, network: Network) -> None:
    swap_for_ever(app, network)
    assert findings() == []
    assert deadlocks() == 0


def test_own_seat_first_and_the_new_one_after_it_is_a_ring(
    app: Flask, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a plainer way would do: lock the own claims, then claim the new seat, whatever their places."""
    in_one = claims.claim

    def one_after_the_other(booking: Booking, seats: list[str], layout: object, **values: object) -> list[str]:
        claims.lock(booking)
        db.session.execute(text("SELECT pg_sleep(0.05)"))
        return in_one(booking, seats, layout, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(claims, "claim", one_after_the_other)
    swap_for_ever(app, network, rounds=1)
    assert deadlocks() > 0
