"""Kill a scheduler before each single command it sends to Redis, and let another one go on; print what came of it.

    python -m tests.services.scheduler_cuts REDIS_URL ours|plain

One line of JSON: for each cut how often the tick stands in the queue, and whether the next one is scheduled. A process
of its own, because it forks; `plain` is rq-scheduler as it comes.
"""

import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from redis.connection import Connection

JOB, QUEUE = "expire-seats", "aurapark"
NOW = datetime(2026, 11, 23, 10, 5, 0, tzinfo=UTC)
MOST_CUTS = 60


def cut(turn: Callable[[], object], after: int) -> bool:
    """Run a turn in a process that kills itself before its next command after so many; False when it got through."""
    child = os.fork()
    if child == 0:
        sent = 0
        send = Connection.send_packed_command

        def counted(self: Any, command: Any, check_health: bool = True) -> None:
            nonlocal sent
            if sent == after:
                os.kill(os.getpid(), signal.SIGKILL)
            sent += 1
            send(self, command, check_health)

        Connection.send_packed_command = counted  # type: ignore[method-assign]
        turn()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def ours(url: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """The project's scheduler: how it is set up, and one turn of a new one."""
    from workers.scheduler import TickScheduler

    class AtATime(TickScheduler):
        def now(self) -> datetime:
            return NOW

    def turn() -> None:
        AtATime(url, timedelta(seconds=5)).turn()

    def set_up() -> None:
        Redis.from_url(url).zadd(AtATime.scheduled_jobs_key, {JOB: NOW.timestamp()})

    return set_up, turn


def plain(url: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """rq-scheduler as it comes, with a fixed id and the JSON it can be given."""
    from rq_scheduler import Scheduler

    def scheduler() -> Any:
        return Scheduler(QUEUE, connection=Redis.from_url(url))

    def set_up() -> None:
        scheduler().schedule(datetime.now(UTC) - timedelta(seconds=1), "os.getpid", interval=60, id=JOB)

    return set_up, lambda: scheduler().enqueue_jobs()


def main(url: str, kind: str) -> None:
    """Cut at every command until a turn gets through."""
    set_up, turn = ours(url) if kind == "ours" else plain(url)
    redis, found = Redis.from_url(url), []
    for after in range(MOST_CUTS):
        redis.flushdb()
        set_up()
        killed = cut(turn, after)
        time.sleep(0.02)  # what was sent last is carried out
        redis.delete("rq:scheduler_lock")  # the lock of the dead one ends
        turn()
        queued = sum(JOB.encode() in job for job in redis.lrange(f"rq:queue:{QUEUE}", 0, -1))
        score = redis.zscore("rq:scheduler:scheduled_jobs", JOB)
        found.append({"after": after, "queued": queued, "scheduled": score is not None and score > NOW.timestamp()})
        if not killed:
            break
    redis.flushdb()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:3])
