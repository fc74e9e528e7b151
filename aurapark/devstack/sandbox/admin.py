"""The admin API under /_sandbox: set faults, act as the payer, read what happened. See README.md beside this file.

Loopback only. Changes must come as JSON, which a foreign web page cannot send here without asking first.
"""

import json
from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, request

from aurapark.devstack.sandbox import balances, calls, charges, faults, links, payer, refunds, ticker, webhooks
from aurapark.devstack.sandbox.bench import Bench, get_bench, stamp
from aurapark.devstack.sandbox.money import read_amount
from aurapark.devstack.sandbox.store import Database, Row, set_setting
from aurapark.devstack.sandbox.test_values import USUAL_CARD, read_card, read_phone

admin = Blueprint("admin", __name__, url_prefix="/_sandbox")

OUTCOMES = {"approve": "approve", "refuse": "refuse", "late": "approve", "never": "never"}
LATE_SECONDS = 30
LARGEST_IMPORT = 64 * 1024 * 1024
MOST_LISTED = 1000


@admin.before_request
def require_json() -> None:
    """Refuse a change that is not JSON."""
    request.max_content_length = LARGEST_IMPORT
    if request.method not in ("GET", "HEAD") and not request.is_json:
        abort(415, "send application/json")


@admin.get("/")
def show() -> dict[str, Any]:
    """Show the clock, the settings that are no secret, and every fault there is."""
    bench = get_bench()
    settings = bench.settings
    with bench.store.transaction() as db:
        webhook_url = bench.webhook_url(db)
    return {
        "now": stamp(bench.clock.now()),
        "clock_scale": bench.clock.scale,
        "public_url": settings.public_url,
        "webhook_url": webhook_url,
        "prompt_seconds": settings.prompt_seconds,
        "faults": faults.NAMES,
        "endpoints": list(faults.ENDPOINTS),
        "events": list(faults.EVENTS),
    }


@admin.get("/faults")
def list_faults() -> dict[str, Any]:
    """List the faults that are set, spent ones included."""
    return _list("fault", "fault_id", json_columns=("params", "targets"))


@admin.post("/faults")
def add_fault() -> tuple[dict[str, Any], int]:
    """Set a fault: name, endpoint or event (one or a list), tx_ref, times (1; null is always), skip, its parameters."""
    params = _body()
    name = str(params.pop("name", ""))
    targets = [*_several(params.pop("endpoint", [])), *_several(params.pop("event", []))]
    tx_ref, times, skip = params.pop("tx_ref", None), params.pop("times", 1), int(params.pop("skip", 0))
    with get_bench().store.transaction() as db:
        fault_id = faults.add(db, name, targets=targets, tx_ref=tx_ref, times=times, skip=skip, params=params)
    return {"fault_id": fault_id}, 201


@admin.delete("/faults")
def forget_faults() -> dict[str, Any]:
    """Go back to the ordinary behaviour."""
    with get_bench().store.transaction() as db:
        return {"forgotten": db.execute("DELETE FROM fault").rowcount}


@admin.get("/requests")
def list_requests() -> dict[str, Any]:
    """List the API calls received, oldest first; filters: endpoint, tx_ref, method, since (request_id)."""
    wanted = {name: request.args[name] for name in ("endpoint", "tx_ref", "method") if name in request.args}
    where = " AND ".join(["request_id > ?", *(f"{name} = ?" for name in wanted)])
    with get_bench().store.transaction() as db:
        rows = db.execute(
            f"SELECT * FROM request WHERE {where} ORDER BY request_id",  # noqa: S608 - names from the tuple above
            (int(request.args.get("since", 0)), *wanted.values()),
        ).fetchall()
    return {"requests": [calls.describe(row) for row in rows]}


@admin.delete("/requests")
def forget_requests() -> dict[str, Any]:
    """Start a new list of requests."""
    with get_bench().store.transaction() as db:
        return {"forgotten": db.execute("DELETE FROM request").rowcount}


@admin.get("/links")
def list_links() -> dict[str, Any]:
    """List the links, with the flags a merchant should know of."""
    return _list("link", "opened_at", json_columns=("amount", "methods", "customer", "meta", "flags"))


