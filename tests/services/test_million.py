"""A month of very many sales: it closes to the franc, in a time that grows with it and memory that does not.

`make load` closes months of 10⁴, 10⁵ and 10⁶ bookings (LOAD_BOOKINGS) and prints what each took.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask
from psutil import NoSuchProcess, Process

from aurapark.config import Settings
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.settlements.calculate import calculate_settlements
from aurapark.settlements.fill import AT_ONCE
from aurapark.settlements.models import Settlement
from aurapark.settlements.rules import month_of
from tests.factories import Network
from tests.volume import sell_a_month

SIZES = [int(size) for size in os.environ.get("LOAD_BOOKINGS", "500,2000").split(",")]
MEGABYTE = 2**20


@dataclass
class Memory:
    """The most that this process, and any process of PostgreSQL, had for itself, in megabytes."""

    ours: int = 0
    theirs: int = 0


@contextmanager
def watched(server_pid: int | None) -> Iterator[Memory]:
    """Look ten times a second at what is used."""
    memory, over = Memory(), threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            memory.ours = max(memory.ours, Process().memory_full_info().uss // MEGABYTE)
            for backend in Process(server_pid).children() if server_pid else ():
                try:
                    memory.theirs = max(memory.theirs, backend.memory_full_info().uss // MEGABYTE)
                except NoSuchProcess:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


def test_a_month_closes_in_bounded_memory(app: Flask, settings: Settings, servers: EmbeddedServers) -> None:
    took, pid = {}, servers.postgres.pid if servers.postgres else None
    for size in SIZES:
        network = Network.make()
        agency_id, zone = network.agency.id, network.agency.timezone
        start, end = month_of(network.trip.departs_at - timedelta(days=40), zone).bounds(zone)
        sold = sell_a_month(network, size, start, end)
        before, begun = Process().memory_full_info().uss // MEGABYTE, time.monotonic()
        with watched(pid) as memory:
            while calculate_settlements(settings, AT_ONCE):
                pass
        took[size] = time.monotonic() - begun
        one = db.session.query(Settlement).filter_by(agency_id=agency_id).one()
        parts = (one.gross, one.commission, one.refunds, one.cash_kept, one.carried)
        assert parts == (sold.gross, sold.commission, sold.refunds, sold.cash_kept, 0)
        assert (one.state, one.net) == ("closed", sold.gross - sold.commission - sold.refunds - sold.cash_kept)
        assert memory.ours - before < 100
        line = f"{size:>9,} bookings, {one.lines:>9,} lines: {took[size]:.1f} s, {took[size] / size * 1000:.3f} ms each"
        print(f"\n{line}; memory at most {memory.ours} MB here, {memory.theirs} MB a process of PostgreSQL")  # noqa: T201  shown with -s
    smallest, largest = min(SIZES), max(SIZES)
    if smallest >= 10_000:
        assert took[largest] / took[smallest] < 2 * largest / smallest
