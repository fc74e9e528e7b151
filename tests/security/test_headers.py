"""The headers of `security.md` on every answer of every route, and Mozilla Observatory's score of each."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func
from werkzeug.test import TestResponse

from aurapark import create_app
from aurapark.accounts.models import AgencyRole, PlatformRole, User
from aurapark.accounts.sessions import Place, open_session
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.web.audience import audience_of
from aurapark.web.doors import CLOSED
from tests.accounts import change_session, make_staff, make_user
from tests.factories import Network
from tests.office import give_factor
from tests.security.routes import Place as Sale
from tests.security.routes import addresses
from tests.security.routes import make_place as make_sale
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
def secure(app: Flask, settings: Settings) -> Iterator[Flask]:
    """The site as in production, over https."""
    hosts = ("checkout.flutterwave.com",)
    made = create_app(replace(settings, site_url=SITE, flutterwave_checkout_hosts=hosts))
    made.view_functions["booking.find"] = lambda: 1 / 0  # one page that fails
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def sale(network: Network) -> Sale:
    return make_sale(network)


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
    answer = client.open(address, method=method, base_url=SITE, headers=headers)
    answer.get_data()  # a file that is streamed ends here
    answer.close()
    return answer


def test_every_answer_of_every_route_carries_every_header_and_scores(secure: Flask, sale: Sale) -> None:
    client, statuses, found, scores = secure.test_client(), set(), {}, {}
    others = [("GET", "/nope", "missing"), ("GET", "/.git/config", "git"), ("POST", "/", "wrong method")]
    walked = [*addresses(secure, sale, "GET", "HEAD", "OPTIONS", "POST"), *others]
    for method, address, endpoint in walked:
        response = ask(client, method, address)
        statuses.add(response.status_code)
        if wrong := faults(response):
            found[method, endpoint] = wrong
        scores[method, endpoint] = score(response.headers, response.headers.getlist("Set-Cookie"))
    assert found == {}
    assert {200, 302, 303, 400, 401, 404, 405, 500} <= statuses
    assert min(scores.values()) >= 110, min(scores.items(), key=lambda one: one[1])


def enter(secure: Flask, user: User) -> FlaskClient:
    """A browser in which somebody is signed in over https, their second factor just given."""
    token, client = in_transaction(lambda: open_session(user.id, Place("Firefox", None))), secure.test_client()
    change_session(token, second_factor_at=func.now())
    with client.session_transaction(base_url=SITE) as cookie:
        cookie["_user_id"], cookie["device"] = token, "d" * 43
    return client


@pytest.mark.parametrize("who", ["traveller", AgencyRole.OWNER, PlatformRole.ADMIN])
def test_pages_of_whoever_is_signed_in_carry_every_header_and_score(secure: Flask, sale: Sale, who: Any) -> None:
    """Each page that opens to them, answered alike and kept by nobody on the way."""
    agency = sale.network.agency
    user = make_user() if who == "traveller" else make_staff(who, agency)
    give_factor(user)
    client, found, opened = enter(secure, user), {}, {}
    for method, address, endpoint in addresses(secure, sale, "GET", agency_id=agency.id, user_id=user.id):
        response = ask(client, method, address)
        if wrong := faults(response):
            found[endpoint] = wrong
        if response.status_code == 200 and audience_of(secure, endpoint) in CLOSED:
            opened[endpoint] = score(response.headers, response.headers.getlist("Set-Cookie"))
            found |= {endpoint: ["cached"]} if "no-store" not in response.headers["Cache-Control"] else {}
    assert found == {}
    assert len(opened) >= (15 if who == "traveller" else 18), opened
    assert min(opened.values()) >= 110, min(opened.items(), key=lambda one: one[1])


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
