"""The races of money, each forced again and again: real connections, a barrier, and doctor clean at the end.

RACE_ROUNDS sets how often each is forced.
"""

import os
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from aurapark.booking.errors import RefundChanged, SeatsTaken
from aurapark.booking.models import Booking, BookingState, Ticket
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.checkout.dispute_by_hand import close_by_hand, open_by_hand
from aurapark.checkout.refund import process_refund
from aurapark.checkout.release import release_hold
from aurapark.checkout.withdraw import withdraw_refund
from aurapark.extensions import db
from aurapark.payments.gateway import GatewayUncertain
from aurapark.payments.models import Payment
from aurapark.refunds.errors import RefundTooLarge
from tests.disputing import disputes
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import PATIENCE, ask, drain, findings, later, refunds, step
from tests.stories import OVER, PAYMENT_TERMS, check, fresh, hold, pass_time, payments_of, race, signer, start

ROUNDS = int(os.environ.get("RACE_ROUNDS", "20"))
SEATS = 68  # used one after the other, then the next trip's

Round = Callable[["Table"], None]


class Table:
    """One round: a seat nobody has, a gateway, and ways to fire at once."""

    def __init__(self, app: Flask, network: Network) -> None:
        self.app, self.network, self.gateway = app, network, FakeGateway()
        self.number, self.trip_id = 0, network.trip.id
        self.rng = random.Random(20261123)

    def next_round(self) -> None:
        self.number += 1
        if self.number % SEATS == 0:
            self.trip_id = self.network.add_trip().id

    @property
    def seat(self) -> str:
        return str(self.number % SEATS + 1)

    def held(self) -> tuple[Booking, Payment]:
        booking = hold(self.network, self.seat, trip_id=self.trip_id)
        return booking, start(booking, self.gateway)

    def sold(self) -> Booking:
        booking, payment = self.held()
        self.gateway.charge(payment.tx_ref, 4000)
        check(payment, self.gateway)
        return fresh(booking)

    def fire(self, *works: Callable[[], Any]) -> list[Any]:
        mixed = list(works)
        self.rng.shuffle(mixed)
        return race(self.app, *mixed)

    def tickets(self, booking: Booking) -> int:
        return db.session.query(Ticket).filter_by(booking_id=booking.id).count()


def fates(booking: Booking) -> list[tuple[str, str | None]]:
    return [(p.disposition.value, p.disposition_reason) for p in payments_of(booking) if p.disposition]


def resold(table: Table) -> None:
    """R2: late success while somebody else buys the seat: theirs or an equivalent one, never the same seat twice."""
    table.trip_id = table.network.add_trip().id
    booking, payment = table.held()
    pass_time(booking, OVER)
    check(payment, table.gateway)
    table.gateway.charge(payment.tx_ref, 4000)
    buy = partial(hold, table.network, table.seat, trip_id=table.trip_id)
    outcomes = table.fire(partial(check, payment.tx_ref, table.gateway), buy, buy)
    assert fresh(booking).state == BookingState.CONFIRMED
    assert fates(booking) == [("applied", None)]
    bought = [one for one in outcomes if isinstance(one, Booking)]
    assert len(bought) <= 1
    assert all(one is None or isinstance(one, Booking | SeatsTaken) for one in outcomes)
    for one in bought:
        release_hold(one.reference, gateway=table.gateway, signer=signer(), terms=PAYMENT_TERMS)


def paid_twice(table: Table) -> None:
    """R4: two links, or one link twice, paid: the first applied, the second refunded, one set of tickets."""
    booking, first = table.held()
    pass_time(booking, timedelta(seconds=20))
    second = start(booking, table.gateway) if table.number % 2 else first
    for payment in (first, second):
        table.gateway.charge(payment.tx_ref, 4000)
    table.fire(*[partial(check, payment.tx_ref, table.gateway) for payment in (first, second) * 2])
    assert sorted(fates(booking), key=str) == [("applied", None), ("refund", "second")]
    assert table.tickets(booking) == 1


def wrong_and_right(table: Table) -> None:
    """R6: too little, too much and foreign money at once with the right sum: each its own fate, one confirmation."""
    booking, payment = table.held()
    table.gateway.charge(payment.tx_ref, 3999)
    table.gateway.charge(payment.tx_ref, 4000, currency="NGN")
    table.gateway.charge(payment.tx_ref, 4100)
    table.fire(*[partial(check, payment.tx_ref, table.gateway)] * 4)
    assert sorted(fates(booking), key=str) == [
        ("applied", None), ("refund", "foreign_currency"), ("refund", "short"),
    ]  # fmt: skip
    assert (fresh(booking).state, table.tickets(booking)) == ("confirmed", 1)


def let_go(table: Table) -> None:
    """R9: given back while the money comes: confirmed, or released with the money going back."""
    booking, payment = table.held()
    table.gateway.charge(payment.tx_ref, 4000)
    release = partial(release_hold, booking.reference, gateway=FakeGateway(), signer=signer(), terms=PAYMENT_TERMS)
    look = partial(check, payment.tx_ref, table.gateway)
    table.fire(release, look, look)
    ended = (fresh(booking).state.value, fates(booking))
    assert ended in [("confirmed", [("applied", None)]), ("released", [("refund", "released")])]


