"""/metrics: Prometheus can read it, only the inside can, and nothing in its labels grows."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text

from aurapark import metrics
from aurapark.breaker import Breaker
from aurapark.config import SettingsError
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.api.conftest import Api
from tests.conftest import make_settings
from tests.factories import Network

TOKEN = "a-token-of-sixteen-letters"


def read(app: Flask, **how: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The figures by name and labels."""
    answer = app.test_client().get("/metrics", **how)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def status(app: Flask, **how: Any) -> int:
    return app.test_client().get("/metrics", **how).status_code


def test_it_shows_requests_and_what_stands_in_the_database(app: Flask, api: Api, network: Network) -> None:
    key = (("endpoint", "search_api.seats"), ("method", "GET"), ("status", "200"))
    before = read(app).get(("aurapark_http_requests_total", key), 0)
    api.pay(api.reserve(network, "1"))
    api.get(f"/api/trips/{network.trip.id}/seats?from=DLA&to=YAO")
    in_transaction(lambda: db.session.execute(text(
        "INSERT INTO outbox (kind, dedupe_key, payload, state) VALUES ('sms', '1', '{}', 'dead');"
        "INSERT INTO outbox (kind, dedupe_key, payload, next_at) VALUES ('sms', '2', '{}', now() - interval '1 min')"
    )))  # fmt: skip
    found = read(app)
    assert found["aurapark_http_requests_total", key] == before + 1
    assert found["aurapark_http_request_seconds_count", (("endpoint", "search_api.seats"),)] >= 1
    assert found["aurapark_stored_figures_complete", ()] == 1
    assert found["aurapark_payment_rows", (("state", "pending"),)] == 1
    assert found["aurapark_outbox_rows", (("state", "dead"),)] == 1
    assert found["aurapark_outbox_oldest_due_seconds", ()] == pytest.approx(60, abs=5)
    assert found["aurapark_holds", ()] == 1


def test_it_costs_a_few_statements(app: Flask) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    read(app)
    assert len([s for s in statements if not s.startswith("SET LOCAL")]) == 3


def requests_counted(app: Flask) -> int:
    """How many combinations of labels there are; a process counts for all its tests."""
    return len([1 for name, _ in read(app) if name == "aurapark_http_requests_total"])


def test_labels_are_words_of_ours(app: Flask) -> None:
    client = app.test_client()
    before = requests_counted(app)
    calls = {labels for name, labels in read(app) if name == "aurapark_gateway_call_seconds_count"}
    for n in range(30):
        client.get(f"/no/such/page/{n}")
        client.get(f"/api/bookings/REF{n:03}")
        client.open("/", method=f"M{n}")
    for n in range(2 * metrics.MOST_LABELS):
        metrics.count_call(f"GET /made/up/{n}", "answered", 0.1)
    found = read(app)
    assert requests_counted(app) - before < 10
    assert (
        len({labels for name, labels in found if name == "aurapark_gateway_call_seconds_count"} - calls)
        <= metrics.MOST_LABELS + 1
    )
    assert not any("REF0" in str(labels) or "/no/such" in str(labels) for _, labels in found)


def test_from_outside_there_is_nothing(app: Flask) -> None:
    def of(address: str, **headers: str) -> int:
        return status(app, environ_base={"REMOTE_ADDR": address}, headers=headers)

    assert of("127.0.0.1") == of("::1") == of("::ffff:127.0.0.1") == 200
    assert of("127.0.0.1", Host="10.1.2.3:8000") == 200
    for outside in ("203.0.113.9", "10.0.0.1", "2001:db8::1", "", "unix"):
        assert of(outside) == 404
    # a proxy that PROXY_COUNT does not know about stands before us: everybody looks like it
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert of("127.0.0.1", **{name: "127.0.0.1"}) == 404


@pytest.mark.parametrize("environment", [{"PROXY_COUNT": "1", "METRICS_NETWORKS": "10.0.0.0/8"}])
def test_behind_a_proxy_the_address_is_the_one_it_saw(app: Flask, environment: dict[str, str]) -> None:
    def of(forwarded: str) -> int:
        return status(app, environ_base={"REMOTE_ADDR": "127.0.0.1"}, headers={"X-Forwarded-For": forwarded})

    assert of("10.0.0.7") == 200
    assert of("203.0.113.9") == 404
    assert of("10.0.0.7, 203.0.113.9") == 404  # what the client claims comes first
    assert status(app, environ_base={"REMOTE_ADDR": "127.0.0.1"}) == 404


