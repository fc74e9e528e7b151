"""What a cancellation gives back."""

from datetime import UTC, datetime, timedelta

import pytest

from aurapark.fares.rules import read_refund_policy, refund_due
from aurapark.money import Money

DEPARTS = datetime(2026, 12, 18, 6, 30, tzinfo=UTC)
POLICY = read_refund_policy([{"hours": 2, "percent": 50}, {"hours": 24, "percent": 100}])


@pytest.mark.parametrize(
    ("notice", "back"),
    [
        (timedelta(hours=24), 4001),
        (timedelta(hours=23, minutes=59), 2001),
        (timedelta(hours=2), 2001),
        (timedelta(hours=1), 0),
    ],
)
def test_the_longest_notice_that_was_given_counts(notice: timedelta, back: int) -> None:
    due = refund_due(Money(4001), departs_at=DEPARTS, now=DEPARTS - notice, policy=POLICY)
    assert due == Money(back)