def answer_lost(table: Table) -> None:
    """R12, R13: the call times out, done or not, with three workers at it: paid back once."""
    done = bool(table.number % 2)
    booking = table.sold()
    refund = ask(booking, 4000)
    posts, made = len(table.gateway.refund_posts), len(table.gateway.refunds)
    table.gateway.refunding, table.gateway.refunding_done = GatewayUncertain("lost"), done
    table.fire(*[partial(step, table.gateway)] * 3)
    table.gateway.refunding = None
    for _ in range(3):
        later(timedelta(minutes=6))
        table.fire(*[partial(step, table.gateway)] * 3)
    assert len(table.gateway.refund_posts) == posts + (1 if done else 2)
    assert len(table.gateway.refunds) == made + 1
    drain(table.gateway, between=table.gateway.end_refunds)
    assert next(one.state for one in refunds() if one.id == refund.id) == "succeeded"


def all_look(table: Table) -> None:
    """R14: webhook, poll and hand at once: one end, one posting."""
    booking = table.sold()
    refund = ask(booking, 4000)
    step(table.gateway)
    table.gateway.end_refunds()
    table.fire(*[partial(process_refund, refund.id, gateway=table.gateway, patience=PATIENCE)] * 4)
    assert next(one.state for one in refunds() if one.id == refund.id) == "succeeded"


def two_refund(table: Table) -> None:
    """R15: two people refund at once: the sum stays below what was paid, two wanted equal ones both go."""
    booking = table.sold()
    amount = 2000 if table.number % 2 else 3000
    outcomes = table.fire(*[partial(ask, booking, amount, name) for name in "abc"])
    mine = [one.amount for one in refunds() if one.payment_id == booking.confirming_payment_id]
    assert mine == [amount] * (4000 // amount)
    assert sum(isinstance(one, RefundTooLarge) for one in outcomes) == 3 - len(mine)


def disputed_and_refunded(table: Table) -> None:
    """R16: a dispute is opened while a refund is asked for, or sent: blocked once it is open, nothing twice."""
    booking, posts = table.sold(), len(table.gateway.refund_posts)
    (payment,) = payments_of(booking)
    dispute = partial(open_by_hand, payment.tx_ref, actor="ada", reason="their mail")
    steps = [partial(step, table.gateway)] * 2
    if table.number % 2:
        table.fire(dispute, partial(ask, booking, 4000))
        table.fire(*steps)
        wanted = [("requested", 0)]
    else:
        ask(booking, 4000)
        table.fire(dispute, *steps)
        wanted = [("requested", 0), ("sent", 1)]
    sent = len(table.gateway.refund_posts) - posts
    (refund,) = [one for one in refunds() if one.payment_id == payment.id]
    assert (refund.state.value, sent) in wanted
    later(timedelta(minutes=2))
    table.fire(*steps)
    assert len(table.gateway.refund_posts) == posts + sent
    (mine,) = [one for one in disputes() if one.payment_id == payment.id]
    close_by_hand(mine.id, won=False, actor="ada", reason="their mail")
    table.gateway.end_refunds()
    drain(table.gateway)
    assert (payments_of(booking)[0].state, len(table.gateway.refund_posts)) == ("refunded", posts + sent)


def withdrawn_and_sent(table: Table) -> None:
    """A refund is withdrawn while it is being sent: taken back unsent, or sent and not taken back."""
    booking = table.sold()
    refund, posts = ask(booking, 4000), len(table.gateway.refund_posts)
    withdraw = partial(withdraw_refund, refund.id, actor="ada", reason="a mistake")
    table.fire(withdraw, *[partial(step, table.gateway)] * 2)
    state = next(one.state.value for one in refunds() if one.id == refund.id)
    assert (state, len(table.gateway.refund_posts) - posts) in [("cancelled", 0), ("sent", 1)]
    drain(table.gateway, between=table.gateway.end_refunds)


def cancelled_twice(table: Table) -> None:
    """A cancellation pressed twice while the seat is bought: one refund, the seat sold to one."""
    booking = table.sold()
    press = partial(
        cancel_booking, booking.reference, expected_refund=get_cancel_offer(booking.reference).refund.amount
    )
    outcomes = table.fire(press, press, partial(hold, table.network, table.seat, trip_id=table.trip_id))
    assert not any(isinstance(one, RefundChanged) for one in outcomes)
    assert fresh(booking).state == "cancelled"
    assert sum(one.payment_id == booking.confirming_payment_id for one in refunds()) <= 1


@pytest.mark.parametrize(
    "play",
    [
        resold,
        paid_twice,
        wrong_and_right,
        let_go,
        answer_lost,
        all_look,
        two_refund,
        disputed_and_refunded,
        withdrawn_and_sent,
        cancelled_twice,
    ],
)
def test_a_race_of_money(app: Flask, network: Network, play: Round) -> None:
    table = Table(app, network)
    for _ in range(ROUNDS):
        table.next_round()
        play(table)
    assert findings() == []
