"""The supervisor with small programs: starts again what dies, ends everything, leaves nothing."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from aurapark.devstack.child import FIRST_WAIT, LONGEST_WAIT, BackOff
from aurapark.devstack.processes import processes_marked
from aurapark.devstack.supervisor import MARK

ROOT = Path(__file__).resolve().parents[2]
Tree = subprocess.Popen[str]
StartTree = Callable[..., "contextlib.AbstractContextManager[Tree]"]


@pytest.fixture
def start_tree(tmp_path: Path) -> StartTree:
    """Start tests/devstack/tree.py; whatever a test leaves of it is killed."""

    @contextlib.contextmanager
    def start(*programs: str) -> Iterator[Tree]:
        command = [sys.executable, "-m", "tests.devstack.tree", str(tmp_path), *programs]
        with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as tree:
            try:
                yield tree
            finally:
                tree.kill()
                for process in processes_marked(MARK, str(tmp_path)):
                    process.kill()

    return start


def read_until(tree: Tree, text: str) -> list[str]:
    lines = []
    for line in tree.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"{text!r} never came: {lines}")


def programs_of(tmp_path: Path) -> list[psutil.Process]:
    return processes_marked(MARK, str(tmp_path))


def wait_until_gone(tmp_path: Path) -> None:
    deadline = time.monotonic() + 10
    while left := programs_of(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_tree_with_all_descendants(
    start_tree: StartTree, tmp_path: Path, how: signal.Signals
) -> None:
    with start_tree("steady", "parent") as tree:
        read_until(tree, "parent is up")
        assert len(programs_of(tmp_path)) >= 3
        tree.send_signal(how)
        read_until(tree, "done")
        assert tree.wait(10) == 0
        assert programs_of(tmp_path) == []


def test_second_ctrl_c_does_not_wait_for_the_deaf(start_tree: StartTree, tmp_path: Path) -> None:
    with start_tree("deaf") as tree:
        read_until(tree, "deaf is up")
        tree.send_signal(signal.SIGINT)
        read_until(tree, "stopping")
        time.sleep(1)
        asked_at = time.monotonic()
        tree.send_signal(signal.SIGINT)
        read_until(tree, "done")
        assert time.monotonic() - asked_at < 3
        assert programs_of(tmp_path) == []


def test_programs_end_with_a_killed_supervisor_and_the_deaf_at_the_next_start(
    start_tree: StartTree, tmp_path: Path
) -> None:
    with start_tree("steady", "deaf") as tree:
        read_until(tree, "deaf is up")
        tree.kill()
        tree.wait(10)
        steady, deaf = "steady is up", "deaf is up"
        deadline = time.monotonic() + 10
        while any(steady in " ".join(process.cmdline()) for process in programs_of(tmp_path)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        [orphan] = programs_of(tmp_path)
        assert deaf in " ".join(orphan.cmdline())
        with start_tree() as following:
            read_until(following, "ending 1 processes of an earlier run")
            read_until(following, "code 3")
            assert not orphan.is_running()


def test_what_dies_is_started_again_later_and_later(start_tree: StartTree) -> None:
    with start_tree("brief") as tree:
        lines = read_until(tree, "starts again in 1 s")
    assert [line for line in lines if line.startswith("brief")] == [
        "brief    | brief was here",
        "brief    | ended (code 0), starts again in 0.5 s",
        "brief    | brief was here",
        "brief    | ended (code 0), starts again in 1 s",
    ]


def test_killed_program_is_named_with_its_signal(start_tree: StartTree, tmp_path: Path) -> None:
    with start_tree("steady") as tree:
        read_until(tree, "steady is up")
        programs_of(tmp_path)[0].kill()
        assert read_until(tree, "steady is up")[0] == "steady   | ended (SIGKILL), starts again in 0.5 s"


def test_each_event_is_one_clean_line_with_its_name(start_tree: StartTree) -> None:
    with start_tree("noisy") as tree:
        lines = read_until(tree, "two")
        assert lines == ["once     | 7", "tree     | code 3", "noisy    | one", "noisy    | two?[31m"]
        tree.send_signal(signal.SIGINT)
        assert "noisy    | half" in read_until(tree, "done")


def test_tree_ends_when_nobody_reads_it_any_more(start_tree: StartTree, tmp_path: Path) -> None:
    with start_tree("brief") as tree:
        read_until(tree, "brief was here")
        tree.stdout.close()
        tree.wait(10)
    wait_until_gone(tmp_path)


def test_back_off_doubles_up_to_its_longest_and_forgets_after_steady_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("aurapark.devstack.child.time.monotonic", lambda: now)
    back_off = BackOff()
    waits = []
    for _ in range(7):
        waits.append(back_off.note_failure())
        assert not back_off.is_due
        now += waits[-1]
        assert back_off.is_due
    assert waits == [FIRST_WAIT, 1, 2, 4, 8, LONGEST_WAIT, LONGEST_WAIT]
    now += 31
    assert back_off.note_failure() == FIRST_WAIT
