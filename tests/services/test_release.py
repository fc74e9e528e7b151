"""Giving seats back by choice: at once when nobody pays, after the gateway's answer when somebody may."""

from datetime import timedelta
from functools import partial

import pytest
from flask import Flask

from aurapark.booking.errors import BookingNotFound, WrongState
from aurapark.booking.models import Booking, BookingState
from aurapark.checkout.release import release_hold
from aurapark.payments.errors import NotLetGo
from aurapark.payments.gateway import GatewayUncertain
from aurapark.payments.models import PaymentState
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import (
    PAYMENT_TERMS,
    check,
    claims_of,
    confirm,
    fresh,
    hold,
    pass_time,
    payments_of,
    race,
    signer,
    start,
)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def booking(network: Network) -> Booking:
    return hold(network)


def release(booking: Booking | str, gateway: FakeGateway) -> Booking:
    reference = booking if isinstance(booking, str) else booking.reference
    return release_hold(reference, gateway=gateway, signer=signer(), terms=PAYMENT_TERMS)


def test_a_hold_is_given_back_and_twice_is_boring(network: Network, booking: Booking, gateway: FakeGateway) -> None:
    assert release(booking, gateway).state == BookingState.RELEASED
    assert release(booking, gateway).state == BookingState.RELEASED
    assert gateway.asked == []
    assert hold(network).state == BookingState.HELD


def test_an_open_payment_is_asked_about_and_its_link_closed_first(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    assert release(booking, gateway).state == BookingState.RELEASED
    assert gateway.disabled == [payment.link]
    assert gateway.asked == [payment.tx_ref]
    assert claims_of(booking) == []


def test_a_booking_that_was_just_paid_is_confirmed_instead(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 4000)
    with pytest.raises(WrongState):
        release(booking, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_without_an_answer_the_seats_stay(booking: Booking, gateway: FakeGateway) -> None:
    start(booking, gateway)
    gateway.listing = GatewayUncertain("ReadTimeout")
    with pytest.raises(NotLetGo):
        release(booking, gateway)
    assert fresh(booking).state == BookingState.HELD
    assert {state for _, _, state in claims_of(booking)} == {"paying"}


def test_money_that_comes_after_the_release_is_kept_for_review(booking: Booking, gateway: FakeGateway) -> None:
    """R9."""
    payment = start(booking, gateway)
    release(booking, gateway)
    gateway.charge(payment.tx_ref, 4000)
    check(payment, gateway)
    (paid,) = payments_of(booking)
    assert (paid.state, paid.disposition_reason) == (PaymentState.SUCCEEDED, "released")
    assert (fresh(booking).state, claims_of(booking)) == (BookingState.RELEASED, [])


def test_the_attempt_of_a_released_hold_lapses_in_time(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    release(booking, gateway)
    pass_time(booking, timedelta(minutes=26))
    check(payment, gateway)
    assert (payments_of(booking)[0].state, fresh(booking).state) == (PaymentState.LAPSED, BookingState.RELEASED)


def test_confirmed_and_unknown_bookings_are_not_released(network: Network, gateway: FakeGateway) -> None:
    with pytest.raises(WrongState):
        release(confirm(network), gateway)
    with pytest.raises(BookingNotFound):
        release("ZZZZZZ", gateway)


def test_release_and_success_at_once_never_both(app: Flask, network: Network, gateway: FakeGateway) -> None:
    for number in range(10):
        booking = hold(network, str(40 + number))
        payment = start(booking, gateway)
        reference, tx_ref = booking.reference, payment.tx_ref
        early = FakeGateway()
        gateway.charge(tx_ref, 4000)
        race(app, partial(release, reference, early), partial(check, tx_ref, gateway))
        (paid,) = payments_of(booking)
        confirmed = fresh(booking).state == BookingState.CONFIRMED
        assert paid.disposition == ("applied" if confirmed else "refund")
        assert len(claims_of(booking)) == (2 if confirmed else 0)
