"""Transactions and column types. `in_transaction()` is the only place that commits."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import CheckConstraint, DateTime, Dialect, Text, TypeDecorator
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from aurapark.errors import DomainError, Unavailable
from aurapark.extensions import db

T = TypeVar("T")

SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT = "40001", "40P01", "55P03"
STATEMENT_TIMEOUT, TOO_MANY_CONNECTIONS = "57014", "53300"
ATTEMPTS = 5

_by_constraint: dict[str, Callable[[], DomainError]] = {}


def in_transaction(work: Callable[[], T]) -> T:
    """Run `work` in one transaction and commit it; run it again after a serialization failure or a deadlock.

    No network call happens inside. A transaction that was only read is ended first; nesting is refused.

    Raises what `work` raises (rolled back), the domain error of a violated constraint that has one,
    and Unavailable when a lock or the database could not be had in time.
    """
    session = db.session
    if session.info.get("in_transaction"):
        raise RuntimeError("in_transaction() does not nest")
    for attempt in range(1, ATTEMPTS + 1):
        let_go()
        session.info["in_transaction"] = True
        try:
            result = work()
            session.commit()
            return result
        except DBAPIError as error:
            session.rollback()
            if attempt == ATTEMPTS or sqlstate(error) not in (SERIALIZATION_FAILURE, DEADLOCK):
                raise as_domain_error(error) or error from error
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info["in_transaction"] = False
    raise AssertionError("unreachable")


def let_go() -> None:
    """End a read transaction and give its connection back; called before every network call."""
    if db.session.info.get("in_transaction"):
        raise RuntimeError("a transaction is open: no network call inside it")
    db.session.rollback()


def on_constraint(name: str, error: Callable[[], DomainError]) -> None:
    """Say which domain error the violation of a named constraint means."""
    _by_constraint[name] = error


def as_domain_error(error: DBAPIError) -> DomainError | None:
    """Return what a database error means for people, or None when it is a bug."""
    if isinstance(error, IntegrityError):
        made = _by_constraint.get(constraint_name(error))
        return made() if made else None
    if sqlstate(error) in (LOCK_TIMEOUT, STATEMENT_TIMEOUT, TOO_MANY_CONNECTIONS, SERIALIZATION_FAILURE, DEADLOCK):
        return Unavailable()
    if error.connection_invalidated or (isinstance(error, OperationalError) and sqlstate(error) is None):
        return Unavailable()
    return None


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's five-character code of an error, None when it never reached the server."""
    return getattr(error.orig, "sqlstate", None)


def constraint_name(error: DBAPIError) -> str:
    """Return the name of the violated constraint, empty when there is none."""
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


class UtcDateTime(TypeDecorator[datetime]):
    """A timestamptz that refuses naive datetimes and always gives UTC back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime refused")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        return value.astimezone(UTC) if value is not None else None


class Word(TypeDecorator[Any]):
    """A StrEnum stored as text; `one_of()` gives the CHECK that goes with it."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else self.words(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else self.words(value)


def one_of(column: str, words: Sequence[str] | type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that a column holds one of these words (or NULL, where the column allows it)."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
