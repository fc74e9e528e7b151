"""The scheduler: each tick once, whatever dies between two of its commands; nothing in Redis is trusted."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import text

from aurapark.config import ROOT, Settings
from aurapark.extensions import db
from aurapark.jobs.registry import JOBS
from aurapark.jobs.schedule import next_tick
from tests.processes import Process, eventually
from tests.services.test_workers import Evil
from workers import scheduler as scheduling
from workers.scheduler import Clockwork, TickScheduler
from workers.worker import REFUSED_KEY

DUE, LOCK, QUEUE = TickScheduler.scheduled_jobs_key, TickScheduler.scheduler_lock_key, "rq:queue:aurapark"
NOW = datetime(2026, 11, 23, 10, 5, 0, tzinfo=UTC)
SWEEP = timedelta(seconds=5)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"SWEEP_SECONDS": "1"}


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    connection = Redis.from_url(settings.redis_url)
    connection.flushall()
    yield connection
    connection.flushall()
    connection.close()


class AtATime(TickScheduler):
    """A scheduler whose Redis has a clock that the test sets."""

    at = NOW

    def now(self) -> datetime:
        return self.at


def queued(redis: Redis) -> list[str]:
    return sorted(raw.decode() for raw in redis.lrange(QUEUE, 0, -1))


def cuts(kind: str, settings: Settings) -> list[dict[str, Any]]:
    script = [
        sys.executable,
        "-m",
        "tests.services.scheduler_cuts",
        f"{settings.redis_url.rpartition('/')[0]}/15",
        kind,
    ]
    answer = subprocess.run(script, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True, timeout=60)
    return list(json.loads(answer.stdout))


def test_killed_before_any_of_its_commands_no_tick_is_lost_or_doubled(settings: Settings) -> None:
    found = cuts("ours", settings)
    assert len(found) > 8
    assert [cut for cut in found if (cut["queued"], cut["scheduled"]) != (1, True)] == []


def test_the_plain_scheduler_loses_and_doubles_at_two_of_those_points(settings: Settings) -> None:
    """The reason for ours, and the proof that the cuts bite."""
    found = cuts("plain", settings)
    assert any(not cut["scheduled"] for cut in found)
    assert any(cut["queued"] > 1 for cut in found)


def test_every_job_is_registered_with_its_next_tick_and_put_back_when_lost(settings: Settings, redis: Redis) -> None:
    scheduler = AtATime(settings.redis_url, SWEEP)
    scheduler.turn()
    expected = {job.name.encode(): next_tick(job.schedules, NOW, SWEEP).timestamp() for job in JOBS}
    assert dict(redis.zrange(DUE, 0, -1, withscores=True)) == expected
    redis.zadd(DUE, {"expire-seats": 1e12})  # a schedule somebody pushed out of sight
    redis.zrem(DUE, "health")
    scheduler.turn()
    assert dict(redis.zrange(DUE, 0, -1, withscores=True)) == expected
    assert queued(redis) == []


def test_missed_ticks_are_caught_up_once(settings: Settings, redis: Redis) -> None:
    redis.zadd(DUE, {"expire-seats": (NOW - timedelta(hours=3)).timestamp()})
    scheduler = AtATime(settings.redis_url, SWEEP)
    assert [scheduler.turn() for _ in range(3)] == [1, 0, 0]
    assert queued(redis) == [f"tick-expire-seats-{int(NOW.timestamp())}"]


def test_two_schedulers_never_do_one_tick_twice(settings: Settings, redis: Redis) -> None:
    one, two = AtATime(settings.redis_url, SWEEP), AtATime(settings.redis_url, SWEEP)
    redis.zadd(DUE, {"expire-seats": NOW.timestamp()})
    assert (one.turn(), two.turn()) == (1, 0)
    due = redis.zscore(DUE, "expire-seats")
    assert not two.enqueue_tick("expire-seats", due, NOW)  # the lock is not its own
    redis.set(LOCK, two.token)
    assert not one.enqueue_tick("expire-seats", due, NOW)  # nor any more the first one's
    assert not two.enqueue_tick("expire-seats", due - 1, NOW)  # and this entry has changed
    assert two.enqueue_tick("expire-seats", due, NOW)
    one.remove_lock()
    assert redis.get(LOCK) == two.token.encode()
    two.remove_lock()
    assert redis.get(LOCK) is None


def test_what_lies_in_redis_is_dropped_unread(settings: Settings, redis: Redis, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    evil = pickle.dumps(Evil(trace))
    redis.hset("rq:job:expire-seats", mapping={"data": evil, "meta": evil, "created_at": "x", "origin": "other"})
    redis.hset("rq:job:theirs", mapping={"data": evil, "meta": evil, "created_at": "x"})
    redis.zadd(DUE, {"theirs": 0, "os.system": 0, b"\xff\x00": float("-inf"), "expire-seats": float("-inf")})
    scheduler = AtATime(settings.redis_url, SWEEP)
    assert scheduler.turn() == 1
    assert queued(redis) == [f"tick-expire-seats-{int(NOW.timestamp())}"]
    assert int(redis.get(REFUSED_KEY) or 0) == 3
    assert not trace.exists()
    assert set(redis.zrange(DUE, 0, -1)) == {job.name.encode() for job in JOBS}


def test_nothing_of_a_tick_is_a_pickle(settings: Settings, redis: Redis) -> None:
    redis.zadd(DUE, {"expire-seats": NOW.timestamp()})
    AtATime(settings.redis_url, SWEEP).turn()
    (job_id,) = queued(redis)
    import zlib

    fields = redis.hgetall(f"rq:job:{job_id}")
    assert json.loads(zlib.decompress(fields[b"data"])) == ["expire-seats", None, ["2026-11-23T10:05:00Z"], {}]
    assert b"meta" not in fields


def test_a_queue_that_nobody_works_off_does_not_grow(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "MOST_WAITING", 2)
    redis.zadd(DUE, {job.name: 0 for job in JOBS})
    scheduler = AtATime(settings.redis_url, SWEEP)
    assert (scheduler.turn(), scheduler.turn()) == (2, 0)
    redis.delete(QUEUE)
    assert scheduler.turn() == 2


def test_keys_of_another_type_are_replaced(app: Flask, settings: Settings, redis: Redis) -> None:
    redis.set(DUE, "no set")
    clockwork = Clockwork(settings)
    clockwork._turn()
    clockwork._turn()
    assert redis.zcard(DUE) == len(JOBS)


@pytest.fixture
def worker(app: Flask, settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Process]:
    process = Process("worker", settings, tmp_path)
    yield process
    process.stop(signal.SIGKILL)


def ran(job: str) -> int:
    count = db.session.scalar(
        text("SELECT count(*) FROM job_run WHERE job = :job AND finished_at IS NOT NULL"), {"job": job}
    )
    db.session.rollback()
    return int(count or 0)


def test_scheduler_and_worker_run_the_ticks_and_leave_signs_of_life(
    app: Flask, settings: Settings, redis: Redis, worker: Process, tmp_path: Path
) -> None:
    scheduler = Process("scheduler", settings, tmp_path)
    try:
        eventually(lambda: ran("send-notifications") >= 2)
        redis.flushall()
        before = ran("send-notifications")
        eventually(lambda: ran("send-notifications") > before)
        beaten = text(
            "SELECT count(*) FROM heartbeat WHERE name IN ('worker', 'scheduler') AND at > now() - interval '1 min'"
        )
        eventually(lambda: db.session.scalar(beaten) == 2)
        started = time.monotonic()
        assert scheduler.stop() == 0
        assert time.monotonic() - started < 3
        assert redis.get(LOCK) is None
    finally:
        scheduler.stop(signal.SIGKILL)
    doubled = text("SELECT job, tick FROM job_run GROUP BY job, tick HAVING count(*) > 1")
    assert db.session.execute(doubled).all() == []


def test_without_redis_it_waits_and_says_so_once(app: Flask, settings: Settings, tmp_path: Path) -> None:
    scheduler = Process("scheduler", settings, tmp_path, REDIS_URL="redis://127.0.0.1:9/0")
    try:
        eventually(lambda: "scheduler_without_redis" in scheduler.log)
        time.sleep(2)
        assert scheduler.process.poll() is None
        assert scheduler.log.count("scheduler_without_redis") == 1
        assert scheduler.stop() == 0
    finally:
        scheduler.stop(signal.SIGKILL)
