"""Reading changes nothing: every table and view is the same before and after all GETs, save the named exceptions."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.extensions import db
from aurapark.references import booking_token
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.security.routes import Place
from tests.stories import HOLD_TERMS, check, hold, start

WRITES = {"booking.open_link", "payment.come_back"}  # the private link; the way back, which asks for a check
LEG = "from=DLA&to=YAO&passengers=2"
QUERIES = {
    "search.results": LEG + "&date={date}",
    "search_api.trips": LEG + "&date={date}",
    "checkout.seats": LEG,
    "search_api.seats": LEG,
}


def everything() -> dict[str, Any]:
    """A fingerprint of every table and every audit view."""
    db.session.rollback()
    relations = text("""
        SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'public'
        UNION ALL SELECT schemaname || '.' || viewname FROM pg_views WHERE schemaname = 'audit'
    """)
    content = "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') FROM {} t"
    found = {name: db.session.scalar(text(content.format(name))) for name in db.session.scalars(relations)}
    db.session.rollback()
    return found


@pytest.mark.parametrize("state", ["held", "confirmed"])
def test_no_get_writes(app: Flask, network: Network, state: str) -> None:
    gateway = FakeGateway()
    booking = hold(network)
    payment = start(booking, gateway)
    if state == "confirmed":
        gateway.charge(payment.tx_ref, payment.expected_amount)
        check(payment, gateway)
    token = booking_token(HOLD_TERMS.token_key, booking.reference, 1)
    values = Place(network, booking, payment, gateway).values()
    client = app.test_client()
    assert client.get(f"/t/{token}").status_code == 303
    before, seen = everything(), {}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in WRITES:
            _, path = rule.build(values, append_unknown=False) or ("", "")
            query = QUERIES.get(rule.endpoint, "").format(date=network.trip.service_date)
            for method in ("GET", "HEAD"):
                answer = client.open(f"{path}?{query}", method=method, headers={"Authorization": f"Bearer {token}"})
                seen[rule.endpoint] = answer.status_code
            assert everything() == before, rule.endpoint
    strange = {endpoint: status for endpoint, status in seen.items() if status not in (200, 302, 303)}
    expected = {"health.health": 503}  # no sweeper runs here
    expected |= {"sign_in.ask_new_password": 410, "join.ask": 410}  # nobody was sent these links
    assert strange == (expected | {"booking.calendar": 404} if state == "held" else expected)
