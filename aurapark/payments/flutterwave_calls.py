"""Calling Flutterwave v3: its envelope and its lists. Knows no field of a charge.

Ids come in as text. `message` is for people and never decides anything.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aurapark.payments.calls import CLEAR_NO, NOT_ABOUT_IT, REQUEST_TIMEOUT, Body, HttpCalls
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused, GatewayUncertain

GATEWAY_ID = re.compile(r"\d{1,20}", re.ASCII)


class Calls(HttpCalls):
    """A connection to Flutterwave."""

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


def _pages(body: Body) -> int:
    meta = body.get("meta")
    page_info = meta.get("page_info") if isinstance(meta, dict) else None
    pages = page_info.get("total_pages") if isinstance(page_info, dict) else None
    return pages if isinstance(pages, int) else 1
