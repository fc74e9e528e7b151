"""Refunds: taken from the balance, "completed" at once although nothing has moved, final some time later."""

import json
import secrets
import time
from decimal import Decimal
from typing import Any

from aurapark.devstack.sandbox import balances, bodies, charges, faults, webhooks
from aurapark.devstack.sandbox.answers import Refused
from aurapark.devstack.sandbox.bench import Bench, stamp, to_json
from aurapark.devstack.sandbox.money import number, read_amount
from aurapark.devstack.sandbox.store import Database, Row, insert

FAILED = ("failed", "cancelled", "rejected")
CHANNELS = {"card": "completed-mpgs"}
NO_CHARGE = "No transaction was found for this id"


def open_refund(bench: Bench, db: Database, charge_id: str, body: Any) -> Row:
    """Open a refund of a successful charge and return it. Every call makes another one. Raises Refused."""
    charge = charges.find_charge(db, charge_id)
    if charge is None or charge["status"] != "successful":
        raise Refused(NO_CHARGE)
    wanted = body if isinstance(body, dict) else {}
    paid = Decimal(str(json.loads(charge["amount"])))
    amount = read_amount(wanted["amount"]) if wanted.get("amount") is not None else paid
    if amount is None:
        raise Refused("amount must be a number greater than 0")
    if amount + refunded(db, charge["charge_id"]) > paid:
        raise Refused("Refund amount is greater than the amount left on this transaction")
    if amount > balances.available(bench, db, charge["currency"]):
        raise Refused("Insufficient funds in available balance to process this refund")

    refund_id = insert(
        db,
        "refund",
        {
            "charge_id": charge["charge_id"],
            "tx_ref": charge["tx_ref"],
            "flw_ref": f"URF_{int(time.time() * 1000)}_{secrets.randbelow(9_000_000) + 1_000_000}",
            "amount": to_json(number(amount)),
            "currency": charge["currency"],
            "status": "completed",
            "meta": to_json({"source": "availablebalance"}),
            "comments": str(wanted["comments"]) if wanted.get("comments") else None,
            "created_at": bench.clock.now(),
            **_ending(bench, db, charge),
        },
    )
    bench.wake.set()
    return get_refund(db, refund_id)


def get_refund(db: Database, refund_id: str | int) -> Row:
    """Return a refund by its number. Raises Refused."""
    digits = str(refund_id)
    found = digits.isascii() and digits.isdigit() and len(digits) <= 18
    row: Row | None = (
        db.execute("SELECT * FROM refund WHERE refund_id = ?", (int(digits),)).fetchone() if found else None
    )
    if row is None:
        raise Refused("No refund was found for this id")
    return row


def complete(bench: Bench, db: Database, refund: Row) -> None:
    """Give a refund its last status and announce it."""
    db.execute(
        "UPDATE refund SET status = ?, meta = ?, due_at = NULL WHERE refund_id = ?",
        (refund["due_status"], refund["due_meta"], refund["refund_id"]),
    )
    ended = get_refund(db, refund["refund_id"])
    webhooks.announce_refund(bench, db, ended, shown(ended))


def refunded(db: Database, charge_id: int) -> Decimal:
    """Return what refunds of this charge add up to, those that failed left out."""
    rows = db.execute("SELECT amount, status, meta FROM refund WHERE charge_id = ?", (charge_id,)).fetchall()
    return sum((Decimal(row["amount"]) for row in rows if not has_failed(row)), Decimal(0))


def has_failed(refund: Row) -> bool:
    """Say whether a refund returned nothing, by its status or by what its meta says."""
    return refund["status"] in FAILED or "disburse_status" in refund["meta"]


def shown(refund: Row) -> dict[str, Any]:
    """Return the refund as the API shows it."""
    return {
        "id": refund["refund_id"],
        "account_id": bodies.ACCOUNT_ID,
        "tx_id": refund["charge_id"],
        "flw_ref": refund["flw_ref"],
        "wallet_id": 74639,
        "amount_refunded": json.loads(refund["amount"]),
        "status": refund["status"],
        "destination": "payment_source",
        "meta": json.loads(refund["meta"]),
        "comments": refund["comments"],
        "created_at": stamp(refund["created_at"]),
    }


def read(db: Database, refund: Row) -> dict[str, Any]:
    """Return the refund as a query answers it, under the old names when the fault says so."""
    body = shown(refund)
    if not faults.take(db, ("refund_old_names",), tx_ref=refund["tx_ref"]):
        return body
    old = {"amount_refunded": "AmountRefunded", "flw_ref": "FlwRef", "tx_id": "TransactionId"}
    return {old.get(name, name): value for name, value in body.items()}


def _ending(bench: Bench, db: Database, charge: Row) -> dict[str, Any]:
    """Say when and how the refund becomes final."""
    taken = faults.take_all(
        db,
        ("refund_fails", "refund_disburse_failed", "refund_stays", "refund_seconds"),
        tx_ref=charge["tx_ref"],
        target="",
    )
    if "refund_stays" in taken:
        return {"status": taken["refund_stays"].get("status", "completed")}
    seconds = taken.get("refund_seconds", {}).get("seconds", bench.settings.refund_seconds)
    ending = {"due_at": bench.clock.after(seconds), "due_meta": to_json({"source": "availablebalance"})}
    if "refund_fails" in taken:
        return {**ending, "due_status": taken["refund_fails"].get("status", "failed")}
    if "refund_disburse_failed" in taken:
        return {**ending, "due_status": "completed", "due_meta": to_json('{"disburse_status":"failed"}')}
    return {**ending, "due_status": CHANNELS.get(charge["payment_type"], "completed-momo")}
