"""The lists a merchant reconciles with: charges, refunds and transfers, newest first, dates inclusive by UTC day."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aurapark.devstack.sandbox.answers import Refused
from aurapark.devstack.sandbox.bench import Bench
from aurapark.devstack.sandbox.store import Database, Row

PAGE_SIZE = 10
CHARGE_FILTERS = {
    "status": "status = ?",
    "tx_ref": "tx_ref = ?",
    "currency": "currency = ?",
    "customer_email": "json_extract(customer, '$.email') LIKE '%' || ?",
    "customer_fullname": "json_extract(customer, '$.name') = ?",
}
REFUND_FILTERS = {
    "id": "charge_id = CAST(? AS INTEGER)",
    "flw_ref": "flw_ref = ?",
    "currency": "currency = ?",
    "status": "status = ?",
}
TRANSFER_FILTERS = {"status": "status = upper(?)"}


def list_charges(bench: Bench, db: Database, query: Mapping[str, str]) -> tuple[list[Row], dict[str, int]]:
    """Return one page of charges and its page info; a charge too new to be seen is left out. Raises Refused."""
    visible = ("visible_at <= ?", bench.clock.now())
    return _page(db, "charge", query, CHARGE_FILTERS, [visible])


def list_refunds(db: Database, query: Mapping[str, str]) -> tuple[list[Row], dict[str, int]]:
    """Return one page of refunds and its page info. Raises Refused."""
    return _page(db, "refund", query, REFUND_FILTERS, [])


def list_transfers(db: Database, query: Mapping[str, str]) -> tuple[list[Row], dict[str, int]]:
    """Return one page of transfers and its page info; `reference` filters nothing. Raises Refused."""
    return _page(db, "transfer", query, TRANSFER_FILTERS, [])


def page_number(query: Mapping[str, str]) -> int:
    """Return the page asked for, the first when it cannot be read."""
    text = query.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def page_info(total: int, page: int, size: int) -> dict[str, int]:
    """Return what stands in meta beside a list."""
    return {"total": total, "current_page": page, "total_pages": -(-total // size)}


def period(query: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Return the conditions on `created_at` for `from` and `to`. Raises Refused."""
    conditions: list[tuple[str, Any]] = []
    if query.get("from"):
        conditions.append(("created_at >= ?", _day(query["from"], "from").timestamp()))
    if query.get("to"):
        conditions.append(("created_at < ?", (_day(query["to"], "to") + timedelta(days=1)).timestamp()))
    return conditions


def _page(
    db: Database, table: str, query: Mapping[str, str], filters: dict[str, str], conditions: list[tuple[str, Any]]
) -> tuple[list[Row], dict[str, int]]:
    wanted = [
        *conditions,
        *period(query),
        *((condition, query[name]) for name, condition in filters.items() if query.get(name)),
    ]
    where = " AND ".join(condition for condition, _ in wanted) or "1"
    values = [value for _, value in wanted]
    total = db.execute(f"SELECT count(*) AS n FROM {table} WHERE {where}", values).fetchone()["n"]  # nosec B608  # noqa: S608
    page = page_number(query)
    rows = db.execute(
        f"SELECT * FROM {table} WHERE {where} ORDER BY created_at DESC, {table}_id DESC LIMIT ? OFFSET ?",  # nosec B608  # noqa: S608
        (*values, PAGE_SIZE, (page - 1) * PAGE_SIZE),
    ).fetchall()
    return rows, page_info(total, page, PAGE_SIZE)


def _day(text: str, name: str) -> datetime:
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(f"{name} must be a date, YYYY-MM-DD") from None
