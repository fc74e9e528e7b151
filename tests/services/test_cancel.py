"""Cancelling: the amount shown is posted back; seats free, tickets void and the refund asked for in one commit."""

from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking.errors import NotYourSeat, RefundChanged, SeatsTaken, TooLateToCancel, WrongState
from aurapark.booking.models import Booking, Ticket
from aurapark.booking.queries import get_booking_view
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.database import in_transaction
from aurapark.errors import Conflict
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.timetable.errors import TripCancelled
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import balance, drain, findings, refunds, states
from tests.stories import check, claims_of, confirm, fresh, hold, payments_of, race, start


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def sale(network: Network, gateway: FakeGateway) -> Booking:
    """A confirmed booking of two seats, 4,000 FCFA each, three days before departure."""
    booking = confirm(network, "12", "13", gateway=gateway)
    leave_in(timedelta(days=3))
    return booking


def leave_in(by: timedelta) -> None:
    """Have the bus leave its first stop so long from now."""
    move = "UPDATE trip_stop SET departs_at = departs_at - (SELECT min(departs_at) FROM trip_stop) + now() + :by"
    in_transaction(lambda: db.session.execute(text(move), {"by": by}))


def change(statement: str) -> None:
    in_transaction(lambda: db.session.execute(text(statement)))


def tickets() -> list[str]:
    db.session.expire_all()
    return [ticket.state.value for ticket in db.session.query(Ticket).order_by(Ticket.id)]


def told() -> list[str]:
    return [row.payload["message"] for row in db.session.query(OutboxRow).filter_by(kind="sms").order_by(OutboxRow.id)]


def test_the_whole_booking_is_cancelled(network: Network, sale: Booking, gateway: FakeGateway) -> None:
    assert get_cancel_offer(sale.reference).refund.amount == 8000
    cancel_booking(sale.reference, expected_refund=8000)
    booking = fresh(sale)
    assert (booking.state, booking.cancelled_because, claims_of(sale)) == ("cancelled", "traveller", [])
    assert tickets() == ["void", "void"]
    assert [(one.amount, one.reason, one.state) for one in refunds()] == [(8000, "traveller", "requested")]
    assert (balance("refunds_payable"), balance("platform_commission")) == (-8000, 0)
    assert told() == ["ticket", "cancelled"]
    assert findings() == []
    assert hold(network, "12", "13").state == "held"
    drain(gateway, between=gateway.end_refunds)
    assert (states(), payments_of(sale)[0].state, findings()) == (["succeeded"], "refunded", [])


def test_one_passenger_of_two_is_cancelled(network: Network, sale: Booking, gateway: FakeGateway) -> None:
    assert get_cancel_offer(sale.reference, ["13"]).refund.amount == 4000
    cancel_booking(sale.reference, expected_refund=4000, seats=["13"])
    assert (fresh(sale).state, fresh(sale).total) == ("confirmed", 8000)
    assert [passenger.seat for passenger in get_booking_view(sale.reference).passengers] == ["12"]
    assert {seat for seat, _, _ in claims_of(sale)} == {"12"}
    assert tickets() == ["valid", "void"]
    assert (balance("refunds_payable"), balance("platform_commission")) == (-4000, -400)
    assert findings() == []
    hold(network, "13")
    cancel_booking(sale.reference, expected_refund=4000, seats=["12"])
    assert fresh(sale).state == "cancelled"
    drain(gateway, between=gateway.end_refunds)
    assert (states(), payments_of(sale)[0].state, findings()) == (["succeeded"] * 2, "refunded", [])


@pytest.mark.parametrize(
    ("before", "refund"),
    [
        (timedelta(hours=24, seconds=30), 8000),
        (timedelta(hours=23, minutes=59), 4000),
        (timedelta(hours=2, seconds=30), 4000),
        (timedelta(hours=1, minutes=59), 0),
    ],
)
def test_the_policy_decides_by_the_departure(sale: Booking, before: timedelta, refund: int) -> None:
    leave_in(before)
    assert get_cancel_offer(sale.reference).refund.amount == refund
    cancel_booking(sale.reference, expected_refund=refund)
    assert sum(one.amount for one in refunds()) == refund
    assert told()[-1] == "cancelled"
    assert findings() == []


def test_the_policy_counts_where_one_boards(network: Network, gateway: FakeGateway) -> None:
    booking = hold(network, "20", start="EDA")
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, payment.expected_amount)
    check(payment, gateway)
    leave_in(timedelta(hours=23, minutes=30))  # an hour later at the second stop
    assert get_cancel_offer(booking.reference).refund.amount == 3000


def test_the_policy_is_the_one_of_the_day_it_was_sold(sale: Booking) -> None:
    change("UPDATE agency SET refund_policy = '[]'")
    assert get_cancel_offer(sale.reference).refund.amount == 8000


