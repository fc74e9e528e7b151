"""The RQ worker. Redis is not trusted: what is read from it is a job's name from our list and ids, nothing else.

RQ would run any function named in Redis, as a job or as a callback of one, JSON or not. So a job read here keeps
only name and ids; whatever else was in Redis is dropped unread. Jobs run in this process, one at a time.
"""

import json
import logging
import re
import time
import zlib
from collections.abc import Mapping
from typing import Any

from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from aurapark import heartbeat
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.log import about, log_event, log_failure
from aurapark.metrics import count_job_refused
from aurapark.wake import JOB_SECONDS, QUEUE, queue_at
from workers.jobs import JOBS, takes

ID = re.compile(r"[A-Za-z0-9._:/-]{1,100}", re.ASCII)
REFUSED_KEY = "aurapark:jobs_refused"
LARGEST = 4096  # bytes
NAME = "worker"
WAIT_SECONDS = 10  # for the next job, before a sign of life
RQ_MARGIN_SECONDS = 15  # RQ waits so much less than its workers' time to live


class NamedJob(Job):  # type: ignore[misc]  # RQ's classes are untyped here
    """A job that is a name from the list with ids, or is refused."""

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Read name and ids from Redis; nothing else there is looked at, so nothing in it can do anything."""
        named = _read(raw_data.get(b"data", b""))
        self._func_name, self._instance, self._kwargs = named[0] if named else "refused", None, {}
        self._args = named[1] if named else ()
        self._data = JSONSerializer.dumps([self._func_name, None, list(self._args), {}])
        self.origin = raw_data.get(b"origin", b"").decode(errors="replace")
        self.timeout, self.result_ttl, self.failure_ttl, self.meta = JOB_SECONDS, 0, 0, {}
        self._dependency_ids: list[str] = []
        self.refused = named is None

    def perform(self) -> None:
        """Run the job. Whatever it raises ends here: the work itself is still in PostgreSQL, and due again."""
        if self.refused:
            self.connection.incr(REFUSED_KEY)
            count_job_refused(QUEUE)
            log_event("job_refused", level=logging.WARNING, job=self.id)
            return
        try:
            with about(job=self._func_name):
                JOBS[self._func_name](*self._args)
        except Exception as error:
            log_failure("job_failed", error, job=self._func_name, ids=",".join(self._args))
        finally:
            db.session.remove()


class NamedWorker(SimpleWorker):  # type: ignore[misc]  # RQ's classes are untyped here
    """Runs named jobs, listens to no commands, and runs no upkeep that would read other things from Redis."""

    job_class = NamedJob
    _beaten_at = float("-inf")

    def heartbeat(self, *args: Any, **named: Any) -> None:
        """Leave a sign of life between two jobs, in Redis for RQ and in PostgreSQL for everybody."""
        super().heartbeat(*args, **named)
        if time.monotonic() - self._beaten_at < WAIT_SECONDS:
            return
        self._beaten_at = time.monotonic()
        try:
            in_transaction(lambda: heartbeat.beat(NAME))
        except StopRequested:
            raise
        except Exception as error:  # jobs say for themselves that there is no database
            log_failure("worker_not_beaten", error)
        finally:
            db.session.remove()

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()
        log_event("worker_started", queue=self.queues[0].name)  # from here on SIGTERM finishes the work in hand

    def subscribe(self) -> None:
        """Do not listen: the commands of RQ's channel could stop us."""

    def run_maintenance_tasks(self) -> None:
        """Nothing depends on what RQ remembers of jobs."""


def run(redis_url: str) -> None:
    """Work until SIGTERM, finishing the job in hand; ends too when Redis goes away, for a supervisor to start again.

    Call inside an application context.
    """
    logging.getLogger("rq").setLevel(logging.WARNING)
    queue = queue_at(redis_url, patience=None)
    kinds = {"job_class": NamedJob, "serializer": JSONSerializer}
    ttl = WAIT_SECONDS + RQ_MARGIN_SECONDS
    worker = NamedWorker([queue], connection=queue.connection, worker_ttl=ttl, **kinds)
    worker.work(logging_level="WARNING")
    log_event("worker_stopped")


def _read(packed: bytes) -> tuple[str, tuple[str, ...]] | None:
    """Return name and ids of a job we wrote, None for anything else."""
    try:
        unpacked = zlib.decompressobj().decompress(packed, LARGEST)
        name, instance, ids, named_ids = json.loads(unpacked)
    except (zlib.error, ValueError, TypeError, RecursionError):
        return None
    if not isinstance(name, str) or instance is not None or named_ids != {} or not isinstance(ids, list):
        return None
    fit = all(isinstance(i, str) and ID.fullmatch(i) for i in ids) and takes(name, ids)
    return (name, tuple(ids)) if fit else None
