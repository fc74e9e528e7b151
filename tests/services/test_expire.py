"""Lapsed holds are tidied away; one that somebody may be paying is left to the question to the gateway."""

from datetime import timedelta

import pytest

from aurapark.booking.models import Booking, BookingState
from aurapark.checkout.expire import expire_hold, list_lapsed_holds
from aurapark.payments.errors import PaymentNotOpened
from aurapark.payments.gateway import GatewayRefused, GatewayUncertain
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import PAYMENT_TERMS, check, claims_of, confirm, fresh, hold, pass_time, start

LAPSED, OVER = timedelta(minutes=16), timedelta(minutes=26)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def booking(network: Network) -> Booking:
    return hold(network)


def due() -> list[str]:
    return list_lapsed_holds(10, terms=PAYMENT_TERMS)


def test_a_lapsed_hold_is_expired_once(booking: Booking) -> None:
    assert due() == []
    assert expire_hold(booking.reference) is False
    pass_time(booking, LAPSED)
    assert due() == [booking.reference]
    assert expire_hold(booking.reference) is True
    assert expire_hold(booking.reference) is False
    booking = fresh(booking)
    assert (booking.state, claims_of(booking), due()) == (BookingState.EXPIRED, [], [])
    assert booking.expired_at is not None


def test_a_hold_with_an_open_payment_is_never_expired_by_the_clock_alone(
    booking: Booking, gateway: FakeGateway
) -> None:
    start(booking, gateway)
    pass_time(booking, OVER)
    assert due() == []
    assert expire_hold(booking.reference) is False
    assert {state for _, _, state in claims_of(booking)} == {"paying"}


def test_a_hold_whose_attempt_was_refused_is_expired_when_its_time_is_over(
    booking: Booking, gateway: FakeGateway
) -> None:
    gateway.opening = GatewayRefused("HTTP 400")
    with pytest.raises(PaymentNotOpened):
        start(booking, gateway)
    pass_time(booking, LAPSED)
    assert due() == [booking.reference]


def test_a_hold_whose_tries_failed_waits_for_one_more_question(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 4000, status="failed")
    check(payment, gateway)
    pass_time(booking, timedelta(minutes=25, seconds=5))
    assert due() == []
    gateway.listing = GatewayUncertain("503")
    check(payment, gateway)
    assert fresh(booking).state == BookingState.HELD
    pass_time(booking, timedelta(seconds=60))
    assert due() == [booking.reference]


def test_a_hold_whose_tries_failed_is_expired_by_a_clear_answer(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 4000, status="failed")
    check(payment, gateway)
    pass_time(booking, OVER)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.EXPIRED


def test_a_confirmed_booking_never_expires(network: Network) -> None:
    booking = confirm(network)
    pass_time(booking, timedelta(days=1))
    assert due() == []
    assert expire_hold(booking.reference) is False
    assert fresh(booking).state == BookingState.CONFIRMED
