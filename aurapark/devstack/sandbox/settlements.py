"""Gateway settlements: what is paid to the merchant for one UTC day in one currency, made when they are read."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aurapark.devstack.sandbox import bodies, lists
from aurapark.devstack.sandbox.answers import Refused
from aurapark.devstack.sandbox.balances import NOT_RETURNED
from aurapark.devstack.sandbox.bench import Bench, stamp, to_json
from aurapark.devstack.sandbox.money import number
from aurapark.devstack.sandbox.store import Database, Row, insert

PAGE_SIZE = 20
DAY = 86400.0


def close_days(bench: Bench, db: Database) -> None:
    """Settle every day that is over: its successful charges, less the refunds that are final and fit in."""
    today = bench.clock.now() // DAY * DAY
    groups: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for charge in db.execute(
        """SELECT * FROM charge WHERE status = 'successful' AND settlement_id IS NULL AND finished_at < ?
           ORDER BY finished_at""",
        (today,),
    ).fetchall():
        groups[int(charge["finished_at"] // DAY), charge["currency"]].append(charge)
    for (day, currency), settled in groups.items():
        _settle(bench, db, day * DAY, currency, settled)


def list_settlements(db: Database, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return one page of settlements, newest first, and its page info. Raises Refused."""
    wanted = lists.period(query)
    where = " AND ".join(condition for condition, _ in wanted) or "1"
    values = [value for _, value in wanted]
    total = db.execute(f"SELECT count(*) AS n FROM settlement WHERE {where}", values).fetchone()["n"]  # nosec B608  # noqa: S608
    page = lists.page_number(query)
    rows = db.execute(
        f"SELECT * FROM settlement WHERE {where} ORDER BY created_at DESC, settlement_id DESC LIMIT ? OFFSET ?",  # nosec B608  # noqa: S608
        (*values, PAGE_SIZE, (page - 1) * PAGE_SIZE),
    ).fetchall()
    found = [{"id": row["settlement_id"], **json.loads(row["body"])} for row in rows]
    return found, {**lists.page_info(total, page, PAGE_SIZE), "page_size": PAGE_SIZE}


def get_settlement(db: Database, settlement_id: str) -> dict[str, Any]:
    """Return one settlement with its charges: meta is a JSON string here and is_local true. Raises Refused."""
    readable = settlement_id.isascii() and settlement_id.isdigit() and len(settlement_id) <= 18
    row = (
        db.execute("SELECT * FROM settlement WHERE settlement_id = ?", (int(settlement_id),)).fetchone()
        if readable
        else None
    )
    if row is None:
        raise Refused("No settlement was found for this id")
    body = json.loads(row["body"])
    settled = db.execute(
        "SELECT * FROM charge WHERE settlement_id = ? ORDER BY charge_id", (row["settlement_id"],)
    ).fetchall()
    return {
        "id": row["settlement_id"],
        **body,
        "is_local": True,
        "meta": to_json(body["meta"]),
        "transactions": [_line(charge) for charge in settled],
    }


def _settle(bench: Bench, db: Database, day: float, currency: str, settled: list[Row]) -> None:
    gross = _sum(settled, "charged_amount")
    fees, net = _sum(settled, "app_fee"), _sum(settled, "amount_settled")
    refunds = _fitting_refunds(db, currency, day + DAY, net)
    returned = sum((Decimal(row["amount"]) for row in refunds), Decimal(0))
    body = {
        **_fixed_fields(bench, day),
        "currency": currency,
        "gross_amount": number(gross),
        "app_fee": number(fees),
        "merchant_fee": number(_sum(settled, "merchant_fee")),
        "refund": number(returned),
        "net_amount": number(net - returned),
        "transaction_count": len(settled),
        "meta": [charge["charge_id"] for charge in settled],
        "refund_meta": [row["refund_id"] for row in refunds],
    }
    settlement_id = insert(
        db,
        "settlement",
        {
            "day": stamp(day)[:10],
            "currency": currency,
            "body": to_json(body),
            "net": to_json(number(net - returned)),
            "created_at": day + DAY,
        },
    )
    for table, rows in (("charge", settled), ("refund", refunds)):
        db.executemany(
            f"UPDATE {table} SET settlement_id = ? WHERE {table}_id = ?",  # nosec B608  # noqa: S608
            [(settlement_id, row[f"{table}_id"]) for row in rows],
        )


def _fitting_refunds(db: Database, currency: str, before: float, limit: Decimal) -> list[Row]:
    chosen, left = [], limit
    for row in db.execute(
        f"""SELECT * FROM refund WHERE currency = ? AND created_at < ? AND settlement_id IS NULL AND due_at IS NULL
            AND status LIKE 'completed-%' AND {NOT_RETURNED} ORDER BY refund_id""",  # nosec B608  # noqa: S608
        (currency, before),
    ).fetchall():
        if Decimal(row["amount"]) <= left:
            chosen.append(row)
            left -= Decimal(row["amount"])
    return chosen


def _fixed_fields(bench: Bench, day: float) -> dict[str, Any]:
    paid_at = stamp(day + DAY)
    return {
        "account_id": bodies.ACCOUNT_ID,
        "merchant_name": bench.settings.merchant,
        "merchant_email": "merchant@example.com",
        "settlement_account": "0000000000",
        "bank_code": "FMM",
        "transaction_date": stamp(day),
        "due_date": paid_at,
        "processed_date": paid_at,
        "status": "completed",
        "is_local": 1,
        "chargeback": 0,
        "stampduty_charge": 0,
        "processor_ref": f"SETTLE-{datetime.fromtimestamp(day, UTC):%Y%m%d}",
        "disburse_ref": None,
        "disburse_message": None,
        "channel": None,
        "destination": "autowallet",
        "fx_data": None,
        "flag_message": None,
        "chargeback_meta": [],
        "source_bankcode": None,
        "created_at": paid_at,
    }


def _line(charge: Row) -> dict[str, Any]:
    return {
        "customer_email": json.loads(charge["customer"])["email"],
        "flw_ref": charge["flw_ref"],
        "tx_ref": charge["tx_ref"],
        "id": charge["charge_id"],
        "charged_amount": json.loads(charge["charged_amount"]),
        "app_fee": json.loads(charge["app_fee"]),
        "merchant_fee": json.loads(charge["merchant_fee"]),
        "stampduty_charge": 0,
        "settlement_amount": json.loads(charge["amount_settled"]),
        "status": charge["status"],
        "payment_entity": charge["payment_type"],
        "transaction_date": stamp(charge["created_at"]),
        "currency": charge["currency"],
        "card_locale": "international" if charge["payment_type"] == "card" else None,
        "rrn": None,
        "subaccount_settlement": 0,
    }


def _sum(rows: list[Row], column: str) -> Decimal:
    return sum((Decimal(str(json.loads(row[column]))) for row in rows), Decimal(0))
