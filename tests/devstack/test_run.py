"""`aurapark run` as a whole: one command starts everything, and no way of ending it leaves anything behind."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from aurapark.demo.logins import PASSWORD
from aurapark.devstack.processes import processes_marked, processes_working_in
from aurapark.devstack.server import free_port
from aurapark.devstack.supervisor import MARK

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-m", "aurapark.cli", "run"]


class Site:
    """One `aurapark run` on a folder of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}

    @contextlib.contextmanager
    def started(self, **changes: str) -> Iterator[subprocess.Popen[str]]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(RUN, cwd=ROOT, env=self.environment(changes), **pipes) as run:
            try:
                yield run
            finally:
                run.kill()
                for process in self.processes():
                    process.kill()

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        ours = {"AURAPARK_VAR": str(self.var), "DATABASE_URL": "", "REDIS_URL": "", **self.ports, **changes}
        return {**os.environ, **ours, "SITE_URL": "", "WEB_WORKERS": "1"}

    def processes(self) -> list[psutil.Process]:
        """The whole tree, the servers included."""
        servers = self.var / "servers"
        at_work = processes_working_in(servers / "postgres/data") + processes_working_in(servers / "valkey")
        return processes_marked(MARK, str(self.var)) + at_work

    def kill(self, words: str) -> None:
        """Kill the first process whose command line has these words."""
        found = [process for process in self.processes() if words in command_line(process)]
        min(found, key=lambda process: process.create_time()).kill()

    def is_healthy(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.ports['PORT']}/healthz") as page,
        ):
            return page.status == 200
        return False

    def addresses(self) -> dict[str, str]:
        return json.loads((self.var / "embedded.json").read_text())

    def write_note(self) -> None:
        with self.connect() as connection:
            connection.execute("CREATE TABLE note AS SELECT 'seat 12 is yours' AS words")

    def keeps_its_note(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), self.connect() as connection:
            return connection.execute("SELECT words FROM note").fetchone() == ("seat 12 is yours",)
        return False

    def queue_answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(self.addresses()["redis_url"]) as queue:
            return queue.ping()
        return False

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.addresses()["database_url"].replace("+psycopg", ""))

    def refusal(self, **changes: str) -> str:
        """What a start that is refused says."""
        ended = subprocess.run(RUN, cwd=ROOT, env=self.environment(changes), capture_output=True, text=True, timeout=30)
        assert ended.returncode == 1
        return ended.stderr


@pytest.fixture
def site(folder: Path) -> Site:
    return Site(folder)


def command_line(process: psutil.Process) -> str:
    """The command line, empty when the process is just ending."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)


def wait_until_ready(run: subprocess.Popen[str]) -> str:
    said = ""
    for line in run.stdout:
        said += line
        if "stop       Ctrl-C" in line:
            return said
    raise AssertionError(f"never ready:\n{said}")


def test_one_command_starts_everything_and_survives_every_kill(site: Site) -> None:
    with site.started() as run:
        said = wait_until_ready(run)
        for text in (
            "ready in",
            f"http://localhost:{site.ports['PORT']}",
            site.ports["SANDBOX_PORT"],
            f"{site.var}/sms",
            "traveller@demo.aurapark",
            f"password {PASSWORD}",
        ):
            assert text in said
        assert site.is_healthy()
        assert stat.S_IMODE((site.var / "embedded.json").stat().st_mode) == 0o600
        assert f"Already running here (process {run.pid}" in site.refusal()

        site.write_note()
        assert site.queue_answers()
        site.kill("gunicorn")
        site.kill("bin/postgres -D")
        site.kill("valkey-server")
        for thing in (site.is_healthy, site.keeps_its_note, site.queue_answers):
            wait_until(thing)

        run.kill()
        run.wait()
        wait_until(lambda: not site.processes())

    with site.started() as run:
        wait_until_ready(run)
        assert site.keeps_its_note()
        os.kill(run.pid, signal.SIGINT)
        assert run.wait(20) == 0
        assert site.processes() == []
        assert not (site.var / "embedded.json").exists()


def test_taken_port_is_named_with_its_user_and_the_way_out(site: Site) -> None:
    with socket.create_server(("127.0.0.1", int(site.ports["PORT"]))):
        said = site.refusal()
    assert f"Port {site.ports['PORT']} is taken by" in said
    assert f"(process {os.getpid()})" in said
    assert "PORT=" in said
    assert "make run" in said


def test_production_and_wrong_settings_are_refused_in_one_line_each(site: Site) -> None:
    assert site.refusal(HOLD_SECONDS="soon", MAX_SEATS="99").count("aurapark: ") == 2
    assert "Traceback" not in site.refusal(AURAPARK_ENV="production")
