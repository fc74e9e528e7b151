"""One key, one payment: replayed, refused, recovered after a crash, and raced for by twenty callers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.checkout.once import with_idempotency
from aurapark.checkout.sweeps import forget_keys
from aurapark.config import ROOT, Settings
from aurapark.database import in_transaction
from aurapark.errors import Unavailable
from aurapark.extensions import db
from aurapark.payments.idempotency import Answer, StillRunning
from tests.api.conftest import PAYER, Api, data, refused
from tests.factories import Network
from tests.fakes import FakeGateway

CALLERS = 20


def run(sql: str) -> Any:
    return in_transaction(lambda: db.session.execute(text(sql)))


def attempts() -> int:
    return int(run("SELECT count(*) FROM payment").scalar())


def test_the_same_key_and_body_give_the_same_answer(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    first, second = api.pay(held), api.pay(held)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status_code, second.json) == (201, first.json)
    assert (attempts(), len(gateway.opened)) == (1, 1)


def test_the_order_of_fields_is_no_difference(api: Api, network: Network) -> None:
    held = api.reserve(network, "12")
    data(api.pay(held))
    again = api.pay(held, contact=dict(reversed(PAYER.items())))
    assert again.headers["Idempotent-Replayed"] == "true"


def test_another_body_is_refused(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    data(api.pay(held))
    refused(api.pay(held, contact={"phone": "677777777"}), 422, "IDEMPOTENCY_KEY_REUSED")
    assert len(gateway.opened) == 1


def test_a_key_belongs_to_its_caller(api: Api, network: Network, gateway: FakeGateway) -> None:
    data(api.pay(api.reserve(network, "12"), key="mine"))
    other = Api(api.app)
    assert "Idempotent-Replayed" not in other.pay(other.reserve(network, "13"), key="mine").headers
    assert len(gateway.opened) == 2


def test_a_failed_call_lets_its_key_go(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    gateway.up = False
    refused(api.pay(held), 502, "GATEWAY_UNAVAILABLE")
    gateway.up = True
    assert data(api.pay(held, contact={"phone": "677777777"}))["link"]


def test_while_the_first_call_runs_the_second_is_told(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    seen: list[dict[str, Any]] = []
    gateway.while_opening = lambda _: seen.append(refused(api.pay(held), 409, "CONFLICT"))
    assert data(api.pay(held))["link"]
    assert seen == [{}]


def test_a_crashed_call_leaves_its_key_when_its_lock_is_over(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")

    def die(_: object) -> None:
        raise SystemExit

    gateway.while_opening = die
    with pytest.raises(SystemExit):
        api.pay(held)
    gateway.while_opening = lambda _: None
    refused(api.pay(held), 409, "CONFLICT")
    run("UPDATE idempotency_key SET locked_until = now()")
    run("UPDATE payment SET created_at = created_at - interval '11 s'")
    refused(api.pay(held, contact={"phone": "677777777"}), 422, "IDEMPOTENCY_KEY_REUSED")
    recovered = api.pay(held)
    assert data(recovered)["link"]
    assert api.pay(held).json == recovered.json
    assert attempts() == 2


KILLED = """
import os, signal, sys
from datetime import timedelta
from aurapark import create_app
from aurapark.checkout.once import with_idempotency
from aurapark.config import load_settings

def work():
    print("working", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

with create_app(load_settings()).app_context():
    with_idempotency("caller", "key", {"a": 1}, lease=timedelta(minutes=2), work=work)
"""


def test_a_process_killed_between_key_and_answer_leaves_the_key_to_the_next(app: Flask, settings: Settings) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "AURAPARK_VAR": str(settings.var),
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (killed.returncode, "working" in killed.stdout) == (-signal.SIGKILL, True), killed.stderr

    def call() -> Answer:
        work = partial(Answer, 201, {"number": 2})
        return with_idempotency("caller", "key", {"a": 1}, lease=timedelta(minutes=2), work=work)

    with pytest.raises(StillRunning):
        call()
    run("UPDATE idempotency_key SET locked_until = now()")
    assert call() == Answer(201, {"number": 2})
    assert call() == Answer(201, {"number": 2}, replayed=True)


def test_an_answer_is_kept_for_72_hours(api: Api, network: Network) -> None:
    held = api.reserve(network, "12")
    first = data(api.pay(held))
    run("UPDATE idempotency_key SET created_at = created_at - interval '71 h'")
    assert data(api.pay(held)) == first
    run("UPDATE idempotency_key SET created_at = created_at - interval '2 h'")
    run("UPDATE payment SET created_at = created_at - interval '11 s'")
    assert data(api.pay(held))["txRef"] != first["txRef"]


def test_keys_are_swept_when_their_72_hours_are_over(api: Api, network: Network, settings: Settings) -> None:
    held = api.reserve(network, "12")
    first = data(api.pay(held))
    assert forget_keys(settings, 10) == 0
    run("UPDATE idempotency_key SET created_at = created_at - interval '71 h'")
    assert forget_keys(settings, 10) == 0
    assert data(api.pay(held)) == first
    run("UPDATE idempotency_key SET created_at = created_at - interval '2 h'")
    assert (forget_keys(settings, 10), forget_keys(settings, 10)) == (1, 0)


def at_once(work: Callable[[], Any]) -> list[Any]:
    """Let twenty callers do this at the same moment; return what came of it."""
    barrier, came = threading.Barrier(CALLERS), []

    def caller() -> None:
        barrier.wait()
        came.append(work())

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_twenty_at_once_open_one_payment(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    gateway.while_opening = lambda _: time.sleep(0.3)
    answers = at_once(lambda: Api(api.app, token=api.token).pay(held))
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) <= {201, 409, 503}
    assert codes[201] >= 1
    assert len({answer.json["data"]["txRef"] for answer in answers if answer.status_code == 201}) == 1
    assert (attempts(), len(gateway.opened)) == (1, 1)


def test_twenty_at_once_do_the_work_once(app: Flask) -> None:
    done: list[Answer] = []

    def work() -> Answer:
        done.append(Answer(201, {"number": len(done)}))
        time.sleep(0.2)
        return done[-1]

    def call() -> Answer | None:
        with app.app_context():
            try:
                return with_idempotency("caller", "key", {"a": 1}, lease=timedelta(minutes=1), work=work)
            except (StillRunning, Unavailable):
                return None

    answers = [answer for answer in at_once(call) if answer]
    assert len(done) == 1
    assert {(answer.status, answer.data["number"]) for answer in answers} == {(201, 0)}
