"""The sandbox's front page: what this is, and the payments of the last while."""

import json

from flask import Blueprint, Response

from aurapark.devstack.sandbox import links
from aurapark.devstack.sandbox.bench import get_bench
from aurapark.devstack.sandbox.pages import render_page

front = Blueprint("front", __name__)

SHOWN = 20


@front.get("/")
def show() -> Response:
    """List the newest links with their state."""
    bench = get_bench()
    with bench.store.transaction() as db:
        rows = db.execute("SELECT * FROM link ORDER BY opened_at DESC LIMIT ?", (SHOWN,)).fetchall()
    payments = [
        {
            "tx_ref": row["tx_ref"],
            "amount": json.loads(row["amount"]),
            "currency": row["currency"],
            "state": row["state"],
            "address": links.address(bench, row["link_id"]),
        }
        for row in rows
    ]
    return render_page("sandbox/front.html", payments=payments)
