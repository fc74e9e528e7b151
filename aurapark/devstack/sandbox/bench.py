"""The parts of one running sandbox, handed to every function that needs them."""

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from flask import current_app

from aurapark.devstack.sandbox.settings import Settings
from aurapark.devstack.sandbox.store import Database, Store, get_setting, set_setting


class Clock:
    """Real time plus what was advanced by hand. Waits are divided by the scale, the time of day is not."""

    def __init__(self, store: Store, scale: float) -> None:
        self.scale = scale
        with store.transaction() as db:
            self._offset = float(get_setting(db, "clock_offset", 0.0))

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self._offset

    def after(self, seconds: float) -> float:
        """Return the moment at which a wait of so many sandbox seconds is over."""
        return self.now() + seconds / self.scale

    def advance(self, db: Database, seconds: float) -> None:
        """Let so many sandbox seconds pass at once; remembered across restarts."""
        self._offset += seconds / self.scale
        set_setting(db, "clock_offset", self._offset)

    def restart(self) -> None:
        """Go back to real time."""
        self._offset = 0.0


class Bench:
    """Settings, memory and clock of one sandbox, and the two signals its threads watch."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state_dir)
        self.clock = Clock(self.store, settings.clock_scale)
        self.wake = threading.Event()
        self.stopping = threading.Event()

    def webhook_url(self, db: Database) -> str:
        """Return where webhooks go: the dashboard's setting, which the admin API can change."""
        return str(get_setting(db, "webhook_url", self.settings.webhook_url))


def get_bench() -> Bench:
    """Return the bench of the request's application."""
    bench: Bench = current_app.extensions["sandbox"]
    return bench


def stamp(moment: float) -> str:
    """Write a moment as they do: ISO 8601, UTC, milliseconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(moment % 1 * 1000):03d}Z"


def moment(text: str | float) -> float:
    """Read a moment given as ISO 8601 (UTC when it names no zone) or as seconds. Raises ValueError."""
    if isinstance(text, int | float):
        return float(text)
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def to_json(value: Any) -> str:
    """Write JSON as it goes on the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
