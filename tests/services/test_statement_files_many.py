"""The files of a settlement of very many lines: whole, and in memory that does not grow with them.

STATEMENT_BOOKINGS=1000000 (`make load`) does it with a million and says what each took; the suite with 1,000.
"""

import os
import time
from datetime import timedelta

from flask import Flask
from psutil import Process
from sqlalchemy import text

from aurapark import clock
from aurapark.accounts.models import AgencyRole
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.fill import AT_ONCE
from aurapark.settlements.models import Settlement, SettlementState
from aurapark.settlements.rules import month_of
from tests.factories import Network
from tests.office import staff_browser
from tests.volume import sell_a_month

BOOKINGS = int(os.environ.get("STATEMENT_BOOKINGS", "1000"))
ZONE = "Africa/Douala"
MEGABYTE = 2**20
MOST = 150 * MEGABYTE  # beside what the process had: the PDF of a month, and room for Python's own habits


def test_files_of_a_large_settlement_take_no_memory(app: Flask, network: Network, settings: Settings) -> None:
    start, end = month_of(clock.now() - timedelta(days=clock.today().day), ZONE).bounds(ZONE)
    sell_a_month(network, BOOKINGS, start, end - timedelta(seconds=1))
    while calculate_settlements(settings, AT_ONCE):
        pass
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
    found = db.session.query(Settlement).filter_by(state=SettlementState.CLOSED).one()
    number, lines = found.id, found.lines
    browser = staff_browser(app, AgencyRole.ACCOUNTANT, network.agency)[1]
    db.session.remove()
    before = Process().memory_full_info().uss
    for ending in ("csv", "xlsx", "pdf"):
        began, size, ends = time.perf_counter(), 0, 0
        with browser.get(f"/agency/settlements/{number}.{ending}", buffered=False) as answer:
            assert answer.status_code == 200
            for piece in answer.iter_encoded():
                size, ends = size + len(piece), ends + piece.count(b"\r\n")
        grown = Process().memory_full_info().uss - before
        if BOOKINGS > 1000:
            took = time.perf_counter() - began
            print(f"\n{ending}: {lines} lines, {size // 1024} KB in {took:.1f} s, {grown // MEGABYTE} MB more")  # noqa: T201
        assert ending != "csv" or ends == lines + 1
        assert grown < MOST, ending
