"""Amounts of money: whole units of a currency, never fractions. XAF has no decimals (ISO 4217)."""

from collections.abc import Sequence
from dataclasses import dataclass

XAF = "XAF"


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An integer amount of one currency."""

    amount: int
    currency: str = XAF

    def __add__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def share(self, percent: int, *, round_up: bool = False) -> "Money":
        """Return that percentage, rounded down to a whole unit, or up when asked."""
        product = self.amount * percent
        return Money(-(-product // 100) if round_up else product // 100, self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Share the amount out by weights with the largest remainder first; the parts add up exactly.

        Raises ValueError when no weight is positive.
        """
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        parts = [self.amount * weight // whole for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: -(self.amount * weights[i] % whole))
        for i in by_remainder[: self.amount - sum(parts)]:
            parts[i] += 1
        return [Money(part, self.currency) for part in parts]

    def _require_same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
