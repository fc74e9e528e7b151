"""After a whole sale on the running site nothing personal or secret stands in any log, and every line is JSON (G9)."""

import json
import re
from pathlib import Path
from typing import Any

import requests
from flask import Flask

from aurapark.config import SANDBOX_SECRET_KEY, SANDBOX_WEBHOOK_SECRET, Settings
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.masking import is_card_like
from tests.api.conftest import PAYER
from tests.api.test_whole_sale import Caller, wait_for
from tests.factories import Network
from tests.processes import eventually
from tests.running import Site, running_site

CARD = "4242 4242 4242 4242"
NAMES = ("Awa Ngobiyong", f"Ng {CARD}")
PASSWORD = "correct horse battery"
INJECTED = "x%0d%0a%7B%22event%22%3A%22forged%22%7D%1b%5B31m"
PROCESSES = ("web", "worker", "sweeper")
SMS_SENT = 'aurapark_messages_total{channel="sms",outcome="sent"}'


def figures_of(site: Site) -> str:
    return requests.get(f"{site.url}/metrics", timeout=5).text


def sell(site: Site, network_date: str) -> dict[str, Any]:
    """Sell two seats over the API, and knock at many other doors with what belongs to the traveller."""
    api = Caller(site.url)
    trip = api.data("GET", f"/api/trips?from=DLA&to=YAO&date={network_date}&passengers=2")["trips"][0]
    wish = {"tripId": trip["tripId"], "from": "DLA", "to": "YAO", "seats": ["12", "13"]}
    held = api.data("POST", "/api/bookings/reserve", wish)
    api.headers["Authorization"] = f"Bearer {held['bookingToken']}"
    passengers = [{"seat": seat, "name": name} for seat, name in zip(("12", "13"), NAMES, strict=True)]
    asked = {"bookingRef": held["bookingRef"], "contact": PAYER, "passengers": passengers}
    opened = api.call("POST", "/api/payments", asked, **{"Idempotency-Key": "first"})
    if not opened.ok:  # a name with a number in it may be refused; the log must not repeat it either
        passengers[1]["name"] = "Paul Ngobiyong"
        opened = api.call("POST", "/api/payments", asked, **{"Idempotency-Key": "second"})
    tx_ref = opened.json()["data"]["txRef"]
    site.sandbox.admin.pay(tx_ref, method="card", outcome="approve")
    wait_for(api, held["bookingRef"], "confirmed")
    link = f"{site.url}/t/{held['bookingToken']}"
    for path in (
        link,
        f"{link}/x",
        f"{site.url}/{INJECTED}",
        f"{site.url}/?token={held['bookingToken']}&phone={PAYER}",
    ):
        requests.get(path, timeout=10, headers={"User-Agent": CARD, "X-Request-ID": PAYER["phone"]})
    requests.get(f"{site.url}/bookings/{PAYER['phone']}", timeout=10)
    requests.post(f"{site.url}/login", data={"email": PAYER["email"], "password": PASSWORD}, timeout=10)
    return held


def test_no_log_tells_about_people(
    app: Flask, settings: Settings, network: Network, database_url: str, servers: EmbeddedServers, tmp_path: Path
) -> None:
    date = network.trip.service_date.isoformat()
    db.session.remove()
    keys = {"SECRET_KEY": settings.secret_key, "TICKET_SIGNING_KEY": settings.ticket_signing_key}
    with running_site(database_url, servers.redis_url, tmp_path, LOG_FORMAT="json", **keys) as site:
        held = sell(site, date)
        eventually(lambda: SMS_SENT in figures_of(site), seconds=20)  # the worker's or sweeper's, told by the web
        figures = figures_of(site)
    written = {name: site.log(name) for name in PROCESSES}
    lines = [json.loads(line) for name in PROCESSES for line in written[name].splitlines()]
    assert {line["process"] for line in lines} == set(PROCESSES)
    assert "forged" not in {line["event"] for line in lines}
    asked = [line for line in lines if line["event"] == "request"]
    assert {line["path"] for line in asked if line["endpoint"] == "booking.open_link"} <= {"/t/•••"}
    assert any(line["path"] == "/t/•••" for line in asked)
    assert all(len(line["request"]) == 10 for line in asked)
    one_id = next(line["request"] for line in lines if line["event"] == "payment_opened")
    assert {line["event"] for line in lines if line.get("request") == one_id} >= {"gateway_call", "request"}

    everything = "\n".join(map(str, lines)) + "".join(written.values()) + figures
    digits = re.sub(r"\D", "", PAYER["phone"])[-9:]
    secrets = (settings.secret_key, SANDBOX_SECRET_KEY, SANDBOX_WEBHOOK_SECRET, held["bookingToken"])
    for private in (digits, PAYER["email"], PASSWORD, "Ngobiyong", PAYER["name"], CARD, *secrets):
        assert private not in everything, private
    assert [n for n in re.findall(r"(?<![\d.])\d{13,19}(?![\d.])", everything) if is_card_like(n)] == []
    assert "aurapark_gateway_call_seconds_count" in figures
    assert 'aurapark_sweep_seconds_count{sweep="send-notifications"}' in figures
