"""Redis stopped or frozen under the running site: it sells on, hardly slower, and what is behind it comes back.

FAULT_SCALE=10 does each for 20 seconds.
"""

import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.config import Settings
from aurapark.devstack.servers import EmbeddedServers, embedded_servers
from aurapark.extensions import db
from tests.factories import Network
from tests.processes import eventually
from tests.running import BIN, Site, running_site
from tests.services.site_of_one_trip import Buyer, waits

SECONDS = 20 if int(os.environ.get("FAULT_SCALE", "1")) > 1 else 3
SLOWER = 2.0  # seconds a request may take more than usual
PAUSE = 0.4
WARM = 4  # requests before the fault, the first left out


@pytest.fixture
def own_redis(database_url: str, tmp_path: Path) -> Iterator[EmbeddedServers]:
    """A Valkey that nobody else uses."""
    with embedded_servers(tmp_path / "own", ephemeral=True, database_url=database_url) as running:
        yield running


def ticks() -> int:
    """How many ticks of the schedule have been run."""
    count = db.session.scalar(
        text("SELECT count(*) FROM job_run WHERE source = 'scheduler' AND finished_at IS NOT NULL")
    )
    db.session.rollback()
    return int(count or 0)


def supervise(site: Site) -> bool:
    """Start the worker again, as `make run` does: it ends when Redis goes away."""
    if site.processes["worker"].poll() is not None:
        site.start("worker", str(BIN / "aurapark"), "worker")
    return True


@pytest.mark.parametrize("fault", ["frozen", "stopped"])
def test_the_site_sells_on(
    app: Flask,
    settings: Settings,
    network: Network,
    database_url: str,
    own_redis: EmbeddedServers,
    tmp_path: Path,
    fault: str,
) -> None:
    trip_id = network.trip.id
    db.session.remove()
    processes = ("worker", "scheduler", "sweeper")
    with running_site(database_url, own_redis.redis_url, tmp_path, processes=processes) as site:
        buyer = Buyer(site, trip_id)
        for _ in range(WARM):
            buyer.hold()
        usual = statistics.median(buyer.seconds[1:])
        valkey = own_redis.valkey
        assert valkey is not None
        os.kill(valkey.pid, signal.SIGSTOP if fault == "frozen" else signal.SIGKILL)
        del buyer.seconds[:]
        ends, paid = time.monotonic() + SECONDS, [buyer.pay()]
        while time.monotonic() < ends:
            buyer.hold()
            time.sleep(PAUSE)
        if fault == "frozen":
            os.kill(valkey.pid, signal.SIGCONT)
        else:
            eventually(lambda: not valkey.running)
            valkey.start()  # at the same address, empty
        before = ticks()
        sys.stdout.write(f"\n{fault} {SECONDS} s: usual {usual:.3f} s, worst {max(buyer.seconds):.3f} s\n")
        assert max(buyer.seconds) < usual + SLOWER
        assert site.processes["scheduler"].poll() is None
        eventually(lambda: len(waits(paid)) == 1)
        eventually(lambda: supervise(site) and ticks() > before)
