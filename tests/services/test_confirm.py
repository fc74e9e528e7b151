"""Confirming: one room behind three doors. Money is recorded once, with one fate; the booking is confirmed once."""

import threading
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import event, text

from aurapark.booking.models import Booking, BookingState, Ticket
from aurapark.checkout.confirm import request_check
from aurapark.checkout.expire import expire_hold
from aurapark.checkout.hold import extend_hold
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.payments.errors import PaymentNotFound, PaymentUncertain
from aurapark.payments.gateway import GatewayUncertain
from aurapark.payments.models import Payment, PaymentState
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import OVER, check, claims_of, fresh, hold, pass_time, payments_of, race, start


def test_a_verified_success_confirms(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    charge = gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    booking = fresh(booking)
    assert (booking.state, booking.confirming_payment_id) == (BookingState.CONFIRMED, payment.id)
    assert {state for _, _, state in claims_of(booking)} == {"sold"}
    assert [ticket.seat for ticket in db.session.query(Ticket).order_by(Ticket.id)] == ["12", "13"]
    assert {row.kind for row in db.session.query(OutboxRow)} == {"sms", "mail"}
    paid = payments_of(booking)[0]
    assert (paid.state, paid.disposition, paid.gateway_tx_id) == ("succeeded", "applied", charge.gateway_tx_id)
    assert (paid.paid_amount, paid.paid_currency, paid.fee, paid.settled) == (
        8000,
        "XAF",
        Decimal("0.25"),
        Decimal("7999.75"),
    )


def test_confirming_costs_at_most_12_statements(payment: Payment, gateway: FakeGateway) -> None:
    gateway.charge(payment.tx_ref, 8000)
    db.session.remove()
    statements: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        check(payment.tx_ref, gateway)
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert len(statements) <= 12, "\n".join(statements)


def test_checking_again_changes_nothing(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    gateway.charge(payment.tx_ref, 8000)
    for _ in range(3):
        check(payment, gateway)
    assert len(payments_of(booking)) == 1
    assert db.session.query(Ticket).count() == 2
    assert db.session.query(OutboxRow).count() == 2


def test_one_success_checked_five_times_at_once_confirms_once(
    app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    """R5 and R14: webhook, return page and sweep meet in one room."""
    tx_ref = payment.tx_ref
    gateway.charge(tx_ref, 8000)
    together = threading.Barrier(5)
    gateway.while_asked = lambda _: together.wait(5) and None
    db.session.remove()
    assert race(app, *[partial(check, tx_ref, gateway)] * 5) == [None] * 5
    assert fresh(booking).state == BookingState.CONFIRMED
    assert len(payments_of(booking)) == 1
    assert db.session.query(Ticket).count() == 2
    assert db.session.query(OutboxRow).count() == 2


def test_the_gateway_is_asked_outside_of_any_transaction(payment: Payment, gateway: FakeGateway) -> None:
    held: list[int] = []
    gateway.while_asked = lambda _: held.append(db.engine.pool.checkedout())
    check(payment.tx_ref, gateway)
    assert held == [0]


@pytest.mark.parametrize("written", ["8000", "8000.0", "8.0E+3"])
def test_whole_amounts_count_however_they_are_written(
    booking: Booking, payment: Payment, gateway: FakeGateway, written: str
) -> None:
    gateway.charge(payment.tx_ref, written)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_one_attempt_paid_twice_becomes_two_rows(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    first, second = gateway.charge(payment.tx_ref, 8000), gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    rows = payments_of(booking)
    assert [(p.tx_ref, p.ordinal, p.gateway_tx_id, p.disposition) for p in rows] == [
        (payment.tx_ref, 1, first.gateway_tx_id, "applied"),
        (f"{payment.tx_ref}/2", 2, second.gateway_tx_id, "refund"),
    ]
    assert rows[1].public_id == f"{rows[0].id}/2"
    check(payment, gateway)
    assert len(payments_of(booking)) == 2


def test_a_short_charge_and_then_a_full_one_on_the_same_link_confirm(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    gateway.charge(payment.tx_ref, 100)
    check(payment, gateway)
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    rows = payments_of(booking)
    assert [p.disposition for p in rows] == ["refund", "applied"]
    assert fresh(booking).confirming_payment_id == rows[1].id


@pytest.mark.parametrize("status", ["failed", "pending", "abandoned", "success", "SUCCESSFUL"])
def test_only_the_one_word_is_success(booking: Booking, payment: Payment, gateway: FakeGateway, status: str) -> None:
    gateway.charge(payment.tx_ref, 8000, status=status)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.HELD
    assert {state for _, _, state in claims_of(booking)} == {"paying"}


def test_a_failed_try_is_soft_and_told_once(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    gateway.charge(payment.tx_ref, 8000, status="failed")
    check(payment, gateway)
    check(payment, gateway)
    (failed,) = payments_of(booking)
    assert (failed.state, failed.failure) == (PaymentState.FAILED, "failed_at_gateway")
    assert failed.next_check_at is not None
    assert sorted(row.dedupe_key.partition(":")[2] for row in db.session.query(OutboxRow)) == [
        "payment_failed-1:mail",
        "payment_failed-1:sms",
    ]
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_a_failed_try_beside_one_under_way_is_no_failure(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    gateway.charge(payment.tx_ref, 8000, status="failed")
    gateway.charge(payment.tx_ref, 8000, status="pending")
    check(payment, gateway)
    assert payments_of(booking)[0].state == PaymentState.PENDING


def test_no_answer_changes_nothing_but_the_next_question(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    before = payment.next_check_at
    gateway.listing = GatewayUncertain("ReadTimeout")
    check(payment, gateway)
    (same,) = payments_of(booking)
    assert same.state == PaymentState.PENDING
    assert same.next_check_at is not None
    assert same.next_check_at != before


def test_an_attempt_whose_link_got_lost_is_confirmed_all_the_same(booking: Booking, gateway: FakeGateway) -> None:
    gateway.opening = GatewayUncertain("ReadTimeout")
    with pytest.raises(PaymentUncertain):
        start(booking, gateway)
    (unknown,) = payments_of(booking)
    gateway.charge(unknown.tx_ref, 8000)
    check(unknown, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_when_time_is_up_the_link_is_closed_and_the_seats_go(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    pass_time(booking, OVER)
    check(payment, gateway)
    assert gateway.disabled == [payment.link]
    assert gateway.asked == [payment.tx_ref]
    assert fresh(booking).state == BookingState.EXPIRED
    assert claims_of(booking) == []
    (lapsed,) = payments_of(booking)
    assert lapsed.state == PaymentState.LAPSED
    assert lapsed.next_check_at is not None
    assert "payment_failed-1:mail" in [row.dedupe_key.partition(":")[2] for row in db.session.query(OutboxRow)]


@pytest.mark.parametrize("statuses", [["failed"], ["pending"], ["failed", "failed"]])
def test_after_the_end_every_clear_answer_lets_the_seats_go(
    booking: Booking, payment: Payment, gateway: FakeGateway, statuses: list[str]
) -> None:
    for status in statuses:
        gateway.charge(payment.tx_ref, 8000, status=status)
    pass_time(booking, OVER)
    check(payment, gateway)
    assert (fresh(booking).state, payments_of(booking)[0].state) == (BookingState.EXPIRED, PaymentState.LAPSED)


def test_when_time_is_up_and_nobody_answers_the_seats_stay(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    pass_time(booking, OVER)
    gateway.listing = GatewayUncertain("503")
    check(payment, gateway)
    assert fresh(booking).state == BookingState.HELD
    assert {state for _, _, state in claims_of(booking)} == {"paying"}
    (waiting,) = payments_of(booking)
    assert waiting.state == PaymentState.PENDING
    assert waiting.next_check_at is not None
    gateway.listing = None
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_an_old_attempt_that_lapses_leaves_the_seats_to_the_newer_one(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    pass_time(booking, timedelta(minutes=12))
    newer = start(booking, gateway)
    pass_time(booking, timedelta(minutes=14))
    check(payment, gateway)
    assert [p.state for p in payments_of(booking)] == [PaymentState.LAPSED, PaymentState.PENDING]
    assert fresh(booking).state == BookingState.HELD
    gateway.charge(newer.tx_ref, 8000)
    check(newer, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_a_hold_that_outlives_its_attempt_is_an_ordinary_hold_again(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    extend_hold(booking.reference)
    pass_time(booking, OVER)
    check(payment, gateway)
    assert (fresh(booking).state, payments_of(booking)[0].state) == (BookingState.HELD, PaymentState.LAPSED)
    assert {state for _, _, state in claims_of(booking)} == {"held"}


def lapse(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    pass_time(booking, OVER)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.EXPIRED


def test_a_late_success_whose_seats_are_free_is_confirmed(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    lapse(booking, payment, gateway)
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED
    assert [(seat, state) for seat, _, state in claims_of(booking)] == [("12", "sold")] * 2 + [("13", "sold")] * 2
    assert db.session.query(Ticket).count() == 2


def test_a_late_success_takes_over_a_hold_that_lapsed_too(
    network: Network, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    lapse(booking, payment, gateway)
    other = hold(network, "13")
    pass_time(other, timedelta(minutes=16))
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED
    assert claims_of(other) == []


def test_a_bus_that_has_left_by_the_clock_carries_nobody_more(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    move = "UPDATE trip_stop SET departs_at = departs_at - interval '3 days'"
    in_transaction(lambda: db.session.execute(text(move)))
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert payments_of(booking)[0].disposition_reason == "trip_departed"


def test_an_attempt_is_watched_for_three_days(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    lapse(booking, payment, gateway)
    for hours, longest in ((0.5, 0.25), (20, 1), (40, 24)):
        pass_time(booking, timedelta(hours=hours))
        check(payment, gateway)
        (watched,) = payments_of(booking)
        assert watched.next_check_at is not None
        wait = watched.next_check_at - in_transaction(lambda: db.session.scalar(text("SELECT now()")))
        assert wait <= timedelta(hours=longest)
    pass_time(booking, timedelta(hours=30))
    check(payment, gateway)
    assert payments_of(booking)[0].next_check_at is None


def test_the_way_back_only_makes_a_question_due(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    request_check(payment.tx_ref)
    due = text("SELECT count(*) FROM payment WHERE next_check_at <= now()")
    assert db.session.scalar(due) == 1
    assert gateway.asked == []
    with pytest.raises(PaymentNotFound):
        request_check("AP-SOMEBODYELSE-1")


def test_expiry_and_success_at_once_never_both(app: Flask, network: Network, gateway: FakeGateway) -> None:
    """R3: whoever comes second reads again under the lock."""
    trip_id = network.trip.id
    for _ in range(10):
        booking = hold(network, "30", trip_id=trip_id)
        payment = start(booking, gateway)
        pass_time(booking, OVER)
        reference, tx_ref = booking.reference, payment.tx_ref
        gateway.charge(tx_ref, 4000)
        nothing = FakeGateway()
        race(app, partial(check, tx_ref, nothing), partial(expire_hold, reference), partial(check, tx_ref, gateway))
        assert fresh(booking).state == BookingState.CONFIRMED  # free again, so that even the late one is served
        assert [(seat, state) for seat, _, state in claims_of(booking)] == [("30", "sold")] * 2
        in_transaction(lambda: db.session.execute(text("DELETE FROM seat_claim")))
