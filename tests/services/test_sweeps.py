"""Sweeps: whatever is due gets done, by any number of processes, once; one bad row delays nobody."""

import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.booking.models import Booking, BookingState, Ticket
from aurapark.checkout.sweeps import check_open_payments, expire_holds
from aurapark.config import SANDBOX_SECRET_KEY, Settings
from aurapark.database import in_transaction
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.extensions import db
from aurapark.heartbeat import Heartbeat
from aurapark.payments.flutterwave import Flutterwave
from aurapark.payments.models import Payment
from aurapark.timetable.models import Trip, TripState
from aurapark.timetable.progress import advance_trips
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.services.test_workers import Process, eventually
from tests.stories import PAYMENT_TERMS, claims_of, details, fresh, hold, pass_time, race, start
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


# ---- real processes: the sandbox as gateway, the sweeper alone or with the worker


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def environment(sandbox: RunningSandbox) -> dict[str, str]:
    host = sandbox.address.removeprefix("http://")
    return {"FLUTTERWAVE_BASE_URL": sandbox.base_url, "FLUTTERWAVE_CHECKOUT_HOSTS": host, "SWEEP_SECONDS": "1"}


@pytest.fixture
def client_of_sandbox(sandbox: RunningSandbox) -> Flutterwave:
    return Flutterwave(
        base_url=sandbox.base_url,
        secret_key=SANDBOX_SECRET_KEY,
        checkout_hosts=[sandbox.address.removeprefix("http://")],
        mail_domain="tickets.aurapark.example",
    )


def pay_at_sandbox(booking: Booking, sandbox: RunningSandbox, client: Flutterwave) -> None:
    from aurapark.checkout.pay import start_payment

    payment = start_payment(booking.reference, details(booking), gateway=client, terms=PAYMENT_TERMS)
    sandbox.admin.pay(payment.tx_ref, method="card", outcome="approve")
    make_due(payment)


def is_confirmed(booking: Booking) -> bool:
    state = fresh(booking).state
    db.session.rollback()
    return state == BookingState.CONFIRMED


@pytest.mark.parametrize("redis", ["alive", "dead"])
def test_the_sweeper_alone_confirms_and_sends(
    network: Network,
    settings: Settings,
    sandbox: RunningSandbox,
    client_of_sandbox: Flutterwave,
    tmp_path: Path,
    redis: str,
) -> None:
    """No worker, no webhook; and, the second time, no Redis."""
    booking = hold(network, "1", "2")
    pay_at_sandbox(booking, sandbox, client_of_sandbox)
    given = {"FLUTTERWAVE_BASE_URL": sandbox.base_url}
    given |= {"REDIS_URL": "redis://127.0.0.1:9/0"} if redis == "dead" else {}
    sweeper = Process("sweeper", settings, tmp_path, **given)
    try:
        eventually(lambda: is_confirmed(booking))
        eventually(lambda: len(list((settings.var / "sms").glob("*.json"))) == 1)
        eventually(lambda: len(list((settings.var / "mail").glob("*.eml"))) == 1)
        assert sweeper.stop() == 0
        assert "sweeper_stopped" in sweeper.log
    finally:
        sweeper.stop(signal.SIGKILL)
    assert [state for _, _, state in claims_of(booking)] == ["sold"] * 4
    assert db.session.query(Ticket).count() == 2


def test_the_sweeper_survives_a_database_that_drops_it(
    network: Network, settings: Settings, sandbox: RunningSandbox, client_of_sandbox: Flutterwave, tmp_path: Path
) -> None:
    sweeper = Process("sweeper", settings, tmp_path, FLUTTERWAVE_BASE_URL=sandbox.base_url)
    try:
        eventually(lambda: "sweeper_started" in sweeper.log)
        with db.engine.connect() as other:
            killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            other.execute(text(f"{killed} AND pid <> pg_backend_pid()"))
        db.engine.dispose()
        booking = hold(network)
        pay_at_sandbox(booking, sandbox, client_of_sandbox)
        eventually(lambda: is_confirmed(booking))
        assert sweeper.process.poll() is None
    finally:
        sweeper.stop(signal.SIGKILL)
