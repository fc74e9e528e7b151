"""An agency's pages and every statement over very many sales: a few SQL statements each, and there at once.

`make load` does it with a million bookings in a month and says how long each page takes; the suite with 3,000.
"""

import os
import time
from datetime import datetime, timedelta
from statistics import quantiles
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.accounts.models import AgencyRole, PlatformRole
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.fill import AT_ONCE
from aurapark.settlements.rules import month_of
from tests.factories import Network
from tests.office import staff_browser
from tests.pages.test_budgets import counted
from tests.volume import sell_a_month

BOOKINGS = int(os.environ.get("OFFICE_BOOKINGS", "3000"))
MANY = BOOKINGS > 100_000
ROUNDS = 40 if MANY else 2
ZONE = "Africa/Douala"
STATEMENTS, SLOWEST, KILOBYTES = 8, 0.15, 25


@pytest.fixture
def month(network: Network, settings: Settings) -> dict[str, int]:
    """The month before this one and today, sold and settled: ids of what somebody may open."""
    start, end = month_of(clock.now() - timedelta(days=clock.today().day), ZONE).bounds(ZONE)
    today = datetime.combine(clock.today(), datetime.min.time(), ZoneInfo(ZONE))
    sell_a_month(network, BOOKINGS, start, end)
    sell_a_month(network, max(BOOKINGS // 30, 100), today, today + timedelta(days=1))
    while calculate_settlements(settings, AT_ONCE):
        pass
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
    wanted = text("""
        SELECT s.id AS settlement, b.trip_id AS trip, b.reference, l.ledger_entry_id AS entry
        FROM settlement s JOIN settlement_line l ON l.settlement_id = s.id JOIN booking b ON b.id = l.booking_id
        WHERE s.state = 'closed' AND l.kind = 'refund' LIMIT 1
    """)
    return dict(db.session.execute(wanted).mappings().one())


def of_the_agency(month: dict[str, int]) -> list[str]:
    one = f"/agency/settlements/{month['settlement']}"
    return [
        *("/agency/", "/agency/departures", "/agency/reports", "/agency/reports?days=90", "/agency/bookings"),
        *("/agency/settlements", one, f"{one}?kind=refund", f"{one}?kind=correction", f"{one}?carried=yes"),
        *(f"{one}?reference={month['reference']}", f"{one}?trip={month['trip']}", f"{one}/trips"),
        f"{one}/lines/{month['entry']}",
    ]


def of_the_platform(month: dict[str, int]) -> list[str]:
    one = f"/admin/settlements/{month['settlement']}"
    return ["/admin/settlements", "/admin/settlements?state=closed", one, f"{one}?kind=refund", f"{one}/trips",
            f"{one}/payouts", "/admin/payouts", "/admin/line-disputes", "/admin/agencies", "/admin/jobs",
            "/admin/outbox", "/admin/doctor", "/admin/audit"]  # fmt: skip


def test_pages_over_a_month_of_sales_are_small_and_there_at_once(
    app: Flask, network: Network, month: dict[str, int]
) -> None:
    owner = staff_browser(app, AgencyRole.OWNER, network.agency)[1]
    finance = staff_browser(app, PlatformRole.FINANCE)[1]
    db.session.rollback()
    slow = {}
    visits = [(owner, path) for path in of_the_agency(month)] + [(finance, path) for path in of_the_platform(month)]
    for browser, path in visits:
        taken = []
        browser.get(path)  # its template is compiled by then, as in any process that has served it once
        for _ in range(ROUNDS):
            with counted(app) as statements:
                begun = time.perf_counter()
                page = browser.get(path)
                taken.append(time.perf_counter() - begun)
            assert page.status_code == 200, path
            assert len(statements) <= STATEMENTS, f"{path}: {len(statements)}"
        packed = browser.get(path, headers={"Accept-Encoding": "gzip"}).content_length or 0
        assert packed <= KILOBYTES * 1024, f"{path}: {packed}"
        late = quantiles(taken, n=20)[-1] if len(taken) > 2 else max(taken)
        if MANY:
            print(f"{late * 1000:7.1f} ms  {len(statements)} statements  {packed:>6} B  {path}")  # noqa: T201
        if late > SLOWEST:
            slow[path] = round(late, 3)
    if MANY:
        assert slow == {}