def test_two_hours_late_gives_all_back(sale: Booking) -> None:
    leave_in(timedelta(hours=-1))
    change("UPDATE trip SET delay_minutes = 121")
    assert get_cancel_offer(sale.reference).refund.amount == 8000
    change("UPDATE trip SET delay_minutes = 120")
    assert get_cancel_offer(sale.reference).refund.amount == 0


def test_another_amount_than_shown_is_refused_with_the_new_one(sale: Booking) -> None:
    leave_in(timedelta(hours=20))
    with pytest.raises(RefundChanged) as refusal:
        cancel_booking(sale.reference, expected_refund=8000)
    assert refusal.value.details["expectedRefund"] == 4000
    assert (fresh(sale).state, refunds(), tickets()) == ("confirmed", [], ["valid", "valid"])


def test_pressed_twice_it_is_one_cancellation(app: Flask, sale: Booking) -> None:
    press = partial(cancel_booking, sale.reference, expected_refund=8000)
    outcomes = race(app, *[press] * 4)
    assert [outcome.state for outcome in outcomes] == ["cancelled"] * 4
    assert (len(refunds()), told()) == (1, ["ticket", "cancelled"])
    one = partial(cancel_booking, sale.reference, expected_refund=4000, seats=["12"])
    assert one().state == "cancelled"
    assert len(refunds()) == 1


def test_one_seat_cancelled_twice_is_one_refund(app: Flask, sale: Booking) -> None:
    press = partial(cancel_booking, sale.reference, expected_refund=4000, seats=["12"])
    assert [outcome.state for outcome in race(app, *[press] * 4)] == ["confirmed"] * 4
    assert (len(refunds()), findings()) == (1, [])


def test_both_seats_cancelled_by_two_people_at_once(app: Flask, sale: Booking) -> None:
    race(app, *[partial(cancel_booking, sale.reference, expected_refund=4000, seats=[seat]) for seat in ("12", "13")])
    assert fresh(sale).state == "cancelled"
    assert ([one.amount for one in refunds()], balance("platform_commission"), findings()) == ([4000, 4000], 0, [])


def test_cancelled_seats_are_sold_again_to_one(app: Flask, network: Network, sale: Booking) -> None:
    trip_id = network.trip.id
    buy = partial(hold, network, "12", "13", trip_id=trip_id)
    outcomes = race(app, partial(cancel_booking, sale.reference, expected_refund=8000), buy, buy, buy)
    assert fresh(sale).state == "cancelled"
    bought = [outcome for outcome in outcomes if isinstance(outcome, Booking) and outcome.reference != sale.reference]
    assert len(bought) <= 1
    assert all(isinstance(outcome, Booking | SeatsTaken) for outcome in outcomes)
    assert findings() == []


def test_what_cannot_be_cancelled(network: Network, sale: Booking) -> None:
    with pytest.raises(NotYourSeat):
        cancel_booking(sale.reference, expected_refund=4000, seats=["14"])
    with pytest.raises(NotYourSeat):
        cancel_booking(sale.reference, expected_refund=0, seats=[])
    with pytest.raises(WrongState):
        cancel_booking(hold(network, "30").reference, expected_refund=0)
    change("UPDATE ticket SET state = 'boarded', boarded_at = now() WHERE seat = '12'")
    with pytest.raises(TooLateToCancel):
        cancel_booking(sale.reference, expected_refund=8000)
    assert tickets() == ["boarded", "valid"]
    change("UPDATE trip SET state = 'boarding'")
    change("UPDATE trip SET state = 'cancelled', cancelled_at = now()")
    with pytest.raises(TripCancelled):
        cancel_booking(sale.reference, expected_refund=8000)


def test_a_bus_that_left_is_too_late(sale: Booking) -> None:
    leave_in(timedelta(seconds=-1))
    with pytest.raises(TooLateToCancel):
        cancel_booking(sale.reference, expected_refund=0)


def test_the_database_brings_no_cancelled_booking_back(sale: Booking) -> None:
    cancel_booking(sale.reference, expected_refund=8000)
    with pytest.raises(Conflict):
        change("UPDATE booking SET state = 'confirmed', cancelled_at = NULL, cancelled_because = NULL")


def test_the_overpaid_part_and_a_cancellation_never_exceed_what_came(network: Network, gateway: FakeGateway) -> None:
    booking = hold(network, "40")
    payment = start(booking, gateway)
    gateway.charge(payment.tx_ref, 4500)
    check(payment, gateway)
    leave_in(timedelta(days=3))
    cancel_booking(booking.reference, expected_refund=4000)
    assert ([(one.reason, one.amount) for one in refunds()], findings()) == ([("over", 500), ("traveller", 4000)], [])
    assert balance("platform_commission") == 0
    drain(gateway, between=gateway.end_refunds)
    assert (states(), payments_of(booking)[0].state, findings()) == (["succeeded"] * 2, "refunded", [])
