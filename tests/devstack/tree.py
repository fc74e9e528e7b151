"""A small tree of programs under the supervisor, run as a process of its own: `tree.py MARK PROGRAM ...`."""

import sys
from pathlib import Path

from aurapark.devstack.console import Console
from aurapark.devstack.supervisor import Supervisor

PROGRAMS = {
    "steady": "import time; print('steady is up'); time.sleep(60)",
    "deaf": """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf is up')
time.sleep(60)
""",
    "brief": "print('brief was here')",
    "parent": """
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
print('parent is up')
subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])
""",
    "noisy": r"print('one\ntwo\x1b[31m\n\nhalf', end=''); import time; time.sleep(60)",
}


def main(mark: str, names: list[str]) -> None:
    """Keep the programs until a signal comes."""
    supervisor = Supervisor(console=Console(), cwd=Path.cwd(), mark=mark)
    supervisor.listen()
    supervisor.clear_away()
    supervisor.console.line("tree", f"code {supervisor.run_once('once', [sys.executable, '-c', 'print(7); exit(3)'])}")
    for name in names:
        supervisor.keep(name, [sys.executable, "-c", PROGRAMS[name]])
    supervisor.loop(lambda: None)
    supervisor.stop()
    supervisor.console.line("tree", "done")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
