"""Long lists by the place of the last row shown: no OFFSET and no count, so that the thousandth page costs what the
first does. And all of a list, for a file, a few hundred rows in memory at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, tuple_

from aurapark.extensions import db

T = TypeVar("T")
Place = tuple[int] | tuple[datetime, int]  # of a row in its list; what `web.listing` writes into an address

PAGE_SIZE = 40
AT_ONCE = 500  # rows fetched at once for a file


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, and the place behind which the next page begins; None when there is none."""

    rows: Sequence[T] = ()
    behind: Place | None = None


def fetch_page(
    wanted: Select[Any],
    key: Sequence[Any],
    *,
    after: Place | None,
    place_of: Callable[[Any], Place] | None = None,
    oldest_first: bool = False,
    size: int = PAGE_SIZE,
) -> Page[Any]:
    """Return one page of what is wanted, newest first (one statement).

    `key` are the columns that give the order: `(AuditEntry.id,)`, or a time and a number, `(Booking.created_at,
    Booking.id)`; together unique, never NULL, and the end of an index that begins with what is narrowed by. A row's
    place is read from its attributes of the same names, unless `place_of` says otherwise. A select of one thing
    gives these things, any other gives rows.
    """
    found = list(_rows(_ordered(wanted, key, after, oldest_first).limit(size + 1)))
    rows = found[:size]
    place = place_of or (lambda row: tuple(getattr(row, column.key) for column in key))
    return Page(rows, place(rows[-1]) if len(found) > size else None)


def fetch_all(wanted: Select[Any], key: Sequence[Any], *, oldest_first: bool = False) -> Iterator[Any]:
    """Yield all of it in the same order, from a cursor of the server: memory does not grow with the list."""
    return iter(_rows(_ordered(wanted, key, None, oldest_first), yield_per=AT_ONCE))


def _ordered(wanted: Select[Any], key: Sequence[Any], after: Place | None, oldest_first: bool) -> Select[Any]:
    if after is not None:
        here = tuple_(*key)
        wanted = wanted.where(here > after if oldest_first else here < after)
    return wanted.order_by(*(column.asc() if oldest_first else column.desc() for column in key))


def _rows(wanted: Select[Any], **options: Any) -> Any:
    found = db.session.execute(wanted, execution_options=options)
    return found.scalars() if len(wanted.column_descriptions) == 1 else found
