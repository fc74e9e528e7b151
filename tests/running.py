"""The real site for tests that need one: gunicorn, worker and sweeper as processes, the sandbox beside them.

with running_site(database_url, redis_url, tmp_path) as site:
    requests.get(site.url)          # http://localhost:<port>
    site.sandbox.pay(...)           # the Flutterwave sandbox's admin
"""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from aurapark.config import ROOT
from aurapark.devstack.sandbox.running import running_sandbox

BIN = Path(sys.executable).parent
START_SECONDS, STOP_SECONDS = 60, 10
# A site that lives through a whole run must not take the wake-ups of other tests: each has a Redis index of its own.
_indexes = itertools.cycle(range(1, 16))


@dataclass
class Site:
    """A running site: its address, its sandbox, its processes by name (web, worker, sweeper) and their logs."""

    url: str
    sandbox: Any
    environment: dict[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        """Start one process; its output goes to <name>.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill(self, name: str, with_signal: int = signal.SIGKILL) -> None:
        """End one process and those it started."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, with_signal)
        process.wait(STOP_SECONDS)

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self.folder / f"{name}.log").read_text()


def free_port() -> int:
    """Return a port of the loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_site(
    database_url: str,
    redis_url: str,
    folder: Path,
    *,
    processes: Sequence[str] = ("worker", "sweeper"),
    **environment: str,
) -> Iterator[Site]:
    """Run the site on a migrated database until the block ends. `environment` changes settings."""
    port = free_port()
    url = f"http://localhost:{port}"
    with running_sandbox(folder / "sandbox", webhook_url=f"{url}/api/payments/webhook/flutterwave") as sandbox:
        host = sandbox.base_url.split("/")[2]
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": f"{redis_url.rpartition('/')[0]}/{next(_indexes)}",
            "AURAPARK_VAR": str(folder / "var"),
            "PORT": str(port),
            "SITE_URL": url,
            "SWEEP_SECONDS": "1",
            "RETRY_BASE_SECONDS": "1",
            "FLUTTERWAVE_BASE_URL": sandbox.base_url,
            "FLUTTERWAVE_CHECKOUT_HOSTS": f"{host},localhost:{host.split(':')[1]}",
            "WEB_THREADS": "4",
            "RATE_LIMITS": "off",
            **environment,
        }
        site = Site(url, sandbox, {**os.environ, **settings}, folder)
        threads = settings["WEB_THREADS"]
        bind = ("--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "2", "--threads", threads)
        in_time = ("--graceful-timeout", str(STOP_SECONDS // 2))  # what hangs when a test ends is not waited for
        site.start("web", str(BIN / "gunicorn"), "app:app", *bind, *in_time, "--log-level", "warning")
        for name in processes:
            site.start(name, str(BIN / "aurapark"), name)
        try:
            _wait_for(f"{url}/healthz", site)
            yield site
        finally:
            for name in list(site.processes):
                site.kill(name, signal.SIGTERM)


def _wait_for(url: str, site: Site) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=2).ok:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the site did not start: {site.log('web')[-2000:]}")
