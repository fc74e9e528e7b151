"""One embedded server: started on a free loopback port, stopped, killed, started again on the same port and data."""

import contextlib
import random
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from aurapark.devstack import processes
from aurapark.devstack.errors import WAY_OUT, DevstackError
from aurapark.devstack.places import Home

# Below the ports that systems give to outgoing connections: a client that keeps trying a dead server could otherwise be
# connected to itself there, and take the port.
PORTS = range(15_000, 32_000)
START_SECONDS = 60
STOP_SECONDS = 15
LOG_BYTES = 5_000_000


class PortTaken(DevstackError):
    """The port was free a moment ago."""


class Server(ABC):
    """What PostgreSQL and Valkey have in common."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.make_folder(self.name)
        self.log_file = home.path / f"{self.name}.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, password included."""

    @property
    @abstractmethod
    def work_folder(self) -> Path:
        """The folder the server lives in: whoever works there is ours."""

    @property
    def running(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the server; raises DevstackError when it was never started."""
        if self._process is None:
            raise DevstackError(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers; does nothing when it runs. Keeps its port once it has one."""
        if self.running:
            return
        self._end_leftovers()
        self.prepare()
        for _ in range(5):
            port = self.port or free_port()
            with contextlib.suppress(PortTaken):
                self._start_on(port)
                self.port = port
                return
            time.sleep(0.2)
        raise DevstackError(f"{self.name} finds no free port on 127.0.0.1 (last tried: {port})")

    def stop(self) -> None:
        """Stop the server in good order; kill it when that takes too long."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the server and its children at once, as a power cut would."""
        if self._process is not None:
            processes.kill_tree(self._process.pid)
            self._process.wait()

    def run_program(self, command: list[str], *, why: str) -> None:
        """Run a short program as the servers' user; raises DevstackError with the end of its output."""
        with open(self.log_file, "ab") as log:
            process = self._spawn(command, log)
            if process.wait():
                raise self._explain(f"{why} failed")

    @abstractmethod
    def prepare(self) -> None:
        """Make the data directory ready."""

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Return the command line."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Tell whether the server accepts work."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables of the server: none of ours."""
        return {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}

    def _start_on(self, port: int) -> None:
        self._start_log()
        with open(self.log_file, "ab") as log:
            begin = log.tell()
            self._process = self._spawn(self.command(port), log)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(port):
            if not self.running:
                raise self._explain(f"{self.name} does not start", begin)
            if time.monotonic() > deadline:
                self.kill()
                raise self._explain(f"{self.name} does not answer within {START_SECONDS} s", begin)
            time.sleep(0.02)

    def _spawn(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return processes.spawn(
            command,
            cwd=self.work_folder if self.work_folder.exists() else self.folder,
            env=self.environment(),
            output=log,
            uid=self.home.uid,
            gid=self.home.gid,
            end_signal=self.stop_signal,
        )

    def _end_leftovers(self) -> None:
        """End what a killed supervisor left running on this data; we hold the lock, so nobody else owns it."""
        left = processes.processes_working_in(self.work_folder)
        roots = [process for process in left if process.ppid() not in {other.pid for other in left}]
        processes.end(roots, how=self.stop_signal, patience=STOP_SECONDS if roots else 0)
        processes.end(processes.processes_working_in(self.work_folder), patience=0)

    def _start_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))

    def _explain(self, what: str, begin: int = 0) -> DevstackError:
        with open(self.log_file, "rb") as log:
            log.seek(begin)
            text = log.read().decode(errors="replace")
        if "No space left on device" in text:
            return DevstackError(f"The disk is full: {self.name} cannot write to {self.home.path}. Free some space.")
        if "Address already in use" in text or "could not bind" in text:
            return PortTaken(f"{self.name}: port taken")
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "no output")
        return DevstackError(f"{what}: {last.strip()} (log: {self.log_file}). {WAY_OUT}")


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on, outside the range for outgoing connections."""
    for port in random.sample(PORTS, 50):  # nosec B311  a free port is no secret
        if is_free(port):
            return port
    raise DevstackError("No free port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
