"""Limits as people and programs meet them: refusals say when to try again and what to do instead."""

import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from aurapark import create_app
from aurapark.config import Settings
from aurapark.devstack.servers import EmbeddedServers, embedded_servers
from aurapark.extensions import db
from aurapark.references import ALPHABET, booking_token
from aurapark.web import floods
from aurapark.web.network import network_of
from tests.conftest import make_settings
from tests.factories import Network
from tests.pages.conftest import Way
from tests.pages.traveller import Page, Traveller
from tests.stories import HOLD_TERMS, PAYER, confirm

FAULT_SCALE = int(os.environ.get("FAULT_SCALE", "1"))
GUESSES = 1_000 if FAULT_SCALE == 1 else 100_000
LOCAL_PHONE = PAYER.phone.removeprefix("+237")


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "RATE_LIMITS": "on"}


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch, servers: EmbeddedServers) -> None:
    """So little that a test can use it up; taken up when the application starts. Redis has counted nothing yet."""
    Redis.from_url(servers.redis_url).flushall()
    monkeypatch.setattr(floods, "BUDGET", 5)


def find(someone: Traveller, reference: str, phone: str = LOCAL_PHONE) -> Page:
    form = someone.get("/find").form("/find")
    return someone.post("/find", {**form, "reference": reference, "phone": phone})


