"""The worker runs named jobs and nothing else; the tap on its shoulder never hurts whoever gives it."""

import json
import os
import pickle
import signal
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from aurapark import wake as waking
from aurapark.config import Settings
from aurapark.wake import QUEUE, wake
from tests.processes import Process, eventually
from workers.worker import REFUSED_KEY


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    connection = Redis.from_url(settings.redis_url)
    connection.flushall()
    waking._state.update(quiet_until=0.0)
    yield connection
    connection.flushall()
    connection.close()


@pytest.fixture
def worker(app: Flask, settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Process]:
    process = Process("worker", settings, tmp_path)
    eventually(lambda: "worker_started" in process.log)
    yield process
    process.stop(signal.SIGKILL)


def push(redis: Redis, job_id: str, packed: bytes, **more: str) -> None:
    """Put a job into Redis as somebody who can write there would."""
    now = "2026-11-23T10:00:00.000000Z"
    fields = {"created_at": now, "enqueued_at": now, "origin": QUEUE, "status": "queued", "data": packed, **more}
    redis.hset(f"rq:job:{job_id}", mapping=fields)
    redis.rpush(f"rq:queue:{QUEUE}", job_id)


class Evil:
    """What pickle would run while it reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def as_json(name: str, *args: str) -> bytes:
    return zlib.compress(json.dumps([name, None, list(args), {}]).encode())


def test_foreign_jobs_are_refused_and_counted_and_the_worker_lives(
    worker: Process, redis: Redis, tmp_path: Path
) -> None:
    traces = [tmp_path / f"trace{number}" for number in range(6)]
    known = as_json("send_messages")
    push(redis, "json", as_json("os.system", f"touch {traces[0]}"))
    push(redis, "pickle", zlib.compress(pickle.dumps(("os.system", None, (f"touch {traces[1]}",), {}))))
    push(redis, "evil", zlib.compress(pickle.dumps(Evil(traces[2]))), meta=pickle.dumps(Evil(traces[3])))
    push(redis, "broken", b"\x00\x01", timeout="a week", created_at="yesterday")
    push(redis, "bomb", zlib.compress(b"[" * 50_000_000))
    push(redis, "argument", as_json("check_payment", "AP-1'; DROP TABLE payment"))
    push(redis, "callback", known, failure_callback_name="os.system", success_callback_name="os.system", result="x")
    eventually(lambda: int(redis.get(REFUSED_KEY) or 0) == 6)
    eventually(lambda: not redis.exists("rq:job:callback"))
    assert worker.process.poll() is None
    assert not any(trace.exists() for trace in traces)
    assert worker.log.count("job_refused") == 6


def test_a_wake_up_reaches_the_worker(app: Flask, worker: Process) -> None:
    assert wake("check_payment", "AP-NOBODYKNOWS-1")
    eventually(lambda: "check_refused tx_ref=AP-NOBODYKNOWS-1 why=PaymentNotFound" in worker.log)


def test_a_worker_told_to_stop_stops(worker: Process) -> None:
    assert worker.stop() == 0
    assert "worker_stopped" in worker.log


def test_a_wake_up_is_swallowed_when_redis_is_gone(app: Flask, settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        _use_redis(app, settings, f"redis://127.0.0.1:{free.getsockname()[1]}")
        assert _timed_wake() < 0.2


def test_a_wake_up_is_quick_when_redis_is_frozen(app: Flask, settings: Settings) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        _use_redis(app, settings, f"redis://127.0.0.1:{silent.getsockname()[1]}")
        assert _timed_wake() < 0.3
        assert _timed_wake() < 0.01  # the next ones do not even try


def _use_redis(app: Flask, settings: Settings, url: str) -> None:
    from dataclasses import replace

    app.config["AURAPARK"] = replace(settings, redis_url=url)
    waking._state.update(quiet_until=0.0)


def _timed_wake() -> float:
    started = time.monotonic()
    assert wake("send_messages") is False
    return time.monotonic() - started


def test_wake_ups_from_many_threads_all_arrive(app: Flask, redis: Redis) -> None:
    def call() -> None:
        with app.app_context():
            wake("send_messages")

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redis.llen(f"rq:queue:{QUEUE}") == 10
