"""Flutterwave's webhooks: is it from them, what is it about, and under which key it counts once.

The header is a fixed secret, not a signature: an authentic event is a hint to ask, nothing in its body is believed.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

SECRET_HEADER = "verif-hash"  # noqa: S105  the name of the header
WORD = re.compile(r"[A-Za-z0-9._ -]{0,60}", re.ASCII)
CHARGE_ID = re.compile(r"\d{1,20}", re.ASCII)
OF_A_REFUND = ("AmountRefunded", "amount_refunded")
CHARGE_NAMES = ("tx_id", "transaction_id", "TransactionId")
TX_REF = re.compile(r"[A-Za-z0-9._/-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Event:
    """What an event says it is about: its key against doubles, a `tx_ref` that may be ours, or a refund of theirs
    with the charge it belongs to."""

    key: str
    tx_ref: str | None
    refund_id: str | None = None
    charge_id: str | None = None


def is_authentic(given: str | None, secret: str) -> bool:
    """Compare the header with the dashboard's secret hash in constant time."""
    return hmac.compare_digest((given or "").encode(), secret.encode())


def read_event(raw: bytes) -> Event:
    """Read an event of any shape: v3, the flat refund body, the old v2 body, or nothing that can be read."""
    body = _read_object(raw)
    about = body.get("data")
    about = about if isinstance(about, dict) else body
    event, their_id, status = str(body.get("event") or ""), _number(about.get("id")), str(about.get("status") or "")
    if their_id and WORD.fullmatch(event) and WORD.fullmatch(status):
        key = f"flutterwave:{event}:{their_id}:{status}"
    else:
        key = f"flutterwave:{digest(raw)}"
    given = about.get("tx_ref") or about.get("txRef")
    tx_ref = given if isinstance(given, str) and TX_REF.fullmatch(given) else None
    if event.startswith("refund") or (not event and any(name in about for name in OF_A_REFUND)):
        charge_id = next((about[name] for name in CHARGE_NAMES if about.get(name) is not None), None)
        return Event(key, tx_ref, their_id, _number(charge_id))
    return Event(key, tx_ref)


def _number(given: Any) -> str | None:
    return str(given) if CHARGE_ID.fullmatch(str(given)) else None


def digest(raw: bytes) -> str:
    """Return the SHA-256 of a body, in hex."""
    return hashlib.sha256(raw).hexdigest()


def _read_object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
