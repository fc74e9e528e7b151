"""The sweeper: does all due work by itself, every few seconds, with PostgreSQL alone.

Redis, the worker, the scheduler and the webhooks make things faster; this makes them certain.
"""

import signal
import threading
import time

from aurapark import heartbeat
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.errors import Unavailable
from aurapark.extensions import db
from aurapark.jobs.registry import JOBS, Job
from aurapark.jobs.runs import Progress, record_sweep, work_off
from aurapark.log import log_event, log_failure

NAME = "sweeper"
BEAT_SECONDS = 10.0
SWEEPS = tuple(job for job in JOBS if job.rounds)


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

    def _sweep(self, sweep: Job) -> None:
        """Do one kind of work; its failure, the database's included, is logged and the next round tries again."""
        progress, started, failure = Progress(), time.monotonic(), None
        try:
            work_off(sweep, self.settings, progress, go_on=self._go_on)
        except Unavailable:
            log_event("sweep_without_database", sweep=sweep.name)
        except Exception as error:
            failure = error
            log_failure("sweep_failed", error, sweep=sweep.name)
        finally:
            db.session.remove()
        self._note(sweep, progress, time.monotonic() - started, failure)

    def _go_on(self) -> bool:
        if self.stopping.is_set():
            return False
        self._beat()
        return True

    def _note(self, sweep: Job, progress: Progress, seconds: float, failure: Exception | None) -> None:
        """Put what was done on record; without the database it is done all the same."""
        try:
            record_sweep(sweep.name, progress, seconds=seconds, error=failure)
        except Exception as error:
            log_failure("sweep_not_recorded", error, sweep=sweep.name)
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
