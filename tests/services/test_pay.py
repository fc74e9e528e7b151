"""Starting a payment: the attempt is committed before the gateway is called; the price is final from then on."""

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.booking.details import CheckoutDetails, PassengerDetails, Payer
from aurapark.booking.errors import CategoriesFinal, HoldLapsed, PassengersMismatch, SeatsTaken, WrongState
from aurapark.booking.models import Booking, BookingState
from aurapark.booking.queries import list_passengers
from aurapark.checkout.hold import hold_seats
from aurapark.checkout.pay import start_payment
from aurapark.checkout.reclaim import reclaim
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.fares.models import Category
from aurapark.payments.errors import (
    GatewayDown,
    PaymentNotOpened,
    PaymentTooLate,
    PaymentUncertain,
)
from aurapark.payments.gateway import Checkout, GatewayRefused, GatewayUncertain
from aurapark.payments.models import PaymentState
from aurapark.timetable.errors import TripCancelled, TripClosed
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import (
    GUEST,
    HOLD_TERMS,
    INTEGRATOR,
    PAYMENT_TERMS,
    check,
    claims_of,
    details,
    fresh,
    hold,
    pass_time,
    payments_of,
    race,
    start,
)

LAPSED = timedelta(minutes=16)
WINDOW = PAYMENT_TERMS.session + PAYMENT_TERMS.grace


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def booking(network: Network) -> Booking:
    return hold(network, "12", "13")


def test_the_attempt_is_committed_before_the_gateway_is_called(booking: Booking, gateway: FakeGateway) -> None:
    seen: list[tuple[str, int]] = []

    def look(checkout: Checkout) -> None:
        assert not db.session.info.get("in_transaction")
        row = db.session.execute(
            text("SELECT state, expected_amount FROM payment WHERE tx_ref = :t"), {"t": checkout.tx_ref}
        )
        seen.append(tuple(row.one()))
        db.session.rollback()

    gateway.while_opening = look
    payment = start(booking, gateway)
    assert seen == [("created", 8000)]
    assert (payment.state, payment.link) == (PaymentState.PENDING, gateway.link_of(payment.tx_ref))


def test_no_connection_is_held_while_the_gateway_is_called(booking: Booking, gateway: FakeGateway) -> None:
    held: list[int] = []
    gateway.while_opening = lambda _: held.append(db.engine.pool.checkedout())
    start(booking, gateway)
    assert held == [0]


