"""Calling Stripe: form-encoded bodies, their idempotency header, their errors and their lists.

Ids are text with a prefix; `message` is for people and never decides anything.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aurapark.payments.calls import CLEAR_NO, NOT_ABOUT_IT, REQUEST_TIMEOUT, Body, HttpCalls
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused, GatewayUncertain, ShortOfFunds

A_PAGE = 100  # rows; their largest
CONFLICT = 409  # the same idempotency key is at work in another call: what becomes of it is not known
SHORT = ("balance_insufficient", "insufficient_funds")
STRIPE_ID = re.compile(r"[a-z]{2,8}_[A-Za-z0-9_]{8,200}", re.ASCII)


class StripeCalls(HttpCalls):
    """A connection to Stripe."""

    def post(self, path: str, values: Mapping[str, Any], *, key: str | None = None) -> Body:
        """POST once, under an idempotency key: one of its own unless it is given, since they replay refusals too.

        Raises GatewayRefused and its kinds, GatewayUncertain.
        """
        how = {"data": dict(form_fields(values)), "headers": {"Idempotency-Key": key or str(uuid.uuid4())}}
        status, body = self.send("POST", path, **how)
        require_accepted(status, body)
        return body

    def fetch(self, path: str, values: Mapping[str, Any] | None = None) -> Body:
        """GET one object or one page. Raises GatewayRefused and its kinds, GatewayUncertain."""
        status, body = self.get(path, params=dict(form_fields(values or {})))
        require_accepted(status, body)
        return body

    def list_rows(self, path: str, values: Mapping[str, Any], *, pages: int, whole: bool = False) -> Iterator[Body]:
        """Return the rows of up to so many pages of a list, newest first.

        Raises GatewayRefused, GatewayUncertain; that too when the list is to be read `whole` and is longer.
        """
        after: dict[str, str] = {}
        for _ in range(pages):
            body = self.fetch(path, {**values, "limit": A_PAGE, **after})
            rows = require_rows(body)
            yield from rows
            if not body.get("has_more") or not rows:
                return
            after = {"starting_after": require_id(rows[-1])}
        if whole:
            raise GatewayUncertain("the list is longer than we read")


def require_accepted(status: int, body: Body) -> None:
    """Raise ShortOfFunds, GatewayNotNow, GatewayRefused or GatewayUncertain unless the call succeeded."""
    if status == 200 and "error" not in body:
        return
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    kind, code = str(error.get("type"))[:40], str(error.get("code"))[:60]
    said = f"HTTP {status}: {kind} {code}"
    if status not in CLEAR_NO or status in (REQUEST_TIMEOUT, CONFLICT) or kind == "idempotency_error":
        raise GatewayUncertain(said)
    if code in SHORT:
        raise ShortOfFunds(said)
    raise (GatewayNotNow if status in NOT_ABOUT_IT else GatewayRefused)(said)


def require_rows(body: Body) -> list[Body]:
    """Return the rows of a page. Raises GatewayUncertain when it is none."""
    rows = body.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GatewayUncertain("the list is no list")
    return rows


def require_id(row: Body) -> str:
    """Return the id of an object of theirs. Raises GatewayUncertain when it has none."""
    given = row.get("id")
    if not isinstance(given, str) or not STRIPE_ID.fullmatch(given):
        raise GatewayUncertain("an object without a usable id")
    return given


def given_id(text: str) -> str:
    """Return an id that may stand in an address. Raises GatewayRefused for anything else."""
    if not STRIPE_ID.fullmatch(text):
        raise GatewayRefused("no id of theirs")
    return text


def form_fields(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Write nested values as Stripe's form fields: `a[b][0]=…`; what is None is left out."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from form_fields(value, f"{name}[{key}]" if name else str(key))
    elif isinstance(values, list | tuple):
        for index, value in enumerate(values):
            yield from form_fields(value, f"{name}[{index}]")
    elif values is not None:
        yield name, ("true" if values else "false") if isinstance(values, bool) else str(values)
