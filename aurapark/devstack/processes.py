"""Child processes of the stack: started so that they end with us, found again when they did not, ended for sure."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

LAUNCHER = Path(__file__).with_name("launch.py")


def spawn(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    uid: int = -1,
    gid: int = -1,
    end_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that a Ctrl-C in the terminal reaches only the supervisor.

    The kernel sends it `end_signal` when the *thread* that called this ends: call from one that lives as long.
    """
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(int(end_signal)), str(os.getpid()), str(uid), str(gid)]
    return subprocess.Popen(  # noqa: S603
        [*launch, *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def signal_group(process: subprocess.Popen[bytes], what: signal.Signals) -> None:
    """Signal the program and its whole process group, if any of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, what)


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants at once, and wait until they are gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        end(root.children(recursive=True), patience=0)
        end([root], patience=0)


def end(processes: Iterable[psutil.Process], *, how: signal.Signals = signal.SIGTERM, patience: float) -> None:
    """Ask processes to end, wait `patience` seconds, kill those that are left."""
    alive = list(processes)
    if patience:
        _send(alive, how)
        _, alive = psutil.wait_procs(alive, timeout=patience)
    _send(alive, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)


def processes_working_in(folder: Path) -> list[psutil.Process]:
    """Return the processes whose working directory is the folder: database servers live in their data directory."""
    return [process for process in psutil.process_iter() if _cwd(process) == str(folder)]


def processes_marked(name: str, value: str) -> list[psutil.Process]:
    """Return the processes, except this one, that carry the variable in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(name) == value:
                found.append(process)
    return found


def _cwd(process: psutil.Process) -> str | None:
    try:
        return str(process.cwd())
    except (psutil.Error, OSError):
        return None


def _send(processes: Iterable[psutil.Process], what: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(what)
