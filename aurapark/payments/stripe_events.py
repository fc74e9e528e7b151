"""Stripe's webhooks: is it from them, what is it about, and under which key it counts once.

The signature covers time and raw bytes. An authentic event is a hint to ask: nothing in its body is believed.
"""

import hashlib
import hmac
import re
from typing import Any

from aurapark.payments.events import Event, digest, read_object, read_tx_ref

SIGNATURE_HEADER = "Stripe-Signature"
TOLERANCE_SECONDS = 300
MOST_PARTS = 20
TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
ID = re.compile(r"[a-z]{2,8}_[A-Za-z0-9_]{4,200}", re.ASCII)


def is_authentic(raw: bytes, header: str | None, secret: str, *, now: float) -> bool:
    """Say whether one of the header's `v1` signs `t` and the raw bytes, and `t` is not five minutes away from `now`.

    Compares in constant time; several `v1` stand there while a secret is changed. Without a secret nothing counts.
    """
    parts = [part.strip().partition("=") for part in (header or "").split(",")[:MOST_PARTS]]
    times = [value for name, _, value in parts if name == "t"]
    if not secret or len(times) != 1 or not TIMESTAMP.fullmatch(times[0]):
        return False
    wanted = hmac.new(secret.encode(), f"{times[0]}.".encode() + raw, hashlib.sha256).hexdigest().encode()
    signed = [hmac.compare_digest(value.encode(), wanted) for name, _, value in parts if name == "v1"]
    return any(signed) and abs(now - int(times[0])) <= TOLERANCE_SECONDS


def read_event(raw: bytes) -> Event:
    """Read an event of any kind, or nothing that can be read."""
    body = read_object(raw)
    event_id, about = _id(body.get("id")), _part(_part(body, "data"), "object")
    key = f"stripe:{event_id or digest(raw)}"
    given = about.get("client_reference_id") or _part(about, "metadata").get("tx_ref")
    if about.get("object") == "refund":
        return Event(key, read_tx_ref(given), _id(about.get("id")), _id(about.get("charge")))
    if about.get("object") == "dispute":
        return Event(key, None, None, _id(about.get("charge")), _id(about.get("id")))
    return Event(key, read_tx_ref(given))


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _id(given: Any) -> str | None:
    return given if isinstance(given, str) and ID.fullmatch(given) else None
