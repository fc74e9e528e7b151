"""An agency's desk over a month's sales: each page in a few statements, none of which reads all of the month.

AGENCY_BOOKINGS=1000000 does it with a million and says how long each page takes; the suite with 3,000.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.accounts.models import AgencyRole
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements
from tests.accounts import Browser
from tests.factories import Network
from tests.office import staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from tests.volume import sell_a_month

BOOKINGS = int(os.environ.get("AGENCY_BOOKINGS", "3000"))
MANY = BOOKINGS > 100_000
ROUNDS = 60 if MANY else 2
NOW = datetime.now(UTC)
START, END = NOW - timedelta(days=30), NOW + timedelta(days=1)
STATEMENTS, SLOWEST = 8, 0.15  # of a page, and seconds for 19 of 20 of them at a million
PAGES = ("/agency/", "/agency/departures", "/agency/departures?part=next", "/agency/reports", "/agency/reports?days=90")


@pytest.fixture
def owner(app: Flask, network: Network) -> Browser:
    """The owner of an agency with a month of sales up to tomorrow, all of them in its settlements."""
    sell_a_month(network, BOOKINGS, START, END)
    while calculate_settlements(None, 20_000):  # type: ignore[arg-type]  # it reads no settings
        pass
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    browser = staff_browser(app, AgencyRole.OWNER, network.agency)[1]
    db.session.rollback()
    return browser


def test_pages_over_a_month_of_sales_are_there_at_once(app: Flask, owner: Browser) -> None:
    slow = {}
    for path in PAGES:
        owner.get(path)  # a process compiles a template once
        taken = []
        for _ in range(ROUNDS):
            with counted(app) as statements:
                began = time.perf_counter()
                page = owner.get(path, headers={"Accept-Encoding": "gzip"})
                taken.append(time.perf_counter() - began)
            assert page.status_code == 200, path
            assert len(statements) <= STATEMENTS, (path, statements)
            assert len(page.data) <= 25 * KILOBYTE, path
        late = quantiles(taken, n=20)[-1] if len(taken) > 2 else max(taken)
        if MANY:
            print(f"{late * 1000:7.1f} ms  {len(statements)} statements  {len(page.data)} bytes  {path}")  # noqa: T201
        if late > SLOWEST:
            slow[path] = late
    if MANY:
        assert slow == {}
