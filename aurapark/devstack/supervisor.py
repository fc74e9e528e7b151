"""Keeps a tree of programs running and takes all of it down: one loop, one thread.

One thread, because the kernel ends a child together with the thread that started it.
"""

import os
import selectors
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from aurapark.devstack import processes
from aurapark.devstack.child import BackOff, Child
from aurapark.devstack.console import Console
from aurapark.devstack.errors import DevstackError
from aurapark.devstack.server import Server

MARK = "AURAPARK_SUPERVISED"  # in the environment of every process of the tree
STOP_SECONDS = 10
LAST_WORDS_SECONDS = 1
ORPHAN_SECONDS = 3  # the kernel told them to end when their supervisor died
IMPATIENCE_SECONDS = 0.7  # a second Ctrl-C after this kills; sooner it is an echo of the first
TICK_SECONDS = 0.2


class Supervisor:
    """The programs of one `aurapark run`."""

    def __init__(self, *, console: Console, cwd: Path, mark: str) -> None:
        self.console = console
        self.servers: Sequence[Server] = ()
        self.environment: Mapping[str, str] = {}
        self._cwd = cwd
        self._mark = mark
        self._children: list[Child] = []
        self._server_back_off: defaultdict[str, BackOff] = defaultdict(BackOff)
        self._outputs = selectors.DefaultSelector()
        self._first_stop_at: float | None = None
        self._impatient = False

    @property
    def stopping(self) -> bool:
        """Tell whether somebody wants an end: a signal, or a reader of our output that left."""
        return self._first_stop_at is not None or self.console.closed

    def listen(self) -> None:
        """Take Ctrl-C, SIGTERM and a closed terminal as the wish to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def clear_away(self) -> None:
        """End what a killed run of the same folder left running."""
        left = processes.processes_marked(MARK, self._mark)
        if left:
            self.console.line("aurapark", f"ending {len(left)} processes of an earlier run that was killed")
            processes.end(left, patience=ORPHAN_SECONDS)

    def run_once(self, name: str, command: Sequence[str]) -> int:
        """Run a program to its end, beside those that are kept running; return its exit code. A stop ends it."""
        child = Child(name, command)
        self._start(child)
        while child.running and not self.stopping:
            self._turn()
        return self._end([child])[0]

    def keep(self, name: str, command: Sequence[str]) -> None:
        """Keep a program running from the next turn of the loop on."""
        self._children.append(Child(name, command))

    def loop(self, on_tick: Callable[[], None]) -> None:
        """Keep everything running until a stop is wished; call `on_tick` about five times a second."""
        while not self.stopping:
            self._turn()
            on_tick()

    def stop(self) -> None:
        """End all programs, then everything they left behind. The servers are stopped by whoever started them."""
        if any(child.running for child in self._children):
            self.console.line("aurapark", "stopping (Ctrl-C once more kills at once)")
        self._end(self._children)
        processes.end(processes.processes_marked(MARK, self._mark), patience=0)
        if self._impatient:
            for server in self.servers:
                server.kill()

    def _turn(self) -> None:
        self._revive_servers()
        self._revive_children()
        self._read(TICK_SECONDS)

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_stop_at is None:
            self._first_stop_at = now
        elif now - self._first_stop_at > IMPATIENCE_SECONDS:
            self._impatient = True

    def _start(self, child: Child) -> None:
        environment = {**os.environ, **self.environment, MARK: self._mark, "PYTHONUNBUFFERED": "1"}
        output = child.start(cwd=self._cwd, env=environment)
        self._outputs.register(output.descriptor, selectors.EVENT_READ, output)

    def _read(self, seconds: float) -> bool:
        """Show what the programs write within this time; return whether there was anything."""
        if not self._outputs.get_map():
            time.sleep(seconds)
            return False
        ready = self._outputs.select(seconds)
        for key, _ in ready:
            lines, open_still = key.data.read_lines()
            if not open_still:
                self._outputs.unregister(key.fd)
                os.close(key.fd)
            for line in lines:
                self.console.line(key.data.name, line)
        return bool(ready)

    def _revive_children(self) -> None:
        for child in self._children:
            if child.process is not None and not child.running:
                code, wait = child.bury(), child.back_off.note_failure()
                how = signal.Signals(-code).name if code < 0 else f"code {code}"
                self.console.line(child.name, f"ended ({how}), starts again in {wait:g} s")
            if child.process is None and child.back_off.is_due:
                self._start(child)

    def _revive_servers(self) -> None:
        for server in self.servers:
            back_off = self._server_back_off[server.name]
            if server.running or not back_off.is_due:
                continue
            try:
                server.start()
                self.console.line(server.name, "ended and was started again")
            except (DevstackError, OSError) as error:
                wait = back_off.note_failure()
                self.console.line(server.name, f"{error} - tried again in {wait:g} s")

    def _end(self, children: Sequence[Child]) -> list[int]:
        """Ask programs to end, wait, kill what is left, still showing what they say; return the exit codes."""
        for child in children:
            child.ask_to_end()
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.running for child in children) and time.monotonic() < deadline and not self._impatient:
            self._read(0.05)
        codes = [child.bury() for child in children]
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while self._read(0.05) and time.monotonic() < deadline:
            pass
        return codes
