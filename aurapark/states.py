"""The one way a state changes: `move()`, along the table of legal moves that stands beside each model."""

from enum import StrEnum
from typing import Any, ClassVar, Protocol


class HasState(Protocol):
    """Anything with a state and a table of its legal moves, `MOVES: {state: frozenset of states}`."""

    state: Any
    MOVES: ClassVar[Any]


class IllegalMove(Exception):
    """A move the table does not know: a bug, not bad input."""


def may_move(thing: HasState, to: StrEnum) -> bool:
    """Say whether the table allows this move."""
    return bool(to in thing.MOVES.get(thing.state, frozenset()))


def move(thing: HasState, to: StrEnum) -> None:
    """Move a thing to its next state.

    Raises IllegalMove when the table does not allow it; the database's trigger says the same to raw SQL.
    """
    if not may_move(thing, to):
        raise IllegalMove(f"{type(thing).__name__}: {thing.state} → {to}")
    thing.state = to
