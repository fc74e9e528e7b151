"""The money desk over a month's sales: each page in a few statements, none of which reads all of the month.

DESK_BOOKINGS=1000000 does it with a million and says how long each page takes; the suite with 5,000.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.accounts.models import PlatformRole
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.ledger.hours import fill_hours, get_figures
from aurapark.ledger.queries import list_balances
from tests.factories import Network
from tests.office import staff_browser
from tests.pages.test_budgets import counted
from tests.volume import sell_a_month

BOOKINGS = int(os.environ.get("DESK_BOOKINGS", "5000"))
MANY = BOOKINGS > 100_000
ROUNDS = 20 if MANY else 2
END = datetime.now(UTC) - timedelta(hours=1)
START = END - timedelta(days=31)
STATEMENTS, SLOWEST = 8, 0.15  # of a page, and seconds for 19 of 20 of them at a million
HELD = ["gateway_clearing:flutterwave", "gateway_clearing:stripe"]


@pytest.fixture
def month(network: Network) -> dict[str, str]:
    """A month of sales up to an hour ago, its hours filled, and what somebody may look for in it."""
    began = time.perf_counter()
    sell_a_month(network, BOOKINGS, START, END)
    sold = time.perf_counter()
    hours = 0
    while more := in_transaction(fill_hours):
        hours += more
    if MANY:
        print(f"\nsold in {sold - began:.0f} s, {hours} hours filled in {time.perf_counter() - sold:.1f} s")  # noqa: T201
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    middle = text(
        "SELECT id, tx_ref, gateway_tx_id, booking_id FROM payment WHERE provider = 'flutterwave' AND id > :id"
    )
    first = db.session.scalar(text("SELECT min(id) FROM payment"))
    row = db.session.execute(middle, {"id": first + BOOKINGS // 2}).first()
    refund = db.session.scalar(text("SELECT max(id) FROM refund"))
    reference = db.session.scalar(text("SELECT reference FROM booking WHERE id = :id"), {"id": row.booking_id})
    found = {"payment": row.id, "tx_ref": row.tx_ref, "gateway": row.gateway_tx_id, "refund": refund}
    return {name: str(value) for name, value in {**found, "reference": reference, "agency": network.agency.id}.items()}


def pages(month: dict[str, str]) -> list[str]:
    middle = (START + timedelta(days=15)).date()
    return [
        "/admin/",
        "/admin/ledger",
        "/admin/payments",
        f"/admin/payments?since={middle}&until={middle}",
        f"/admin/payments?until={middle}",
        "/admin/payments?state=partially_refunded",
        "/admin/payments?state=failed",
        "/admin/payments?disposition=review",
        "/admin/payments?provider=stripe",
        "/admin/payments?provider=cash&state=partially_refunded",
        "/admin/payments?need=stuck",
        "/admin/payments?need=late",
        f"/admin/payments?agency={month['agency']}",
        f"/admin/payments?agency={month['agency']}&state=succeeded&least=4000&most=4000",
        "/admin/payments?least=5000",
        "/admin/payments?most=3999",
        f"/admin/payments?tx_ref={month['tx_ref']}",
        f"/admin/payments?gateway_id={month['gateway']}",
        f"/admin/payments?reference={month['reference']}",
        f"/admin/payments/{month['payment']}",
        "/admin/events",
        "/admin/refunds",
        "/admin/refunds?state=failed",
        "/admin/refunds?state=open",
        "/admin/refunds?reason=trip_cancelled",
        f"/admin/refunds/{month['refund']}",
        "/admin/cases",
        "/admin/disputes",
    ]


def test_pages_over_a_month_of_sales_are_there_at_once_and_true(app: Flask, month: dict[str, str]) -> None:
    browser = staff_browser(app, PlatformRole.FINANCE)[1]
    db.session.rollback()
    slow = {}
    for path in pages(month):
        taken = []
        for _ in range(ROUNDS):
            with counted(app) as statements:
                began = time.perf_counter()
                status = browser.get(path).status_code
                taken.append(time.perf_counter() - began)
            assert status == 200, path
            assert len(statements) <= STATEMENTS, path
        late = quantiles(taken, n=20)[-1] if len(taken) > 2 else max(taken)
        if MANY:
            print(f"{late * 1000:7.1f} ms  {len(statements)} statements  {path}")  # noqa: T201
        if late > SLOWEST:
            slow[path] = late
    figures = get_figures(HELD, since=START - timedelta(days=1), zone="Africa/Douala")
    db.session.execute(text("SET statement_timeout = 0"))
    assert [*figures.balances] == list_balances()
    paid = text("SELECT sum(amount) FROM ledger_entry WHERE event_type = 'payment' AND debit = ANY(:held)")
    assert sum(one.paid for one in figures.days) == db.session.scalar(paid, {"held": HELD})
    if MANY:
        assert slow == {}
