"""Disputes at Flutterwave, which calls them chargebacks: GET /chargebacks, and what its words mean.

Its filter `id` is that of the charge. They debit and hold the amount when it is `initiated`; `declined` is our own
answer to the bank, `accepted` too: the money then goes back to the payer. Other words are watched by people.
"""

from collections.abc import Mapping
from typing import Any

from aurapark.payments.calls import read_number
from aurapark.payments.flutterwave_calls import GATEWAY_ID, Calls
from aurapark.payments.gateway import DisputeOutcome, GatewayDispute, GatewayUncertain

MOST_PAGES = 50
CHARGE_NAMES = ("transaction_id", "tx_id", "TransactionId")
OUTCOMES = {
    "initiated": DisputeOutcome.OPEN,
    "pending": DisputeOutcome.OPEN,
    "declined": DisputeOutcome.OPEN,
    "accepted": DisputeOutcome.LOST,
    "lost": DisputeOutcome.LOST,
    "won": DisputeOutcome.WON,
    "reversed": DisputeOutcome.WON,
}


def get_dispute(calls: Calls, dispute_id: str, charge_id: str | None) -> GatewayDispute | None:
    """Find one in the list of its charge, or in all; None when it is not there."""
    query = {"id": charge_id} if charge_id else {}
    for row in calls.list_rows("/chargebacks", query, pages=MOST_PAGES, whole=True):
        if str(row.get("id")) == dispute_id:
            return read_dispute(row)
    return None


def read_dispute(row: Mapping[str, Any]) -> GatewayDispute:
    """Return a row of theirs in our words. Raises GatewayUncertain when it cannot be read."""
    dispute_id, amount = str(row.get("id")), read_number(row.get("amount"))
    charge_id = str(next((row[name] for name in CHARGE_NAMES if row.get(name) is not None), ""))
    if not GATEWAY_ID.fullmatch(dispute_id) or not GATEWAY_ID.fullmatch(charge_id) or amount is None:
        raise GatewayUncertain("a chargeback that cannot be read")
    currency, status = row.get("currency"), str(row.get("status")).lower()[:40]
    return GatewayDispute(
        dispute_id=dispute_id,
        charge_id=charge_id,
        amount=amount,
        currency=currency.upper() if isinstance(currency, str) else None,
        outcome=OUTCOMES.get(status, DisputeOutcome.WATCH),
        status=status,
    )
