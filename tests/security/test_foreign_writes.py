"""No other site writes in somebody's name, and no field that nobody asked for moves anything. Every route."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.extensions import db
from tests.accounts import browser_of, make_user
from tests.architecture.test_reading import everything
from tests.factories import Network
from tests.office import staff_browser
from tests.security.cast import Cast, Once, ask
from tests.security.doors import letter_of, routes_of
from tests.security.routes import UNSAFE, Place, addresses, make_place

LOOKED_AT = ("login_session",)  # when somebody was last seen
REFUSED = (400, 403)
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
EXTRA = {
    "role": "admin",
    "platform_role": "admin",
    "agency_id": "2",
    "agencyId": 2,
    "user_id": "1",
    "total": "1",
    "amount": "1",
    "price": "1",
    "commission": "0",
    "state": "confirmed",
    "status": "successful",
    "currency": "NGN",
    "email_verified": "true",
    "email_verified_at": "2026-01-01",
    "confirmed_at": "2026-01-01",
    "is_admin": "1",
    "channel": "counter",
}


@pytest.fixture
def place(network: Network) -> Place:
    return make_place(network)


def nobody(app: Flask) -> FlaskClient:
    return browser_of(app)


def traveller(app: Flask) -> FlaskClient:
    return browser_of(app, make_user())


def owner(app: Flask) -> FlaskClient:
    return staff_browser(app, AgencyRole.OWNER)[1]


def admin(app: Flask) -> FlaskClient:
    return staff_browser(app, PlatformRole.ADMIN)[1]


def own_token(client: FlaskClient) -> str:
    """The token that the site's own forms carry in this browser."""
    found = TOKEN.search(client.get("/find").text)
    assert found, "no token in the form of /find"
    return found[1]


def content() -> dict[str, Any]:
    return {name: value for name, value in everything().items() if not name.endswith(LOOKED_AT)}


@pytest.mark.parametrize("who", [nobody, traveller, owner, admin], ids=lambda who: who.__name__)
def test_no_form_of_another_site_is_taken(app: Flask, place: Place, who: Callable[[Flask], FlaskClient]) -> None:
    client, stranger = who(app), browser_of(app)
    mine, foreign = own_token(client), own_token(stranger)
    ways: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"csrf_token": foreign}, {}),
        ({"csrf_token": mine}, {"Origin": "https://evil.example"}),
        ({"csrf_token": mine}, {"Origin": "null"}),
        ({"csrf_token": mine}, {"Sec-Fetch-Site": "cross-site"}),
    ]
    before, taken, seen = content(), [], 0
    for method, address, endpoint in addresses(app, place, *UNSAFE):
        if address.startswith("/api/"):
            continue
        for fields, headers in ways:
            answer = client.open(address, method=method, data=fields, headers=headers)
            if answer.status_code not in REFUSED:
                taken.append((endpoint, fields, headers, answer.status_code))
        as_text = client.open(
            f"{address}?csrf_token={mine}", method=method, data=json.dumps({"a": 1}), content_type="text/plain"
        )
        if as_text.status_code not in REFUSED:
            taken.append((endpoint, {"csrf_token": "in the address"}, {}, as_text.status_code))
        seen += 1
    assert taken == []
    assert seen >= 6
    assert content() == before


def test_the_api_ignores_cookies(app: Flask, place: Place) -> None:
    """A session that owns the booking on the pages is nobody under /api: there only the token opens."""
    client = browser_of(app)
    assert client.get(f"/t/{place.token}").status_code == 303
    before = content()
    statuses = {
        endpoint: client.open(address, method=method, json={}).status_code
        for method, address, endpoint in addresses(app, place, *UNSAFE)
        if address.startswith("/api/bookings/<")
        or "/cancel" in address
        or "/release" in address
        or "/extend" in address
        if address.startswith("/api/")
    }
    assert set(statuses.values()) == {401}
    assert content() == before


def standing() -> list[Any]:
    """What no extra field may ever move: money, states and agencies of bookings and payments, and who has power."""
    db.session.rollback()
    rows: list[Any] = []
    for query in (
        "SELECT reference, agency_id, total, currency, channel, state IN ('held', 'released') FROM booking ORDER BY id",
        "SELECT tx_ref, expected_amount, currency, verified_at, paid_amount, disposition FROM payment ORDER BY id",
        "SELECT platform_role, email_verified_at, phone_verified_at FROM user_account ORDER BY id",
        "SELECT agency_id, role FROM agency_member ORDER BY id",
        "SELECT id, state FROM agency ORDER BY id",
        "SELECT id, agency_id, state FROM trip ORDER BY id",
    ):
        rows += [tuple(row) for row in db.session.execute(text(query))]
    db.session.rollback()
    return rows


