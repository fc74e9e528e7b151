"""One line of log per event: its name, then `key=value`. Ids, states and amounts only, never personal data."""

import json
import logging
import sys
import traceback
from pathlib import PurePath
from typing import Any

PLAIN = set(">abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/+")
LONGEST = 200

_log = logging.getLogger("aurapark.events")


def log_event(event: str, /, *, level: int = logging.INFO, **values: Any) -> None:
    """Write one event, as in `hold_lapsed booking=7K3QF9 trip=42`; a value of several words is quoted."""
    if _log.isEnabledFor(level):
        _log.log(level, "%s", " ".join([event, *(f"{key}={_plain(value)}" for key, value in values.items())]))


def log_failure(event: str, error: BaseException, /, **values: Any) -> None:
    """Write that something failed: the kind of error, where in our code, and the ids it is about.

    Not the error's own text: a database error carries the values of the row.
    """
    at = traceback.extract_tb(error.__traceback__)[-6:]
    places = ">".join(f"{PurePath(frame.filename).stem}:{frame.lineno}" for frame in at)
    log_event(event, level=logging.ERROR, error=type(error).__name__, at=places, **values)


def configure(level: int = logging.INFO) -> None:
    """Let the project's events be written to standard error; safe to call twice."""
    root = logging.getLogger("aurapark")
    root.setLevel(level)
    if not any(isinstance(handler, logging.StreamHandler) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        root.addHandler(handler)


def _plain(value: Any) -> str:
    text = str(value)[:LONGEST]
    return text if text and set(text) <= PLAIN else json.dumps(text)
