"""A small stateful Stripe: what its documentation says of sessions, payments, charges, refunds, lists, search,
payouts, disputes, idempotency keys and signed events. Faults are switched on by the test.

Fields are those of docs.stripe.com/api: disputes/object, payouts/object, balance_transactions/object, and of
docs.stripe.com/payouts/reconciliation (what an automatic payout holds; a manual one cannot be asked).

The package `localstripe` (1.15.10) was tried as its ground and is none: its lists of charges and refunds answer 500 to
the filters `payment_intent` and `created[gte]`, it has no search, disputes, keys or payouts of transactions, it refunds
13,000 of a charge of 6,500, and it keeps its state in one file for all processes.
"""

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

STRIPE_KEY = "sk_test_" + "a" * 24
DONE_FIRST = ("response_lost", "truncated", "null_data", "unavailable_after_doing")


class Refusal(Exception):
    """An answer in Stripe's shape of errors."""

    def __init__(self, status: int, code: str, kind: str = "invalid_request_error") -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": f"About {code}.", "param": None}}


@dataclass
class StripeFake:
    """Everything it holds, newest first where it lists."""

    address: str = ""
    sessions: list[dict[str, Any]] = field(default_factory=list)
    intents: list[dict[str, Any]] = field(default_factory=list)
    charges: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    movements: list[dict[str, Any]] = field(default_factory=list)
    payouts: list[dict[str, Any]] = field(default_factory=list)
    disputes: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    answered: dict[str, tuple[Any, int, Any]] = field(default_factory=dict)
    balance: int = 10_000_000
    searchable: bool = True
    listable: bool = True
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    # ---- what payers and Stripe itself do

    def pay(self, tx_ref: str, *, status: str = "succeeded", captured: bool = True) -> dict[str, Any]:
        """Have the payer try once on the session of this reference."""
        session = next(one for one in self.sessions if one["client_reference_id"] == tx_ref)
        assert session["status"] == "open"
        if session["payment_intent"] is None:
            intent = {"id": self.new_id("pi"), "object": "payment_intent", "metadata": session["_intent"]["metadata"]}
            self.intents.insert(0, intent)
            session["payment_intent"] = intent["id"]
        if status == "succeeded":
            session.update(status="complete", payment_status="paid")
        return self.make_charge(session, status, captured)

    def make_charge(self, session: dict[str, Any], status: str, captured: bool) -> dict[str, Any]:
        amount = session["amount_total"]
        charge = {
            "id": self.new_id("ch"),
            "object": "charge",
            "amount": amount,
            "amount_refunded": 0,
            "balance_transaction": None,
            "captured": captured,
            "created": int(time.time()),
            "currency": session["currency"],
            "metadata": session["_intent"]["metadata"],
            "paid": status == "succeeded",
            "payment_intent": session["payment_intent"],
            "refunded": False,
            "status": status,
        }
        self.charges.insert(0, charge)
        if status == "succeeded":
            charge["balance_transaction"] = self.move("charge", amount, charge, fee=195)
        return charge

    def move(self, kind: str, amount: int, source: dict[str, Any], *, fee: int = 0) -> dict[str, Any]:
        """Move money on our balance there: what no payout took yet waits for the next one."""
        movement = {
            "id": self.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "created": int(time.time()),
            "currency": source["currency"],
            "fee": fee,
            "net": amount - fee,
            "reporting_category": kind,
            "source": source["id"],
            "type": kind,
            "_payout": None,
        }
        self.movements.insert(0, movement)
        return movement

    def pay_out(self, *, status: str = "paid", automatic: bool = True) -> dict[str, Any]:
        """Send everything on our balance to our bank."""
        waiting = [one for one in self.movements if one["_payout"] is None]
        net = sum(one["net"] for one in waiting)
        payout = {
            "id": self.new_id("po"),
            "object": "payout",
            "amount": net,
            "arrival_date": int(time.time()) + 86400,
            "automatic": automatic,
            "created": int(time.time()),
            "currency": "xaf",
            "method": "standard",
            "reconciliation_status": "completed" if automatic else "not_applicable",
            "status": status,
            "type": "bank_account",
        }
        for one in [*waiting, self.move("payout", -net, payout)]:
            one["_payout"] = payout["id"]
        self.payouts.insert(0, payout)
        return payout

    def dispute(self, charge_id: str, amount: int, status: str = "needs_response") -> dict[str, Any]:
        """Have the payer dispute a charge; the money leaves our balance, save for a question before that."""
        charge = found(self.charges, charge_id)
        dispute = {
            "id": self.new_id("du"),
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge_id,
            "created": int(time.time()),
            "currency": charge["currency"],
            "evidence_details": {"due_by": int(time.time()) + 604800, "has_evidence": False, "past_due": False},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": "general",
            "status": status,
        }
        self.disputes.insert(0, dispute)
        if not status.startswith("warning"):
            self.move("adjustment", -amount, dispute, fee=1500)
        return dispute

    def decide(self, dispute: dict[str, Any], status: str) -> None:
        """Have the bank decide; what is won comes back, its fee does not."""
        dispute["status"] = status
        if status == "won":
            self.move("adjustment", dispute["amount"], dispute)

    def end_refunds(self, status: str = "succeeded") -> None:
        """Bring all refunds under way to their end."""
        for refund in self.refunds:
            if refund["status"] == "pending":
                refund["status"] = status
                if status == "succeeded":
                    self.move("refund", -refund["amount"], refund)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{'test_' if prefix == 'cs' else ''}{next(self.numbers):024d}"

    # ---- its API

    def answer(self, method: str, path: str, sent: dict[str, Any]) -> Any:
        route = re.sub(r"(?<=/)(?:cs_test|re|pi|ch|du)_\d+", "ID", path)
        given = next((part for part in path.split("/") if "_" in part and part[-1].isdigit()), "")
        deeds = {
            ("POST", "/checkout/sessions"): lambda: self.open_session(sent),
            ("GET", "/checkout/sessions"): lambda: page("/checkout/sessions", self.sessions * self.listable, sent),
            ("POST", "/checkout/sessions/ID/expire"): lambda: self.expire(given),
            ("GET", "/payment_intents/search"): lambda: self.search(sent),
            ("GET", "/charges"): lambda: self.list_charges(sent),
            ("POST", "/refunds"): lambda: self.open_refund(sent),
            ("GET", "/refunds"): lambda: page("/refunds", self.refunds, sent, "charge"),
            ("GET", "/payouts"): lambda: page("/payouts", self.payouts, sent),
            ("GET", "/disputes"): lambda: page("/disputes", self.disputes, sent),
            ("GET", "/disputes/ID"): lambda: found(self.disputes, given),
            ("GET", "/balance_transactions"): lambda: self.list_movements(sent),
            ("GET", "/refunds/ID"): lambda: found(self.refunds, given),
        }
        if (method, route) not in deeds:
            raise Refusal(404, "resource_missing")
        return deeds[method, route]()

    def open_session(self, sent: dict[str, Any]) -> dict[str, Any]:
        price = sent["line_items"]["0"]["price_data"]
        if sent["mode"] != "payment" or not sent["success_url"].startswith("http"):
            raise Refusal(400, "parameter_invalid")
        if not 1800 <= int(sent["expires_at"]) - time.time() <= 86400:
            raise Refusal(400, "expires_at_out_of_range")
        session_id = self.new_id("cs")
        session = {
            "id": session_id,
            "object": "checkout.session",
            "amount_total": int(price["unit_amount"]) * int(sent["line_items"]["0"]["quantity"]),
            "client_reference_id": sent["client_reference_id"],
            "created": int(time.time()),
            "currency": price["currency"],
            "metadata": sent["metadata"],
            "mode": "payment",
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "url": f"{self.address}/c/pay/{session_id}#fidkdWxOYHwnPyd1blpxYHZxWjA0",
            "_intent": sent["payment_intent_data"],
        }
        self.sessions.insert(0, session)
        return session

    def expire(self, session_id: str) -> dict[str, Any]:
        session = found(self.sessions, session_id)
        if session["status"] != "open":
            raise Refusal(400, "checkout_session_not_open")
        session.update(status="expired", url=None)
        return session

    def search(self, sent: dict[str, Any]) -> dict[str, Any]:
        wanted = re.fullmatch(r"metadata\['tx_ref'\]:'((?:[^'\\]|\\.)*)'", sent["query"])
        if not wanted:
            raise Refusal(400, "parameter_invalid")
        tx_ref = re.sub(r"\\(.)", r"\1", wanted[1])
        rows = [one for one in self.intents if self.searchable and one["metadata"]["tx_ref"] == tx_ref]
        return {"object": "search_result", "url": "/v1/payment_intents/search", "has_more": False, "data": rows}

    def list_charges(self, sent: dict[str, Any]) -> dict[str, Any]:
        listed = page("/charges", self.charges, sent, "payment_intent")
        if "data.balance_transaction" not in sent.get("expand", {}).values():
            listed["data"] = [
                {**row, "balance_transaction": (row["balance_transaction"] or {}).get("id")} for row in listed["data"]
            ]
        return listed

    def list_movements(self, sent: dict[str, Any]) -> dict[str, Any]:
        payout = found(self.payouts, sent["payout"])
        if not payout["automatic"]:
            raise Refusal(400, "payout_not_automatic")
        listed = page("/balance_transactions", [one for one in self.movements if one["_payout"] == payout["id"]], sent)
        sources = {one["id"]: one for one in (*self.charges, *self.refunds, *self.disputes, *self.payouts)}
        if "data.source" in sent.get("expand", {}).values():
            listed["data"] = [{**row, "source": sources[row["source"]]} for row in listed["data"]]
        return listed

    def open_refund(self, sent: dict[str, Any]) -> dict[str, Any]:
        charge, amount = found(self.charges, sent["charge"]), int(sent["amount"])
        if amount > charge["amount"] - charge["amount_refunded"]:
            raise Refusal(400, "charge_already_refunded")
        if amount > self.balance:
            raise Refusal(400, "balance_insufficient")
        self.balance -= amount
        charge["amount_refunded"] += amount
        refund = {
            "id": self.new_id("re"),
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": charge["currency"],
            "metadata": sent.get("metadata", {}),
            "payment_intent": charge["payment_intent"],
            "status": "pending",
        }
        self.refunds.insert(0, refund)
        return refund

    def handle(self, method: str, path: str, sent: dict[str, Any], key: str | None) -> tuple[int, Any]:
        """Answer a call; a POST under a key that is known gets the first answer again, other fields are refused."""
        if key and key in self.answered:
            before, status, body = self.answered[key]
            if before != (path, sent):
                return 400, Refusal(400, "idempotency_key_in_use", "idempotency_error").body
            return status, body
        try:
            status, body = 200, json.loads(json.dumps(self.answer(method, path, sent)))
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        if key:
            self.answered[key] = ((path, sent), status, body)
        return status, body


