"""Amounts as they stand in JSON: major units, whole where they are whole, fractional where fees make them so."""

from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

JsonAmount: TypeAlias = int | float | str

FEE_PERCENT = {"card": Decimal("2.5")}
OTHER_FEE_PERCENT = Decimal(2)
CENT = Decimal("0.01")


def read_amount(value: Any) -> Decimal | None:
    """Return a positive amount given as number or numeric string, or None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount > 0 else None


def number(amount: Decimal) -> int | float:
    """Return the JSON number: 5000 for 5000.00, 162.5 for 162.50."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def fee(amount: Decimal, payment_type: str) -> Decimal:
    """Return what Flutterwave keeps of an amount; fractional even in XAF."""
    percent = FEE_PERCENT.get(payment_type, OTHER_FEE_PERCENT)
    return (amount * percent / 100).quantize(CENT)
