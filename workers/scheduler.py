"""The scheduler: puts the ticks of the registry into the worker's queue. It makes things timely, never true.

A hardened rq-scheduler. What it keeps in Redis is one sorted set of names and times; what a name means stands in the
registry, so that no job, no `meta` and no pickle is ever read from Redis. A due tick is one MULTI/EXEC that holds
while the lock is ours and the entry unchanged: killed at any point, it is done whole or not at all. The tick's time
comes from the schedule and names the job, so that a tick enqueued twice is one job, and PostgreSQL runs it once.
"""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from redis.exceptions import RedisError, ResponseError, WatchError
from rq.job import JobStatus
from rq_scheduler import Scheduler

from aurapark import heartbeat
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.jobs.registry import BY_NAME, JOBS, Job
from aurapark.jobs.schedule import last_tick, next_tick
from aurapark.log import log_event, log_failure
from aurapark.metrics import count_job_refused
from aurapark.wake import JOB_SECONDS, STALE_SECONDS, queue_at
from workers.jobs import as_id
from workers.worker import REFUSED_KEY, NamedJob

NAME = "scheduler"
PATIENCE = 2.0  # seconds for each answer of Redis
LOCK_MS = 10_000  # a killed scheduler's place is free after that
TURN_SECONDS = 1.0
BEAT_SECONDS = 10.0
MOST_WAITING = 500  # jobs in the queue: nobody works, and more ticks would not help

RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class TickScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler is untyped
    """Enqueues each due tick of the registry once, under a lock with a token."""

    def __init__(self, redis_url: str, sweep: timedelta) -> None:
        queue = queue_at(redis_url, patience=PATIENCE)
        super().__init__(queue=queue, connection=queue.connection, job_class=NamedJob, interval=TURN_SECONDS)
        self.sweep = sweep
        self.token = uuid4().hex

    def turn(self) -> int:
        """Register every job again, then enqueue what is due; returns how many ticks were. Raises RedisError."""
        if not self.acquire_lock():
            return 0
        now = self.now()
        self.register(now)
        return sum(self.enqueue_tick(name, due, now) for name, due in self.get_due(now))

    def now(self) -> datetime:
        """Return the time by Redis, so that all schedulers agree and no clock of theirs matters."""
        seconds, _ = self.connection.time()
        return datetime.fromtimestamp(seconds, UTC)

    def register(self, now: datetime) -> None:
        """Put in what is missing, and pull back what lies further ahead than its schedule (one command)."""
        ahead = {job.name: next_tick(job.schedules, now, self.sweep).timestamp() for job in JOBS}
        self.connection.zadd(self.scheduled_jobs_key, ahead, lt=True)

    def get_due(self, now: datetime) -> Iterator[tuple[str, float]]:
        """Return the names that are due, with the times they stand at. Foreign names are dropped and counted."""
        room = MOST_WAITING - self.connection.llen(self._queue.key)
        for raw, due in self.connection.zrangebyscore(
            self.scheduled_jobs_key, "-inf", now.timestamp(), start=0, num=max(0, room), withscores=True
        ):
            name = raw.decode(errors="replace")
            if name in BY_NAME:
                yield name, due
            else:
                self._refuse(raw)

    def enqueue_tick(self, name: str, due: float, now: datetime) -> bool:
        """Put the newest tick of a job into the queue and its next one into the schedule, both or neither.

        False when the lock or the entry was not ours any more.
        """
        job = BY_NAME[name]
        following = next_tick(job.schedules, now, self.sweep).timestamp()
        with self.connection.pipeline(transaction=True) as pipe:
            pipe.watch(self.scheduled_jobs_key, self.scheduler_lock_key)
            mine = pipe.get(self.scheduler_lock_key) == self.token.encode()
            if not mine or pipe.zscore(self.scheduled_jobs_key, name) != due:
                return False
            rq_job = self._tick_job(job, last_tick(job.schedules, now, self.sweep))
            rq_job.redis_server_version = self._queue.get_redis_server_version()
            pipe.multi()
            self._queue.enqueue_job(rq_job, pipeline=pipe)
            pipe.zadd(self.scheduled_jobs_key, {name: following})
            try:
                pipe.execute()
            except WatchError:
                return False
        return True

    def acquire_lock(self) -> bool:
        """Take or renew the lock; False while another scheduler has it."""
        if self.connection.set(self.scheduler_lock_key, self.token, nx=True, px=LOCK_MS):
            return True
        return bool(self.connection.eval(RENEW, 1, self.scheduler_lock_key, self.token, LOCK_MS))

    def remove_lock(self) -> None:
        """Give the lock back when it is ours."""
        self.connection.eval(RELEASE, 1, self.scheduler_lock_key, self.token)

    def start_afresh(self) -> None:
        """Drop what lies under our keys and is not what we put there; the next turn registers everything."""
        self.connection.delete(self.scheduled_jobs_key, self.scheduler_lock_key)

    def _tick_job(self, job: Job, tick: datetime) -> Any:
        """Return the job of one tick: named by it, in JSON, without meta."""
        return NamedJob.create(
            job.name,
            args=(as_id(tick),),
            id=f"tick-{job.name}-{int(tick.timestamp())}",
            connection=self.connection,
            serializer=self._queue.serializer,
            status=JobStatus.QUEUED,
            origin=self._queue.name,
            description=job.name,
            timeout=JOB_SECONDS,
            ttl=STALE_SECONDS,
            result_ttl=0,
            failure_ttl=STALE_SECONDS,
        )

    def _refuse(self, raw: bytes) -> None:
        self.connection.zrem(self.scheduled_jobs_key, raw)
        self.connection.incr(REFUSED_KEY)
        count_job_refused(NAME)
        log_event("tick_refused", level=logging.WARNING)


class Clockwork:
    """Turns the scheduler until it is told to stop, through outages of Redis and PostgreSQL."""

    def __init__(self, settings: Settings) -> None:
        self.scheduler = TickScheduler(settings.redis_url, timedelta(seconds=settings.sweep_seconds))
        self.stopping = threading.Event()
        self._beaten_at = float("-inf")
        self._redis_is_gone = False

    def run(self) -> None:
        """Turn every second until stopped. Call inside an application context."""
        log_event("scheduler_started")
        while not self.stopping.is_set():
            started = time.monotonic()
            if self._turn():
                self._beat()
            self.stopping.wait(max(0.0, TURN_SECONDS - (time.monotonic() - started)))
        self._leave()
        log_event("scheduler_stopped")

    def _turn(self) -> bool:
        try:
            try:
                self.scheduler.turn()
            except ResponseError:
                self.scheduler.start_afresh()
        except RedisError as error:
            if not self._redis_is_gone:
                log_event("scheduler_without_redis", error=type(error).__name__)
            self._redis_is_gone = True
            return False
        self._redis_is_gone = False
        return True

    def _beat(self) -> None:
        """Leave a sign of life in PostgreSQL; without it the ticks go on."""
        if time.monotonic() - self._beaten_at < BEAT_SECONDS:
            return
        self._beaten_at = time.monotonic()
        try:
            in_transaction(lambda: heartbeat.beat(NAME))
        except Exception as error:
            log_failure("scheduler_not_beaten", error)
        finally:
            db.session.remove()

    def _leave(self) -> None:
        try:
            self.scheduler.remove_lock()
        except RedisError:
            log_event("scheduler_lock_left")  # it ends by itself


def run(settings: Settings) -> None:
    """Run the scheduler of this process until SIGTERM or Ctrl-C. Call inside an application context."""
    clockwork = Clockwork(settings)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: clockwork.stopping.set())
    clockwork.run()
