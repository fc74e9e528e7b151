"""Which of the gateway's refunds is ours, when it is asked again, and which other seats are as good: pure rules."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurapark.booking.equivalent import equivalent_seats
from aurapark.fleet.rules import Position, read_grid
from aurapark.payments.gateway import GatewayRefund, RefundOutcome
from aurapark.refunds.rules import Ours, find_ours, next_query
from tests.factories import C70, H19

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
BASE = timedelta(seconds=10)
COACH, MINIBUS = read_grid(C70), read_grid(H19)


def listed(refund_id: str, amount: int, outcome: str = "sent") -> GatewayRefund:
    word = RefundOutcome(outcome)
    return GatewayRefund(refund_id=refund_id, charge_id="1", amount=Decimal(amount), outcome=word, status=outcome)


@pytest.mark.parametrize(
    ("rows", "ours", "found"),
    [
        ([], Ours(500, (), ()), None),
        ([listed("7", 500)], Ours(500, (), ()), "7"),
        ([listed("7", 501)], Ours(500, (), ()), None),
        ([listed("7", 500)], Ours(500, (), ("7",)), None),
        ([listed("7", 500), listed("8", 500)], Ours(500, (), ("7",)), "8"),
        ([listed("10", 500), listed("9", 500)], Ours(500, (), ()), "9"),
        ([listed("7", 500, "failed"), listed("8", 500)], Ours(500, (), ()), "8"),
        ([listed("7", 500, "failed")], Ours(500, (), ()), "7"),
        ([listed("7", 500, "failed")], Ours(500, ("7",), ()), None),
        ([listed("7", 500, "succeeded")], Ours(500, ("7",), ()), "7"),
    ],
)
def test_our_refund_is_found_by_its_amount(rows: list[GatewayRefund], ours: Ours, found: str | None) -> None:
    there = find_ours(rows, ours)
    assert (there.refund_id if there else None) == found


@pytest.mark.parametrize(
    ("checks", "age", "longest"),
    [
        (0, timedelta(0), timedelta(minutes=1)),
        (1, timedelta(minutes=1), timedelta(minutes=2)),
        (5, timedelta(hours=1), timedelta(minutes=32)),
        (99, timedelta(days=2), timedelta(hours=6)),
        (99, timedelta(days=7), timedelta(days=1)),
    ],
)
def test_the_gateway_is_asked_rarer_and_rarer(checks: int, age: timedelta, longest: timedelta) -> None:
    wait = next_query(checks, sending_at=NOW - age, now=NOW, base=BASE) - NOW
    assert longest / 2 <= wait <= longest


@given(st.sets(st.sampled_from(sorted(MINIBUS.seats))), st.lists(st.sampled_from(sorted(MINIBUS.seats)), unique=True))
def test_equivalent_seats_are_free_different_and_no_worse(free: set[str], wanted: list[str]) -> None:
    instead = equivalent_seats(MINIBUS, free, wanted)
    if instead is None:
        fixed = {seat for seat in free if MINIBUS.seats[seat].position != Position.FOLDING}
        assert len(set(wanted) - free) > len(fixed - set(wanted))
        return
    seats = [instead.get(seat, seat) for seat in wanted]
    assert set(seats) <= free
    assert len(set(seats)) == len(wanted)
    assert set(instead) == set(wanted) - free
    folds = [s for s, new in instead.items() if MINIBUS.seats[new].position == Position.FOLDING]
    assert all(MINIBUS.seats[seat].position == Position.FOLDING for seat in folds)


def test_a_lost_neighbour_is_seated_beside_the_one_who_stays() -> None:
    assert equivalent_seats(COACH, set(COACH.seats) - {"14"}, ["13", "14"]) == {"14": "12"}
