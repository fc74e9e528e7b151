"""The admin API's deeds: act as the payer, make charges, send webhooks, set the balance."""

import json
from decimal import Decimal
from typing import Any

from flask import abort, request

from aurapark.devstack.sandbox import balances, charges, links, payer, refunds, transfers, webhooks
from aurapark.devstack.sandbox.admin import admin, read_body
from aurapark.devstack.sandbox.bench import Bench, get_bench
from aurapark.devstack.sandbox.money import read_amount
from aurapark.devstack.sandbox.store import Database, Row, set_setting
from aurapark.devstack.sandbox.test_values import USUAL_CARD, read_card, read_phone

OUTCOMES: dict[str, payer.Outcome] = {"approve": "approve", "refuse": "refuse", "late": "approve", "never": "never"}
LATE_SECONDS = 30


@admin.post("/pay")
def pay() -> dict[str, Any]:
    """Act as the payer: tx_ref or link, method, outcome (approve, refuse, cancel, late, never), amount, delay.

    Works on links that are closed too: success after a cancel, after the session, a second success.
    """
    bench, body = get_bench(), read_body()
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


@admin.post("/charges")
def make_charge() -> tuple[dict[str, Any], int]:
    """Make a charge out of the blue: tx_ref, amount, currency, status, method, created_at, email, phone, webhook."""
    bench, body = get_bench(), read_body()
    with bench.store.transaction() as db:
        charge_id = charges.make_charge(bench, db, body, webhook=bool(body.get("webhook", True)))
        return _charge(bench, db, charge_id), 201


@admin.post("/charges/bulk")
def import_charges() -> tuple[dict[str, Any], int]:
    """Make many charges without webhooks; answers their ids in the order given."""
    bench = get_bench()
    with bench.store.transaction() as db:
        return {"ids": charges.import_charges(bench, db, read_body().get("charges", []))}, 201


@admin.post("/charges/<int:charge_id>/succeed")
def succeed(charge_id: int) -> dict[str, Any]:
    """Turn a pending or failed charge into a successful one, webhook included."""
    bench = get_bench()
    with bench.store.transaction() as db:
        if charges.find_charge(db, charge_id) is None:
            abort(404, "no such charge")
        charges.finish(bench, db, charge_id, "successful")
        return _charge(bench, db, charge_id)


@admin.post("/transfers/<int:transfer_id>/return")
def return_transfer(transfer_id: int) -> dict[str, Any]:
    """Let a transfer that succeeded come back as failed, webhook included."""
    bench = get_bench()
    with bench.store.transaction() as db:
        returned = transfers.turn_back(bench, db, transfer_id, "DISBURSE FAILED: returned by the beneficiary's bank")
        return {"transfer": transfers.shown(returned)}


@admin.post("/webhooks")
def send_webhook() -> tuple[dict[str, Any], int]:
    """Send a webhook by hand: of a charge_id, refund_id, transfer_id, `test: true`, any `body` under any `hash`."""
    bench, body = get_bench(), read_body()
    with bench.store.transaction() as db:
        return {"delivery_ids": _send(bench, db, body)}, 201


@admin.post("/webhook-url")
def change_webhook_url() -> dict[str, Any]:
    """Send webhooks to `url` from now on, until a reset."""
    url = str(read_body()["url"])
    with get_bench().store.transaction() as db:
        set_setting(db, "webhook_url", url)
    return {"webhook_url": url}


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
    bench, body = get_bench(), read_body()
    with bench.store.transaction() as db:
        balances.set_available(bench, db, body.get("currency", "XAF"), Decimal(str(body["amount"])))
    return {"available": body["amount"]}


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
        outcome=OUTCOMES[outcome],
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
    if body.get("transfer_id"):
        return webhooks.announce_transfer(bench, db, transfers.get_transfer(db, body["transfer_id"]))
    if body.get("test"):
        return webhooks.send_test(bench, db)
    raw = body["body"]
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return webhooks.send_raw(bench, db, text, hash_kind=body.get("hash", "right"), tx_ref=body.get("tx_ref"))
