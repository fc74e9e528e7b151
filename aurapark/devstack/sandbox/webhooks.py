"""Webhooks: stored with the change they announce, sent by the ticker, tried again until answered with 200."""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from typing import Any

import requests

from aurapark.devstack.sandbox import bodies, faults
from aurapark.devstack.sandbox.bench import Bench, to_json
from aurapark.devstack.sandbox.store import Database, Row, StoreClosed, insert

MOST_AT_ONCE = 64
ANSWER_KEPT = 500

log = logging.getLogger("aurapark.sandbox")

Taken = dict[str, dict[str, Any]]


def announce_charge(bench: Bench, db: Database, charge_id: int) -> list[int]:
    """Queue the webhook of a finished attempt, as its faults want it; return the numbers of the deliveries."""
    charge = db.execute("SELECT * FROM charge WHERE charge_id = ?", (charge_id,)).fetchone()
    event = f"charge.{charge['status']}"
    taken = faults.take_all(db, faults.WEBHOOK, tx_ref=charge["tx_ref"], target=event)
    return _queue(
        bench, db, event, _charge_body(charge, taken), taken, tx_ref=charge["tx_ref"], charge_id=charge["charge_id"]
    )


def announce_refund(bench: Bench, db: Database, refund: Row, shown: dict[str, Any]) -> list[int]:
    """Queue the webhook of a refund, wrapped or flat."""
    taken = faults.take_all(db, faults.WEBHOOK, tx_ref=refund["tx_ref"], target="refund")
    body: dict[str, Any] = {"event": "refund.completed", "data": shown}
    if "webhook_lying" in taken:
        body["data"] = {**shown, **taken["webhook_lying"].get("changes", {"amount_refunded": 1})}
    if "webhook_flat_refund" in taken:
        body = {
            "id": shown["id"],
            "AmountRefunded": shown["amount_refunded"],
            "status": shown["status"],
            "FlwRef": shown["flw_ref"],
            "TransactionId": shown["tx_id"],
        }
    return _queue(bench, db, "refund", to_json(body), taken, tx_ref=refund["tx_ref"], refund_id=refund["refund_id"])


def announce_transfer(bench: Bench, db: Database, transfer: Row) -> list[int]:
    """Queue the webhook of a transfer that ended, well or badly: one event for both, the status tells."""
    taken = faults.take_all(db, faults.WEBHOOK, tx_ref=transfer["tx_ref"], target="transfer")
    body = bodies.announced_transfer(transfer)
    if "webhook_lying" in taken:
        body["data"].update(taken["webhook_lying"].get("changes", {"amount": 1}))
    if "webhook_unknown_tx_ref" in taken:
        body["data"]["reference"] = f"UNKNOWN-{secrets.token_hex(6)}"
    return _queue(bench, db, "transfer", to_json(body), taken, tx_ref=transfer["tx_ref"])


def send_test(bench: Bench, db: Database) -> list[int]:
    """Queue what the dashboard's test button sends."""
    taken = faults.take_all(db, faults.WEBHOOK, tx_ref=None, target="test")
    body = {"event": "test_assess", "data": {"id": 1, "status": "successful", "tx_ref": "test_assess"}}
    return _queue(bench, db, "test", to_json(body), taken)


def send_raw(
    bench: Bench, db: Database, body: str, *, hash_kind: str = "right", tx_ref: str | None = None
) -> list[int]:
    """Queue any body under any hash (right, wrong, none, v4, v4-wrong)."""
    return [_insert(bench, db, "test", body, hash_kind, tx_ref=tx_ref)]


def recover(bench: Bench) -> None:
    """Make due again what was on its way when the sandbox died: nobody knows whether it arrived."""
    with bench.store.transaction() as db:
        db.execute("UPDATE delivery SET state = 'waiting' WHERE state = 'sending'")


def claim_due(bench: Bench) -> list[Row]:
    """Take the deliveries that are due, so that no other turn of the ticker sends them."""
    with bench.store.transaction() as db:
        sending = db.execute("SELECT count(*) AS n FROM delivery WHERE state = 'sending'").fetchone()["n"]
        due = db.execute(
            "SELECT * FROM delivery WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at, delivery_id LIMIT ?",
            (bench.clock.now(), max(0, MOST_AT_ONCE - sending)),
        ).fetchall()
        db.executemany(
            "UPDATE delivery SET state = 'sending' WHERE delivery_id = ?", [(row["delivery_id"],) for row in due]
        )
    return due


def deliver(bench: Bench, delivery: Row) -> None:
    """Send one claimed delivery and record the answer; only 200 counts."""
    try:
        _record(bench, delivery["delivery_id"], _send(bench, delivery))
    except StoreClosed:
        log.info("webhook_open delivery=%s", delivery["delivery_id"])


def wait_for(bench: Bench, tx_ref: str, *, timeout: float = 10.0) -> None:
    """Wait until the due deliveries of a tx_ref were answered, or the time is up."""
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up and not bench.stopping.is_set():
        with bench.store.transaction() as db:
            if not count_busy(bench, db, tx_ref=tx_ref):
                return
        time.sleep(0.01)


def answer_to(bench: Bench, delivery_id: int) -> str:
    """Wait for the first try of a delivery and return what our endpoint answered."""
    give_up = time.monotonic() + bench.settings.webhook_timeout
    while time.monotonic() < give_up and not bench.stopping.is_set():
        with bench.store.transaction() as db:
            row = db.execute("SELECT tries FROM delivery WHERE delivery_id = ?", (delivery_id,)).fetchone()
        tries = json.loads(row["tries"]) if row else []
        if tries:
            return str(tries[0]["answer"])
        time.sleep(0.01)
    return ""


