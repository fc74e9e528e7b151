"""The shapes in which a charge is shown: verify, list row, and the webhook bodies of v3, v2, v4; a transfer's."""

import json
from typing import Any
from zlib import crc32

from aurapark.devstack.sandbox.bench import Bench, stamp
from aurapark.devstack.sandbox.links import LINK_PATH
from aurapark.devstack.sandbox.store import Row

ACCOUNT_ID = 2508541
IP = "54.75.161.64"


def verified(bench: Bench, charge: Row) -> dict[str, Any]:
    """Return the data of both verify calls: integer ids, meta with their own key, the card with its token."""
    card = json.loads(charge["card"])
    meta = json.loads(charge["meta"]) or {}
    shown = {
        **_core(charge),
        "meta": {**meta, "__CheckoutInitAddress": f"{bench.settings.public_url}{LINK_PATH.rstrip('/')}"},
        "amount_settled": json.loads(charge["amount_settled"]),
        "customer": json.loads(charge["customer"]),
    }
    if card:
        token = f"flw-t1nf-{crc32(charge['flw_ref'].encode()):032x}-m03k"
        shown["card"] = {**card, "token": token}
    return shown


def announced_transfer(transfer: Row) -> dict[str, Any]:
    """Return the webhook of a transfer: the same event when it failed, and another spelling of the name."""
    return {
        "event": "transfer.completed",
        "event.type": "Transfer",
        "data": {
            "id": transfer["transfer_id"],
            "account_number": transfer["account_number"],
            "bank_name": "N/A",
            "bank_code": transfer["account_bank"],
            "fullname": transfer["beneficiary_name"] or "N/A",
            "created_at": stamp(transfer["created_at"]),
            "currency": transfer["currency"],
            "debit_currency": transfer["debit_currency"],
            "amount": json.loads(transfer["amount"]),
            "fee": json.loads(transfer["fee"]),
            "status": transfer["status"],
            "reference": transfer["tx_ref"],
            "meta": json.loads(transfer["meta"]),
            "narration": transfer["narration"],
            "approver": None,
            "complete_message": transfer["complete_message"],
            "requires_approval": 0,
            "is_approved": 1,
        },
    }


def listed(charge: Row) -> dict[str, Any]:
    """Return one row of `GET /transactions`: ids are strings, the customer is flattened."""
    customer = json.loads(charge["customer"])
    core = {**_core(charge), "id": str(charge["charge_id"]), "account_id": str(ACCOUNT_ID)}
    del core["device_fingerprint"]
    return {
        **core,
        "amount_settled": json.loads(charge["amount_settled"]),
        "customer_name": customer["name"],
        "customer_email": customer["email"],
    }


def announced(charge: Row) -> dict[str, Any]:
    """Return the v3 webhook body: no meta, no amount_settled and no token in data."""
    customer = json.loads(charge["customer"])
    card = json.loads(charge["card"])
    meta = json.loads(charge["meta"])
    data = {**_core(charge), "customer": customer}
    if card:
        data["customer"] = {**customer, "phone_number": None}
        data["card"] = {**card, "country": "NG"}
    kind = "CARD" if card else charge["payment_type"].upper()
    return {
        "event": "charge.completed",
        "data": data,
        **({"meta_data": meta} if meta else {}),
        "event.type": f"{kind}_TRANSACTION",
    }


def announced_v2(charge: Row) -> dict[str, Any]:
    """Return the body of the old v2 webhook: no event, other names."""
    customer = json.loads(charge["customer"])
    return {
        "id": charge["charge_id"],
        "txRef": charge["tx_ref"],
        "flwRef": charge["flw_ref"],
        "orderRef": f"URF_{charge['charge_id']}",
        "createdAt": stamp(charge["created_at"]),
        "amount": json.loads(charge["amount"]),
        "charged_amount": json.loads(charge["charged_amount"]),
        "status": charge["status"],
        "IP": IP,
        "currency": charge["currency"],
        "appfee": json.loads(charge["app_fee"]),
        "merchantfee": json.loads(charge["merchant_fee"]),
        "customer": {"id": customer["id"], "fullName": customer["name"], "email": customer["email"]},
        "event.type": "CARD_TRANSACTION" if charge["payment_type"] == "card" else "MOBILEMONEYSN_TRANSACTION",
    }


def announced_v4(charge: Row) -> dict[str, Any]:
    """Return the body of a v4 webhook: prefixed ids, `succeeded`, `reference`."""
    words = {"successful": "succeeded"}
    return {
        "webhook_id": f"wbk_{charge['charge_id']}{int(charge['created_at'])}",
        "timestamp": int(charge["created_at"] * 1000),
        "type": "charge.completed",
        "data": {
            "id": f"chg_{charge['charge_id']}",
            "amount": json.loads(charge["amount"]),
            "currency": charge["currency"],
            "status": words.get(charge["status"], charge["status"]),
            "reference": charge["tx_ref"],
            "created_datetime": stamp(charge["created_at"]),
        },
    }


def _core(charge: Row) -> dict[str, Any]:
    card = charge["payment_type"] == "card"
    return {
        "id": charge["charge_id"],
        "tx_ref": charge["tx_ref"],
        "flw_ref": charge["flw_ref"],
        "device_fingerprint": "N/A",
        "amount": json.loads(charge["amount"]),
        "currency": charge["currency"],
        "charged_amount": json.loads(charge["charged_amount"]),
        "app_fee": json.loads(charge["app_fee"]),
        "merchant_fee": json.loads(charge["merchant_fee"]),
        "processor_response": charge["processor_response"],
        "auth_model": "VBVSECURECODE" if card else "AUTH",
        "ip": IP,
        "narration": charge["narration"],
        "status": charge["status"],
        "payment_type": charge["payment_type"],
        "created_at": stamp(charge["created_at"]),
        "account_id": ACCOUNT_ID,
    }
