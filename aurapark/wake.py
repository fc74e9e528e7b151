"""The tap on the worker's shoulder after a commit. It only makes things faster: whatever goes wrong here is swallowed.

What must happen is in PostgreSQL already; the sweeper finds it without any of this.
"""

import time
from functools import lru_cache
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from aurapark.log import log_event
from aurapark.metrics import count_wake_failed
from aurapark.settings import current_settings

QUEUE = "aurapark"  # one queue: with several, RQ takes jobs with BLPOP and can lose one in a crash
JOB_SECONDS = 60
STALE_SECONDS = 600  # a wake-up that waited longer is of no use
PATIENCE = 0.1  # seconds for each answer of Redis
SILENCE = 2.0  # seconds without a try after Redis did not answer

_state = {"quiet_until": 0.0, "failed": 0.0}


def wake(job: str, *ids: str) -> bool:
    """Ask a worker to run a job soon; ids are all it gets. Never raises; False when nobody could be told."""
    if time.monotonic() < _state["quiet_until"]:
        return False
    try:
        queue_at(current_settings().redis_url, PATIENCE).enqueue(
            job, *ids, job_timeout=JOB_SECONDS, result_ttl=0, ttl=STALE_SECONDS, failure_ttl=STALE_SECONDS
        )
        return True
    except Exception as error:
        _state["quiet_until"] = time.monotonic() + SILENCE
        _state["failed"] += 1
        count_wake_failed(job)
        log_event("wake_failed", job=job, error=type(error).__name__, failed=int(_state["failed"]))
        return False


@lru_cache(maxsize=4)
def queue_at(redis_url: str, patience: float | None) -> Queue:
    """Return the queue at a Redis, in JSON. A worker waits for work and has no `patience` to lose."""
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "socket_connect_timeout": PATIENCE * 10}
    if patience:
        options.update(socket_timeout=patience, socket_connect_timeout=patience)
    return Queue(QUEUE, connection=Redis.from_url(redis_url, **options), serializer=JSONSerializer)
