"""Charges: one row per attempt of the payer, from pending to successful or failed."""

import json
import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aurapark.devstack.sandbox import bodies, faults, links, webhooks
from aurapark.devstack.sandbox.bench import Bench, moment, to_json
from aurapark.devstack.sandbox.money import JsonAmount, fee, number, read_amount
from aurapark.devstack.sandbox.store import Database, Row, insert
from aurapark.devstack.sandbox.test_values import APPROVED_CARD, APPROVED_PHONE, USUAL_CARD, Card

log = logging.getLogger("aurapark.sandbox")

PAYMENT_TYPES = {"mtn": "mobilemoneysn", "orange": "mobilemoneysn", "card": "card"}
SESSION_OVER = "Transaction cancelled: the payment session has ended"


@dataclass(frozen=True)
class Asked:
    """Money as the charge will show it."""

    amount: JsonAmount
    currency: str
    charged: JsonAmount


def find_charge(db: Database, charge_id: str | int) -> Row | None:
    """Return the charge with this id, or None; anything that is no number finds nothing."""
    if not str(charge_id).isascii() or not str(charge_id).isdigit() or len(str(charge_id)) > 18:
        return None
    row: Row | None = db.execute("SELECT * FROM charge WHERE charge_id = ?", (int(charge_id),)).fetchone()
    return row


def open_attempt(
    bench: Bench,
    db: Database,
    link: Row,
    *,
    method: str,
    phone: str | None = None,
    card: Card = USUAL_CARD,
    amount: JsonAmount | None = None,
    currency: str | None = None,
) -> int:
    """Start one attempt on a link and return the number of the pending charge; the money faults apply here."""
    asked = _asked(db, link, amount=amount, currency=currency, payment_type=PAYMENT_TYPES[method])
    customer = json.loads(link["customer"])
    return _insert(
        bench,
        db,
        {
            "link_id": link["link_id"],
            "tx_ref": link["tx_ref"],
            "method": method,
            "amount": to_json(asked.amount),
            "currency": asked.currency,
            "charged_amount": to_json(asked.charged),
            "customer": to_json({**customer, "phone_number": phone or customer["phone_number"]}),
            "card": to_json(card.describe() if method == "card" else None),
            "meta": link["meta"],
        },
    )


def make_charge(bench: Bench, db: Database, wanted: dict[str, Any], *, webhook: bool = True) -> int:
    """Make a charge out of the blue, without link or page, and return its number. Raises ValueError."""
    amount = read_amount(wanted.get("amount"))
    if amount is None or not wanted.get("tx_ref"):
        raise ValueError("a charge needs tx_ref and an amount greater than 0")
    created_at = moment(wanted.get("created_at", bench.clock.now()))
    status = wanted.get("status", "successful")
    if status not in ("pending", "successful", "failed"):
        raise ValueError(f"unknown status {status!r}")
    method = wanted.get("method", "mtn")
    if method not in PAYMENT_TYPES:
        raise ValueError(f"unknown method {method!r}")
    charge_id = _insert(
        bench,
        db,
        {
            **({"charge_id": int(wanted["id"])} if wanted.get("id") else {}),
            "tx_ref": str(wanted["tx_ref"]),
            "method": method,
            "amount": to_json(number(amount)),
            "currency": str(wanted.get("currency", "XAF")),
            "charged_amount": to_json(wanted.get("charged_amount", number(amount))),
            "customer": to_json(
                links.read_customer(
                    {"email": wanted.get("email"), "name": wanted.get("name"), "phonenumber": wanted.get("phone")},
                    created_at,
                )
            ),
            "card": to_json(USUAL_CARD.describe() if method == "card" else None),
            "meta": to_json(wanted.get("meta")),
            "created_at": created_at,
            "visible_at": created_at,
        },
    )
    if status != "pending":
        finish(bench, db, charge_id, status, at=created_at if "created_at" in wanted else None, webhook=webhook)
    return charge_id


def import_charges(bench: Bench, db: Database, rows: list[dict[str, Any]]) -> list[int]:
    """Make many charges without webhooks and return their numbers; a tx_ref that has a charge keeps it."""
    known = dict(db.execute("SELECT tx_ref, min(charge_id) FROM charge GROUP BY tx_ref").fetchall())
    numbers = []
    for row in rows:
        tx_ref = str(row.get("tx_ref"))
        if tx_ref not in known:
            known[tx_ref] = make_charge(bench, db, row, webhook=False)
        numbers.append(known[tx_ref])
    return numbers


def plan(bench: Bench, db: Database, charge_id: int, outcome: str, *, due_at: float, response: str | None) -> None:
    """Have a charge end by itself at a moment, across restarts."""
    db.execute(
        "UPDATE charge SET due_at = ?, due_outcome = ?, due_response = ? WHERE charge_id = ?",
        (due_at, outcome, response, charge_id),
    )
    bench.wake.set()


