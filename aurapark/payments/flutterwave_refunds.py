"""Refunds at Flutterwave v3: asking for one, reading it again, and what its words mean.

`completed` alone says that the refund was begun; the money is back with `completed-<channel>`. Rows come under several
spellings, and `meta` as an object or as JSON text.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from aurapark.payments.calls import read_number
from aurapark.payments.flutterwave_calls import GATEWAY_ID, Calls, fields, require_accepted
from aurapark.payments.gateway import (
    GatewayError,
    GatewayNotNow,
    GatewayRefund,
    GatewayRefused,
    GatewayUncertain,
    RefundOutcome,
    ShortOfFunds,
)

MOST_PAGES = 20
SUCCEEDED = ("completed-momo", "completed-bank-transfer", "completed-mpgs", "completed-offline", "completed-preauth")
FAILED = ("failed", "cancelled", "rejected")
AMOUNTS, CHARGES = ("amount_refunded", "AmountRefunded"), ("tx_id", "transaction_id", "TransactionId")


def list_refunds(calls: Calls, charge_id: str, since: datetime) -> list[GatewayRefund]:
    """Return every refund of a charge from the day of `since` (UTC) on; rows of other charges are left out."""
    query = {"from": since.strftime("%Y-%m-%d"), "id": charge_id}
    rows = calls.list_rows("/refunds", query, pages=MOST_PAGES, whole=True)
    read = {refund.refund_id: refund for refund in map(read_refund, rows)}
    return [refund for refund in read.values() if refund.charge_id == charge_id]


def open_refund(calls: Calls, charge_id: str, amount: int, currency: str, comment: str) -> GatewayRefund:
    """POST one refund. A refusal is explained by asking for our balance, never by its text."""
    body = {"amount": amount, "comments": comment}
    status, answer = calls.send("POST", f"/transactions/{_digits(charge_id)}/refund", json=body)
    try:
        require_accepted(status, answer)
    except GatewayNotNow:
        raise
    except GatewayRefused as refused:
        if _balance(calls, currency) < amount:
            raise ShortOfFunds(str(refused)) from None
        raise
    return _require_refund(fields(answer), charge_id=charge_id, amount=amount)


def get_refund(calls: Calls, refund_id: str) -> GatewayRefund:
    """GET one refund by its own id."""
    status, answer = calls.get(f"/refunds/{_digits(refund_id)}")
    require_accepted(status, answer)
    refund = read_refund(fields(answer))
    if refund.refund_id != refund_id:
        raise GatewayUncertain("the answer is about another refund")
    return refund


def outcome_of(status: str, meta: Any) -> RefundOutcome:
    """Return what their word means; one we do not know is not final."""
    if status in FAILED or _disbursement(meta) == "failed":
        return RefundOutcome.FAILED
    return RefundOutcome.SUCCEEDED if status in SUCCEEDED else RefundOutcome.SENT


def _require_refund(row: Mapping[str, Any], *, charge_id: str, amount: int) -> GatewayRefund:
    refund = read_refund(row)
    if refund.charge_id != charge_id or refund.amount != amount:
        raise GatewayUncertain("the answer is about another refund")
    return refund


def read_refund(row: Mapping[str, Any]) -> GatewayRefund:
    """Return a row of theirs in our words. Raises GatewayUncertain when it cannot be read: no row may be overlooked."""
    refund_id, charge_id = str(row.get("id")), str(_first(row, CHARGES))
    amount = read_number(_first(row, AMOUNTS))
    if not GATEWAY_ID.fullmatch(refund_id) or not GATEWAY_ID.fullmatch(charge_id) or amount is None:
        raise GatewayUncertain("a refund that cannot be read")
    status = str(row.get("status"))
    outcome = outcome_of(status, row.get("meta"))
    return GatewayRefund(refund_id=refund_id, charge_id=charge_id, amount=amount, outcome=outcome, status=status[:40])


def _balance(calls: Calls, currency: str) -> Decimal:
    """Return what refunds can be paid from; more than enough when it cannot be read: then the refusal stands."""
    try:
        status, answer = calls.get(f"/balances/{currency}")
        require_accepted(status, answer)
        available = read_number(fields(answer).get("available_balance"))
    except GatewayError:
        available = None
    return Decimal("Infinity") if available is None else available


def _disbursement(meta: Any) -> str:
    if isinstance(meta, str):
        try:
            meta = json.loads(meta)
        except (ValueError, RecursionError):
            return ""
    return str(meta.get("disburse_status")) if isinstance(meta, dict) else ""


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _digits(gateway_id: str) -> str:
    if not GATEWAY_ID.fullmatch(gateway_id):
        raise GatewayRefused("no id of theirs")
    return gateway_id
