"""Flutterwave's webhooks: is it from them, what is it about, and under which key it counts once.

`verif-hash` is a fixed secret; `flutterwave-signature`, where their dashboard offers it, signs the raw bytes. Either
way an authentic event is a hint to ask: nothing in its body is believed.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from typing import Any

from aurapark.payments.events import Event, digest, read_object, read_tx_ref

SECRET_HEADER = "verif-hash"  # nosec B105  # noqa: S105  the name of the header
SIGNATURE_HEADER = "flutterwave-signature"
WORD = re.compile(r"[A-Za-z0-9._ -]{0,60}", re.ASCII)
CHARGE_ID = re.compile(r"\d{1,20}", re.ASCII)
OF_A_REFUND = ("AmountRefunded", "amount_refunded")
OF_A_DISPUTE = "chargeback"
OF_A_TRANSFER = "transfer"
CHARGE_NAMES = ("tx_id", "transaction_id", "TransactionId")


def is_authentic(given: str | None, secret: str) -> bool:
    """Compare `verif-hash` with the dashboard's secret hash in constant time; without a configured one none counts."""
    return bool(secret) and hmac.compare_digest((given or "").encode(), secret.encode())


def is_signed(raw: bytes, given: str | None, secret: str) -> bool:
    """Compare `flutterwave-signature` with the base64 HMAC-SHA256 of the raw bytes in constant time.

    Without a configured secret no signature counts.
    """
    wanted = b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256))
    return bool(secret) and hmac.compare_digest((given or "").encode(), wanted)


def read_event(raw: bytes) -> Event:
    """Read an event of any shape: v3, the flat refund body, the old v2 body, or nothing that can be read."""
    body = read_object(raw)
    about = body.get("data")
    about = about if isinstance(about, dict) else body
    event, their_id, status = str(body.get("event") or ""), _number(about.get("id")), str(about.get("status") or "")
    if their_id and WORD.fullmatch(event) and WORD.fullmatch(status):
        key = f"flutterwave:{event}:{their_id}:{status}"
    else:
        key = f"flutterwave:{digest(raw)}"
    tx_ref = read_tx_ref(about.get("tx_ref") or about.get("txRef"))
    charge_id = _number(next((about[name] for name in CHARGE_NAMES if about.get(name) is not None), None))
    if event.startswith(OF_A_DISPUTE):
        return Event(key, tx_ref, None, charge_id, their_id)
    if event.startswith(OF_A_TRANSFER):
        return Event(key, None, transfer_reference=read_tx_ref(about.get("reference")))
    if event.startswith("refund") or (not event and any(name in about for name in OF_A_REFUND)):
        return Event(key, tx_ref, their_id, charge_id)
    return Event(key, tx_ref)


def _number(given: Any) -> str | None:
    return str(given) if CHARGE_ID.fullmatch(str(given)) else None
