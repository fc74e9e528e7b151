"""Buying on the running site over its API, with the time each request took."""

import time
from dataclasses import dataclass, field
from typing import Any

import requests
from sqlalchemy import text

from aurapark.extensions import db
from tests.running import Site

PHONE = {"phone": "6 71 23 45 67", "name": "Awa Ngo", "email": "awa@example.cm"}


@dataclass
class Buyer:
    """Buys one seat after the other of one trip."""

    site: Site
    trip_id: int
    seconds: list[float] = field(default_factory=list)
    next_seat: int = 1

    def hold(self) -> dict[str, Any]:
        """Hold the next seat."""
        wish = {"tripId": self.trip_id, "from": "DLA", "to": "YAO-MVAN", "seats": [str(self.next_seat)]}
        self.next_seat += 1
        return self._post("/api/bookings/reserve", wish)

    def pay(self) -> tuple[str, float]:
        """Hold, pay at the gateway by card; return the booking's reference and when it was paid (Unix time)."""
        held = self.hold()
        passengers = [{"seat": held["seats"][0], "name": "Awa Ngo"}]
        asked = {"bookingRef": held["bookingRef"], "contact": PHONE, "passengers": passengers}
        headers = {"Authorization": f"Bearer {held['bookingToken']}", "Idempotency-Key": held["bookingRef"]}
        opened = self._post("/api/payments", asked, headers)
        self.site.sandbox.admin.pay(opened["txRef"], method="card", outcome="approve")
        return held["bookingRef"], time.time()

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        started = time.monotonic()
        answer = requests.post(self.site.url + path, json=body, headers=headers, timeout=30)
        self.seconds.append(time.monotonic() - started)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found


def waits(paid: list[tuple[str, float]]) -> list[float]:
    """Return the seconds from paid to confirmed of those that are confirmed."""
    confirmed = text("SELECT extract(epoch FROM confirmed_at) FROM booking WHERE reference = :ref")
    at = [(db.session.scalar(confirmed, {"ref": reference}), when) for reference, when in paid]
    db.session.rollback()
    return sorted(float(done) - when for done, when in at if done is not None)
