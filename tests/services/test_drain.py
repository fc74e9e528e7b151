"""A heap of due work: two workers drain it together, each row once, in memory that does not grow with the heap.

FAULT_SCALE=10 drains 100,000 rows and prints what it took (pytest -s).
"""

import json
import os
import subprocess
import sys

from flask import Flask
from sqlalchemy import text

from aurapark.config import ROOT, Settings
from aurapark.database import in_transaction
from aurapark.extensions import db

FAULT_SCALE = int(os.environ.get("FAULT_SCALE", "1"))
ROWS = 100_000 if FAULT_SCALE > 1 else 2_000
MOST_MB = 250
HEAP = """
    INSERT INTO outbox (kind, dedupe_key, payload, next_at)
    SELECT (ARRAY['sms', 'mail'])[1 + n % 2], n::text, '{"booking": "7K3QF9", "message": "ticket"}',
        now() - n * interval '1 ms'
    FROM generate_series(1, :rows) n
"""


def test_two_workers_drain_a_heap_together_each_row_once(app: Flask, settings: Settings) -> None:
    in_transaction(lambda: db.session.execute(text(HEAP), {"rows": ROWS}))
    script = [sys.executable, "-m", "tests.services.drain", settings.database_url, "100"]
    workers = [subprocess.Popen(script, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE) for _ in range(2)]
    took = [json.loads(worker.communicate(timeout=1800)[0]) for worker in workers]
    assert sum(one["rows"] for one in took) == ROWS
    assert min(one["rows"] for one in took) > 0
    assert max(one["peak_mb"] for one in took) < MOST_MB
    left = db.session.execute(text("SELECT state, attempts, count(*) FROM outbox GROUP BY 1, 2")).all()
    assert [tuple(row) for row in left] == [("done", 1, ROWS)]
    seconds, cpu = max(one["seconds"] for one in took), sum(one["cpu"] for one in took)
    per_second, peak = ROWS / seconds, max(one["peak_mb"] for one in took)
    sys.stdout.write(f"\n{ROWS} rows: {per_second:.0f} a second, {cpu / ROWS * 1000:.2f} ms CPU a row, {peak} MB\n")
