"""A breaker before an outside host that does not answer: after five failures in a row nobody asks it for 30 seconds.

The payment gateway, the mail server and the SMS provider each have one. It lives in one process on purpose: sharing
it would need Redis or a row written on every call; each process finds out for itself after five calls, which costs
little and can never block a healthy one.
"""

import threading
import time
from collections.abc import Callable

from aurapark.metrics import note_breaker

FAILURES = 5
OPEN_SECONDS = 30.0


class Breaker:
    """Counts failures in a row. After the wait calls are let through again; the next failure opens it once more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, host: str = "gateway") -> None:
        self._clock = clock
        self._host = host  # a word of ours, for the figures
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    @property
    def closed(self) -> bool:
        """Say whether the host may be asked."""
        with self._lock:
            return self._clock() >= self._open_until

    def answered(self) -> None:
        """Note that the host answered, whatever it said."""
        with self._lock:
            was_open = self._open_until > 0
            self._failures, self._open_until = 0, 0.0
        if was_open:
            note_breaker(self._host, 0)

    def failed(self) -> None:
        """Note that the host did not answer, or made no sense."""
        with self._lock:
            self._failures += 1
            opens = self._failures >= FAILURES
            if opens:
                self._open_until = self._clock() + OPEN_SECONDS
        if opens:
            note_breaker(self._host, OPEN_SECONDS)
