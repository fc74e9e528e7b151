"""Telling the sandbox of the demo's charges, so that it and we know of the same money. Nobody else is ever told."""

import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from sqlalchemy import Row, text

from aurapark.config import LOOPBACK, Settings
from aurapark.database import in_transaction, let_go
from aurapark.demo.bulk import NOT_IN_SANDBOX
from aurapark.extensions import db

log = logging.getLogger("aurapark.demo")

AT_ONCE = 2000
WAIT_SECONDS, TRY_EACH_SECONDS, ANSWER_SECONDS = 10, 0.25, 60
METHODS = ("mtn", "mtn", "orange", "card")

UNKNOWN = text("""
    SELECT payment.id, payment.tx_ref, payment.paid_amount, payment.paid_currency, payment.verified_at,
           booking.payer_phone, booking.payer_email, booking.reference
    FROM payment JOIN booking ON booking.id = payment.booking_id
    WHERE payment.gateway_tx_id LIKE :marked
    ORDER BY payment.id LIMIT :at_once
""")

KNOWN = text("""
    UPDATE payment SET gateway_tx_id = known.charge
    FROM unnest(CAST(:payments AS bigint[]), CAST(:charges AS text[])) AS known (payment, charge)
    WHERE payment.id = known.payment
""")


class Sandbox:
    """The sandbox's admin API, as far as the demo needs it."""

    def __init__(self, address: str) -> None:
        self._address = f"{address}/_sandbox"
        self._session = requests.Session()
        self._session.trust_env = False

    def answers(self) -> bool:
        """Say whether it is there."""
        try:
            return self._session.get(f"{self._address}/", timeout=1).ok
        except requests.RequestException:
            return False

    def pay(self, tx_ref: str, method: str = "mtn") -> None:
        """Approve an attempt as its payer."""
        self._post("pay", {"tx_ref": tx_ref, "method": method, "outcome": "approve"})

    def import_charges(self, charges: list[dict[str, Any]]) -> list[int]:
        """Make these charges, those it knows by their tx_ref excepted; returns the ids of all."""
        return list(self._post("charges/bulk", {"charges": charges})["ids"])

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(f"{self._address}/{path}", json=body, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        return answer.json()


def find_sandbox(settings: Settings) -> Sandbox | None:
    """Return the sandbox of these settings; waits for one on this machine up to 10 seconds, None when there is none."""
    address = urlsplit(settings.flutterwave_base_url)
    if address.hostname not in LOOPBACK:
        return None
    sandbox = Sandbox(f"{address.scheme}://{address.netloc}")
    give_up = time.monotonic() + WAIT_SECONDS
    while not sandbox.answers():
        if time.monotonic() > give_up:
            return None
        time.sleep(TRY_EACH_SECONDS)
    return sandbox


def tell_sandbox(sandbox: Sandbox) -> int:
    """Import every charge of the demo that the sandbox was not told of, and note its ids; returns how many."""
    told = 0
    while payments := db.session.execute(UNKNOWN, {"marked": f"{NOT_IN_SANDBOX}%", "at_once": AT_ONCE}).all():
        let_go()
        ids = sandbox.import_charges([_charge(payment) for payment in payments])
        in_transaction(lambda: _note(payments, ids))  # noqa: B023  run at once
        told += len(payments)
    return told


def _charge(payment: Row[Any]) -> dict[str, Any]:
    return {
        "tx_ref": payment.tx_ref,
        "amount": payment.paid_amount,
        "currency": payment.paid_currency,
        "status": "successful",
        "method": METHODS[payment.id % len(METHODS)],
        "created_at": payment.verified_at.isoformat(),
        "phone": payment.payer_phone,
        "email": payment.payer_email or f"{payment.reference.lower()}@example.com",
    }


def _note(payments: Sequence[Row[Any]], ids: Sequence[int]) -> None:
    known = {"payments": [payment.id for payment in payments], "charges": [str(charge) for charge in ids]}
    db.session.execute(KNOWN, known)
