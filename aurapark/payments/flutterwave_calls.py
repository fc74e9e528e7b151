"""Calling Flutterwave v3 over HTTP: one request, its envelope, what may be repeated. Knows no field of a charge.

What is sent once stays sent once: only GETs are repeated. Amounts come in as Decimal, ids as text. `message` is for
people and never decides anything.
"""

import random
import re
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import requests

from aurapark.log import log_event
from aurapark.payments.breaker import Breaker
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused, GatewayUncertain

TIMEOUTS = (5.0, 35.0)  # connect, read; they give up after about 28 s and may have acted
GET_TRIES = 3
RETRY_WAIT = 0.4  # seconds, doubled each time, with jitter
NO_RETRY_AFTER = 10.0  # seconds spent on one GET
GATEWAY_ID = re.compile(r"\d{1,20}", re.ASCII)
CLEAR_NO = range(400, 500)
REQUEST_TIMEOUT = 408
NOT_ABOUT_IT = (401, 403, 429)  # a key they do not know, too many calls: refused, whatever was asked

Body = Mapping[str, Any]


class Calls:
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
        self._session.headers.update({"Authorization": f"Bearer {secret_key}", "Content-Type": "application/json"})

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
            time.sleep(RETRY_WAIT * 2 ** (tried - 1) * random.uniform(0.5, 1))  # noqa: S311  jitter, not a secret
        raise trouble

    def list_rows(self, path: str, query: Mapping[str, Any], *, pages: int, whole: bool = False) -> Iterator[Body]:
        """Return the rows of up to so many pages of a list.

        Raises GatewayRefused, GatewayUncertain; that too when the list is to be read `whole` and is longer.
        """
        for page in range(1, pages + 1):
            status, body = self.get(path, params={**query, "page": page})
            require_accepted(status, body)
            shown = body.get("data")
            if not isinstance(shown, list):
                raise GatewayUncertain("the list is no list")
            yield from (row for row in shown if isinstance(row, dict))
            if page >= _pages(body):
                return
        if whole:
            raise GatewayUncertain("the list is longer than we read")

    def send(self, method: str, path: str, **how: Any) -> tuple[int, Body]:
        """Send one request; returns status and JSON object (empty for a refusal without one).

        Raises GatewayUncertain when there is no answer or it cannot be read.
        """
        if not self.up:
            raise GatewayUncertain("not asked: it did not answer lately")
        started = time.monotonic()
        try:
            response = self._session.request(
                method, self._base_url + path, timeout=self._timeouts, allow_redirects=False, **how
            )
            body = _read_json(response)
        except requests.RequestException as error:
            self._breaker.failed()
            log_event("gateway_silent", call=f"{method} {_pattern(path)}", error=type(error).__name__)
            raise GatewayUncertain(type(error).__name__) from None  # the error's text may hold the whole request
        took = round((time.monotonic() - started) * 1000)
        log_event("gateway_call", call=f"{method} {_pattern(path)}", status=response.status_code, ms=took)
        if body is None or response.status_code >= 500:
            self._breaker.failed()
            raise GatewayUncertain(f"HTTP {response.status_code} that cannot be read")
        self._breaker.answered()
        return response.status_code, body


def require_accepted(status: int, body: Body) -> None:
    """Raise GatewayNotNow, GatewayRefused or GatewayUncertain unless the envelope says that the call succeeded."""
    if status in CLEAR_NO and status != REQUEST_TIMEOUT:
        kind = GatewayNotNow if status in NOT_ABOUT_IT else GatewayRefused
        raise kind(f"HTTP {status}: {str(body.get('message'))[:100]}")
    if status != 200 or body.get("status") != "success":
        raise GatewayUncertain(f"HTTP {status} with envelope {str(body.get('status'))[:20]}")


def fields(body: Body) -> Body:
    """Return what an accepted answer holds. Raises GatewayUncertain when it holds nothing."""
    found = body.get("data")
    if not isinstance(found, dict):
        raise GatewayUncertain("success without content")
    return found


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


def _pages(body: Body) -> int:
    meta = body.get("meta")
    page_info = meta.get("page_info") if isinstance(meta, dict) else None
    pages = page_info.get("total_pages") if isinstance(page_info, dict) else None
    return pages if isinstance(pages, int) else 1


def _pattern(path: str) -> str:
    return re.sub(r"/\d+", "/id", path)
