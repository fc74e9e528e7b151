"""Prices and what a cancellation gives back: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aurapark.fares.models import Category
from aurapark.money import XAF, Money


@dataclass(frozen=True, slots=True)
class SeatPrices:
    """What one seat costs in each passenger category, in whole units of the currency."""

    adult: int
    youth: int
    child: int
    reduced_mobility: int
    currency: str = XAF

    def of(self, category: Category) -> int:
        """Return the price for one category."""
        return int(getattr(self, category.value))


@dataclass(frozen=True, slots=True)
class RefundStep:
    """Up to this notice before departure, that percentage comes back."""

    notice: timedelta
    percent: int


def read_refund_policy(steps: Sequence[dict[str, int]]) -> list[RefundStep]:
    """Return the steps of a stored policy, longest notice first."""
    read = [RefundStep(timedelta(hours=step["hours"]), step["percent"]) for step in steps]
    return sorted(read, key=lambda step: step.notice, reverse=True)


def refund_due(paid: Money, *, departs_at: datetime, now: datetime, policy: Sequence[RefundStep]) -> Money:
    """Return what a traveller gets back when cancelling now; rounds in the traveller's favour."""
    for step in policy:
        if departs_at - now >= step.notice:
            return paid.share(step.percent, round_up=True)
    return Money(0, paid.currency)


def commission_on(total: Money, percent: int) -> Money:
    """Return the platform's share of a ticket total, rounded down: the agency bears it, the traveller never sees it."""
    return total.share(percent)
