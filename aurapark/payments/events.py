"""What every gateway's events have in common: what one may name, and how its raw bytes are read."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

TX_REF = re.compile(r"[A-Za-z0-9._/-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Event:
    """What an event says it is about: its key against doubles, a `tx_ref` that may be ours, or a refund of theirs
    or a dispute of theirs, with the charge it belongs to; or the reference of a transfer that may be ours."""

    key: str
    tx_ref: str | None
    refund_id: str | None = None
    charge_id: str | None = None
    dispute_id: str | None = None
    transfer_reference: str | None = None


def read_tx_ref(given: Any) -> str | None:
    """Return a reference that may be one of ours, None for anything else."""
    return given if isinstance(given, str) and TX_REF.fullmatch(given) else None


def digest(raw: bytes) -> str:
    """Return the SHA-256 of a body, in hex."""
    return hashlib.sha256(raw).hexdigest()


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; empty when it is none."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
