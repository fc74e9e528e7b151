"""The fates of money: late, twice, too little, too much, foreign, unreadable. Each charge has one, told once."""

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking.models import Booking, BookingState, Passenger, Ticket
from aurapark.checkout.release import release_hold
from aurapark.checkout.reviews import list_reviews, list_reviews_with_a_rule, refund_review, settle_review
from aurapark.checkout.sweeps import settle_reviews
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.notifications.relay import send_due
from aurapark.outbox import OutboxRow
from aurapark.payments.errors import NotUnderReview
from aurapark.payments.models import Payment
from tests.factories import H19, Network
from tests.fakes import FakeGateway
from tests.refunding import balance, drain, findings, refunds, states
from tests.stories import (
    OVER,
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


def lapse(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    pass_time(booking, OVER)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.EXPIRED


def told() -> list[str]:
    rows = db.session.query(OutboxRow).filter_by(kind="sms").order_by(OutboxRow.id)
    return [row.payload["message"] for row in rows]


def fates(booking: Booking) -> list[tuple[str, str | None]]:
    return [(p.disposition.value, p.disposition_reason) for p in payments_of(booking) if p.disposition]


def asked() -> list[tuple[str, int, str, str]]:
    return [(one.reason.value, one.amount, one.currency, one.state.value) for one in refunds()]


def fill(network: Network, *but: str, grid_seats: int = 70) -> None:
    """Sell every seat of the trip but these."""
    seats = [str(n) for n in range(1, grid_seats + 1) if str(n) not in but]
    for start_at in range(0, len(seats), 6):
        hold(network, *seats[start_at : start_at + 6])


@pytest.mark.parametrize(("amount", "currency", "reason"), [
    (7999, "XAF", "short"), (100, "XAF", "short"), (8000, "NGN", "foreign_currency"),
])  # fmt: skip
def test_wrong_money_goes_back_in_full_and_the_hold_lives_on(
    booking: Booking, payment: Payment, gateway: FakeGateway, amount: int, currency: str, reason: str
) -> None:
    """R6: never confirmed; the traveller can try again until the hold's time."""
    gateway.charge(payment.tx_ref, amount, currency=currency)
    check(payment, gateway)
    assert (fates(booking), asked()) == ([("refund", reason)], [(reason, amount, currency, "requested")])
    assert (fresh(booking).state, {state for _, _, state in claims_of(booking)}) == ("held", {"held"})
    assert (told(), findings()) == (["refund_asked"], [])
    pass_time(booking, timedelta(seconds=20))
    again = start(booking, gateway)
    gateway.charge(again.tx_ref, 8000)
    check(again, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED
    drain(gateway, between=gateway.end_refunds)
    assert (states(), payments_of(booking)[0].state, findings()) == (["succeeded"], "refunded", [])
    assert balance("refunds_payable") == 0


def test_too_much_confirms_and_the_difference_goes_back(
    booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    """R6."""
    gateway.charge(payment.tx_ref, 8001)
    check(payment, gateway)
    assert (fresh(booking).state, fates(booking)) == ("confirmed", [("applied", None)])
    assert (asked(), told()) == ([("over", 1, "XAF", "requested")], ["ticket", "refund_asked"])
    assert findings() == []
    drain(gateway, between=gateway.end_refunds)
    assert (payments_of(booking)[0].state, findings()) == ("partially_refunded", [])


@pytest.mark.parametrize(("amount", "stored"), [("8000.5", 8001), ("99999999999", 2_147_483_647), ("0", 1), ("-5", 1)])
def test_what_cannot_be_read_is_kept_for_people(
    booking: Booking, payment: Payment, gateway: FakeGateway, amount: str, stored: int
) -> None:
    gateway.charge(payment.tx_ref, amount)
    check(payment, gateway)
    assert (fates(booking), asked(), told()) == ([("review", "unreadable_amount")], [], [])
    (paid,) = payments_of(booking)
    assert (paid.paid_amount, fresh(booking).state) == (stored, "held")
    assert (list_reviews_with_a_rule(9), [one.tx_ref for one in list_reviews()]) == ([], [paid.tx_ref])
    refund_review(paid.tx_ref, actor="ada", reason="asked the payer")
    assert (asked(), findings()) == ([("review", stored, "XAF", "requested")], [])
    with pytest.raises(NotUnderReview):
        refund_review(paid.tx_ref, actor="ada", reason="twice")


def test_two_links_paid_are_one_booking_and_one_refund(
    app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    """R4: the first is applied, the second goes back; one set of tickets, whoever looks first."""
    pass_time(booking, timedelta(seconds=20))
    second = start(booking, gateway)
    for attempt in (payment, second):
        gateway.charge(attempt.tx_ref, 8000)
    race(app, *[partial(check, attempt.tx_ref, gateway) for attempt in (payment, second) * 3])
    assert sorted(fates(booking), key=str) == [("applied", None), ("refund", "second")]
    assert (db.session.query(Ticket).count(), sorted(told())) == (2, ["refund_asked", "ticket"])
    assert ([one[:2] for one in asked()], findings()) == ([("second", 8000)], [])
    drain(gateway, between=gateway.end_refunds)
    assert (states(), balance("gateway_clearing:flutterwave"), findings()) == (["succeeded"], 8000, [])


def test_one_link_paid_twice_is_one_booking_and_one_refund(
    app: Flask, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    """R4, on one link."""
    gateway.charge(payment.tx_ref, 8000)
    gateway.charge(payment.tx_ref, 8000)
    race(app, *[partial(check, payment.tx_ref, gateway)] * 5)
    assert fates(booking) == [("applied", None), ("refund", "second")]
    assert (db.session.query(Ticket).count(), len(refunds()), findings()) == (2, 1, [])


def test_late_with_the_seats_free_is_confirmed(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    """R1."""
    lapse(booking, payment, gateway)
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert (fresh(booking).state, told(), findings()) == ("confirmed", ["payment_failed", "ticket"], [])


def test_late_with_one_seat_gone_gets_one_beside(
    network: Network, booking: Booking, payment: Payment, gateway: FakeGateway, settings: Settings
) -> None:
    """R2: equivalent seats on the same trip; the other passenger keeps theirs; told once."""
    lapse(booking, payment, gateway)
    hold(network, "13")
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert fresh(booking).state == BookingState.CONFIRMED
    seats = [one.seat for one in db.session.query(Passenger).filter_by(booking_id=booking.id).order_by(Passenger.place)]
    assert seats[0] == "12"
    assert seats[1] != "13"
    assert [ticket.seat for ticket in db.session.query(Ticket).order_by(Ticket.id)] == seats
    assert {seat for seat, _, _ in claims_of(booking)} == set(seats)
    assert (told(), asked(), findings()) == (["payment_failed", "other_seats"], [], [])
    while send_due(settings, 10):
        pass
    (sms,) = (settings.var / "sms").iterdir()
    assert ", ".join(seats) in json.loads(sms.read_text())["text"]


def test_late_with_no_seat_left_goes_back_with_the_next_departures(
    network: Network, booking: Booking, payment: Payment, gateway: FakeGateway, settings: Settings
) -> None:
    """R2: the refund is asked for in the same transaction."""
    lapse(booking, payment, gateway)
    fill(network, "70")
    network.add_trip(datetime.now(UTC) + timedelta(days=2))
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert (fresh(booking).state, claims_of(booking)) == ("expired", [])
    assert (fates(booking), asked()) == ([("refund", "seats_gone")], [("seats_gone", 8000, "XAF", "requested")])
    assert (told(), findings()) == (["payment_failed", "paid_too_late"], [])
    while send_due(settings, 10):
        pass
    (sms,) = (settings.var / "sms").iterdir()
    assert "Prochains bus" in json.loads(sms.read_text())["text"]
    assert "aus: " not in sms.read_text()


def test_nobody_gets_a_folding_seat_who_had_not_chosen_one(app: Flask, gateway: FakeGateway) -> None:
    network = Network.make(grid=H19)
    folding = [seat.label for seat in network_layout(network).values() if seat.position == "folding"]
    booking = hold(network, "1")
    payment = start(booking, gateway)
    lapse(booking, payment, gateway)
    seats = len(network_layout(network))
    fill(network, *folding, grid_seats=seats)
    gateway.charge(payment.tx_ref, 4000)
    check(payment, gateway)
    assert fates(booking) == [("refund", "seats_gone")]


def test_who_chose_a_folding_seat_may_get_another(app: Flask, gateway: FakeGateway) -> None:
    network = Network.make(grid=H19)
    folding = [seat.label for seat in network_layout(network).values() if seat.position == "folding"]
    booking = hold(network, folding[0])
    payment = start(booking, gateway)
    lapse(booking, payment, gateway)
    fill(network, folding[1], grid_seats=len(network_layout(network)))
    gateway.charge(payment.tx_ref, 4000)
    check(payment, gateway)
    assert (fresh(booking).state, {seat for seat, _, _ in claims_of(booking)}) == ("confirmed", {folding[1]})


def network_layout(network: Network) -> dict[str, object]:
    from aurapark.fleet.rules import read_grid

    return read_grid(network.seat_map.grid).seats


def test_late_payers_at_once_share_the_last_seats(app: Flask, network: Network, gateway: FakeGateway) -> None:
    """R1 and R2 together: four late payers, two seats left: two sit, two get their money back."""
    late = [hold(network, seat) for seat in ("1", "2", "3", "4")]
    payments = [start(booking, gateway) for booking in late]
    for booking, payment in zip(late, payments, strict=True):
        lapse(booking, payment, gateway)
    fill(network, "69", "70")
    for payment in payments:
        gateway.charge(payment.tx_ref, 4000)
    race(app, *[partial(check, payment.tx_ref, gateway) for payment in payments])
    assert sorted(fresh(booking).state.value for booking in late) == ["confirmed"] * 2 + ["expired"] * 2
    assert (sorted(told()), findings()) == (["other_seats"] * 2 + ["paid_too_late"] * 2 + ["payment_failed"] * 4, [])


def test_money_after_a_release_goes_back(booking: Booking, payment: Payment, gateway: FakeGateway) -> None:
    """R9: the seats went; a success found later is refunded."""
    release_hold(booking.reference, gateway=gateway, signer=signer(), terms=PAYMENT_TERMS)
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert (fresh(booking).state, fates(booking)) == ("released", [("refund", "released")])
    assert (told(), findings()) == (["paid_too_late"], [])


def test_a_release_and_a_success_at_once_never_both(app: Flask, network: Network, gateway: FakeGateway) -> None:
    """R9: either the booking is confirmed, or the money goes back."""
    trip_id = network.trip.id
    for number in range(6):
        booking = hold(network, str(20 + number), trip_id=trip_id)
        payment = start(booking, gateway)
        tx_ref, reference = payment.tx_ref, booking.reference
        let_go = partial(release_hold, reference, gateway=FakeGateway(), signer=signer(), terms=PAYMENT_TERMS)
        gateway.charge(tx_ref, 4000)
        race(app, let_go, partial(check, tx_ref, gateway), partial(check, tx_ref, gateway))
        ended = (fresh(booking).state.value, fates(booking))
        assert ended in [("confirmed", [("applied", None)]), ("released", [("refund", "released")])]
    assert findings() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("state = 'cancelled', cancelled_at = now()", "trip_cancelled"),
        ("state = 'departed'", "trip_departed"),
    ],
)
def test_money_for_a_trip_that_does_not_run_goes_back_and_the_hold_ends(
    booking: Booking, payment: Payment, gateway: FakeGateway, change: str, reason: str
) -> None:
    """R10."""
    in_transaction(lambda: db.session.execute(text(f"UPDATE trip SET {change}")))  # noqa: S608
    gateway.charge(payment.tx_ref, 8000)
    check(payment, gateway)
    assert (fates(booking), told()) == ([("refund", reason)], ["paid_too_late"])
    assert (fresh(booking).state, claims_of(booking), findings()) == ("expired", [], [])


def test_a_trip_cancelled_while_many_pay_carries_nobody_and_keeps_no_money(
    app: Flask, network: Network, gateway: FakeGateway
) -> None:
    """R10: before the cancellation it is a sale, after it a refund, never neither."""
    change = text("UPDATE trip SET state = 'cancelled', cancelled_at = now() WHERE id = :id")
    for _ in range(int(os.environ.get("RACE_ROUNDS", "2"))):
        trip_id = network.add_trip(network.trip.departs_at).id
        bookings = [hold(network, str(seat), trip_id=trip_id) for seat in range(1, 9)]
        payments = [start(booking, gateway).tx_ref for booking in bookings]
        for tx_ref in payments:
            gateway.charge(tx_ref, 4000)
        cancel_trip = partial(in_transaction, lambda: db.session.execute(change, {"id": trip_id}))  # noqa: B023
        race(app, *[partial(check, tx_ref, gateway) for tx_ref in payments], cancel_trip)
        for booking in bookings:
            ended = (fresh(booking).state.value, fates(booking))
            assert ended in [("confirmed", [("applied", None)]), ("expired", [("refund", "trip_cancelled")])]


def park(booking: Booking, reason: str, amount: int = 8000, currency: str = "XAF") -> None:
    """Make the booking's payment one that was parked for review before there were rules, books included."""
    parked = """
        UPDATE payment SET state = 'succeeded', disposition = 'review', disposition_reason = :reason,
            verified_at = now(), paid_amount = :amount, paid_currency = :currency, gateway_tx_id = 'parked'
        WHERE booking_id = :id;
    """
    posted = """
        INSERT INTO ledger_entry (event_type, event_id, line, debit, credit, amount, currency)
        SELECT 'payment', id, 1, 'gateway_clearing:flutterwave', 'refunds_payable', :amount, :currency FROM payment
    """
    values = {"reason": reason, "amount": amount, "currency": currency}
    in_transaction(lambda: db.session.execute(text(parked), {**values, "id": booking.id}))
    in_transaction(lambda: db.session.execute(text(posted), {"amount": amount, "currency": currency}))


@pytest.mark.parametrize(("reason", "amount", "currency", "fate"), [
    ("over", 9000, "XAF", ("applied", None)),
    ("seats_gone", 8000, "XAF", ("applied", None)),
    ("short", 10, "XAF", ("refund", "short")),
    ("foreign_currency", 8000, "NGN", ("refund", "foreign_currency")),
])  # fmt: skip
def test_what_was_parked_before_gets_its_rule(
    settings: Settings, booking: Booking, payment: Payment, reason: str, amount: int, currency: str,
    fate: tuple[str, str | None],
) -> None:  # fmt: skip
    park(booking, reason, amount, currency)
    assert findings() == []
    assert settle_reviews(settings, 10) == 1
    assert (fates(booking), list_reviews(), findings()) == ([fate], [], [])
    assert sum(one.amount for one in refunds()) == (amount if fate[0] == "refund" else amount - 8000)
    assert settle_reviews(settings, 10) == 0
    assert settle_review(payment.tx_ref, signer=signer()) is False


def test_many_sweeps_at_once_settle_a_review_once(
    app: Flask, settings: Settings, booking: Booking, payment: Payment
) -> None:
    park(booking, "over", 9000)
    race(app, *[partial(settle_reviews, settings, 10)] * 4)
    assert (fates(booking), len(refunds()), told()) == ([("applied", None)], 1, ["ticket", "refund_asked"])
    assert findings() == []


def test_the_database_refuses_an_illegal_step_of_a_payment(network: Network, gateway: FakeGateway) -> None:
    booking = confirm(network, "50", gateway=gateway)
    for state in ("failed", "lapsed", "pending"):
        with pytest.raises(Exception, match="changed in the meantime"):
            in_transaction(lambda to=state: db.session.execute(text(f"UPDATE payment SET state = '{to}'")))  # noqa: S608
    assert fates(booking) == [("applied", None)]