def finish(
    bench: Bench,
    db: Database,
    charge_id: int,
    status: str,
    *,
    response: str | None = None,
    at: float | None = None,
    webhook: bool = True,
) -> bool:
    """End an attempt and say whether that changed anything.

    Success is final; a failed charge may still become successful; nothing goes back to pending.
    """
    charge = find_charge(db, charge_id)
    if charge is None or charge["status"] == "successful" or charge["status"] == status:
        return False
    finished_at = at or bench.clock.now()
    if status == "successful":
        _settle(db, charge, response, finished_at)
    else:
        db.execute(
            "UPDATE charge SET status = 'failed', processor_response = ?, finished_at = ? WHERE charge_id = ?",
            (response or "Transaction declined by the payer", finished_at, charge_id),
        )
        _count_failure(db, charge)
    if webhook:
        log.info("charge_ended charge=%s tx_ref=%s status=%s", charge_id, charge["tx_ref"], status)
        webhooks.announce_charge(bench, db, charge_id)
    return True


def end_session(bench: Bench, db: Database, link: Row) -> None:
    """Close the page of a link whose time is up; unfinished attempts are marked as failed."""
    db.execute("UPDATE link SET over = 1 WHERE link_id = ?", (link["link_id"],))
    if link["state"] == "open":
        links.set_state(db, link["link_id"], "failed")
    if faults.take(db, ("session_keeps_pending",), tx_ref=link["tx_ref"]):
        return
    for row in db.execute(
        "SELECT charge_id FROM charge WHERE link_id = ? AND status = 'pending'", (link["link_id"],)
    ).fetchall():
        finish(bench, db, row["charge_id"], "failed", response=SESSION_OVER)


def is_pending(db: Database, link_id: str) -> bool:
    """Say whether an attempt on this link waits for the payer's phone."""
    row = db.execute("SELECT 1 FROM charge WHERE link_id = ? AND status = 'pending'", (link_id,)).fetchone()
    return row is not None


def _asked(db: Database, link: Row, *, amount: Any, currency: str | None, payment_type: str) -> Asked:
    wanted = read_amount(amount if amount is not None else json.loads(link["amount"])) or Decimal(1)
    shown = currency or link["currency"]
    taken = faults.take_all(db, faults.MONEY, tx_ref=link["tx_ref"], target="")
    if "underpaid" in taken:
        wanted = Decimal(str(taken["underpaid"].get("amount", 100)))
    if "overpaid" in taken:
        wanted = Decimal(str(taken["overpaid"].get("amount", wanted + 1000)))
    if "other_currency" in taken:
        shown = taken["other_currency"].get("currency", "NGN")
    charged = wanted
    if "charged_amount" in taken:
        charged = Decimal(str(taken["charged_amount"].get("amount", wanted + 150)))
    if "payer_bears_fee" in taken:
        charged = wanted + fee(wanted, payment_type)
    return Asked(_as_told(wanted, taken), shown, number(charged))


def _as_told(amount: Decimal, taken: dict[str, Any]) -> JsonAmount:
    if "amount_as_string" in taken:
        return str(number(amount))
    return float(amount) if "amount_as_float" in taken else number(amount)


def _insert(bench: Bench, db: Database, values: dict[str, Any]) -> int:
    now = bench.clock.now()
    invisible = faults.take(db, ("invisible",), tx_ref=values["tx_ref"])
    hidden = invisible.params.get("seconds", 6) if invisible else bench.settings.visible_seconds
    payment_type = PAYMENT_TYPES[values["method"]]
    return insert(
        db,
        "charge",
        {
            "status": "pending",
            "flw_ref": links.new_flw_ref(payment_type),
            "payment_type": payment_type,
            "narration": "CARD Transaction" if payment_type == "card" else bench.settings.merchant,
            "created_at": now,
            "visible_at": bench.clock.after(hidden),
            **values,
        },
    )


def _settle(db: Database, charge: Row, response: str | None, finished_at: float) -> None:
    amount = Decimal(str(json.loads(charge["amount"])))
    charged = Decimal(str(json.loads(charge["charged_amount"])))
    cost = fee(amount, charge["payment_type"])
    payer_bears = charged == amount + cost
    usual = APPROVED_CARD if charge["payment_type"] == "card" else APPROVED_PHONE
    db.execute(
        """UPDATE charge SET status = 'successful', processor_response = ?, finished_at = ?, app_fee = ?,
           merchant_fee = ?, amount_settled = ? WHERE charge_id = ?""",
        (
            response or usual,
            finished_at,
            to_json(number(cost)),
            to_json(number(cost if payer_bears else Decimal(0))),
            to_json(number(amount if payer_bears else amount - cost)),
            charge["charge_id"],
        ),
    )
    if charge["link_id"]:
        links.set_state(db, charge["link_id"], "paid")


def _count_failure(db: Database, charge: Row) -> None:
    link = links.find_link(db, charge["link_id"]) if charge["link_id"] else None
    if link is None or link["state"] != "open" or link["max_attempts"] is None:
        return
    failed = db.execute(
        "SELECT count(*) AS n FROM charge WHERE link_id = ? AND status = 'failed'", (link["link_id"],)
    ).fetchone()
    if failed["n"] >= link["max_attempts"]:
        links.set_state(db, link["link_id"], "failed")


def describe(bench: Bench, charge: Row) -> dict[str, Any]:
    """Return a charge for the admin API: the verify shape and what only the sandbox knows."""
    return {
        **bodies.verified(bench, charge),
        "method": charge["method"],
        "link_id": charge["link_id"],
        "due_at": charge["due_at"],
        "due_outcome": charge["due_outcome"],
    }