def test_the_gateway_gets_what_it_needs_and_nothing_secret(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    asked = gateway.opened[0]
    assert (asked.tx_ref, asked.amount, asked.currency, asked.attempt) == (payment.tx_ref, 8000, "XAF", 1)
    assert (asked.booking_reference, asked.phone, asked.session_seconds) == (booking.reference, "+237671234567", 900)
    assert asked.redirect_url == PAYMENT_TERMS.return_url
    assert asked.description == "Douala – Yaoundé, 12, 13"


def test_the_seats_are_kept_until_session_and_grace_are_over(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    booking = fresh(booking)
    assert payment.session_ends_at is not None
    assert booking.hold_expires_at == payment.session_ends_at + PAYMENT_TERMS.grace
    assert {state for _, _, state in claims_of(booking)} == {"paying"}
    assert set(db.session.scalars(text("SELECT expires_at FROM seat_claim"))) == {booking.hold_expires_at}


def test_the_categories_fix_total_and_commission(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway, Category.ADULT, Category.CHILD)
    booking = fresh(booking)
    assert (booking.total, booking.commission, payment.expected_amount) == (6000, 600, 6000)
    assert [passenger.amount for passenger in list_passengers(booking)] == [4000, 2000]


def test_after_the_first_attempt_only_names_may_change(booking: Booking, gateway: FakeGateway) -> None:
    start(booking, gateway, Category.ADULT, Category.CHILD)
    pass_time(booking, timedelta(seconds=20))
    with pytest.raises(CategoriesFinal):
        start(booking, gateway)
    corrected = details(booking, Category.ADULT, Category.CHILD)
    corrected = replace(corrected, passengers=(replace(corrected.passengers[0], name="OTHER"), corrected.passengers[1]))
    second = start_payment(booking.reference, corrected, gateway=gateway, terms=PAYMENT_TERMS)
    assert (second.attempt, second.expected_amount) == (2, 6000)
    assert list_passengers(fresh(booking))[0].name == "OTHER"


@pytest.mark.parametrize("seats", [["12"], ["12", "12"], ["12", "14"], ["12", "13", "14"]])
def test_each_seat_is_named_once(booking: Booking, gateway: FakeGateway, seats: list[str]) -> None:
    given = CheckoutDetails(tuple(PassengerDetails(s, "X", Category.ADULT) for s in seats), Payer("+237671234567"))
    with pytest.raises(PassengersMismatch):
        start_payment(booking.reference, given, gateway=gateway, terms=PAYMENT_TERMS)
    assert gateway.opened == []


def test_a_second_press_gets_the_same_link(booking: Booking, gateway: FakeGateway) -> None:
    first, second = start(booking, gateway), start(booking, gateway)
    assert (first.tx_ref, first.link) == (second.tx_ref, second.link)
    assert len(gateway.opened) == 1


def test_two_presses_at_once_open_one_page(app: Flask, booking: Booking, gateway: FakeGateway) -> None:
    gateway.while_opening = lambda _: time.sleep(0.6)
    press = partial(start_payment, booking.reference, details(booking), gateway=gateway, terms=PAYMENT_TERMS)
    links = {payment.link for payment in race(app, press, press, press, press)}
    assert len(gateway.opened) == 1
    assert links == {gateway.link_of(gateway.opened[0].tx_ref)}


def test_a_later_press_opens_a_new_attempt(booking: Booking, gateway: FakeGateway) -> None:
    first = start(booking, gateway)
    pass_time(booking, timedelta(seconds=11))
    second = start(booking, gateway)
    assert (second.attempt, second.tx_ref != first.tx_ref) == (2, True)


def test_a_refusal_keeps_the_seats_and_gives_time_to_try_again(booking: Booking, gateway: FakeGateway) -> None:
    pass_time(booking, timedelta(minutes=14))
    gateway.opening = GatewayRefused("HTTP 400")
    with pytest.raises(PaymentNotOpened) as refused:
        start(booking, gateway)
    assert refused.value.reference == booking.reference
    booking = fresh(booking)
    left = booking.hold_expires_at - clock.now()
    assert timedelta(minutes=4) < left < timedelta(minutes=6)
    assert {state for _, _, state in claims_of(booking)} == {"held"}
    (payment,) = payments_of(booking)
    assert (payment.state, payment.link, payment.next_check_at) == (PaymentState.FAILED, None, None)
    gateway.opening = None
    assert start(booking, gateway).attempt == 2


def test_an_answer_that_got_lost_is_unknown_and_another_try_is_possible_at_once(
    booking: Booking, gateway: FakeGateway
) -> None:
    gateway.opening = GatewayUncertain("ReadTimeout")
    with pytest.raises(PaymentUncertain):
        start(booking, gateway)
    (payment,) = payments_of(booking)
    assert (payment.state, payment.link) == (PaymentState.UNKNOWN, None)
    assert payment.next_check_at is not None
    gateway.opening = None
    second = start(booking, gateway)
    assert (second.attempt, second.state) == (2, PaymentState.PENDING)
    assert {state for _, _, state in claims_of(booking)} == {"paying"}


def test_a_gateway_that_is_down_opens_no_attempt(booking: Booking, gateway: FakeGateway) -> None:
    gateway.up = False
    with pytest.raises(GatewayDown):
        start(booking, gateway)
    assert payments_of(booking) == []
    assert fresh(booking).state == BookingState.HELD


def test_no_attempt_starts_that_would_end_after_departure(network: Network, gateway: FakeGateway) -> None:
    trip = network.add_trip(clock.now() + WINDOW - timedelta(seconds=5))
    booking = hold(network, "12", trip_id=trip.id)
    with pytest.raises(PaymentTooLate):
        start(booking, gateway)
    assert gateway.opened == []
    assert payments_of(booking) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [("state = 'cancelled', cancelled_at = now()", TripCancelled), ("state = 'departed'", TripClosed)],
)
def test_a_trip_that_does_not_run_takes_no_money(
    booking: Booking, gateway: FakeGateway, change: str, error: type[Exception]
) -> None:
    in_transaction(lambda: db.session.execute(text(f"UPDATE trip SET {change}")))  # noqa: S608
    with pytest.raises(error):
        start(booking, gateway)


def test_a_lapsed_hold_takes_its_seats_again(booking: Booking, gateway: FakeGateway) -> None:
    pass_time(booking, LAPSED)
    payment = start(booking, gateway)
    assert payment.booking_id == booking.id
    assert {state for _, _, state in claims_of(booking)} == {"paying"}


def test_a_lapsed_hold_whose_seats_are_gone_says_which_and_loses_nothing_typed(
    network: Network, booking: Booking, gateway: FakeGateway
) -> None:
    pass_time(booking, LAPSED)
    hold(network, "13")
    with pytest.raises(SeatsTaken) as refused:
        start(booking, gateway)
    assert refused.value.seats == ["13"]
    booking = fresh(booking)
    assert [passenger.name for passenger in list_passengers(booking)] == ["P1 NGO", "P2 NGO"]
    assert booking.payer_phone == "+237671234567"
    assert payments_of(booking) == []
    assert [seat for seat, _, _ in claims_of(booking)] == ["12", "12"]


def expire(booking: Booking) -> None:
    from aurapark.checkout.expire import expire_hold

    pass_time(booking, LAPSED)
    assert expire_hold(booking.reference)


def test_an_expired_hold_goes_on_as_a_new_booking_at_the_same_price(
    network: Network, booking: Booking, gateway: FakeGateway
) -> None:
    expire(booking)
    in_transaction(lambda: db.session.execute(text("UPDATE fare SET adult = 9000")))
    payment = start(booking, gateway)
    new = db.session.get(Booking, payment.booking_id)
    assert new is not None
    assert new.id != booking.id
    assert (new.state, new.total, new.visitor_hash) == (BookingState.HELD, 8000, booking.visitor_hash)
    assert [passenger.name for passenger in list_passengers(new)] == ["P1 NGO", "P2 NGO"]
    assert {state for _, _, state in claims_of(new)} == {"paying"}
    assert fresh(booking).state == BookingState.EXPIRED


def test_an_expired_hold_whose_seats_are_gone_leaves_nothing_behind(
    network: Network, booking: Booking, gateway: FakeGateway
) -> None:
    expire(booking)
    hold(network, "12")
    before = db.session.query(Booking).count()
    with pytest.raises(SeatsTaken):
        start(booking, gateway)
    assert db.session.query(Booking).count() == before
    assert [passenger.name for passenger in list_passengers(fresh(booking))] == ["P1 NGO", "P2 NGO"]


def test_an_expired_hold_of_an_integrator_is_gone(network: Network, gateway: FakeGateway) -> None:
    booking = hold(network, holder=INTEGRATOR)
    expire(booking)
    with pytest.raises(HoldLapsed):
        start(booking, gateway)


def test_a_confirmed_booking_is_not_paid_again(booking: Booking, gateway: FakeGateway) -> None:
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    with pytest.raises(WrongState):
        start(booking, gateway)


def test_a_success_that_is_faster_than_our_own_commit_stays(booking: Booking, gateway: FakeGateway) -> None:
    def pay_at_once(checkout: Checkout) -> None:
        gateway.charge(checkout.tx_ref, checkout.amount)
        check(checkout.tx_ref, gateway)

    gateway.while_opening = pay_at_once
    payment = start(booking, gateway)
    assert (payment.state, fresh(booking).state) == (PaymentState.SUCCEEDED, BookingState.CONFIRMED)


def test_a_link_that_comes_after_the_release_is_closed(booking: Booking, gateway: FakeGateway) -> None:
    def release_meanwhile(_: Checkout) -> None:
        from aurapark.checkout.release import release_hold
        from tests.stories import signer

        release_hold(booking.reference, gateway=gateway, signer=signer(), terms=PAYMENT_TERMS)

    gateway.while_opening = release_meanwhile
    with pytest.raises(WrongState):
        start(booking, gateway)
    (payment,) = payments_of(booking)
    assert gateway.disabled == [payment.link]


def test_reclaim_holds_the_same_seats_again(network: Network, booking: Booking) -> None:
    pass_time(booking, LAPSED)
    again = reclaim(booking.reference, terms=HOLD_TERMS)
    assert (again.id, again.hold_expires_at > clock.now()) == (booking.id, True)
    expire(booking)
    anew = reclaim(booking.reference, terms=HOLD_TERMS)
    assert anew.id != booking.id
    assert Counter(seat for seat, _, _ in claims_of(anew)) == {"12": 2, "13": 2}
    with pytest.raises(SeatsTaken):
        reclaim(booking.reference, terms=HOLD_TERMS)


def test_a_live_hold_is_reclaimed_as_it_is(booking: Booking) -> None:
    before = booking.hold_expires_at
    assert reclaim(booking.reference, terms=HOLD_TERMS).hold_expires_at == before


def test_nobody_pays_two_bookings_for_one_seat(app: Flask, network: Network, gateway: FakeGateway) -> None:
    """R24: the owner of a lapsed hold pays while somebody else takes the seat over: exactly one gets it."""
    trip_id = network.trip.id
    for _ in range(10):
        old = hold(network, "20", trip_id=trip_id)
        reference, given = old.reference, details(old)
        pass_time(old, LAPSED)
        owner = partial(start_payment, reference, given, gateway=gateway, terms=PAYMENT_TERMS)
        other = partial(hold_seats, trip_id, "DLA", "YAO", ["20"], holder=GUEST, terms=HOLD_TERMS)
        outcomes = race(app, owner, other)
        assert sorted(type(outcome) is SeatsTaken for outcome in outcomes) == [False, True], outcomes
        in_transaction(lambda: db.session.execute(text("DELETE FROM seat_claim")))
