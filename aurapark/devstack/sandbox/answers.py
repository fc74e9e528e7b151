"""The v3 envelope: what every call answers, and how a refusal travels from the rules to the wire."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """Return the body as it goes on the wire."""
        return json.dumps(self.body)


class Refused(Exception):
    """A call that Flutterwave refuses, with the message people read and the HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def success(message: str, result: Any, *, page_info: dict[str, int] | None = None) -> Answer:
    """Return a success envelope; lists carry their page info."""
    meta = {"meta": {"page_info": page_info}} if page_info is not None else {}
    return Answer(200, {"status": "success", "message": message, **meta, "data": result})


def failure(message: str, status: int = 400) -> Answer:
    """Return an error envelope."""
    return Answer(status, {"status": "error", "message": message, "data": None})
