"""One program of the tree: its process, its output cut into lines, and when it may be started again."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from aurapark.devstack import processes

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds before what died is started again, doubling
STEADY_SECONDS = 30  # what lived this long starts with the first wait again
LONGEST_LINE = 16_384


class BackOff:
    """When something that dies again and again may be started next."""

    def __init__(self) -> None:
        self._wait = 0.0
        self._due_at = 0.0

    @property
    def is_due(self) -> bool:
        """Tell whether it may be started now."""
        return time.monotonic() >= self._due_at

    def note_failure(self) -> float:
        """Take note that it died or did not start; return the wait in seconds."""
        now = time.monotonic()
        steady = now - self._due_at > STEADY_SECONDS
        self._wait = FIRST_WAIT if steady or not self._wait else min(self._wait * 2, LONGEST_WAIT)
        self._due_at = now + self._wait
        return self._wait


class Output:
    """The end of a pipe where one process of a child writes."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        self._unfinished = b""
        os.set_blocking(descriptor, False)

    def read_lines(self) -> tuple[list[str], bool]:
        """Return the complete lines written since the last call, and whether more can come."""
        try:
            chunk = os.read(self.descriptor, 65_536)
        except BlockingIOError:
            return [], True
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        if not chunk or len(self._unfinished) > LONGEST_LINE:
            lines.append(self._unfinished)
            self._unfinished = b""
        return [line.decode(errors="replace").rstrip() for line in lines if line.strip()], bool(chunk)


class Child:
    """A program that is kept running, or run once."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.command = command
        self.back_off = BackOff()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Tell whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self, *, cwd: Path, env: Mapping[str, str]) -> Output:
        """Start it; the caller reads its output."""
        read_end, write_end = os.pipe()
        try:
            self.process = processes.spawn(self.command, cwd=cwd, env=env, output=write_end)
        finally:
            os.close(write_end)
        return Output(self.name, read_end)

    def ask_to_end(self) -> None:
        """Send SIGTERM to its main process, which ends its own children."""
        if self.process and self.running:
            self.process.terminate()

    def bury(self) -> int:
        """Kill what is left of its process group; return the exit code."""
        if self.process is None:
            return 0
        processes.signal_group(self.process, signal.SIGKILL)
        code = self.process.wait()
        self.process = None
        return code