def clock_time(text: str) -> str:
    found = re.search(r"\d\d:\d\d", text)
    assert found, text
    return found[0]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("41.202.219.77", "41.202.219.0/24"),
        ("2c0f:eb58:12:34:a::1", "2c0f:eb58:12:34::/64"),
        ("::ffff:41.202.219.77", "41.202.219.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_a_network_is_a_24_or_a_64(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_third_unpaid_booking_is_refused_with_a_time_and_the_way_to_the_others(way: Way, network: Network) -> None:
    for _ in range(2):
        way.hold("12")
        way.network.trip = network.add_trip()
        way.seats_url = f"/trips/{way.network.trip.id}/seats?from=DLA&to=YAO&passengers=2"
    refused = way.hold("12")
    assert refused.status == 429
    assert int(refused.response.headers["Retry-After"]) > 800
    assert clock_time(refused.text)
    assert "not paid yet" in refused.text
    assert len([link for link in refused.all("a") if (link.get("href") or "").endswith("/checkout")]) == 2


def test_the_api_says_when_to_try_again(client: FlaskClient, network: Network) -> None:
    wish = {"tripId": network.trip.id, "from": "DLA", "to": "YAO"}
    answers = [client.post("/api/bookings/reserve", json={**wish, "count": 6}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    said = answers[3].get_json()
    assert said["code"] == "RATE_LIMIT_EXCEEDED"
    assert said["details"]["retryAt"]
    assert int(answers[3].headers["Retry-After"]) > 800


def test_five_wrong_phones_close_a_reference_for_everybody_but_not_its_link(
    traveller: Traveller, stranger: Traveller, network: Network
) -> None:
    booking = confirm(network, "12")
    for number in range(5):
        assert find(stranger, booking.reference, f"69912345{number}").status == 422
    closed = find(traveller, booking.reference)
    assert closed.status == 429
    assert "link in your SMS" in closed.text
    unknown = [find(stranger, "ZZZZZ2").status for _ in range(6)]
    assert unknown == [422] * 5 + [429]  # alike for a booking that does not exist
    token = booking_token(HOLD_TERMS.token_key, booking.reference, booking.token_version)
    assert traveller.get(f"/t/{token}").status == 200


def test_a_visitor_guesses_twenty_times_an_hour_and_emptying_redis_changes_nothing(
    stranger: Traveller, network: Network, servers: EmbeddedServers
) -> None:
    confirm(network, "12")
    statuses = [find(stranger, f"ZZZZ{ALPHABET[number]}2").status for number in range(20)]
    Redis.from_url(servers.redis_url).flushall()
    assert statuses == [422] * 20
    assert find(stranger, "YYYYY2").status == 429


@pytest.mark.parametrize("budget", [floods.BUDGET, 10**9], ids=["all limits", "PostgreSQL alone"])
def test_guessed_references_open_nothing_and_meet_the_limits(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, app: Flask, network: Network, budget: int
) -> None:
    """100,000 in the long form; a new cookie now and then, so that only the network is counted."""
    booking = confirm(network, "12")
    db.session.remove()  # the long form takes longer than a transaction may be idle
    redis = Redis.from_url(settings.redis_url)
    redis.flushall()
    monkeypatch.setattr(floods, "BUDGET", budget)
    site, seen = create_app(settings), Counter[int]()
    for number in range(GUESSES):
        if number % 15 == 0:
            another = site.test_client()
            page = another.get("/find")
            if page.status_code == 200:
                someone, token = another, Page(page, "/find").form("/find")["csrf_token"]
        guess = "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(6))
        reference = guess if number % 100 else booking.reference
        form = {"csrf_token": token, "reference": reference, "phone": f"6991{number % 100_000:05}"}
        seen[someone.post("/find", data=form).status_code] += 1
    redis.flushall()
    with site.app_context():
        db.engine.dispose()
    print(f"\n{GUESSES} guesses: {dict(seen)}")  # noqa: T201  shown with -s
    assert set(seen) == {422, 429}
    assert seen[422] <= 300


def test_a_wrong_token_opens_nothing_and_is_flood_like_any_request(small_budget: None, client: FlaskClient) -> None:
    statuses = [
        client.get("/api/bookings/7K3QF9", headers={"Authorization": f"Bearer {number}"}).status_code
        for number in range(7)
    ]
    assert statuses == [404] * 5 + [429] * 2


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_flood_gets_a_calm_page_with_a_time(small_budget: None, app: Flask, language: str) -> None:
    client = app.test_client()
    answers = [client.get("/", headers={"Accept-Language": language}) for _ in range(6)]
    refused = Page(answers[5], "/")
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[5].headers["Retry-After"] == "60"
    assert "Set-Cookie" not in answers[5].headers
    assert ("Patientez" if language == "fr" else "Please wait") in refused.text


def test_what_is_not_found_costs_too_and_spoofed_addresses_change_nothing(
    small_budget: None, client: FlaskClient
) -> None:
    statuses = [
        client.get("/nothing", headers={"X-Forwarded-For": f"10.0.{number}.1", "Forwarded": f"for=10.1.{number}.1"})
        for number in range(7)
    ]
    assert [answer.status_code for answer in statuses] == [404] * 5 + [429] * 2
    assert client.get("/", environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 200


def test_health_files_and_webhooks_are_never_turned_away(small_budget: None, client: FlaskClient) -> None:
    for _ in range(6):
        client.get("/")
    assert client.get("/").status_code == 429
    assert client.get("/healthz").status_code == 200
    assert client.get(Page(app_home(client), "/").one("link[@rel='icon']").get("href") or "").status_code == 200
    for _ in range(20):
        assert client.post("/api/payments/webhook/flutterwave", json={}).status_code == 401
    too_large = client.post("/api/payments/webhook/flutterwave", data=b"x" * 70_000)
    assert too_large.status_code == 413


def app_home(client: FlaskClient) -> object:
    return client.get("/", environ_base={"REMOTE_ADDR": "203.0.113.1"})


class Frozen:
    """A site on a Valkey of its own, which can be stopped and let go on."""

    def __init__(self, app: Flask, pid: int) -> None:
        self.client, self.pid = app.test_client(), pid

    def asked(self) -> tuple[int, float]:
        """Status of a page and how long it took, in seconds."""
        begun = time.monotonic()
        status = self.client.get("/healthz-nothing").status_code
        return status, time.monotonic() - begun


def test_a_frozen_redis_costs_one_request_less_than_100_ms_and_then_nothing(
    small_budget: None, database_url: str, tmp_path: Path
) -> None:
    with embedded_servers(tmp_path / "redis", ephemeral=True, database_url=database_url, redis_url=None) as own:
        assert own.valkey is not None
        app = create_app(make_settings(database_url, own.redis_url, tmp_path / "var", RATE_LIMITS="on"))
        site = Frozen(app, own.valkey.pid)
        usual = min(site.asked()[1] for _ in range(3))
        os.kill(site.pid, signal.SIGSTOP)
        try:
            first, *others = [site.asked() for _ in range(7)]
            print(f"\nusual {usual:.3f} s, frozen {first[1]:.3f} s, then {[round(o[1], 3) for o in others]}")  # noqa: T201
            assert first[1] - usual < 0.1
            assert sorted(seconds for _, seconds in others)[3] < usual + 0.02
            assert [status for status, _ in (first, *others)] == [404] * 5 + [429] * 2  # counted here now
        finally:
            os.kill(site.pid, signal.SIGCONT)
        with app.app_context():
            db.engine.dispose()
