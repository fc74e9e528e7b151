"""Whether somebody has a second factor: the one place that knows which tables to ask.

No kind of second factor exists yet, so nobody has one, and whoever needs one reaches nothing but the page to set it up.
"""

from typing import Any

from sqlalchemy import ColumnElement, false


def is_set_up(user_id: Any) -> ColumnElement[bool]:  # noqa: ARG001  what the tables of factors are asked with
    """Return the condition that the user of this column has a second factor; it is part of the session's statement."""
    return false()
