"""One line of log per event: its name and what it is about. Ids, states and amounts only, never personal data.

How a line is written (JSON, or text for a terminal) is decided once per process, in `configure()`; everything that
logs in the process, libraries and warnings too, goes the same way.
"""

import contextlib
import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

PLAIN = set(">abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/+")
LONGEST = 200
FRAMES = 6
QUIET = ("alembic", "rq", "rq.worker", "rq_scheduler", "sqlalchemy", "urllib3", "werkzeug")  # theirs: warnings only

_log = logging.getLogger("aurapark.events")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("log_about", default=_NOTHING)


class Event:
    """One event and its values; as text `hold_lapsed booking=7K3QF9 trip=42`."""

    __slots__ = ("name", "values")

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self.values = values

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={_plain(value)}" for key, value in self.values.items())])


def log_event(event: str, /, *, level: int = logging.INFO, **values: Any) -> None:
    """Write one event, as in `hold_lapsed booking=7K3QF9 trip=42`; a value of several words is quoted."""
    if _log.isEnabledFor(level):
        _log.log(level, "%s", Event(event, values))


def log_failure(event: str, error: BaseException, /, **values: Any) -> None:
    """Write that something failed: the kind of error, where in our code, and the ids it is about.

    Not the error's own text: a database error carries the values of the row.
    """
    log_event(event, level=logging.ERROR, error=type(error).__name__, at=places_of(error), **values)


def places_of(error: BaseException) -> str:
    """Return where an error was raised: the last frames as `file:line`, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return ">".join(f"{PurePath(frame.filename).stem}:{frame.lineno}" for frame in frames)


def begin_about(**ids: str) -> None:
    """Let every line from here on, in this thread, carry these ids and no earlier ones: a request begins."""
    _about.set(ids)


@contextlib.contextmanager
def about(**ids: str) -> Iterator[None]:
    """Let every line within carry these ids too: `with about(job="send_messages"):`."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def ids_now() -> Mapping[str, str]:
    """Return the ids that lines carry at this point."""
    return _about.get()


def configure(process: str = "aurapark", style: str = "text", *, level: int = logging.INFO) -> None:
    """Write everything this process logs to standard error, as `json` or `text`; safe to call twice.

    Python's warnings, what no code catches, and whatever libraries log go there too.
    """
    from aurapark.log_lines import JsonLines, TextLines

    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Lines)]:
        root.removeHandler(old)
    handler = _Lines(sys.stderr)
    handler.setFormatter(JsonLines(process) if style == "json" else TextLines())
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("aurapark").setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    warnings.formatwarning = _one_line
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


class _Lines(logging.StreamHandler[Any]):
    """Our way out, known by its class."""


def _log_crash(kind: type[BaseException], error: BaseException | None, at: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), at)
    elif not issubclass(kind, SystemExit):
        _log.critical("%s", Event("crashed", {}), exc_info=(kind, error or kind(), at))


def _one_line(message: Any, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:  # noqa: ARG001
    return f"{category.__name__} at {PurePath(filename).stem}:{lineno}: {message}"


def _plain(value: Any) -> str:
    text = str(value)[:LONGEST]
    return text if text and set(text) <= PLAIN else json.dumps(text)