def found(rows: list[dict[str, Any]], given: str) -> dict[str, Any]:
    for row in rows:
        if row["id"] == given:
            return row
    raise Refusal(404, "resource_missing")


def page(url: str, rows: list[dict[str, Any]], sent: dict[str, Any], by: str | None = None) -> dict[str, Any]:
    """One page of a list: newest first, at most 100 rows, after `starting_after`."""
    limit = int(sent.get("limit", 10))
    if not 1 <= limit <= 100:
        raise Refusal(400, "parameter_invalid_integer")
    asked = sent.get("created", {})
    since, until = int(asked.get("gte", 0)), int(asked.get("lt", 2**60))
    rows = [row for row in rows if by is None or by not in sent or row[by] == sent[by]]
    rows = [row for row in rows if since <= row["created"] < until]
    if after := sent.get("starting_after"):
        rows = rows[[row["id"] for row in rows].index(after) + 1 :]
    return {"object": "list", "url": f"/v1{url}", "has_more": len(rows) > limit, "data": rows[:limit]}


def read_form(raw: str) -> dict[str, Any]:
    """Read `a[b][0]=…` into nested objects."""
    whole: dict[str, Any] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        *path, last = re.findall(r"[^\[\]]+", name)
        place = whole
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return whole


def sign(raw: bytes, secret: str, *, at: float | None = None) -> str:
    """The `Stripe-Signature` of a body."""
    seconds = str(int(time.time() if at is None else at))
    return f"t={seconds},v1={hmac.new(secret.encode(), seconds.encode() + b'.' + raw, hashlib.sha256).hexdigest()}"


