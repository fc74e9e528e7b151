"""When the gateway is asked about a refund again, and which of its refunds is ours: pure functions."""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

# All waits are in steps of RETRY_BASE_SECONDS (10 s).
FIRST_STEPS, LONGEST_STEPS = 6, 2_160  # 1 minute, doubled up to 6 hours
EMPTY_STEPS = 30  # 5 minutes between two empty answers before a second POST
WATCHED_STEPS = 60_480  # 7 days, then a person
LATER_STEPS = 8_640  # after that once a day
MOST_POSTS = 2


T = TypeVar("T", bound="Listed")


class Listed(Protocol):
    """A refund as a gateway lists it."""

    @property
    def refund_id(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def outcome(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """The step of all waits, and how long one process may keep a refund or a payout to itself."""

    base: timedelta
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Ours:
    """What is known of one refund of ours, and of the others of its payment."""

    amount: int
    former_ids: Collection[str]
    ids_of_others: Collection[str]


def next_query(checks: int, *, sending_at: datetime, now: datetime, base: timedelta) -> datetime:
    """Return when to ask about a refund again: rarer and rarer, once a day when a week was not enough."""
    if is_overdue(sending_at, now=now, base=base):
        return now + base * LATER_STEPS * _jitter()
    steps: int = min(FIRST_STEPS * 2 ** min(checks, 10), LONGEST_STEPS)
    return now + base * steps * _jitter()


def is_overdue(sending_at: datetime, *, now: datetime, base: timedelta) -> bool:
    """Say whether the gateway has had a week and a person must look at this refund."""
    return now - sending_at >= base * WATCHED_STEPS


def pause(base: timedelta) -> timedelta:
    """Return how long a refund waits that could not be begun: for the balance, for another one, for the gateway."""
    return base * FIRST_STEPS


def between_empties(base: timedelta) -> timedelta:
    """Return how far apart two empty answers must be to count as two."""
    return base * EMPTY_STEPS


def find_ours(listed: Iterable[T], ours: Ours) -> T | None:
    """Return the gateway's refund that must be this one of ours: the amount fits and no other one of ours is it.

    One that failed counts last, and not when its failure is known already. The oldest of several.
    """
    fitting = [row for row in listed if row.amount == ours.amount and row.refund_id not in ours.ids_of_others]
    alive = [row for row in fitting if row.outcome != "failed"]
    failed = [row for row in fitting if row.outcome == "failed" and row.refund_id not in ours.former_ids]
    return min(alive or failed, key=lambda row: (len(row.refund_id), row.refund_id), default=None)


def _jitter() -> float:
    return random.uniform(0.5, 1)  # nosec B311  # noqa: S311  spreads load, keeps no secret
