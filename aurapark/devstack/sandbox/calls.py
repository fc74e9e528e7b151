"""One API call from arrival to answer: written down, its key checked, its fault applied."""

import hmac
import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

from aurapark.devstack.sandbox import faults, http_faults
from aurapark.devstack.sandbox.answers import Answer, Refused, failure
from aurapark.devstack.sandbox.bench import Bench, get_bench, to_json
from aurapark.devstack.sandbox.store import Database, insert

BODY_KEPT = 65536
UNLOGGED_HEADERS = {"authorization", "cookie"}

Work = Callable[[Bench, Database], Answer]


def answer_call(endpoint: str, work: Work, **ids: str) -> Response:
    """Answer one call of an endpoint; `work` runs in one transaction and may raise Refused."""
    bench = get_bench()
    authorized = _is_authorized(bench)
    with bench.store.transaction() as db:
        tx_ref = _tx_ref(db, ids)
        call_id = _write_down(bench, db, endpoint, tx_ref, authorized)
        fault = faults.take(db, faults.HTTP, tx_ref=tx_ref, target=endpoint) if authorized else None
        if fault:
            db.execute("UPDATE request SET fault = ? WHERE request_id = ?", (fault.name, call_id))
    if not authorized:
        return _finish(bench, call_id, http_faults.respond(failure("Authorization required", 401)))
    do = _doing(bench, call_id, work)
    response = http_faults.apply(bench, fault, do) if fault else http_faults.respond(do())
    return _finish(bench, call_id, response)


def json_body() -> Any:
    """Return the request's JSON whatever its content type says, or None."""
    return request.get_json(force=True, silent=True)


def _doing(bench: Bench, call_id: int, work: Work) -> Callable[[], Answer]:
    def do() -> Answer:
        with bench.store.transaction() as db:
            try:
                answer = work(bench, db)
            except Refused as refusal:  # refused before anything was written: only the faults it met stay taken
                return failure(refusal.message, refusal.status)
            db.execute("UPDATE request SET done = 1 WHERE request_id = ?", (call_id,))
        return answer

    return do


def _is_authorized(bench: Bench) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {bench.settings.secret_key}".encode())


def _tx_ref(db: Database, ids: dict[str, str]) -> str | None:
    """Find which tx_ref a call is about, so that a fault can be tied to it."""
    body = json_body()
    given = request.args.get("tx_ref") or (
        body.get("tx_ref") or body.get("reference") if isinstance(body, dict) else None
    )
    if given:
        return str(given)
    if isinstance(body, dict) and body.get("link"):
        return _column(db, "SELECT tx_ref FROM link WHERE link_id = ?", str(body["link"]).rsplit("/", 1)[-1])
    charge_id = ids.get("charge_id") or (request.args.get("id") if request.path.endswith("/refunds") else None)
    if charge_id:
        return _column(db, "SELECT tx_ref FROM charge WHERE charge_id = CAST(? AS INTEGER)", charge_id)
    if "refund_id" in ids:
        return _column(db, "SELECT tx_ref FROM refund WHERE refund_id = CAST(? AS INTEGER)", ids["refund_id"])
    if "transfer_id" in ids:
        return _column(db, "SELECT tx_ref FROM transfer WHERE transfer_id = CAST(? AS INTEGER)", ids["transfer_id"])
    return None


def _column(db: Database, query: str, value: str) -> str | None:
    row = db.execute(query, (value,)).fetchone()
    return str(row["tx_ref"]) if row else None


def _write_down(bench: Bench, db: Database, endpoint: str, tx_ref: str | None, authorized: bool) -> int:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in UNLOGGED_HEADERS}
    return insert(
        db,
        "request",
        {
            "at": bench.clock.now(),
            "method": request.method,
            "path": request.path,
            "query": request.query_string.decode(errors="replace"),
            "endpoint": endpoint,
            "tx_ref": tx_ref,
            "authorized": int(authorized),
            "headers": to_json(headers),
            "body": request.get_data(as_text=True)[:BODY_KEPT],
        },
    )


def _finish(bench: Bench, call_id: int, response: Response) -> Response:
    with bench.store.transaction() as db:
        db.execute("UPDATE request SET status = ? WHERE request_id = ?", (response.status_code, call_id))
    return response


def describe(row: Any) -> dict[str, Any]:
    """Return a call as the admin API lists it: `status` 0 when the connection was closed, None while it runs."""
    return {
        **dict(row),
        "authorized": bool(row["authorized"]),
        "done": bool(row["done"]),
        "headers": json.loads(row["headers"]),
    }