def count_busy(bench: Bench, db: Database, *, tx_ref: str | None = None) -> int:
    """Return how many deliveries are due or on their way."""
    row = db.execute(
        """SELECT count(*) AS n FROM delivery WHERE (state = 'sending' OR (state = 'waiting' AND due_at <= ?))
           AND (? IS NULL OR tx_ref = ?)""",
        (bench.clock.now(), tx_ref, tx_ref),
    ).fetchone()
    return int(row["n"])


def _charge_body(charge: Row, taken: Taken) -> str:
    if "webhook_v2" in taken:
        return to_json(bodies.announced_v2(charge))
    if "webhook_v4" in taken and taken["webhook_v4"].get("shape", "v4") == "v4":
        return to_json(bodies.announced_v4(charge))
    body = bodies.announced(charge)
    if "webhook_lying" in taken:
        body["data"].update(taken["webhook_lying"].get("changes", {"amount": 1}))
    if "webhook_unknown_tx_ref" in taken:
        body["data"]["tx_ref"] = f"UNKNOWN-{secrets.token_hex(6)}"
    return to_json(body)


def _hash_kind(taken: Taken) -> str:
    if "webhook_v4" in taken:
        return "v4-wrong" if taken["webhook_v4"].get("wrong") else "v4"
    if "webhook_no_hash" in taken:
        return "none"
    return "wrong" if "webhook_wrong_hash" in taken else "right"


def _queue(bench: Bench, db: Database, event: str, body: str, taken: Taken, **subject: Any) -> list[int]:
    if "webhook_broken_json" in taken:
        body = body[: len(body) // 2]
    duplicate = taken.get("webhook_duplicate", {"count": 1})
    copies = int(duplicate.get("count", 3))
    first_state = "waiting"
    if "webhook_drop" in taken:
        first_state, copies = "dropped", 1
    elif "webhook_reorder" in taken:
        first_state = "held"
    later_state = first_state if duplicate.get("at_once") else "held"
    delay = taken["webhook_delay"].get("seconds", 5) if "webhook_delay" in taken else 0
    return [
        _insert(
            bench,
            db,
            event,
            body,
            _hash_kind(taken),
            state=later_state if copy else first_state,
            delay=delay,
            one_try="webhook_retries_off" in taken,
            taken=taken,
            **subject,
        )
        for copy in range(copies)
    ]


def _insert(
    bench: Bench,
    db: Database,
    event: str,
    body: str,
    hash_kind: str,
    *,
    state: str = "waiting",
    delay: float = 0,
    one_try: bool = False,
    taken: Taken | None = None,
    **subject: Any,
) -> int:
    bench.wake.set()
    return insert(
        db,
        "delivery",
        {
            "event": event,
            "body": body,
            "hash": hash_kind,
            "state": state,
            "due_at": bench.clock.after(delay),
            "tries_left": 1 if one_try else 1 + bench.settings.webhook_retries,
            "faults": to_json(sorted(taken or {})),
            "created_at": bench.clock.now(),
            **subject,
        },
    )


def _send(bench: Bench, delivery: Row) -> dict[str, Any]:
    body = delivery["body"].encode()
    with bench.store.transaction() as db:
        url = bench.webhook_url(db)
    started = time.monotonic()
    status, answer = None, ""
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", **_signature(bench, delivery["hash"], body)},
                timeout=bench.settings.webhook_timeout,
                allow_redirects=False,
            )
            status, answer = response.status_code, response.text[:ANSWER_KEPT]
        except requests.RequestException as error:
            answer = type(error).__name__
    trial = {"at": bench.clock.now(), "status": status, "answer": answer, "seconds": time.monotonic() - started}
    log.info("webhook_sent delivery=%s event=%s status=%s", delivery["delivery_id"], delivery["event"], status)
    return trial


def _record(bench: Bench, delivery_id: int, trial: dict[str, Any]) -> None:
    with bench.store.transaction() as db:
        row = db.execute("SELECT * FROM delivery WHERE delivery_id = ?", (delivery_id,)).fetchone()
        if row is None:  # forgotten by a reset while it was on its way
            return
        tries_left = row["tries_left"] - 1
        state = "delivered" if trial["status"] == 200 else "waiting" if tries_left > 0 else "failed"
        db.execute(
            "UPDATE delivery SET state = ?, tries_left = ?, tries = ?, due_at = ? WHERE delivery_id = ?",
            (
                state,
                tries_left,
                to_json([*json.loads(row["tries"]), trial]),
                bench.clock.after(bench.settings.webhook_retry_seconds),
                delivery_id,
            ),
        )
        db.execute(
            """UPDATE delivery SET state = 'waiting', due_at = ? WHERE delivery_id = (
               SELECT min(delivery_id) FROM delivery WHERE state = 'held' AND tx_ref IS ?)""",
            (bench.clock.now(), row["tx_ref"]),
        )
    bench.wake.set()


def _signature(bench: Bench, hash_kind: str, body: bytes) -> dict[str, str]:
    secret = bench.settings.webhook_secret
    if hash_kind == "none":
        return {}
    if hash_kind in ("v4", "v4-wrong"):
        key = secret if hash_kind == "v4" else f"not-{secret}"
        digest = hmac.new(key.encode(), body, hashlib.sha256).digest()
        return {"flutterwave-signature": base64.b64encode(digest).decode()}
    return {"verif-hash": secret if hash_kind == "right" else f"not-{secret}"}