@admin.get("/charges")
def list_charges() -> dict[str, Any]:
    """List the charges in the verify shape, oldest first."""
    bench = get_bench()
    with bench.store.transaction() as db:
        rows = _rows(db, "charge", "charge_id")
    return {"charges": [charges.describe(bench, row) for row in rows]}


@admin.post("/charges")
def make_charge() -> tuple[dict[str, Any], int]:
    """Make a charge out of the blue: tx_ref, amount, currency, status, method, created_at, email, phone, webhook."""
    bench, body = get_bench(), _body()
    with bench.store.transaction() as db:
        charge_id = charges.make_charge(bench, db, body, webhook=bool(body.get("webhook", True)))
        return _charge(bench, db, charge_id), 201


@admin.post("/charges/bulk")
def import_charges() -> tuple[dict[str, Any], int]:
    """Make many charges without webhooks; answers their ids in the order given."""
    bench = get_bench()
    with bench.store.transaction() as db:
        return {"ids": charges.import_charges(bench, db, _body().get("charges", []))}, 201


@admin.post("/charges/<int:charge_id>/succeed")
def succeed(charge_id: int) -> dict[str, Any]:
    """Turn a pending or failed charge into a successful one, webhook included."""
    bench = get_bench()
    with bench.store.transaction() as db:
        if charges.find_charge(db, charge_id) is None:
            abort(404, "no such charge")
        charges.finish(bench, db, charge_id, "successful")
        return _charge(bench, db, charge_id)


@admin.post("/pay")
def pay() -> dict[str, Any]:
    """Act as the payer: tx_ref or link, method, outcome (approve, refuse, cancel, late, never), amount, delay.

    Works on links that are closed too: success after a cancel, after the session, a second success.
    """
    bench, body = get_bench(), _body()
    link = _wanted_link(bench, body)
    outcome = body.get("outcome", "approve")
    charge_id = None
    if outcome == "cancel":
        payer.cancel(bench, link["link_id"])
    elif outcome in OUTCOMES:
        charge_id = payer.try_to_pay(bench, link, _read_try(body, outcome))
    else:
        raise ValueError(f"unknown outcome {outcome!r}")
    with bench.store.transaction() as db:
        now = links.find_link(db, link["link_id"]) or link
        charge = _charge(bench, db, charge_id)["charge"] if charge_id else None
        return {"charge": charge, "link_state": now["state"], "redirect_url": links.way_back(db, now)}


@admin.get("/refunds")
def list_refunds() -> dict[str, Any]:
    """List the refunds, oldest first."""
    with get_bench().store.transaction() as db:
        rows = _rows(db, "refund", "refund_id")
    return {"refunds": [refunds.shown(row) | {"tx_ref": row["tx_ref"]} for row in rows]}


@admin.get("/deliveries")
def list_deliveries() -> dict[str, Any]:
    """List the webhooks with every try and what our endpoint answered."""
    return _list("delivery", "delivery_id", name="deliveries", json_columns=("tries", "faults"))


@admin.post("/webhook-url")
def change_webhook_url() -> dict[str, Any]:
    """Send webhooks to `url` from now on, until a reset."""
    url = str(_body()["url"])
    with get_bench().store.transaction() as db:
        set_setting(db, "webhook_url", url)
    return {"webhook_url": url}


@admin.post("/webhooks")
def send_webhook() -> tuple[dict[str, Any], int]:
    """Send a webhook by hand: of charge_id or refund_id, `test: true`, or any `body` (JSON, text) under any `hash`."""
    bench, body = get_bench(), _body()
    with bench.store.transaction() as db:
        return {"delivery_ids": _send(bench, db, body)}, 201


@admin.get("/balance")
def show_balance() -> dict[str, Any]:
    """Explain the balance of a currency (XAF): opening, charges after fees, refunds, gateway settlements, available."""
    bench, currency = get_bench(), request.args.get("currency", "XAF")
    with bench.store.transaction() as db:
        parts = balances.explain(bench, db, currency)
        parts["available"] = balances.available(bench, db, currency)
    return {name: str(amount) for name, amount in parts.items()}


@admin.post("/balance")
def set_balance() -> dict[str, Any]:
    """Make the available balance of a currency (XAF) this amount."""
    bench, body = get_bench(), _body()
    with bench.store.transaction() as db:
        balances.set_available(bench, db, body.get("currency", "XAF"), Decimal(str(body["amount"])))
    return {"available": body["amount"]}


