"""The shell: headers on every answer, cookies only where needed, hosts, languages, foreign writes, error pages."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aurapark import create_app
from aurapark.config import Settings
from tests.factories import Network
from tests.pages.conftest import Way
from tests.pages.traveller import Traveller

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
)


def answers(client: FlaskClient, network: Network) -> dict[str, tuple[int, dict[str, str]]]:
    """Requests of every kind, with the status each must have."""
    seats = f"/trips/{network.trip.id}/seats?from=DLA&to=YAO"
    asked = {
        "/": 200,
        "/trips?from=DLA&to=YAO": 400,
        seats: 200,
        "/nope": 404,
        "/bookings/7K3QF9": 404,
        "/t/nonsense": 404,
        "/find": 200,
        "/static/app.css": 302,
        "/?theme=dark": 303,
        "/healthz": 200,
        "/payments/flutterwave/return": 200,
    }
    return {url: (status, dict(client.get(url).headers)) for url, status in asked.items()}


def test_every_answer_carries_the_headers(client: FlaskClient, network: Network) -> None:
    for url in answers(client, network):
        response = client.get(url)
        policy = response.headers["Content-Security-Policy"].split("; ")
        assert set(POLICY) <= set(policy), url
        for name, value in HEADERS.items():
            assert response.headers[name] == value, (url, name)


def test_every_page_has_its_status(client: FlaskClient, network: Network) -> None:
    for url, (status, _) in answers(client, network).items():
        assert client.get(url).status_code == status, url


def test_the_policy_lets_forms_lead_to_the_gateway_only(client: FlaskClient, settings: Settings) -> None:
    policy = client.get("/find").headers["Content-Security-Policy"]
    assert f"form-action 'self' {' '.join(settings.flutterwave_checkout_hosts)}" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy


def test_only_the_page_with_styles_in_it_lets_them_in(client: FlaskClient) -> None:
    first = client.get("/", headers={"Sec-Fetch-Site": "none"})
    later = client.get("/", headers={"Sec-Fetch-Site": "same-origin"})
    assert "'sha256-" in first.headers["Content-Security-Policy"]
    assert "<style>" in first.text
    assert "sha256" not in later.headers["Content-Security-Policy"]
    assert "<style>" not in later.text


def test_no_inline_script_and_no_handler(client: FlaskClient, network: Network) -> None:
    for url in answers(client, network):
        page = client.get(url).text
        assert "<script>" not in page
        assert "javascript:" not in page
        assert " style=" not in page
        assert " onclick=" not in page


def test_hsts_and_upgrade_belong_to_https(settings: Settings, tmp_path: Path, client: FlaskClient) -> None:
    plain = client.get("/find")
    assert "Strict-Transport-Security" not in plain.headers
    assert "upgrade-insecure-requests" not in plain.headers["Content-Security-Policy"]
    from dataclasses import replace

    secure = create_app(replace(settings, site_url="https://aurapark.example"))
    response = secure.test_client().get("/find", base_url="https://aurapark.example")
    assert response.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    assert response.headers["Content-Security-Policy"].endswith("upgrade-insecure-requests")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "url", ["/", "/trips?from=DLA&to=YAO&date=2026-12-30&passengers=1", "/static/app.css", "/nope"]
)
def test_pages_that_anybody_may_cache_set_no_cookie(client: FlaskClient, network: Network, url: str) -> None:
    assert "Set-Cookie" not in client.get(url).headers


def test_home_may_be_cached_and_the_booking_may_not(way: Way, client: FlaskClient) -> None:
    assert client.get("/").headers["Cache-Control"].startswith("public")
    page = way.hold("12", "13")
    assert page.response.headers["Cache-Control"] == "no-store"


def test_the_seat_page_makes_the_visitor(client: FlaskClient, network: Network) -> None:
    cookie = client.get(f"/trips/{network.trip.id}/seats?from=DLA&to=YAO").headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert len(cookie.split(";")[0]) <= 300
    again = client.get(f"/trips/{network.trip.id}/seats?from=DLA&to=YAO")
    assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_cannot_write(way: Way, headers: dict[str, str]) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    page = way.traveller.client.post(way.seats_url, data={**form, "seat": ["12", "13"]}, headers=headers)
    assert page.status_code == 403


def test_a_form_without_our_token_is_refused(way: Way, stranger: Traveller) -> None:
    form = way.traveller.get(way.seats_url).form(f"/trips/{way.network.trip.id}/seats")
    stolen = stranger.post(way.seats_url, {**form, "seat": ["12", "13"]})
    assert stolen.status == 400
    missing = way.traveller.post(way.seats_url, {**form, "csrf_token": "", "seat": ["12", "13"]})
    assert missing.status == 400
    assert "reload the page" in missing.text


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:80", "localhost@evil.example"]
)
def test_a_foreign_host_is_refused(client: FlaskClient, host: str) -> None:
    response = client.get("/find", headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.text
    assert response.headers["X-Frame-Options"] == "DENY"


def test_forwarded_headers_count_only_behind_a_proxy_of_ours(settings: Settings, client: FlaskClient) -> None:
    from dataclasses import replace

    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert client.get("/find", headers=forged).status_code == 200
    behind = create_app(replace(settings, proxy_count=1)).test_client()
    assert behind.get("/find", headers=forged).status_code == 400


def test_the_language_is_asked_once_and_kept(client: FlaskClient, network: Network) -> None:
    assert 'lang="fr"' in client.get("/").text
    assert 'lang="en"' in client.get("/", headers={"Accept-Language": "en-GB,en"}).text
    url = f"/trips/{network.trip.id}/seats?from=DLA&to=YAO&passengers=2"
    switched = client.get(url + "&lang=en")
    assert "Choose 2 seats" in switched.text
    assert "Choose 2 seats" in client.get(url).text
    assert "passengers=2&amp;lang=fr" in client.get(url).text


def test_colours_are_a_choice(client: FlaskClient) -> None:
    switched = client.get("/find?theme=dark")
    assert switched.headers["Location"] == "/find"
    assert 'data-theme="dark"' in client.get("/find").text


def test_errors_say_what_to_do(traveller: Traveller) -> None:
    page = traveller.get("/nope")
    assert page.status == 404
    assert {"/", "/find"} <= {a.get("href") for a in page.all("a")}
    assert traveller.client.post("/trips").status_code == 405
    assert traveller.post("/find", {"phone": "1" * 70_000}).status == 413


def test_a_failure_has_a_number_and_nothing_else(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.testing = False
    app.view_functions["booking.find"] = lambda: 1 / 0
    response = app.test_client().get("/find", headers={"Accept-Language": "en"})
    assert response.status_code == 500
    assert "ZeroDivision" not in response.text
    number = response.text.split('class="figure">')[1].split("<")[0]
    assert f"reference={number}" in caplog.text
    assert "Content-Security-Policy" in response.headers


def test_a_busy_database_is_a_503(app: Flask) -> None:
    from aurapark.errors import Unavailable

    def busy() -> str:
        raise Unavailable

    app.view_functions["booking.find"] = busy
    response = app.test_client().get("/find")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "url", ["/trips?from=%00", "/bookings/%00", "/t/%00", "/payments/flutterwave/return?tx_ref=%00"]
)
def test_nul_is_refused(client: FlaskClient, url: str) -> None:
    assert client.get(url).status_code == 400
