"""The admin API's records: API calls received, links, charges, refunds, transfers, webhooks sent."""

from typing import Any

from flask import request

from aurapark.devstack.sandbox import calls, charges, refunds, transfers
from aurapark.devstack.sandbox.admin import admin, list_rows, rows_of
from aurapark.devstack.sandbox.bench import get_bench


@admin.get("/requests")
def list_requests() -> dict[str, Any]:
    """List the API calls received, oldest first; filters: endpoint, tx_ref, method, since (request_id)."""
    wanted = {name: request.args[name] for name in ("endpoint", "tx_ref", "method") if name in request.args}
    where = " AND ".join(["request_id > ?", *(f"{name} = ?" for name in wanted)])
    with get_bench().store.transaction() as db:
        rows = db.execute(
            f"SELECT * FROM request WHERE {where} ORDER BY request_id",  # nosec B608  # noqa: S608 - names from the tuple above
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
    return list_rows("link", "opened_at", json_columns=("amount", "methods", "customer", "meta", "flags"))


@admin.get("/charges")
def list_charges() -> dict[str, Any]:
    """List the charges in the verify shape, oldest first."""
    bench = get_bench()
    with bench.store.transaction() as db:
        rows = rows_of(db, "charge", "charge_id")
    return {"charges": [charges.describe(bench, row) for row in rows]}


@admin.get("/refunds")
def list_refunds() -> dict[str, Any]:
    """List the refunds, oldest first."""
    with get_bench().store.transaction() as db:
        rows = rows_of(db, "refund", "refund_id")
    return {"refunds": [refunds.shown(row) | {"tx_ref": row["tx_ref"]} for row in rows]}


@admin.get("/transfers")
def list_transfers() -> dict[str, Any]:
    """List the transfers, oldest first; their `tx_ref` is the reference."""
    with get_bench().store.transaction() as db:
        rows = rows_of(db, "transfer", "transfer_id")
    return {"transfers": [transfers.shown(row) | {"tx_ref": row["tx_ref"]} for row in rows]}


@admin.get("/deliveries")
def list_deliveries() -> dict[str, Any]:
    """List the webhooks with every try and what our endpoint answered."""
    return list_rows("delivery", "delivery_id", name="deliveries", json_columns=("tries", "faults"))
