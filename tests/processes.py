"""Our commands as real processes beside a test, with what they write."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aurapark.config import ROOT, Settings


def environment_of(settings: Settings) -> dict[str, str]:
    given = {
        "AURAPARK_ENV": "development",
        "AURAPARK_VAR": str(settings.var),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "SWEEP_SECONDS": "1",
    }
    return given | {name: value for name, value in os.environ.items() if name.startswith("LD_")}


class Process:
    """One of our commands as a process, with what it has written so far."""

    def __init__(self, command: str, settings: Settings, folder: Path, **environment: str) -> None:
        self.file = folder / f"{command}.log"
        with self.file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aurapark.cli", command],
                cwd=ROOT,
                env=environment_of(settings) | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self.file.read_text()

    def stop(self, how: int = signal.SIGTERM, *, patience: float = 10) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(patience)


def eventually(what: Callable[[], object], *, seconds: float = 15) -> None:
    """Wait until something is true."""
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.05)
