"""No seat is sold twice, whoever fires when; and the same shots do sell seats twice once the guard is gone."""

from collections.abc import Sequence

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking import claims
from aurapark.booking.errors import SeatsTaken
from aurapark.booking.models import Booking
from aurapark.checkout.hold import hold_seats
from aurapark.database import in_transaction
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from tests.concurrency.race import Hold, run_rounds
from tests.factories import Network
from tests.services.test_hold import HOLDER, TERMS

ROUNDS, BROKEN_ROUNDS = 100, 10


@pytest.fixture
def environment() -> dict[str, str]:
    return {"WEB_THREADS": "64"}


def holding(network: Network) -> Hold:
    trip_id = network.trip.id

    def hold(seats: Sequence[str], start: str, end: str) -> Booking:
        return hold_seats(trip_id, start, end, seats, holder=HOLDER, terms=TERMS)

    return hold


def test_64_clients_sell_every_seat_and_segment_at_most_once(
    app: Flask, network: Network, servers: EmbeddedServers
) -> None:
    outcome = run_rounds(app, holding(network), rounds=ROUNDS, seed=20261123)
    assert outcome.errors == []
    assert outcome.sold_twice == 0
    assert min(outcome.winners) >= 1
    assert deadlocks() == 0
    if servers.postgres:
        assert "deadlock detected" not in servers.postgres.log_file.read_text()


def test_check_then_insert_without_the_key_sells_seats_twice(
    app: Flask, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_transaction(lambda: db.session.execute(text("ALTER TABLE seat_claim DROP CONSTRAINT pk_seat_claim")))
    monkeypatch.setattr(claims, "claim", check_then_insert)
    outcome = run_rounds(app, holding(network), rounds=BROKEN_ROUNDS, seed=20261123)
    print(f"\nwithout the key: {outcome.sold_twice} places sold twice in {BROKEN_ROUNDS} rounds")  # noqa: T201
    assert outcome.sold_twice > 0


def test_taking_over_without_the_condition_sells_seats_twice(
    app: Flask, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = claims.CLAIM.text
    unguarded = guarded[: guarded.index("WHERE seat_claim.booking_id")] + " RETURNING seat"
    monkeypatch.setattr(claims, "CLAIM", text(unguarded))
    outcome = run_rounds(app, holding(network), rounds=BROKEN_ROUNDS, seed=20261123)
    print(f"\nwithout the condition: {outcome.sold_twice} places sold twice in {BROKEN_ROUNDS} rounds")  # noqa: T201
    assert outcome.sold_twice > 0


def check_then_insert(booking: Booking, seats: Sequence[str], layout: object, **values: object) -> list[str]:
    """What the older system did: look whether the seats are free, then write."""
    leg = {
        "trip": booking.trip_id,
        "board": booking.board_segment,
        "alight": booking.alight_segment,
        "seats": list(seats),
    }
    taken = db.session.scalars(
        text(
            "SELECT seat FROM seat_claim WHERE trip_id = :trip AND seat = ANY(:seats)"
            " AND segment >= :board AND segment < :alight AND expires_at > now()"
        ),
        leg,
    ).all()
    if taken:
        raise SeatsTaken(taken)
    for seat in seats:
        for segment in range(booking.board_segment, booking.alight_segment):
            db.session.execute(
                text(
                    "INSERT INTO seat_claim (trip_id, seat, segment, place, booking_id, state, expires_at)"
                    " VALUES (:trip, :seat, :segment, 0, :booking, 'held', :until)"
                ),
                leg | {"seat": seat, "segment": segment, "booking": booking.id, "until": values["expires_at"]},
            )
    return []


def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL counted in this test's database."""
    return db.session.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
