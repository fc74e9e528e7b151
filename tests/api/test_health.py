"""/api/health says what is not well, in bounded time, whatever is down."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text

from aurapark import create_app
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.heartbeat import beat
from aurapark.web import health
from tests.api.conftest import Api, data, refused
from tests.factories import Network

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def run(sql: str) -> Any:
    return in_transaction(lambda: db.session.execute(text(sql)))


def bad(response: Any) -> dict[str, Any]:
    details = refused(response, 503, "UNAVAILABLE")
    return {name: check for name, check in details["checks"].items() if not check["ok"]}


def test_it_is_well_when_everything_works(api: Api) -> None:
    in_transaction(lambda: beat("sweeper"))
    found = data(api.get("/api/health"))
    assert found["status"] == "ok"
    assert all(check["ok"] and check["age"] >= 0 for check in found["checks"].values())


def test_a_sweeper_that_never_was_or_fell_silent_is_bad(api: Api) -> None:
    assert bad(api.get("/api/health")) == {"sweeper": {"ok": False, "age": None}}
    in_transaction(lambda: beat("sweeper"))
    run("UPDATE heartbeat SET at = now() - interval '80 s'")
    assert bad(api.get("/api/health"))["sweeper"]["age"] == pytest.approx(80, abs=5)


def test_work_that_waits_too_long_is_bad(api: Api, network: Network) -> None:
    in_transaction(lambda: beat("sweeper"))
    run("INSERT INTO outbox (kind, dedupe_key, payload) VALUES ('sms', '1', '{}')")
    api.pay(api.reserve(network, "1"))
    assert data(api.get("/api/health"))["status"] == "ok"
    run("UPDATE outbox SET next_at = now() - interval '6 min'")
    run("UPDATE payment SET next_check_at = now() - interval '11 min'")
    late = bad(api.get("/api/health"))
    assert late["outbox"]["age"] == pytest.approx(360, abs=5)
    assert late["payments"]["age"] == pytest.approx(660, abs=5)
    run("UPDATE outbox SET state = 'leased', lease_until = now() + interval '1 min', lease_token = gen_random_uuid()")
    assert set(bad(api.get("/api/health"))) == {"payments"}


def test_helpers_that_fall_silent_make_it_slower_only(api: Api) -> None:
    """Nothing depends on worker and scheduler: named once they have been here, and `degraded` without them."""
    for name in ("sweeper", "worker", "scheduler"):
        in_transaction(lambda name=name: beat(name))
    assert {"worker", "scheduler"} < set(data(api.get("/api/health"))["checks"])
    run("UPDATE heartbeat SET at = now() - interval '100 s' WHERE name <> 'sweeper'")
    answer = api.get("/api/health")
    assert refused(answer, 503, "UNAVAILABLE")["status"] == "degraded"
    assert set(bad(answer)) == {"worker", "scheduler"}
    run("UPDATE heartbeat SET at = now() - interval '100 s'")
    assert refused(api.get("/api/health"), 503, "UNAVAILABLE")["status"] == "bad"


def test_what_was_given_up_is_counted(api: Api) -> None:
    in_transaction(lambda: beat("sweeper"))
    run("INSERT INTO outbox (kind, dedupe_key, payload, state) VALUES ('sms', '1', '{}', 'dead')")
    assert data(api.get("/api/health"))["checks"]["outbox"] == {"ok": True, "age": 0, "dead": 1}


def test_what_doctor_found_is_told(api: Api) -> None:
    in_transaction(lambda: beat("sweeper"))
    run("INSERT INTO doctor_report (next_at) VALUES (now())")
    assert "doctor" not in data(api.get("/api/health"))["checks"]  # no examination has ended yet
    run("UPDATE doctor_report SET clean = true, at = now() - interval '40 s', seconds = 1")
    assert data(api.get("/api/health"))["checks"]["doctor"] == {"ok": True, "age": pytest.approx(40, abs=5)}
    run("UPDATE doctor_report SET clean = false")
    assert set(bad(api.get("/api/health"))) == {"doctor"}


def test_without_redis_the_site_is_degraded(app: Flask) -> None:
    in_transaction(lambda: beat("sweeper"))
    checks = health.run_checks(db.engine, NOWHERE, sweep_seconds=5)
    assert [name for name, check in checks.items() if not check.ok] == ["redis"]


def test_the_answer_is_bounded_when_nothing_answers(app: Flask, silent: int) -> None:
    """Both servers take the connection and then say nothing."""
    engine: Engine = create_engine(f"postgresql+psycopg://a@127.0.0.1:{silent}/a", connect_args={"connect_timeout": 3})
    began = time.monotonic()
    checks = health.run_checks(engine, f"redis://127.0.0.1:{silent}/0", sweep_seconds=5)
    assert time.monotonic() - began <= 2
    assert not any(check.ok for check in checks.values())
    engine.dispose()


def test_a_live_process_says_so(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("host", ["10.0.0.7", "[::1]:8000", "evil.example", ""])
def test_a_load_balancer_may_ask_by_any_name_for_this_page_alone(app: Flask, settings: Settings, host: str) -> None:
    """Behind a proxy too, whatever it forwards; every other page keeps to its own host."""
    made = create_app(replace(settings, site_url="https://aurapark.example", proxy_count=1))
    named = {"Host": host, "X-Forwarded-Host": host, "X-Forwarded-Proto": "https"}
    answer = made.test_client().get("/healthz", headers=named)
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert "evil" not in str(answer.headers)
    for path in ("/", "/healthz/", "//healthz", "/api/health"):
        assert made.test_client().get(path, headers=named).status_code == 400, path
