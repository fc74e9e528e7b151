"""The admin API under /_sandbox: its doors, faults, clock, reset. README.md beside this file describes all of it.

Loopback only. Changes must come as JSON, which a foreign web page cannot send here without asking first.
"""

import json
from typing import Any

from flask import Blueprint, abort, request

from aurapark.devstack.sandbox import faults, ticker
from aurapark.devstack.sandbox.answers import Refused
from aurapark.devstack.sandbox.bench import get_bench, stamp
from aurapark.devstack.sandbox.store import Database, Row

admin = Blueprint("admin", __name__, url_prefix="/_sandbox")

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
    return list_rows("fault", "fault_id", json_columns=("params", "targets"))


@admin.post("/faults")
def add_fault() -> tuple[dict[str, Any], int]:
    """Set a fault: name, endpoint or event (one or a list), tx_ref, times (1; null is always), skip, its parameters."""
    params = read_body()
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


@admin.post("/clock")
def advance() -> dict[str, Any]:
    """Let `advance` sandbox seconds pass at once."""
    bench = get_bench()
    with bench.store.transaction() as db:
        bench.clock.advance(db, float(read_body()["advance"]))
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
@admin.errorhandler(Refused)
def refuse(error: Exception) -> tuple[dict[str, str], int]:
    """Say what was wrong with a request of a test."""
    return {"error": f"{type(error).__name__}: {error}"}, 400


def read_body() -> dict[str, Any]:
    """Return the JSON object sent. Raises ValueError."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


def list_rows(table: str, order: str, *, json_columns: tuple[str, ...], name: str | None = None) -> dict[str, Any]:
    """Return the rows of a table as they are, JSON columns read."""
    with get_bench().store.transaction() as db:
        rows = rows_of(db, table, order)
    return {
        name or f"{table}s": [
            {**dict(row), **{column: json.loads(row[column]) for column in json_columns}} for row in rows
        ]
    }


def rows_of(db: Database, table: str, order: str) -> list[Row]:
    """Return the rows of a table, of one `tx_ref` when the query names it; the last ones when there are very many."""
    tx_ref = request.args.get("tx_ref")
    rows = db.execute(
        f"SELECT * FROM {table} WHERE (? IS NULL OR tx_ref = ?) ORDER BY {order} DESC LIMIT ?",  # nosec B608  # noqa: S608
        (tx_ref, tx_ref, int(request.args.get("limit", MOST_LISTED))),
    ).fetchall()
    return rows[::-1]


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
