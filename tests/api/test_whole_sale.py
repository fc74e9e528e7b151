"""The main job over the API, on the real site: reserve, pay on the gateway's page, hold tickets."""

import time
from pathlib import Path
from typing import Any

import requests
from flask import Flask

from aurapark.booking.qr import TicketSigner, TicketVerifier
from aurapark.config import Settings
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.reconciliation.doctor import all_clean, examine
from tests.api.conftest import PAYER, check
from tests.factories import Network
from tests.running import running_site

PATIENCE = 20  # seconds


class Caller:
    """Calls the running site; every answer is held against the document."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.headers: dict[str, str] = {"Accept-Language": "en"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        answer = requests.request(method, self.url + path, json=body, headers={**self.headers, **headers}, timeout=30)
        check(method, path, answer.status_code, answer.content)
        return answer

    def data(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.call(method, path, body, **headers)
        assert answer.ok, answer.text
        return answer.json()["data"]


def test_seats_are_reserved_paid_and_confirmed_with_tickets(
    app: Flask,
    settings: Settings,
    network: Network,
    database_url: str,
    servers: EmbeddedServers,
    tmp_path: Path,
) -> None:
    scanner = TicketVerifier([TicketSigner.from_key(settings.ticket_signing_key).public_key])
    date = network.trip.service_date.isoformat()
    db.session.remove()
    keys = {"SECRET_KEY": settings.secret_key, "TICKET_SIGNING_KEY": settings.ticket_signing_key}
    with running_site(database_url, servers.redis_url, tmp_path, **keys) as site:
        api = Caller(site.url)
        trip = api.data("GET", f"/api/trips?from=DLA&to=YAO&date={date}&passengers=2")["trips"][0]
        rev = api.data("GET", f"/api/trips/{trip['tripId']}/seats?from=DLA&to=YAO")["rev"]
        wish = {"tripId": trip["tripId"], "from": "DLA", "to": "YAO", "seats": ["12", "13"]}
        held = api.data("POST", "/api/bookings/reserve", wish)
        assert held["amount"] == trip["amount"]
        assert api.call("GET", f"/api/trips/{trip['tripId']}/seats?from=DLA&to=YAO&since={rev}").status_code == 200
        api.headers["Authorization"] = f"Bearer {held['bookingToken']}"
        passengers = [{"seat": "12", "name": "Awa Ngo"}, {"seat": "13", "name": "Paul Biya Ngo"}]
        asked = {"bookingRef": held["bookingRef"], "contact": PAYER, "passengers": passengers}
        opened = api.data("POST", "/api/payments", asked, **{"Idempotency-Key": "first"})
        site.sandbox.admin.pay(opened["txRef"], method="mtn", outcome="approve")
        booking = wait_for(api, held["bookingRef"], "confirmed")
        assert api.data("GET", f"/api/payments/{opened['txRef']}")["state"] == "succeeded"
        assert booking["payments"] == [{"txRef": opened["txRef"], "state": "succeeded"}]
        assert [(t["seat"], t["passenger"], t["state"]) for t in booking["tickets"]] == [
            ("12", "Awa Ngo", "valid"),
            ("13", "Paul Biya Ngo", "valid"),
        ]
        assert [scanner.read(ticket["qr"]).seat for ticket in booking["tickets"]] == ["12", "13"]
        assert api.call("POST", f"/api/bookings/{held['bookingRef']}/release").status_code == 409
        assert api.data("GET", "/api/health")["status"] == "ok"
    assert all_clean(examine(db.engine))


def wait_for(api: Caller, reference: str, state: str) -> dict[str, Any]:
    """Return the booking once it is in that state."""
    give_up = time.monotonic() + PATIENCE
    while (booking := api.data("GET", f"/api/bookings/{reference}"))["state"] != state:
        assert time.monotonic() < give_up, booking
        time.sleep(0.1)
    found: dict[str, Any] = booking
    return found
