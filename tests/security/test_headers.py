"""The headers of `security.md` on every answer of every route, and Mozilla Observatory's score of each."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aurapark import create_app
from aurapark.config import Settings
from tests.factories import Network
from tests.security.routes import Place, addresses, make_place
from tests.security.score import directives, score

SITE = "https://aurapark.example"
EVERYWHERE = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "form-action": ["'self'", "checkout.flutterwave.com"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "upgrade-insecure-requests": [],
}
NEVER = ("Access-Control-Allow-Origin", "X-Powered-By", "X-XSS-Protection")


@pytest.fixture
def secure(app: Flask, settings: Settings) -> Flask:
    """The site as in production, over https."""
    hosts = ("checkout.flutterwave.com",)
    made = create_app(replace(settings, site_url=SITE, flutterwave_checkout_hosts=hosts))
    made.view_functions["booking.find"] = lambda: 1 / 0  # one page that fails
    return made


@pytest.fixture
def place(network: Network) -> Place:
    return make_place(network)


def faults(response: TestResponse) -> list[str]:
    """What an answer lacks, or says too much."""
    headers = response.headers
    wrong = [name for name, value in EVERYWHERE.items() if headers.get(name) != value]
    policy = directives(headers.get("Content-Security-Policy", ""))
    styles = policy.pop("style-src", [])
    if policy != POLICY or styles[:1] != ["'self'"] or not all(one.startswith("'sha256-") for one in styles[1:]):
        wrong.append(f"Content-Security-Policy {policy} {styles}")
    if headers.get("Referrer-Policy") not in ("strict-origin-when-cross-origin", "no-referrer"):
        wrong.append("Referrer-Policy")
    if "Cache-Control" not in headers:
        wrong.append("Cache-Control")
    wrong += [name for name in NEVER if name in headers]
    for cookie in headers.getlist("Set-Cookie"):
        flags = {flag.strip() for flag in cookie.split(";")[1:]}
        if not {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= flags or any(f.startswith("Domain") for f in flags):
            wrong.append(f"cookie {cookie}")
    return wrong


def ask(client: FlaskClient, method: str, address: str, **headers: str) -> TestResponse:
    return client.open(address, method=method, base_url=SITE, headers=headers)


def test_every_answer_of_every_route_carries_every_header_and_scores(secure: Flask, place: Place) -> None:
    client, statuses, found, scores = secure.test_client(), set(), {}, {}
    others = [("GET", "/nope", "missing"), ("GET", "/.git/config", "git"), ("POST", "/", "wrong method")]
    walked = [*addresses(secure, place, "GET", "HEAD", "OPTIONS", "POST"), *others]
    for method, address, endpoint in walked:
        response = ask(client, method, address)
        statuses.add(response.status_code)
        if wrong := faults(response):
            found[method, endpoint] = wrong
        scores[method, endpoint] = score(response.headers, response.headers.getlist("Set-Cookie"))
    assert found == {}
    assert {200, 302, 303, 400, 401, 404, 405, 500} <= statuses
    assert min(scores.values()) >= 110, min(scores.items(), key=lambda one: one[1])


def test_the_score_is_the_published_one() -> None:
    assert score({}, []) == 100 - 25 - 20 - 5 - 20
    perfect = {
        **EVERYWHERE,
        "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }
    assert score(perfect, ["a=b; Secure; HttpOnly; SameSite=Lax"]) == 135
    assert score(perfect, ["a=b; SameSite=Lax"]) == 70
    loose = {**perfect, "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'"}
    assert score(loose, []) == 80


@pytest.mark.parametrize("path", ["/.git/config", "/.git/HEAD", "/console", "/.env", "/app.py", "/server-status"])
def test_nothing_of_the_workshop_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.get(f"/static/..{path}").status_code == 404
    assert client.get(f"/static/%2e%2e{path}").status_code == 404


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG"])
def test_methods_that_nobody_needs_are_refused(client: FlaskClient, method: str) -> None:
    assert client.open("/", method=method).status_code in (404, 405)


@pytest.mark.parametrize("how", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_no_header_changes_the_method(client: FlaskClient, how: str) -> None:
    assert client.get("/find", headers={how: "POST"}).status_code == 200
    assert client.get("/find?_method=POST").status_code == 200
