"""When the gateway is asked again, and what a charge is worth: pure rules."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurapark.payments.gateway import Charge
from aurapark.payments.models import OPEN_STATES, PaymentState
from aurapark.payments.rules import is_readable, next_check, whole_amount, wrong_money

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
ENDS = START + timedelta(minutes=25)
BASE = timedelta(seconds=10)


def charge(amount: str | int, currency: str = "XAF") -> Charge:
    return Charge(gateway_tx_id="1", tx_ref="AP-1", status="successful", amount=Decimal(amount), currency=currency)


def wait(state: PaymentState, checks: int, at: datetime, base: timedelta = BASE) -> timedelta | None:
    due = next_check(state, checks, window_ends_at=ENDS, now=at, base=base)
    return None if due is None else due - at


@pytest.mark.parametrize(("checks", "steps"), [(0, 1), (1, 3), (2, 6), (3, 6), (99, 6)])
@pytest.mark.parametrize("state", [*OPEN_STATES, PaymentState.FAILED])
def test_the_first_questions_come_soon_and_then_each_minute(state: PaymentState, checks: int, steps: int) -> None:
    waited = wait(state, checks, START)
    assert waited is not None
    assert BASE * steps * 0.5 <= waited <= BASE * steps


def test_the_last_question_in_time_comes_at_the_very_end() -> None:
    assert wait(PaymentState.PENDING, 9, ENDS - timedelta(seconds=5)) == timedelta(seconds=5)


def test_without_an_answer_it_is_asked_each_minute_for_ever() -> None:
    for after in (0, 3_600, 90_000, 900_000):
        waited = wait(PaymentState.UNKNOWN, 50, ENDS + timedelta(seconds=after))
        assert waited is not None
        assert timedelta(seconds=30) <= waited <= timedelta(seconds=60)


@pytest.mark.parametrize("state", [PaymentState.LAPSED, PaymentState.FAILED])
@pytest.mark.parametrize(
    ("hours", "longest"), [(0, 0.25), (0.9, 0.25), (1.1, 1), (23, 1), (25, 24), (71, 24), (73, None)]
)
def test_afterwards_it_is_watched_for_72_hours(state: PaymentState, hours: float, longest: float | None) -> None:
    waited = wait(state, 50, ENDS + timedelta(hours=hours))
    assert (waited is None) == (longest is None)
    if waited is not None and longest is not None:
        assert timedelta(hours=longest) * 0.5 <= waited <= timedelta(hours=longest)


def test_one_that_succeeded_is_asked_about_at_the_end_and_then_daily() -> None:
    assert next_check(PaymentState.SUCCEEDED, 1, window_ends_at=ENDS, now=START, base=BASE) == ENDS
    waited = wait(PaymentState.SUCCEEDED, 1, ENDS + timedelta(hours=1))
    assert waited is not None
    assert waited >= timedelta(hours=12)
    assert wait(PaymentState.SUCCEEDED, 1, ENDS + timedelta(hours=73)) is None


def test_a_short_step_lives_through_three_days_in_a_minute() -> None:
    base = timedelta(seconds=0.002)
    assert wait(PaymentState.LAPSED, 1, ENDS + timedelta(seconds=60), base) is None
    assert wait(PaymentState.LAPSED, 1, ENDS + timedelta(seconds=40), base) is not None


@given(
    state=st.sampled_from(PaymentState),
    checks=st.integers(0, 1000),
    seconds=st.integers(-100_000, 1_000_000),
)
def test_whatever_is_open_has_a_next_question_in_the_future(state: PaymentState, checks: int, seconds: int) -> None:
    waited = wait(state, checks, ENDS + timedelta(seconds=seconds))
    assert waited is None or waited > timedelta(0)
    assert waited is not None or state not in OPEN_STATES


@pytest.mark.parametrize(
    ("amount", "currency", "wrong"),
    [
        (6500, "XAF", None),
        ("6500.0", "XAF", None),
        ("6.5E+3", "XAF", None),
        (6499, "XAF", "short"),
        (6501, "XAF", None),
        (6500, "NGN", "foreign_currency"),
        (6500, "xaf", "foreign_currency"),
        ("0", "XAF", "short"),
    ],
)
def test_less_or_another_currency_pays_nothing(amount: str | int, currency: str, wrong: str | None) -> None:
    assert wrong_money(charge(amount, currency), expected=6500, currency="XAF") == wrong


@pytest.mark.parametrize(
    ("amount", "readable"),
    [(6500, True), ("6500.0", True), ("6.5E+3", True), ("6499.99", False), ("6500.01", False), (0, False), (-5, False)],
)
def test_only_whole_amounts_can_be_read(amount: str | int, readable: bool) -> None:
    assert is_readable(charge(amount)) == readable


def test_a_fraction_is_stored_rounded_up() -> None:
    assert [whole_amount(charge(a)) for a in ("0.2", "6500", "6500.0", "6500.01")] == [1, 6500, 6500, 6501]
