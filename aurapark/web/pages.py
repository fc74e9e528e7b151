"""Pages of a short list by name: `?page=`, a whole number from 1, anything else is the first. Long: `web.listing`."""

from flask import request

MOST = 10_000


def page_number() -> int:
    """Return the page that is asked for."""
    asked = request.args.get("page", "")
    return min(max(int(asked), 1), MOST) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
