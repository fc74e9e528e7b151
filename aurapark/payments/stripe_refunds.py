"""Refunds at Stripe: asking for one, reading it again, and what its words mean."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aurapark.payments.gateway import GatewayRefund, GatewayUncertain, RefundOutcome
from aurapark.payments.stripe_amounts import to_decimal, to_minor
from aurapark.payments.stripe_calls import StripeCalls, given_id, require_id

MOST_PAGES = 10
OUTCOMES = {
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
}


def list_refunds(calls: StripeCalls, charge_id: str, since: datetime) -> list[GatewayRefund]:
    """Return every refund of a charge from the day of `since` (UTC) on."""
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    query = {"charge": given_id(charge_id), "created": {"gte": int(day.timestamp())}}
    read = [read_refund(row) for row in calls.list_rows("/refunds", query, pages=MOST_PAGES, whole=True)]
    return [refund for refund in read if refund.charge_id == charge_id]


def open_refund(calls: StripeCalls, charge_id: str, amount: int, currency: str, comment: str) -> GatewayRefund:
    """POST one refund. Every call has a key of its own: two equal refunds on purpose are two."""
    values = {
        "charge": given_id(charge_id),
        "amount": to_minor(amount, currency),
        "metadata": {"comment": comment},
    }
    refund = read_refund(calls.post("/refunds", values))
    if refund.charge_id != charge_id or refund.amount != amount:
        raise GatewayUncertain("the answer is about another refund")
    return refund


def get_refund(calls: StripeCalls, refund_id: str) -> GatewayRefund:
    """GET one refund by its own id."""
    refund = read_refund(calls.fetch(f"/refunds/{given_id(refund_id)}"))
    if refund.refund_id != refund_id:
        raise GatewayUncertain("the answer is about another refund")
    return refund


def outcome_of(status: str) -> RefundOutcome:
    """Return what their word means; one we do not know is not final."""
    return OUTCOMES.get(status, RefundOutcome.SENT)


def read_refund(row: Mapping[str, Any]) -> GatewayRefund:
    """Return a row of theirs in our words. Raises GatewayUncertain when it cannot be read: no row may be overlooked."""
    charge_id, status = row.get("charge"), str(row.get("status"))
    amount = to_decimal(row.get("amount"), row.get("currency"))
    if not isinstance(charge_id, str) or amount is None:
        raise GatewayUncertain("a refund that cannot be read")
    outcome = outcome_of(status)
    refund_id = require_id(row)
    return GatewayRefund(refund_id=refund_id, charge_id=charge_id, amount=amount, outcome=outcome, status=status[:40])
