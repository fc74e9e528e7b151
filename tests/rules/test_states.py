"""States move along their tables only."""

import pytest

from aurapark import states
from aurapark.booking.models import Booking, BookingState
from aurapark.payments.models import Payment, PaymentState


def test_a_legal_move_is_made() -> None:
    booking = Booking(state=BookingState.HELD)
    states.move(booking, BookingState.CONFIRMED)
    assert booking.state == BookingState.CONFIRMED


@pytest.mark.parametrize(
    ("thing", "to"),
    [
        (Booking(state=BookingState.CONFIRMED), BookingState.HELD),
        (Booking(state=BookingState.RELEASED), BookingState.CONFIRMED),
        (Payment(state=PaymentState.SUCCEEDED), PaymentState.FAILED),
    ],
)
def test_an_illegal_move_is_a_bug(thing: Booking | Payment, to: BookingState | PaymentState) -> None:
    with pytest.raises(states.IllegalMove):
        states.move(thing, to)


def test_a_failed_or_lapsed_payment_can_still_succeed() -> None:
    for state in (PaymentState.FAILED, PaymentState.LAPSED):
        assert states.may_move(Payment(state=state), PaymentState.SUCCEEDED)
