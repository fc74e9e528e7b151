"""Transfers: money sent from the balance. NEW, then PENDING, then SUCCESSFUL or FAILED; the row says why in words.

The rows' `tx_ref` is the merchant's reference: faults, deliveries and records are found by it.
"""

import json
import re
import secrets
from decimal import Decimal
from typing import Any

from aurapark.devstack.sandbox import balances, faults, webhooks
from aurapark.devstack.sandbox.answers import Refused
from aurapark.devstack.sandbox.bench import Bench, stamp, to_json
from aurapark.devstack.sandbox.money import number, read_amount
from aurapark.devstack.sandbox.store import Database, Row, insert

NOT_WHITELISTED = "Please enable IP Whitelisting to access this service"
BLACKLISTED = "Payout was made to a blacklisted account number"
MISSING = "One or more required parameters missing"
MOBILE_MONEY = "FMM"
LONGEST = {"narration": 100, "reference": 100, "callback_url": 100, "destination_branch_code": 10}
# …_PMCK succeeds after ten minutes, …_PMCK_ST_F fails, DU_<minutes> says when.
TRICK = re.compile(r"_PMCK(?P<fails>_ST_F)?(?:_?DU_(?P<minutes>\d{1,4}))?$", re.ASCII)
TRICK_SECONDS = 600.0
FEES = {"mobilemoney": Decimal(100), "account": Decimal(500)}
BANKS = (
    (4001, "CM001", "Afriland First Bank"),
    (4002, "CM002", "BICEC"),
    (4003, "CM003", "Ecobank Cameroun"),
    (4004, "CM004", "SCB Cameroun"),
    (4005, "CM005", "Société Générale Cameroun"),
    (4006, "CM006", "UBA Cameroon"),
)


def open_transfer(bench: Bench, db: Database, body: Any) -> Row:
    """Open a transfer and return it; a known reference opens another one, unless a fault forbids. Raises Refused."""
    wanted = body if isinstance(body, dict) else {}
    reference = str(wanted.get("reference") or f"sandbox-{secrets.token_hex(8)}")
    amount = _require_valid(wanted)
    _require_allowed(db, reference)
    currency = str(wanted["currency"])
    cost = fee(str(wanted["account_bank"]))
    if amount + cost > balances.available(bench, db, currency):
        raise Refused("Insufficient funds in available balance to process this transfer")
    return _insert(
        bench,
        db,
        {
            "tx_ref": reference,
            "account_bank": str(wanted["account_bank"]),
            "account_number": str(wanted["account_number"]),
            "beneficiary_name": str(wanted.get("beneficiary_name") or "") or None,
            "branch_code": str(wanted.get("destination_branch_code") or "") or None,
            "narration": str(wanted.get("narration") or ""),
            "amount": to_json(number(amount)),
            "fee": to_json(number(cost)),
            "currency": currency,
            "debit_currency": str(wanted.get("debit_currency") or currency),
            "meta": to_json(wanted.get("meta")),
        },
    )


def retry(bench: Bench, db: Database, transfer_id: str) -> Row:
    """Send a transfer that failed once more, as a new row under a new reference. Raises Refused."""
    failed = get_transfer(db, transfer_id)
    if failed["status"] != "FAILED":
        raise Refused("Only failed transfers can be retried")
    root = re.sub(r"_RETRY_\d+$", "", failed["tx_ref"])
    before = db.execute("SELECT count(*) AS n FROM transfer WHERE tx_ref LIKE ? || '_RETRY_%'", (root,)).fetchone()["n"]
    same = dict(failed)
    for own in ("transfer_id", "status", "complete_message", "created_at", "due_at", "ends_at", "end", "end_message"):
        del same[own]
    return _insert(bench, db, {**same, "tx_ref": f"{root}_RETRY_{before + 1}"})


def get_transfer(db: Database, transfer_id: str | int) -> Row:
    """Return a transfer by its number. Raises Refused."""
    digits = str(transfer_id)
    found = digits.isascii() and digits.isdigit() and len(digits) <= 18
    row: Row | None = (
        db.execute("SELECT * FROM transfer WHERE transfer_id = ?", (int(digits),)).fetchone() if found else None
    )
    if row is None:
        raise Refused("No transfer was found for this id")
    return row


def go_on(bench: Bench, db: Database, transfer: Row) -> None:
    """Let a transfer take its next step: under way, then ended and announced."""
    if transfer["status"] == "NEW":
        db.execute(
            "UPDATE transfer SET status = 'PENDING', due_at = ends_at WHERE transfer_id = ?", (transfer["transfer_id"],)
        )
        return
    db.execute(
        "UPDATE transfer SET status = ?, complete_message = ?, due_at = NULL WHERE transfer_id = ?",
        (transfer["end"], transfer["end_message"], transfer["transfer_id"]),
    )
    webhooks.announce_transfer(bench, db, get_transfer(db, transfer["transfer_id"]))