@admin.post("/clock")
def advance() -> dict[str, Any]:
    """Let `advance` sandbox seconds pass at once."""
    bench = get_bench()
    with bench.store.transaction() as db:
        bench.clock.advance(db, float(_body()["advance"]))
    bench.wake.set()
    return {"now": stamp(bench.clock.now())}


@admin.get("/due")
def count_due() -> dict[str, int]:
    """Say how much work is due now or on its way: 0 means everything that should have happened has."""
    bench = get_bench()
    with bench.store.transaction() as db:
        return {"due": ticker.count_due(bench, db)}


@admin.post("/reset")
def reset() -> dict[str, bool]:
    """Forget everything and go back to real time; ids are never given out again."""
    bench = get_bench()
    bench.store.empty()
    bench.clock.restart()
    return {"reset": True}


@admin.errorhandler(ValueError)
@admin.errorhandler(KeyError)
@admin.errorhandler(TypeError)
def refuse(error: Exception) -> tuple[dict[str, str], int]:
    """Say what was wrong with a request of a test."""
    return {"error": f"{type(error).__name__}: {error}"}, 400


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _rows(db: Database, table: str, order: str) -> list[Row]:
    """Return the rows of a table, of one `tx_ref` when the query names it; the last ones when there are very many."""
    tx_ref = request.args.get("tx_ref")
    rows = db.execute(
        f"SELECT * FROM {table} WHERE (? IS NULL OR tx_ref = ?) ORDER BY {order} DESC LIMIT ?",  # noqa: S608
        (tx_ref, tx_ref, int(request.args.get("limit", MOST_LISTED))),
    ).fetchall()
    return rows[::-1]


def _list(table: str, order: str, *, json_columns: tuple[str, ...], name: str | None = None) -> dict[str, Any]:
    with get_bench().store.transaction() as db:
        rows = _rows(db, table, order)
    return {
        name or f"{table}s": [
            {**dict(row), **{column: json.loads(row[column]) for column in json_columns}} for row in rows
        ]
    }


def _charge(bench: Bench, db: Database, charge_id: int) -> dict[str, Any]:
    charge = charges.find_charge(db, charge_id)
    return {"charge": charges.describe(bench, charge) if charge else None}


def _wanted_link(bench: Bench, body: dict[str, Any]) -> Row:
    with bench.store.transaction() as db:
        if body.get("link"):
            link = links.find_link(db, str(body["link"]).split("?")[0].rsplit("/", 1)[-1])
        else:
            link = links.find_link_of(db, str(body["tx_ref"]))
    if link is None:
        abort(404, "no such link")
    return link


def _read_try(body: dict[str, Any], outcome: str) -> payer.Try:
    amount = body.get("amount")
    if amount is not None and read_amount(amount) is None:
        raise ValueError("amount must be greater than 0")
    method = body.get("method", "mtn")
    if method not in charges.PAYMENT_TYPES:
        raise ValueError(f"unknown method {method!r}")
    return payer.Try(
        method=method,
        outcome=OUTCOMES[outcome],  # type: ignore[arg-type]
        seconds=float(body.get("delay", LATE_SECONDS if outcome == "late" else 0)),
        phone=read_phone(str(body.get("phone", payer.USUAL_PHONE))) or payer.USUAL_PHONE,
        card=read_card(str(body.get("card", ""))) or USUAL_CARD,
        otp=str(body.get("otp", "")),
        amount=amount,
        currency=body.get("currency"),
    )


def _send(bench: Bench, db: Database, body: dict[str, Any]) -> list[int]:
    if body.get("charge_id"):
        return webhooks.announce_charge(bench, db, int(body["charge_id"]))
    if body.get("refund_id"):
        refund = refunds.get_refund(db, body["refund_id"])
        return webhooks.announce_refund(bench, db, refund, refunds.shown(refund))
    if body.get("test"):
        return webhooks.send_test(bench, db)
    raw = body["body"]
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return webhooks.send_raw(bench, db, text, hash_kind=body.get("hash", "right"), tx_ref=body.get("tx_ref"))
