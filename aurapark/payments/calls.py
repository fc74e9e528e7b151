"""Calling a gateway over HTTP: one request and its JSON object, and what may be repeated. Knows nobody's fields.

What is sent once stays sent once: only GETs are repeated. Numbers come in as Decimal.
"""

import random
import re
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import requests

from aurapark.breaker import Breaker
from aurapark.log import log_event
from aurapark.metrics import count_call
from aurapark.payments.gateway import GatewayUncertain

TIMEOUTS = (5.0, 35.0)  # connect, read; they give up after about 28 s and may have acted
GET_TRIES = 3
RETRY_WAIT = 0.4  # seconds, doubled each time, with jitter
NO_RETRY_AFTER = 10.0  # seconds spent on one GET
CLEAR_NO = range(400, 500)
REQUEST_TIMEOUT = 408
NOT_ABOUT_IT = (401, 403, 429)  # a key they do not know, too many calls: refused, whatever was asked

Body = Mapping[str, Any]


class HttpCalls:
    """A connection to one address of theirs, with the key and a breaker. One object per process."""

    def __init__(
        self,
        base_url: str,
        secret_key: str,
        *,
        timeouts: tuple[float, float] = TIMEOUTS,
        breaker: Breaker | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts
        self._breaker = breaker or Breaker()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc may stand between us and the gateway unseen
        self._session.headers["Authorization"] = f"Bearer {secret_key}"

    @property
    def up(self) -> bool:
        """Say whether it answered lately."""
        return self._breaker.closed

    def get(self, path: str, **how: Any) -> tuple[int, Body]:
        """GET, again after a network error, 429 or 5xx while there is time. Raises GatewayUncertain."""
        started = time.monotonic()
        for tried in range(1, GET_TRIES + 1):
            try:
                status, body = self.send("GET", path, **how)
                if status != 429 and status < 500:
                    return status, body
                trouble = GatewayUncertain(f"HTTP {status}")
            except GatewayUncertain as error:
                trouble = error
            if not self.up or time.monotonic() - started > NO_RETRY_AFTER or tried == GET_TRIES:
                break
            time.sleep(RETRY_WAIT * 2 ** (tried - 1) * random.uniform(0.5, 1))  # nosec B311  # noqa: S311  jitter, not a secret
        raise trouble

    def send(self, method: str, path: str, **how: Any) -> tuple[int, Body]:
        """Send one request; returns status and JSON object (empty for a refusal without one).

        Raises GatewayUncertain when there is no answer or it cannot be read.
        """
        if not self.up:
            raise GatewayUncertain("not asked: it did not answer lately")
        started, call = time.monotonic(), f"{method} {_pattern(path)}"
        try:
            response = self._session.request(
                method, self._base_url + path, timeout=self._timeouts, allow_redirects=False, **how
            )
            body = _read_json(response)
        except requests.RequestException as error:
            self._breaker.failed()
            count_call(call, "silent", time.monotonic() - started)
            log_event("gateway_silent", call=call, error=type(error).__name__)
            raise GatewayUncertain(type(error).__name__) from None  # the error's text may hold the whole request
        took = time.monotonic() - started
        log_event("gateway_call", call=call, status=response.status_code, ms=round(took * 1000))
        count_call(call, _outcome(response.status_code, body), took)
        if body is None or response.status_code >= 500:
            self._breaker.failed()
            raise GatewayUncertain(f"HTTP {response.status_code} that cannot be read")
        self._breaker.answered()
        return response.status_code, body


def read_number(value: Any) -> Decimal | None:
    """Return a number of theirs, sent as a number or as text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _read_json(response: requests.Response) -> dict[str, Any] | None:
    """Return the envelope, None when it is none; a refusal needs no readable body to be a refusal."""
    try:
        body = response.json(parse_float=Decimal)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    return {} if response.status_code in CLEAR_NO else None


def _outcome(status: int, body: Body | None) -> str:
    """Return one of a few words for the figures."""
    if body is None or status >= 500:
        return "unreadable" if status < 500 else "failed"
    return "refused" if status in CLEAR_NO else "answered"


def _pattern(path: str) -> str:
    return re.sub(r"/(?:\d+|[a-z]+_[A-Za-z0-9_]{8,})(?=/|$)", "/id", path)