def turn_back(bench: Bench, db: Database, transfer_id: int, message: str) -> Row:
    """Let a transfer that succeeded come back: it is FAILED afterwards, and announced as that."""
    db.execute(
        "UPDATE transfer SET status = 'FAILED', complete_message = ?, due_at = NULL WHERE transfer_id = ?",
        (message, transfer_id),
    )
    row = get_transfer(db, transfer_id)
    webhooks.announce_transfer(bench, db, row)
    return row


def shown(transfer: Row) -> dict[str, Any]:
    """Return the transfer as the API shows it."""
    return {
        "id": transfer["transfer_id"],
        "account_number": transfer["account_number"],
        "bank_code": transfer["account_bank"],
        "full_name": transfer["beneficiary_name"] or "N/A",
        "created_at": stamp(transfer["created_at"]),
        "currency": transfer["currency"],
        "debit_currency": transfer["debit_currency"],
        "amount": json.loads(transfer["amount"]),
        "fee": json.loads(transfer["fee"]),
        "status": transfer["status"],
        "reference": transfer["tx_ref"],
        "meta": json.loads(transfer["meta"]),
        "narration": transfer["narration"],
        "complete_message": transfer["complete_message"],
        "requires_approval": 0,
        "is_approved": 1,
        "bank_name": bank_name(transfer["account_bank"]),
    }


def fee(account_bank: str) -> Decimal:
    """Return what a transfer costs."""
    return FEES["mobilemoney" if account_bank == MOBILE_MONEY else "account"]


def bank_name(code: str) -> str:
    """Return the name beside a code of theirs."""
    names = {MOBILE_MONEY: "FA-MOBILE MONEY", **{known: name for _, known, name in BANKS}}
    return names.get(code, "N/A")


def _require_valid(wanted: dict[str, Any]) -> Decimal:
    if not all(wanted.get(name) for name in ("account_bank", "account_number", "amount", "currency")):
        raise Refused(MISSING)
    amount = read_amount(wanted["amount"])
    if amount is None:
        raise Refused("amount must be a number greater than 0")
    for name, most in LONGEST.items():
        if len(str(wanted.get(name) or "")) > most:
            raise Refused(f"{name} must not be longer than {most} characters")
    known = {MOBILE_MONEY, *(code for _, code, _ in BANKS)}
    if str(wanted["account_bank"]) not in known:
        raise Refused("Invalid account_bank passed. Please use another one")
    return amount


def _require_allowed(db: Database, reference: str) -> None:
    if faults.take(db, ("transfer_not_whitelisted",), tx_ref=reference):
        raise Refused(NOT_WHITELISTED)
    if faults.take(db, ("transfer_blacklisted",), tx_ref=reference):
        raise Refused(BLACKLISTED)
    known = db.execute("SELECT 1 FROM transfer WHERE tx_ref = ?", (reference,)).fetchone()
    if known and faults.take(db, ("duplicate_reference",), tx_ref=reference):
        raise Refused("Transfer with this reference already exists")


def _insert(bench: Bench, db: Database, values: dict[str, Any]) -> Row:
    now = bench.clock.now()
    ending = _ending(bench, db, values)
    transfer_id = insert(
        db, "transfer", {**values, "status": "NEW", "complete_message": "", "created_at": now, "due_at": now, **ending}
    )
    bench.wake.set()
    return get_transfer(db, transfer_id)


def _ending(bench: Bench, db: Database, values: dict[str, Any]) -> dict[str, Any]:
    """Say when and how a transfer ends: by a fault, by its reference, else well after `transfer_seconds`."""
    names = ("transfer_fails", "transfer_stays", "transfer_seconds")
    taken = faults.take_all(db, names, tx_ref=values["tx_ref"], target="")
    seconds = taken.get("transfer_seconds", {}).get("seconds", bench.settings.transfer_seconds)
    trick = TRICK.search(values["tx_ref"])
    if trick:
        seconds = 60.0 * int(trick["minutes"]) if trick["minutes"] else TRICK_SECONDS
    failed = {"end": "FAILED", "ends_at": bench.clock.after(seconds)}
    if values["account_bank"] == MOBILE_MONEY and not values["beneficiary_name"]:
        return {**failed, "end_message": "beneficiary_name is required"}
    if "transfer_stays" in taken:
        return {"end": "PENDING", "ends_at": None, "end_message": ""}
    if "transfer_fails" in taken or (trick and trick["fails"]):
        reason = taken.get("transfer_fails", {}).get("message", "DISBURSE FAILED: Account resolve failed")
        return {**failed, "end_message": reason}
    return {"end": "SUCCESSFUL", "ends_at": bench.clock.after(seconds), "end_message": "Successful"}
