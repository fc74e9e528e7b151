"""Sweeps: whatever is due gets done, by any number of processes, once; one bad row delays nobody."""

import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.booking.models import Booking, BookingState
from aurapark.checkout.sweeps import check_open_payments, expire_holds
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.heartbeat import Heartbeat
from aurapark.payments.models import Payment
from aurapark.timetable.models import Trip, TripState
from aurapark.timetable.progress import advance_trips
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import fresh, hold, pass_time, race, start
from workers.sweeper import Sweeper

LAPSED = timedelta(minutes=16)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """A gateway that the sweeps use."""
    fake = FakeGateway()
    monkeypatch.setattr("aurapark.checkout.sweeps.gateway_for", lambda _settings: fake)
    return fake


def make_due(*payments: Payment) -> None:
    ids = [payment.id for payment in payments]
    due = text("UPDATE payment SET next_check_at = now() - interval '1 s' WHERE id = ANY(:ids)")
    in_transaction(lambda: db.session.execute(due, {"ids": ids}))


def paid(network: Network, gateway: FakeGateway, *seats: str) -> list[Booking]:
    """Bookings with one seat each whose payment succeeded at the gateway and is due to be asked about."""
    bookings, payments = [hold(network, seat) for seat in seats], []
    for booking in bookings:
        payments.append(start(booking, gateway))
        gateway.charge(payments[-1].tx_ref, 4000)
    make_due(*payments)
    return bookings


def test_due_payments_are_checked_and_others_are_not(
    network: Network, gateway: FakeGateway, settings: Settings
) -> None:
    due, waiting = paid(network, gateway, "1")[0], hold(network, "2")
    gateway.charge(start(waiting, gateway).tx_ref, 4000)
    assert check_open_payments(settings, 10) == 1
    assert fresh(due).state == BookingState.CONFIRMED
    assert fresh(waiting).state == BookingState.HELD
    assert check_open_payments(settings, 10) == 0


def test_many_sweepers_share_the_work_and_do_it_once(
    app: Flask, network: Network, gateway: FakeGateway, settings: Settings
) -> None:
    bookings = paid(network, gateway, *[str(seat) for seat in range(1, 13)])
    gateway.while_asked = lambda _: time.sleep(0.02)
    db.session.rollback()
    done = race(app, *[partial(check_open_payments, settings, 50)] * 4)
    assert sum(done) == 12
    assert len(gateway.asked) == len(set(gateway.asked)) == 12
    assert {fresh(booking).state for booking in bookings} == {BookingState.CONFIRMED}


def test_a_bad_payment_delays_nobody_and_is_due_again_when_its_lease_ends(
    network: Network, gateway: FakeGateway, settings: Settings
) -> None:
    bad, good = paid(network, gateway, "1", "2")
    poison = db.session.query(Payment).filter_by(booking_id=bad.id).one()
    make_due(poison)

    def choke(tx_ref: str) -> None:
        if tx_ref == poison.tx_ref:
            raise RuntimeError("a bug")

    gateway.while_asked = choke
    assert check_open_payments(settings, 10) == 2
    assert fresh(good).state == BookingState.CONFIRMED
    db.session.expire_all()
    wait = poison.next_check_at - clock.now()
    assert settings.lease_seconds - 10 < wait.total_seconds() <= settings.lease_seconds
    assert poison.checks == 1


def test_a_bad_hold_delays_nobody(
    network: Network, gateway: FakeGateway, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aurapark.checkout import sweeps

    bookings = [hold(network, seat) for seat in ("1", "2", "3")]
    for booking in bookings:
        pass_time(booking, LAPSED)
    real, poison = sweeps.expire_hold, bookings[0].reference

    def choke(reference: str) -> bool:
        if reference == poison:
            raise RuntimeError("a bug")
        return real(reference)

    monkeypatch.setattr(sweeps, "expire_hold", choke)
    assert expire_holds(settings, 10) == 2
    assert [fresh(booking).state for booking in bookings] == ["held", "expired", "expired"]


def test_a_row_that_is_locked_is_passed_over(
    app: Flask, network: Network, gateway: FakeGateway, settings: Settings
) -> None:
    first, second = paid(network, gateway, "1", "2")
    with db.engine.connect() as other:
        other.execute(text("SELECT 1 FROM payment WHERE booking_id = :id FOR UPDATE"), {"id": first.id})
        assert check_open_payments(settings, 10) == 1
    assert fresh(second).state == BookingState.CONFIRMED


def test_the_sweeper_does_everything_that_is_due_in_one_round(
    network: Network, gateway: FakeGateway, settings: Settings
) -> None:
    booking, lapsed = paid(network, gateway, "1")[0], hold(network, "2")
    pass_time(lapsed, LAPSED)
    Sweeper(settings).sweep_once()
    assert fresh(booking).state == BookingState.CONFIRMED
    assert fresh(lapsed).state == BookingState.EXPIRED
    assert len(list((settings.var / "sms").glob("*.json"))) == 1
    assert len(list((settings.var / "mail").glob("*.eml"))) == 1
    assert db.session.get(Heartbeat, "sweeper") is not None


def test_a_stop_waits_for_the_work_in_hand_and_starts_no_more(
    app: Flask, network: Network, gateway: FakeGateway, settings: Settings
) -> None:
    bookings = paid(network, gateway, "1", "2", "3")
    sweeper, asked = Sweeper(settings), threading.Event()

    def slow(_: str) -> None:
        asked.set()
        time.sleep(0.3)

    gateway.while_asked = slow
    db.session.rollback()

    def sweep() -> None:
        with app.app_context():
            sweeper.run()

    thread = threading.Thread(target=sweep)
    thread.start()
    assert asked.wait(5)
    sweeper.stopping.set()
    thread.join(5)
    assert not thread.is_alive()
    assert sorted(fresh(booking).state for booking in bookings) == ["confirmed", "held", "held"]


def test_trips_follow_the_clock(network: Network) -> None:
    def state_after(departs_in: timedelta, **changes: int) -> TripState:
        trip_id = network.add_trip(clock.now() + departs_in, **changes).id
        in_transaction(lambda: advance_trips(100))
        db.session.expire_all()
        trip = db.session.get(Trip, trip_id)
        assert trip is not None
        return trip.state

    minutes, hours = timedelta(minutes=1), timedelta(hours=1)
    assert state_after(hours) == TripState.SCHEDULED
    assert state_after(20 * minutes) == TripState.BOARDING
    assert state_after(20 * minutes, delay_minutes=60) == TripState.SCHEDULED
    assert state_after(-1 * minutes) == TripState.DEPARTED
    assert state_after(-1 * minutes, delay_minutes=5) == TripState.BOARDING
    assert state_after(-6 * hours) == TripState.COMPLETED
    assert in_transaction(lambda: advance_trips(100)) == 0
