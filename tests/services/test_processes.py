"""Whole processes: the sandbox as gateway, the sweeper or the worker alone: either suffices, killing loses nothing."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text

from aurapark import wake as waking
from aurapark.booking.models import Booking, BookingState, Ticket
from aurapark.checkout.pay import start_payment
from aurapark.config import SANDBOX_SECRET_KEY, SANDBOX_WEBHOOK_SECRET, Settings
from aurapark.database import in_transaction
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.payments.flutterwave import Flutterwave
from aurapark.payments.models import Payment
from tests.factories import Network
from tests.processes import Process, eventually
from tests.stories import PAYMENT_TERMS, claims_of, details, fresh, hold, pass_time, payments_of


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


def pay_at_sandbox(booking: Booking, sandbox: RunningSandbox, client: Flutterwave) -> Payment:
    """Start a payment and pay it by card; nobody has been told."""
    payment = start_payment(booking.reference, details(booking), gateway=client, terms=PAYMENT_TERMS)
    sandbox.admin.pay(payment.tx_ref, method="card", outcome="approve")
    return payment


def make_due(payment: Payment) -> None:
    """Let the next question about an attempt be due now."""
    due = text("UPDATE payment SET next_check_at = now() WHERE id = :id")
    in_transaction(lambda: db.session.execute(due, {"id": payment.id}))


def messages(settings: Settings) -> list[int]:
    """How many SMS and mails have been written."""
    return [
        len(list((settings.var / folder).iterdir())) for folder in ("sms", "mail") if (settings.var / folder).exists()
    ]


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
    make_due(pay_at_sandbox(booking, sandbox, client_of_sandbox))
    given = {"FLUTTERWAVE_BASE_URL": sandbox.base_url}
    given |= {"REDIS_URL": "redis://127.0.0.1:9/0"} if redis == "dead" else {}
    sweeper = Process("sweeper", settings, tmp_path, **given)
    try:
        eventually(lambda: is_confirmed(booking))
        eventually(lambda: messages(settings) == [1, 1])
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
        make_due(pay_at_sandbox(booking, sandbox, client_of_sandbox))
        eventually(lambda: is_confirmed(booking))
        assert sweeper.process.poll() is None
    finally:
        sweeper.stop(signal.SIGKILL)


@pytest.fixture
def redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setattr(waking, "PATIENCE", 5.0)  # a busy machine is no dead Redis: here the wake-up must get through
    connection = Redis.from_url(settings.redis_url)
    connection.flushall()
    waking._state.update(quiet_until=0.0)
    yield connection
    connection.flushall()
    connection.close()


@pytest.fixture
def worker(sandbox: RunningSandbox, settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Process]:
    process = Process("worker", settings, tmp_path, FLUTTERWAVE_BASE_URL=sandbox.base_url, LEASE_SECONDS="2")
    eventually(lambda: "worker_started" in process.log)
    yield process
    process.stop(signal.SIGKILL)


@contextlib.contextmanager
def emptied_every(seconds: float, redis: Redis) -> Iterator[None]:
    """Redis loses everything again and again while the block runs."""
    done = threading.Event()

    def empty() -> None:
        while not done.wait(seconds):
            redis.flushall()

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def lapsed(network: Network, seat: str) -> Booking:
    """A hold whose time is over, which nobody has tidied up."""
    booking = hold(network, seat)
    pass_time(booking, timedelta(minutes=16))
    return booking


def test_the_sweeper_suffices_when_redis_is_emptied_and_the_others_are_dead(
    network: Network,
    settings: Settings,
    sandbox: RunningSandbox,
    client_of_sandbox: Flutterwave,
    redis: Redis,
    tmp_path: Path,
) -> None:
    given = {"FLUTTERWAVE_BASE_URL": sandbox.base_url}
    dead = [Process(name, settings, tmp_path, **given) for name in ("worker", "scheduler")]
    for process in dead:
        process.stop(signal.SIGKILL)
    with emptied_every(2, redis):
        bookings = [hold(network, seat) for seat in ("1", "2", "3")]
        for booking in bookings:
            make_due(pay_at_sandbox(booking, sandbox, client_of_sandbox))
        late = lapsed(network, "20")
        sweeper = Process("sweeper", settings, tmp_path, **given)
        try:
            eventually(lambda: all(map(is_confirmed, bookings)))
            eventually(lambda: messages(settings) == [3, 3])
            eventually(lambda: fresh(late).state == BookingState.EXPIRED)
        finally:
            sweeper.stop(signal.SIGKILL)


def test_worker_and_scheduler_suffice_without_the_sweeper(
    network: Network,
    settings: Settings,
    sandbox: RunningSandbox,
    client_of_sandbox: Flutterwave,
    worker: Process,
    tmp_path: Path,
) -> None:
    """No webhook and no wake-up either: the schedule alone asks about payments, sends and tidies up."""
    booking, late = hold(network, "1"), lapsed(network, "20")
    make_due(pay_at_sandbox(booking, sandbox, client_of_sandbox))
    scheduler = Process("scheduler", settings, tmp_path)
    try:
        eventually(lambda: is_confirmed(booking))
        eventually(lambda: messages(settings) == [1, 1])
        eventually(lambda: fresh(late).state == BookingState.EXPIRED)
    finally:
        scheduler.stop(signal.SIGKILL)
    assert worker.process.poll() is None


def send_webhook(client: FlaskClient, payment: Payment) -> None:
    body = {"event": "charge.completed", "data": {"id": 1, "tx_ref": payment.tx_ref, "status": "successful"}}
    headers = {"verif-hash": SANDBOX_WEBHOOK_SECRET}
    assert client.post("/api/payments/webhook/flutterwave", json=body, headers=headers).status_code == 200


def test_the_worker_alone_confirms_and_sends_after_a_webhook(
    client: FlaskClient,
    network: Network,
    settings: Settings,
    sandbox: RunningSandbox,
    client_of_sandbox: Flutterwave,
    worker: Process,
) -> None:
    booking = hold(network)
    payment = pay_at_sandbox(booking, sandbox, client_of_sandbox)
    started = time.monotonic()
    send_webhook(client, payment)
    eventually(lambda: is_confirmed(booking))
    assert time.monotonic() - started < 10
    eventually(lambda: messages(settings) == [1, 1])


def in_the_middle_of_a_question(
    client: FlaskClient, sandbox: RunningSandbox, payment: Payment, *, seconds: float
) -> None:
    """Return when the worker is waiting for the gateway's answer."""
    sandbox.admin.fault("slow", endpoint="verify_by_reference", seconds=seconds)
    send_webhook(client, payment)
    eventually(lambda: sandbox.admin.faults()[0]["fired"] == 1)


