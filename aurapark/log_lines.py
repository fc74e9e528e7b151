"""The two shapes of a log line: JSON, one object a line whatever is in it, and text for a terminal.

Nothing that is logged can begin a line, colour a terminal or end a JSON string: control characters are escaped. What
looks personal or secret is masked here, at the only way out.
"""

import json
import logging
import math
import os
import re
from datetime import UTC, datetime
from typing import Any

from aurapark.log import LONGEST, Event, ids_now, places_of
from aurapark.masking import mask, mask_field

LONGEST_MESSAGE = 1000  # of what others log
LONGEST_LINE = 4000  # bytes; what a pipe takes in one piece is 4096, and several processes write into one
SHORTENED = 40

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_RAW_DELETE = re.compile("\x7f")  # the one control character that JSON leaves as it is


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, process, pid, the ids of request or job, then the event's values."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        name, values = _read(record)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": name,
            "process": self._process,
            "pid": os.getpid(),
            **ids_now(),
        }
        for key, value in values.items():
            line[key if key not in line else f"{key}_"] = _value(key, value)
        text = _dump(line)
        return text if len(text) <= LONGEST_LINE else _shorten(line)


class TextLines(logging.Formatter):
    """A line for people: the time, the event as `hold_lapsed booking=7K3QF9`, the ids; a failure with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback of what went wrong."""
        args = record.args
        if isinstance(args, tuple) and args and isinstance(args[0], Event):
            shown = {key: _value(key, value) for key, value in args[0].values.items()}
            said = str(Event(args[0].name, {**shown, **ids_now()}))
        else:
            said = _escape(mask(record.getMessage()[: 2 * LONGEST_MESSAGE])[:LONGEST_MESSAGE])
        level = "" if record.levelno <= logging.INFO else f"{record.levelname} "
        line = (
            f"{datetime.fromtimestamp(record.created).astimezone():%H:%M:%S} {level}{said}"  # as the terminal's clock
        )
        if record.exc_info and record.exc_info[1]:
            below = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *(f"    {_escape(mask(text))}" for text in below)])
        return line


def _read(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    """Return an event's name and values; what others log is the event `log` with its message."""
    args = record.args
    if isinstance(args, tuple) and args and isinstance(args[0], Event):
        name, values = args[0].name, dict(args[0].values)
    else:
        name, values = "log", {"logger": record.name, "message": record.getMessage()}
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        values |= {"error": type(error).__name__, "at": places_of(error)}  # not its text: that may hold a row's values
        if cause := error.__cause__ or error.__context__:
            values |= {"cause": type(cause).__name__, "cause_at": places_of(cause)}
    return name, values


def _value(name: str, value: Any) -> Any:
    """Return a value as it may be written: numbers as numbers, all else as text, masked before it is cut."""
    longest = LONGEST_MESSAGE if name == "message" else LONGEST
    text = str(value)[: 2 * longest]
    shown = mask_field(name, text)[:longest]
    is_plain = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_plain and shown == text else shown


def _shorten(line: dict[str, Any]) -> str:
    """Return a line that fits: its texts are cut, and what still has no room is left out."""
    kept: dict[str, Any] = {"shortened": True}
    for key, value in line.items():
        longer = {**kept, key: value[:SHORTENED] if isinstance(value, str) else value}
        if len(_dump(longer)) <= LONGEST_LINE:
            kept = longer
    return _dump(kept)


def _dump(line: dict[str, Any]) -> str:
    return _RAW_DELETE.sub(r"\\u007f", json.dumps(line))


def _escape(text: str) -> str:
    return _CONTROL.sub(lambda match: json.dumps(match[0])[1:-1].replace("\x7f", "\\u007f"), text)
