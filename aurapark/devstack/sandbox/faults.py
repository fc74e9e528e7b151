"""Departures from the ordinary behaviour: set by the admin API, taken by the code they concern.

A fault has a name, may be tied to one `tx_ref` and to targets (API endpoints, or webhook events), may let the first
matches pass (`skip`) and fires once, N times or always. One tied to a `tx_ref` goes before a general one, a counted
one before a lasting one; counted ones in the order they were set, of lasting ones the newest.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aurapark.devstack.sandbox.bench import to_json
from aurapark.devstack.sandbox.store import Database, Row, insert

ENDPOINTS = (
    "payments", "link_disable", "verify", "verify_by_reference", "transactions", "transaction_events", "resend_hook",
    "fee", "refund", "refunds", "refund_by_id", "settlements", "settlement_by_id", "balances",
    "transfer", "transfers", "transfer_by_id", "transfer_retry", "transfer_fee", "banks", "branches",
)  # fmt: skip
EVENTS = ("charge.successful", "charge.failed", "refund", "transfer", "test")

HTTP = {
    "request_lost": "connection closed, nothing done",
    "response_lost": "done, connection closed without an answer",
    "timeout_after_doing": "done, then 503 after `seconds` (28)",
    "unavailable": "503 envelope, nothing done",
    "server_error": "500 with HTML (or `body`), nothing done; `done: true` does it first",
    "rate_limited": "429, nothing done",
    "truncated": "done, JSON cut in half",
    "null_data": 'done, status "success" with data null',
    "slow": "done, right answer after `seconds` (20)",
    "refuse": "error envelope with `status` (400) and `message`, nothing done",
    "answer": "done, but answers `status` (200) with `body` (JSON or text)",
    "redirect": "302 to `to`, nothing done",
}
MONEY = {
    "underpaid": "the charge has `amount` (100)",
    "overpaid": "the charge has `amount` (asked + 1000)",
    "other_currency": 'the charge is in `currency` ("NGN")',
    "charged_amount": "charged_amount is `amount` (asked + 150), amount stays",
    "payer_bears_fee": "charged_amount = amount + fee, all of the amount is settled",
    "amount_as_string": 'amount is "6500"',
    "amount_as_float": "amount is 6500.0",
}
WEBHOOK = {
    "webhook_drop": "never sent",
    "webhook_delay": "sent after `seconds` (5)",
    "webhook_duplicate": "sent `count` (3) times, each after the answer to the one before, or `at_once: true`",
    "webhook_reorder": "held until another webhook of the same tx_ref was sent",
    "webhook_wrong_hash": "verif-hash has another value",
    "webhook_no_hash": "no verif-hash header",
    "webhook_broken_json": "body cut in half",
    "webhook_lying": "data changed by `changes` (amount 1)",
    "webhook_unknown_tx_ref": "data.tx_ref is nobody's",
    "webhook_flat_refund": "refund webhook without event and data",
    "webhook_v2": "v2 body: txRef, flwRef, event.type",
    "webhook_v4": "v4 body and flutterwave-signature, no verif-hash; `shape: v3` keeps the body, `wrong: true` lies",
    "webhook_retries_off": "one try only",
}
BEHAVIOUR = {
    "duplicate_tx_ref": "POST /payments refuses a tx_ref it knows",
    "refuse_example_mail": "addresses under .example are refused like .test",
    "paid_before_answer": "POST /payments answers only after the link was paid and the webhook delivered",
    "not_found_status": "HTTP `value` (404) for an unknown charge",
    "first_attempt": "verify_by_reference returns the first attempt instead of the latest",
    "verify_fields": "both verify calls answer with `changes` merged into data",
    "invisible": "the next charge can be verified and listed only after `seconds` (6)",
    "session_keeps_pending": "the end of the session leaves unfinished attempts pending",
    "webhook_before_redirect": "the payer is sent back only after the webhook was answered",
    "redirect_status": 'the way back says `value` ("completed") instead of successful',
    "no_redirect": "after success the payer stays on the page",
    "refund_fails": "the refund ends as `status` (failed)",
    "refund_disburse_failed": 'the refund stays "completed", its meta says disburse_status failed',
    "refund_stays": "the refund never leaves `status` (completed)",
    "refund_seconds": "the refund is final after `seconds`",
    "duplicate_reference": "POST /transfers refuses a reference it knows",
    "transfer_not_whitelisted": "POST /transfers answers 400: IP whitelisting",
    "transfer_blacklisted": "POST /transfers answers 400: blacklisted account",
    "transfer_fails": "the transfer ends as FAILED with `message`",
    "transfer_stays": "the transfer never leaves PENDING",
    "transfer_seconds": "the transfer ends after `seconds`",
    "refund_old_names": "refunds are read as AmountRefunded, FlwRef, TransactionId",
}  # fmt: skip
NAMES = {**HTTP, **MONEY, **WEBHOOK, **BEHAVIOUR}


@dataclass(frozen=True)
class Fault:
    """One fault that fires now."""

    name: str
    params: dict[str, Any]


def add(
    db: Database,
    name: str,
    *,
    targets: Collection[str] = (),
    tx_ref: str | None = None,
    times: int | None = 1,
    skip: int = 0,
    params: dict[str, Any] | None = None,
) -> int:
    """Set a fault and return its number; `times` None means always. Raises ValueError for an unknown name or target."""
    if name not in NAMES:
        raise ValueError(f"unknown fault {name!r}")
    known = ENDPOINTS if name in HTTP else EVENTS
    unknown = set(targets) - set(known) - {"*"}
    if unknown:
        raise ValueError(f"unknown target {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    if name in HTTP and not targets:
        raise ValueError(f"fault {name!r} needs an endpoint")
    return insert(
        db,
        "fault",
        {
            "name": name,
            "targets": to_json(sorted(set(targets) - {"*"})),
            "tx_ref": tx_ref,
            "skip": skip,
            "remaining": times,
            "params": to_json(params or {}),
        },
    )


def take(db: Database, names: Collection[str], *, tx_ref: str | None, target: str | None = None) -> Fault | None:
    """Return the fault of these names that fires now and count it, or None."""
    marks = ", ".join("?" for _ in names)
    rows = db.execute(
        f"""SELECT * FROM fault WHERE name IN ({marks}) AND (tx_ref IS NULL OR tx_ref = ?)
            AND (remaining IS NULL OR remaining > 0)
            ORDER BY tx_ref IS NULL, remaining IS NULL, CASE WHEN remaining IS NULL THEN -fault_id ELSE fault_id END""",  # nosec B608  # noqa: S608
        (*names, tx_ref),
    ).fetchall()
    for row in rows:
        if _concerns(row, target) and not _skipped(db, row):
            db.execute(
                "UPDATE fault SET fired = fired + 1, remaining = remaining - 1 WHERE fault_id = ?", (row["fault_id"],)
            )
            return Fault(row["name"], json.loads(row["params"]))
    return None


def take_all(db: Database, names: Collection[str], *, tx_ref: str | None, target: str) -> dict[str, dict[str, Any]]:
    """Return every fault of these names that fires now, each name once, with its parameters."""
    taken = [take(db, (name,), tx_ref=tx_ref, target=target) for name in names]
    return {fault.name: fault.params for fault in taken if fault}


def _concerns(row: Row, target: str | None) -> bool:
    targets = json.loads(row["targets"])
    return not targets or target in targets


def _skipped(db: Database, row: Row) -> bool:
    if row["skip"] > 0:
        db.execute("UPDATE fault SET skip = skip - 1 WHERE fault_id = ?", (row["fault_id"],))
    return bool(row["skip"] > 0)