def test_a_worker_told_to_stop_finishes_the_work_in_hand(
    client: FlaskClient, network: Network, sandbox: RunningSandbox, client_of_sandbox: Flutterwave, worker: Process
) -> None:
    booking = hold(network)
    payment = pay_at_sandbox(booking, sandbox, client_of_sandbox)
    in_the_middle_of_a_question(client, sandbox, payment, seconds=1.5)
    assert worker.stop() == 0
    assert is_confirmed(booking), worker.log


def test_the_work_of_a_killed_worker_is_resumed_once(
    client: FlaskClient,
    network: Network,
    settings: Settings,
    sandbox: RunningSandbox,
    client_of_sandbox: Flutterwave,
    worker: Process,
    tmp_path: Path,
) -> None:
    booking = hold(network)
    payment = pay_at_sandbox(booking, sandbox, client_of_sandbox)
    in_the_middle_of_a_question(client, sandbox, payment, seconds=5)
    worker.stop(signal.SIGKILL)
    assert not is_confirmed(booking)
    sweeper = Process("sweeper", settings, tmp_path, FLUTTERWAVE_BASE_URL=sandbox.base_url)
    try:
        eventually(lambda: "sweeper_started" in sweeper.log)
        eventually(lambda: is_confirmed(booking), seconds=15)  # the lease is 2 s here, a sweep 1 s
    finally:
        sweeper.stop()
    assert len(payments_of(booking)) == 1
    assert (db.session.query(Ticket).count(), db.session.query(OutboxRow).count()) == (1, 2)