def event_of(kind: str, about: dict[str, Any], *, number: int = 1) -> bytes:
    """A webhook's body around one object, in the documented shape."""
    event = {
        "id": f"evt_1MqqbKLt4dR3Np{number:08d}",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": int(time.time()),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    return json.dumps(event, indent=2).encode()


class Handler(BaseHTTPRequestHandler):
    """Reads a call, answers it for the fake it belongs to, and plays the fault that is switched on for it."""

    protocol_version = "HTTP/1.1"
    fake: StripeFake

    def answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parts = urlsplit(self.path)
        path, sent = parts.path.removeprefix("/v1"), read_form(raw or parts.query)
        with self.fake.lock:
            self.fake.requests.append((self.command, path, sent))
            fault = next((one for one in self.fake.faults if one[1] == f"{self.command} {path}"), None)
            if fault:
                self.fake.faults.remove(fault)
            self.serve(path, sent, fault[0] if fault else "")

    def serve(self, path: str, sent: dict[str, Any], fault: str) -> None:
        status, body = 0, None
        if self.headers.get("Authorization") != f"Bearer {STRIPE_KEY}":
            status, body = 401, Refusal(401, "").body
        elif not fault or fault in DONE_FIRST:
            status, body = self.fake.handle(self.command, path, sent, self.headers.get("Idempotency-Key"))
        told = json.dumps(body)
        if fault in ("request_lost", "response_lost"):
            self.close_connection = True
            return
        instead = {
            "truncated": (status, told[: len(told) // 2]),
            "null_data": (status, "null"),
            "rate_limited": (429, json.dumps(Refusal(429, "rate_limit").body)),
            "": (status, told),
        }
        self.tell(*instead.get(fault, (503, "<html>unavailable</html>")))

    def tell(self, status: int, text: str) -> None:
        raw = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running_stripe() -> Iterator[StripeFake]:
    """Run the fake on a free port."""
    fake = StripeFake()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHandler", (Handler,), {"fake": fake}))
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
