"""Money: whole units, exact shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurapark.money import Money


@given(st.integers(0, 10**9), st.lists(st.integers(0, 1000), min_size=1).filter(any))
def test_the_parts_of_a_split_add_up_and_stray_less_than_one_unit(amount: int, weights: list[int]) -> None:
    parts = Money(amount).split(weights)
    assert sum(part.amount for part in parts) == amount
    exact = [amount * weight / sum(weights) for weight in weights]
    assert all(abs(part.amount - share) < 1 for part, share in zip(parts, exact, strict=True))


@given(st.integers(0, 10**9), st.integers(0, 100))
def test_a_share_rounds_the_way_it_is_asked(amount: int, percent: int) -> None:
    down, up = Money(amount).share(percent), Money(amount).share(percent, round_up=True)
    assert down.amount * 100 <= amount * percent <= up.amount * 100
    assert up.amount - down.amount in (0, 1)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "XAF") + Money(1, "NGN")


def test_a_split_needs_a_weight() -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(10).split([0, 0])
