"""Amounts at Stripe: whole numbers of the smallest unit. XAF has no smaller one: 6,500 XAF is sent as 6500."""

from decimal import Decimal
from typing import Any

WITHOUT_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
DECIMALS = 2  # of every other currency we may ever meet there


def to_minor(amount: int, currency: str) -> int:
    """Return a whole amount in their smallest unit."""
    return int(Decimal(amount).scaleb(_decimals(currency)))


def to_decimal(given: Any, currency: Any) -> Decimal | None:
    """Return an amount of theirs in whole units, None when it is no amount."""
    if isinstance(given, bool) or not isinstance(given, int) or not isinstance(currency, str):
        return None
    return Decimal(given).scaleb(-_decimals(currency))


def _decimals(currency: str) -> int:
    return 0 if currency.upper() in WITHOUT_DECIMALS else DECIMALS
