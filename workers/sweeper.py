"""The sweeper: does all due work by itself, every few seconds, with PostgreSQL alone.

Redis, the worker and the webhooks make things faster; this makes them certain.
"""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aurapark import audit_chain, heartbeat
from aurapark.checkout import sweeps
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import Unavailable
from aurapark.extensions import db
from aurapark.log import log_event, log_failure
from aurapark.notifications.relay import send_due
from aurapark.reconciliation.gateway import reconcile_payments
from aurapark.timetable.progress import advance_trips
from aurapark.timetable.service import keep_timetable_ahead

NAME = "sweeper"
BEAT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of work: done `limit` rows at a time, up to `times` times in a round, every so many rounds."""

    name: str
    work: Callable[[Settings, int], int]
    limit: int = 100
    times: int = 1
    rounds: int = 1


SWEEPS = (
    Sweep("webhooks", sweeps.process_events),
    Sweep("payments", sweeps.check_open_payments, limit=1, times=50),
    Sweep("refunds", sweeps.process_refunds, limit=1, times=50),
    Sweep("reviews", sweeps.settle_reviews, rounds=6),
    Sweep("reconciliation", reconcile_payments, limit=1, times=2),
    Sweep("holds", sweeps.expire_holds),
    Sweep("messages", send_due, limit=1, times=200),
    Sweep("keys", sweeps.forget_keys, limit=1000, times=20, rounds=60),
    Sweep("forged events", sweeps.forget_forged_events, limit=1000, times=20, rounds=60),
    Sweep("audit log", lambda _settings, limit: in_transaction(lambda: audit_chain.seal(limit)), limit=500, times=20),
    Sweep("trips", lambda _settings, limit: in_transaction(lambda: advance_trips(limit)), rounds=6),
    Sweep("timetable", lambda _settings, _limit: in_transaction(keep_timetable_ahead), rounds=360),
)


class Sweeper:
    """Goes round and round until it is told to stop; a stop waits for the work in hand only."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self._beaten_at = float("-inf")

    def run(self) -> None:
        """Sweep every SWEEP_SECONDS until stopped. Call inside an application context."""
        log_event("sweeper_started", seconds=self.settings.sweep_seconds)
        number = 0
        while not self.stopping.is_set():
            started = time.monotonic()
            self.sweep_once(number)
            number += 1
            self.stopping.wait(max(0.0, self.settings.sweep_seconds - (time.monotonic() - started)))
        log_event("sweeper_stopped")

    def sweep_once(self, number: int = 0) -> None:
        """Do one round of everything that is due."""
        for sweep in SWEEPS:
            if number % sweep.rounds == 0:
                self._sweep(sweep)

    def _sweep(self, sweep: Sweep) -> None:
        """Do one kind of work; its failure, the database's included, is logged and the next round tries again."""
        try:
            for _ in range(sweep.times):
                if self.stopping.is_set():
                    return
                self._beat()
                if sweep.work(self.settings, sweep.limit) < sweep.limit:
                    return
        except Unavailable:
            log_event("sweep_without_database", sweep=sweep.name)
        except Exception as error:
            log_failure("sweep_failed", error, sweep=sweep.name)
        finally:
            db.session.remove()

    def _beat(self) -> None:
        """Leave a sign of life between two pieces of work, so that one that hangs is seen to hang."""
        if time.monotonic() - self._beaten_at >= min(BEAT_SECONDS, self.settings.sweep_seconds):
            in_transaction(lambda: heartbeat.beat(NAME))
            self._beaten_at = time.monotonic()


def run(settings: Settings) -> None:
    """Run the sweeper of this process until SIGTERM or Ctrl-C. Call inside an application context."""
    sweeper = Sweeper(settings)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: sweeper.stopping.set())
    sweeper.run()
