"""Drain the outbox as one worker does, and say what it took.

    python -m tests.services.drain DATABASE_URL BATCH

Claims BATCH rows at a time and finishes each in a transaction of its own, until nothing is due. Prints rows, seconds,
CPU seconds and the peak of memory, as JSON.
"""

import json
import sys
import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from aurapark import create_app, outbox
from aurapark.config import load_settings
from aurapark.database import in_transaction


def main(database_url: str, batch: int) -> None:
    """Work until nothing is due."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:9/0"}
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(load_settings({**given, "AURAPARK_VAR": str(Path(folder))}))
        lease = timedelta(seconds=120)
        with app.app_context():
            rows, started, cpu = 0, time.monotonic(), time.process_time()
            while works := in_transaction(lambda: outbox.claim(["mail", "sms"], limit=batch, lease=lease)):
                rows += sum(in_transaction(partial(outbox.finish, work)) for work in works)
            took, used = time.monotonic() - started, time.process_time() - cpu
    peak = _peak_mb()
    sys.stdout.write(json.dumps({"rows": rows, "seconds": took, "cpu": used, "peak_mb": peak}))


def _peak_mb() -> int:
    """The peak of this program alone: what getrusage says is never less than the process that started it had."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