@pytest.mark.parametrize("who", [nobody, traveller], ids=lambda who: who.__name__)
def test_fields_that_nobody_asked_for_move_nothing(
    app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch, who: Callable[[Flask], FlaskClient]
) -> None:
    from aurapark.checkout import api_routes, payment_routes

    for routes in (api_routes, payment_routes):
        monkeypatch.setattr(routes, "gateway_for", lambda _settings: place.gateway)
    client = who(app)
    assert client.get(f"/t/{place.token}").status_code == 303
    client.get(f"/trips/{place.network.trip.id}/seats?from=DLA&to=YAO")
    mine, before = own_token(client), standing()
    trip = {"tripId": place.network.trip.id, "from": "DLA", "to": "YAO-MVAN", "reference": place.booking.reference}
    broken = []
    for method, address, endpoint in addresses(app, place, *UNSAFE):
        if "webhook" in address:
            continue  # signed by the gateway; its bodies have tests of their own
        bearer = {"Authorization": f"Bearer {place.token}", "Idempotency-Key": endpoint}
        body: dict[str, Any] = {"json": {**trip, "bookingRef": place.booking.reference, **EXTRA}, "headers": bearer}
        form = {"data": {"csrf_token": mine, "phone": "671234567", "seat": "14", **trip, **EXTRA}}
        sent = body if address.startswith("/api/") else form
        answer = client.open(address, method=method, **sent)
        if answer.status_code >= 500:
            broken.append((endpoint, answer.status_code))
    assert broken == []
    after = standing()
    assert [row for row in before if row not in after] == []
    assert [row for row in after if row not in before and "counter" in row] == []
    powerful = "SELECT count(*) FROM user_account WHERE platform_role IS NOT NULL OR email LIKE '%evil%'"
    assert db.session.scalar(text(powerful)) == 0
    assert db.session.scalar(text("SELECT count(*) FROM agency_member")) == 0
    assert db.session.scalar(text("SELECT count(*) FROM booking WHERE state = 'confirmed' OR total < 100")) == 0


POWER = (
    "SELECT id, platform_role, email_verified_at, phone_verified_at, disabled_at FROM user_account",
    "SELECT user_id, agency_id, role, ended_at FROM agency_member",
    "SELECT id, state, name, commission_percent FROM agency",
    "SELECT id, agency_id, kind, holder, payable_from, withdrawn_at FROM payout_account",
    "SELECT reference, user_id, agency_id, total, currency, channel FROM booking",
    "SELECT tx_ref, expected_amount, currency, verified_at, paid_amount, disposition FROM payment",
    "SELECT payment_id, amount, state FROM refund WHERE state NOT IN ('requested', 'approved', 'sending')",
    "SELECT id, agency_id, state FROM trip",
)


def power(app: Flask) -> list[list[str]]:
    """Who has power over what, and what things cost."""
    with app.app_context():
        return [sorted(str(row) for row in db.session.execute(text(query))) for query in POWER]


@pytest.mark.parametrize("name", ["Tr", "Cl", "Ma", "Ow", "Su", "Fi", "Ad"])
def test_no_field_that_nobody_asked_for_gives_power(app: Flask, cast: Cast, once: Once, name: str) -> None:
    """The fields without the reason and the address that the forms ask for: nobody is given, nothing is taken."""
    person, moved, seen = cast.people[name], [], 0
    for method, rule in routes_of(app):
        if method != "POST" or "webhook" in rule.rule:
            continue

        def work(rule: Any = rule) -> Any:
            before = power(app)
            answer = ask(app, person, "POST", cast.address(rule, person), EXTRA)
            if power(app) != before:
                moved.append((rule.rule, answer.status_code))
            return answer

        seen += letter_of(once(work)) == "i"
    assert moved == []
    assert seen >= 20


WRITES = {"booking.open_link": {"public.booking_access"}}  # what a GET writes on purpose: whose link it was


@pytest.mark.parametrize("name", ["Gu", "Tr", "Ow", "Su", "Ad"])
def test_looking_changes_nothing_whoever_looks(app: Flask, cast: Cast, once: Once, name: str) -> None:
    person, moved = cast.people[name], []
    for method, rule in routes_of(app):
        if method != "GET":
            continue

        def work(rule: Any = rule) -> Any:
            with app.app_context():
                before = everything()
            answer = ask(app, person, "GET", cast.address(rule, person))
            with app.app_context():
                after = everything()
            changed = {table for table in before if before[table] != after[table]} - WRITES.get(rule.endpoint, set())
            if changed:
                moved.append((rule.rule, changed))
            return answer

        once(work)
    assert moved == []
