"""What our processes count while they work, for `/metrics`. What can be read from PostgreSQL is not counted here.

Several processes (gunicorn's, worker, scheduler, sweeper) count for themselves, in files of one folder that they map
into memory; whoever is asked adds them up. So a figure costs no network and no lock between processes, and one address
answers for all processes of a machine. A process that is gone keeps its share: its files are folded into one.

Labels are words of ours (endpoints, names of jobs, kinds of outcome), never a path, a reference or an id.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurapark import clock

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the library looks for it
REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CALL_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)
SWEEP_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0)
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
MOST_LABELS = 60  # of calls to one host: more kinds of call than any gateway client has
FOLDED = "0"  # stands for the processes that are gone, in the names of their files

_calls_seen: set[str] = set()


class _Instruments:
    """Every counter and histogram; made at first use, so that a command that counts nothing imports nothing."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"namespace": "aurapark", "registry": self.registry}
        self.requests = Counter(
            "http_requests", "Answers given, by method, endpoint and status.", ["method", "endpoint", "status"], **own
        )
        self.seconds = Histogram(
            "http_request_seconds", "Time to answer, by endpoint.", ["endpoint"], buckets=REQUEST_BUCKETS, **own
        )
        self.calls = Histogram(
            "gateway_call_seconds",
            "Time of calls to a gateway, by call and outcome (answered, refused, silent, unreadable).",
            ["call", "outcome"],
            buckets=CALL_BUCKETS,
            **own,
        )
        self.breaker = Gauge(
            "breaker_open_until_seconds",
            "Until when (Unix time) a host is not asked after failures, in the process that waits longest.",
            ["host"],
            multiprocess_mode="max",
            **own,
        )
        self.sweeps = Histogram(
            "sweep_seconds", "Time of one round of one kind of due work.", ["sweep"], buckets=SWEEP_BUCKETS, **own
        )
        self.sweep_rows = Counter("sweep_rows", "Rows that sweeps worked off.", ["sweep"], **own)
        self.sweep_failures = Counter("sweep_failures", "Sweeps that ended in an error.", ["sweep"], **own)
        self.messages = Counter("messages", "Messages, by channel and outcome.", ["channel", "outcome"], **own)
        self.wakes = Counter("wake_failures", "Workers that could not be told of a job.", ["job"], **own)
        self.refused = Counter("jobs_refused", "Jobs found in Redis that are not ours.", ["queue"], **own)


@cache
def _instruments() -> _Instruments:
    return _Instruments()


def keep_in(folder: Path) -> None:
    """Share this process's figures with the others of the folder. Call before anything is counted."""
    from prometheus_client import values

    folder.mkdir(parents=True, exist_ok=True)
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # chosen at import: too early
    fold_the_dead(folder)


def count_request(method: str, endpoint: str, status: int, seconds: float) -> None:
    """Count an answer. The endpoint is a route's name, never a path."""
    known = method if method in METHODS else "other"
    _instruments().requests.labels(known, endpoint, str(status)).inc()
    _instruments().seconds.labels(endpoint).observe(seconds)


def count_call(call: str, outcome: str, seconds: float) -> None:
    """Count a call to a gateway: `GET /transactions/id`, and answered, refused, silent or unreadable."""
    if call not in _calls_seen and len(_calls_seen) >= MOST_LABELS:
        call = "other"
    _calls_seen.add(call)
    _instruments().calls.labels(call, outcome).observe(seconds)


def note_breaker(host: str, open_seconds: float) -> None:
    """Note that a host will not be asked for so many seconds; 0 when it answers again."""
    _instruments().breaker.labels(host).set(clock.now().timestamp() + open_seconds if open_seconds else 0)


def count_sweep(name: str, *, rows: int, seconds: float, failed: bool) -> None:
    """Count one round of one kind of due work."""
    _instruments().sweeps.labels(name).observe(seconds)
    _instruments().sweep_rows.labels(name).inc(rows)
    if failed:
        _instruments().sweep_failures.labels(name).inc()


def count_message(channel: str, outcome: str) -> None:
    """Count a message: sent, not_needed or not_sent."""
    _instruments().messages.labels(channel, outcome).inc()


def count_wake_failed(job: str) -> None:
    """Count a worker that could not be told of a job."""
    _instruments().wakes.labels(job).inc()


def count_job_refused(queue: str) -> None:
    """Count a job that is none of ours."""
    _instruments().refused.labels(queue).inc()


def as_text(more: "Collector") -> bytes:
    """Return the figures of all processes of the folder (of this one when there is none) and `more`, for Prometheus."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    registry.register(more)
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(_instruments().registry) + generate_latest(registry)
    fold_the_dead(Path(folder))
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    with _alone(Path(folder)):  # a file that is being folded would be counted twice
        return generate_latest(registry)


def fold_the_dead(folder: Path) -> int:
    """Add the files of processes that are gone to one; returns how many files there were.

    Gauges speak of a living process only: theirs are deleted.
    """
    dead = [file for file in folder.glob("*.db") if not _lives(_pid_of(file))]
    if not dead:
        return 0
    with _alone(folder):
        for file in dead:
            if file.exists():  # another process may have been quicker
                _fold(file)
    return len(dead)


def _fold(file: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict

    kind = file.stem.split("_")[0]
    if kind != "gauge":
        folded = MmapedDict(str(file.with_name(f"{kind}_{FOLDED}.db")))  # type: ignore[no-untyped-call]
        for key, value, _at, _place in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            folded.write_value(key, folded.read_value(key)[0] + value, 0.0)  # type: ignore[no-untyped-call]
        folded.close()  # type: ignore[no-untyped-call]
    file.unlink()


def _pid_of(file: Path) -> str:
    return file.stem.rpartition("_")[2]


def _lives(pid: str) -> bool:
    if pid == FOLDED:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):  # somebody else's, or no file of ours
        return True
    return True


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with open(folder / "lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