@pytest.mark.parametrize("environment", [{"METRICS_TOKEN": TOKEN}])
def test_with_a_token_the_token_decides(app: Flask, environment: dict[str, str]) -> None:
    assert status(app) == 404
    for wrong in ("Bearer nonsense", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        assert status(app, headers={"Authorization": wrong}) == 404
    away = {"REMOTE_ADDR": "203.0.113.9"}
    assert status(app, headers={"Authorization": f"Bearer {TOKEN}"}, environ_base=away) == 200


@pytest.mark.parametrize("wrong", [{"METRICS_TOKEN": "short"}, {"METRICS_NETWORKS": "10.0.0.1/8"}, {"LOG_FORMAT": "x"}])
def test_wrong_settings_are_named(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        make_settings("postgresql+psycopg://x/y", "redis://x", tmp_path, **wrong)


def test_without_the_database_the_rest_is_shown(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurapark.web.metrics._Stored._read", lambda *_: 1 / 0)
    found = read(app)
    assert found["aurapark_stored_figures_complete", ()] == 0
    assert ("aurapark_holds", ()) not in found


def test_an_open_breaker_is_seen(app: Flask) -> None:
    at = {"now": 0.0}
    breaker = Breaker(lambda: at["now"], host="a-host")
    for _ in range(5):
        breaker.failed()
    assert read(app)["aurapark_breaker_open_until_seconds", (("host", "a-host"),)] > 1.7e9
    at["now"] = 31
    breaker.answered()
    assert read(app)["aurapark_breaker_open_until_seconds", (("host", "a-host"),)] == 0


PROCESS = """
import sys, pathlib
from aurapark import metrics
metrics.keep_in(pathlib.Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    metrics.count_message("sms", "sent")
    metrics.count_call("GET /x", "answered", 0.3)
    metrics.note_breaker("gateway", 30)
if len(sys.argv) > 3:
    print(metrics.as_text(type("None", (), {"collect": lambda self: []})()).decode())
"""


def test_processes_add_up_and_the_dead_leave_one_file(tmp_path: Path) -> None:
    """Ten processes come and go; what they counted stays, in one file a kind."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-c", PROCESS, str(tmp_path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    for _ in range(3):
        run("2")
    shown = {s.name: s.value for f in text_string_to_metric_families(run("1", "show")) for s in f.samples}
    assert shown["aurapark_messages_total"] == 7
    assert shown["aurapark_gateway_call_seconds_count"] == 7
    assert metrics.fold_the_dead(tmp_path) > 0
    assert {file.name for file in tmp_path.glob("*.db")} == {"counter_0.db", "histogram_0.db"}
    assert metrics.fold_the_dead(tmp_path) == 0
    assert metrics.FOLDER not in os.environ


def test_the_id_of_a_request_is_told(app: Flask, caplog: Any) -> None:
    made = {app.test_client().get(path).headers["X-Request-ID"] for path in ("/", "/no", "/api/trips", "/healthz")}
    assert len(made) == 4
    assert all(len(one) == 10 and one.isalnum() for one in made)
    claimed = app.test_client().get("/healthz", headers={"X-Request-ID": "claimed-by-anybody"})
    assert claimed.headers["X-Request-ID"] != "claimed-by-anybody"  # no trusted proxy stands before us


@pytest.mark.parametrize("environment", [{"PROXY_COUNT": "1"}])
def test_a_trusted_proxys_id_is_taken_over_when_its_shape_is_safe(app: Flask, environment: dict[str, str]) -> None:
    def of(given: str) -> str:
        return str(app.test_client().get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"])

    assert of("0af7651916cd43dd8448eb211c80319c") == "0af7651916cd43dd8448eb211c80319c"
    for bad in (
        "short",
        "x" * 65,
        '"}{"event":"forged',
        "a b c d e f g h",
        "../../../etc",
        "é" * 10,
        "12345678\x1b[31m",
    ):
        assert of(bad) != bad


def test_the_number_of_an_error_page_is_the_requests_id(app: Flask, monkeypatch: Any) -> None:
    monkeypatch.setattr("aurapark.checkout.api_routes.find_by_token", lambda _token: 1 / 0)
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    answer = app.test_client().get("/api/bookings/7K3QF9", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 500
    assert json.loads(answer.text)["details"]["reference"] == answer.headers["X-Request-ID"]
