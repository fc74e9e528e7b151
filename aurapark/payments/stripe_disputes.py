"""Disputes at Stripe: reading one, and what its words mean.

`needs_response` and `under_review`: they have taken the money out of our balance. The `warning_…` words are questions
of a bank before that, and `prevented` one that never came: no money has moved.
"""

from collections.abc import Mapping
from typing import Any

from aurapark.payments.gateway import DisputeOutcome, GatewayDispute, GatewayNotNow, GatewayRefused, GatewayUncertain
from aurapark.payments.stripe_amounts import to_decimal
from aurapark.payments.stripe_calls import StripeCalls, given_id, require_id

OUTCOMES = {
    "needs_response": DisputeOutcome.OPEN,
    "under_review": DisputeOutcome.OPEN,
    "won": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
}


def get_dispute(calls: StripeCalls, dispute_id: str) -> GatewayDispute | None:
    """GET one dispute by its own id; None when they know none of that id."""
    try:
        body = calls.fetch(f"/disputes/{given_id(dispute_id)}")
    except GatewayNotNow:
        raise
    except GatewayRefused:
        return None
    dispute = read_dispute(body)
    if dispute.dispute_id != dispute_id:
        raise GatewayUncertain("the answer is about another dispute")
    return dispute


def read_dispute(row: Mapping[str, Any]) -> GatewayDispute:
    """Return a row of theirs in our words. Raises GatewayUncertain when it cannot be read."""
    charge, amount = row.get("charge"), to_decimal(row.get("amount"), row.get("currency"))
    charge_id = charge.get("id") if isinstance(charge, dict) else charge
    if not isinstance(charge_id, str) or amount is None:
        raise GatewayUncertain("a dispute that cannot be read")
    status = str(row.get("status"))[:40]
    return GatewayDispute(
        dispute_id=require_id(row),
        charge_id=charge_id,
        amount=amount,
        currency=str(row["currency"]).upper(),
        outcome=OUTCOMES.get(status, DisputeOutcome.WATCH),
        status=status,
    )
