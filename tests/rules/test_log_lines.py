"""A line of log is one line and one JSON object, whatever was logged; nobody else's log escapes that."""

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest

from aurapark import log
from aurapark.log_lines import LONGEST_LINE, JsonLines, TextLines

PAYLOADS = (
    'x\r\n{"level": "info", "event": "login_succeeded"}',
    "x\nlevel=info event=forged",
    "\x1b[2J\x1b]0;owned\x07\x1b[31m",
    '"}, {"event": "forged"',
    "\u2028\u2029\x85\x00\x7f\x9b31m",
    "\ud800 alone",
    "${jndi:ldap://x} {{7*7}} %s %(name)s %n",
    "é中🚌" * 200,
)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[logging.Formatter, Callable[[], None]], str]:
    """Run something and return what was written through this formatter."""

    def run(formatter: logging.Formatter, work: Callable[[], None]) -> str:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        root = logging.getLogger()
        before, others = root.level, root.handlers[:]
        root.handlers[:] = [handler]  # pytest's own would put a lone surrogate into its report
        root.setLevel(logging.INFO)
        try:
            work()
        finally:
            root.handlers[:] = others
            root.setLevel(before)
        return stream.getvalue()

    return run


def fail(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        raise KeyError("outer") from error


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_whatever_is_logged_is_one_json_line(written: Any, payload: str) -> None:
    def work() -> None:
        log.log_event("looked", path=payload, **{"a b\n": payload})
        logging.getLogger("somebody.else").error("they said %s", payload)
        with log.about(request=payload[:20]):
            log.log_event("again")

    lines = written(JsonLines("web"), work).split("\n")
    assert lines.pop() == ""
    assert [json.loads(line)["event"] for line in lines] == ["looked", "log", "again"]
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert len(line) <= LONGEST_LINE


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_text_for_people_is_one_line_and_harmless(written: Any, payload: str) -> None:
    def work() -> None:
        log.log_event("looked", path=payload)
        logging.getLogger("somebody.else").error("they said %s", payload)

    lines = written(TextLines(), work).split("\n")
    assert len(lines) == 3
    assert lines[2] == ""
    for line in lines:
        line.encode()
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" for c in line)


def test_a_line_says_what_it_is_about(written: Any) -> None:
    def work() -> None:
        with log.about(job="send_messages"), log.about(request="K7K7K7K7K7"):
            log.log_event("hold_lapsed", booking="7K3QF9", trip=42, event=3, nan=float("nan"), phone="+237671234516")

    line = json.loads(written(JsonLines("worker"), lambda: Context().run(work)))
    assert line.pop("time")[-6:] == "+00:00"
    assert isinstance(line.pop("pid"), int)
    assert line == {
        "level": "info",
        "event": "hold_lapsed",
        "process": "worker",
        "job": "send_messages",
        "request": "K7K7K7K7K7",
        "booking": "7K3QF9",
        "trip": 42,
        "event_": 3,  # a value cannot pass for the event
        "nan": "nan",
        "phone": "•••",
    }
    assert Context().run(log.ids_now) == {}


def test_an_error_is_told_by_kind_and_place_not_by_its_text(written: Any) -> None:
    def work() -> None:
        try:
            fail("row (Awa Ngo, +237671234516)")
        except KeyError:
            logging.getLogger("flask.app").exception("Exception on /t/abcdefghijklmnopqrstuvw [GET]")

    line = json.loads(written(JsonLines("web"), work))
    assert (line["error"], line["cause"]) == ("KeyError", "ValueError")
    assert line["at"].count("test_log_lines:") == 2
    assert "Awa" not in str(line)
    assert line["message"] == "Exception on /t/••• [GET]"
    text = written(TextLines(), work)
    assert "Traceback" in text
    assert "+237671234516" not in text


def test_long_values_are_cut_and_the_line_fits_a_pipe(written: Any) -> None:
    def work() -> None:
        log.log_event("many", **{f"v{n}": "é" * 50 for n in range(40)})

    line = written(JsonLines("web"), work)
    assert len(line) <= LONGEST_LINE + 1
    assert json.loads(line)["shortened"] is True


def test_everything_of_a_process_goes_the_same_way() -> None:
    """Warnings, crashes of the program and of threads, gunicorn, RQ and SQLAlchemy: JSON each, in a real process."""
    code = """
import logging, threading, warnings
from aurapark import log
log.configure("worker", "json"); log.configure("worker", "json")
warnings.warn("old\\nthing", DeprecationWarning)
warnings.warn("a\\nthing")
for name in ("gunicorn.error", "rq.worker", "sqlalchemy.engine", "flask.app"):
    logging.getLogger(name).warning("from\\n%s", name)
logging.getLogger("rq.worker").info("chatter")
thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()
raise RuntimeError("Awa Ngo")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("logger") for line in lines] == [
        "py.warnings", "py.warnings", "gunicorn.error", "rq.worker", "sqlalchemy.engine", "flask.app", None, None,
    ]  # fmt: skip
    assert [(line["event"], line["error"]) for line in lines[-2:]] == [
        ("crashed", "ZeroDivisionError"),
        ("crashed", "RuntimeError"),
    ]
    assert "Awa" not in done.stderr
    assert {line["process"] for line in lines} == {"worker"}


def test_the_hooks_of_this_process_are_untouched() -> None:
    """configure() is for processes of ours; importing it changes nothing here."""
    assert sys.excepthook is sys.__excepthook__ or "aurapark" not in sys.excepthook.__module__
    assert warnings.formatwarning.__module__ == "warnings"
