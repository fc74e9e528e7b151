"""Pages of a list: `?page=`, a whole number from 1; anything else is the first page."""

from flask import request

MOST = 10_000
MOST_DIGITS = 18  # of a bigint


def page_number() -> int:
    """Return the page that is asked for."""
    asked = request.args.get("page", "")
    return min(max(int(asked), 1), MOST) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1


def entry_before() -> int | None:
    """Return the number that entries must stand before, by `?before=`; None for the first page."""
    asked = request.args.get("before", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= MOST_DIGITS else None
