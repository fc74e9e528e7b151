"""Writing many rows so that writing them twice is the same as once."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from aurapark.extensions import Model, db


def add_missing(model: type[Model], rows: Iterable[dict[str, Any]]) -> None:
    """Insert the rows that are not there yet, by any unique key; what is there stays as it is."""
    if values := list(rows):
        db.session.execute(insert(model).on_conflict_do_nothing(), values)
