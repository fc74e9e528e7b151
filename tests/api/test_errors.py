"""Every error under /api is the error object, in the language asked for, and no cookie is ever set or read."""

import json
import logging
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking import queries
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.api.conftest import Api, data, refused
from tests.factories import Network
from tests.fakes import FakeGateway

RESERVE = "/api/bookings/reserve"


def test_an_unknown_address_is_the_error_object(api: Api) -> None:
    for path in ("/api/", "/api/nothing", "/api/bookings", "/api/jobs", "/api/stops/"):
        for method in ("GET", "POST", "PUT", "DELETE"):
            refused(api.call(method, path), 404, "NOT_FOUND")


UNREADABLE = [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b'"text"', "application/json", 400),
    (b"null", "application/json", 400),
    (b'{"tripId": NaN}', "application/json", 400),
    (b'{"tripId": 1, "tripId": 2}', "application/json", 400),
    (b'{"tripId": "\xff"}', "application/json", 400),
    (b'{"tripId": ' + b"9" * 5000 + b"}", "application/json", 400),
    (b"[" * 30000 + b"]" * 30000, "application/json", 400),
    (b'{"a": "' + b"x" * 70000 + b'"}', "application/json", 413),
    (b"{}", "text/plain", 415),
    (b"{}", "", 415),
    (b"tripId=1", "application/x-www-form-urlencoded", 415),
    (b"{}", "multipart/form-data; boundary=x", 415),
]


def test_a_wrong_method_says_which_are_right(api: Api) -> None:
    answer = api.call("DELETE", "/api/stops")
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["Allow"]


def test_a_body_that_cannot_be_read_is_refused(api: Api, network: Network) -> None:
    for body, kind, status in UNREADABLE:
        refused(api.call("POST", RESERVE, data=body, content_type=kind), status, "VALIDATION_ERROR")


def test_the_sentence_is_in_the_language_of_accept_language(api: Api, network: Network) -> None:
    said = {}
    for language in ("fr", "en", "de", ""):
        api.language = language
        said[language] = api.post(RESERVE, {"tripId": 999, "from": "DLA", "to": "YAO", "seats": ["1"]}).json["error"]
    assert said["fr"].startswith("Ce départ")
    assert said["en"].startswith("This trip")
    assert said["de"] == said[""] == said["fr"]


def test_cookies_and_switches_are_neither_read_nor_set(app: Flask, network: Network) -> None:
    client = app.test_client()
    client.set_cookie("lang", "en")
    client.set_cookie("session", "forged")
    answer = client.get("/api/trips?from=DLA&lang=en&theme=dark", headers={"Accept-Language": "fr"})
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert "regard" in answer.json["error"] or "réponse" in answer.json["error"]


def test_another_site_may_write_with_a_token_but_not_with_a_cookie(api: Api, network: Network) -> None:
    body = {"tripId": network.trip.id, "from": "DLA", "to": "YAO", "seats": ["1"]}
    answer = api.post(RESERVE, body, Origin="https://elsewhere.example")
    assert data(answer)["seats"] == ["1"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_personal_answers_are_kept_by_no_cache(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "1")
    for answer in (
        api.get(f"/api/bookings/{held['bookingRef']}"),
        api.pay(held),
        api.get("/api/bookings/ZZZZZZ"),
        api.get(f"/api/trips/{network.trip.id}/seats?from=DLA&to=YAO"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_bug_shows_a_number_only(app: Flask, network: Network, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(_token: str) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr("aurapark.checkout.api_routes.find_by_token", broken)
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    with caplog.at_level(logging.ERROR):
        answer = Api(app, token="x").get("/api/bookings/7K3QF9")
    details = refused(answer, 500, "INTERNAL_ERROR")
    assert set(details) == {"reference"}
    assert "secret" not in answer.text
    assert details["reference"] in caplog.text


def test_a_locked_row_is_busy_and_says_when_to_come_back(
    api: Api, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = api.reserve(network, "1")
    original = queries.find_by_token

    def impatient(token: str) -> Any:
        found = original(token)
        in_transaction(lambda: db.session.execute(text("SET lock_timeout = '50ms'")))
        return found

    monkeypatch.setattr("aurapark.checkout.api_routes.find_by_token", impatient)
    with db.engine.connect() as other:
        other.execute(text("SELECT FROM booking FOR UPDATE"))
        answer = api.post(f"/api/bookings/{held['bookingRef']}/extend")
    refused(answer, 503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0


def test_answers_are_utf8_json_without_a_callback(api: Api, network: Network) -> None:
    answer = api.get("/api/stops?callback=x")
    assert answer.mimetype == "application/json"
    assert json.loads(answer.data.decode())["data"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
