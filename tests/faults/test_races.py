"""The races of reliability.md that exist by now: where each is forced, and those that nobody else forces.

RACE_ROUNDS sets how often each is forced.
"""

import os
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from importlib import import_module
from types import FunctionType

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark import clock
from aurapark.booking.errors import SeatsTaken
from aurapark.booking.models import Booking
from aurapark.checkout.expire import expire_hold
from aurapark.checkout.hold import extend_hold
from aurapark.checkout.pay import start_payment
from aurapark.database import in_transaction
from aurapark.extensions import db
from tests.concurrency.test_money_races import Table, fates
from tests.fakes import FakeGateway
from tests.faults.world import make_network
from tests.refunding import findings
from tests.stories import (
    GUEST,
    INTEGRATOR,
    OVER,
    PAYMENT_TERMS,
    check,
    claims_of,
    details,
    fresh,
    hold,
    pass_time,
    start,
)

FORCED = {  # race: the module under tests, and the function that forces it
    "R1": ("faults.test_races", "late"),
    "R2": ("concurrency.test_money_races", "resold"),
    "R3": ("faults.test_races", "expiry_and_success"),
    "R4": ("concurrency.test_money_races", "paid_twice"),
    "R5": ("faults.test_races", "five_at_once"),
    "R6": ("concurrency.test_money_races", "wrong_and_right"),
    "R7": ("faults.test_races", "faster_than_our_link"),
    "R8": ("faults.test_races", "failure_after_success"),
    "R9": ("concurrency.test_money_races", "let_go"),
    "R10": ("faults.test_races", "trip_cancelled"),
    "R11": ("faults.test_races", "price_edited"),
    "R12": ("concurrency.test_money_races", "answer_lost"),
    "R13": ("concurrency.test_money_races", "answer_lost"),
    "R14": ("concurrency.test_money_races", "all_look"),
    "R15": ("concurrency.test_money_races", "two_refund"),
    "R16": ("concurrency.test_money_races", "disputed_and_refunded"),
    "R21": ("faults.test_races", "last_extension"),
    "R22": ("faults.test_races", "web_and_api"),
    "R23": ("faults.test_races", "wrong_clocks"),
    "R24": ("faults.test_races", "taken_over"),
}
ROUNDS = int(os.environ.get("RACE_ROUNDS", "5"))
NOT_YET = ["R17", "R18", "R19", "R20"]  # settlements, payouts and scanners do not exist


@pytest.fixture
def environment() -> dict[str, str]:
    return {"WEB_THREADS": "24"}


def change(statement: str, **values: object) -> None:
    in_transaction(lambda: db.session.execute(text(statement), values))


def late(table: Table) -> None:
    """R1: the seats went and are free still: confirmed at the frozen price, whoever sees it first."""
    booking, payment = table.held()
    pass_time(booking, OVER)
    check(payment, table.gateway)
    assert fresh(booking).state == "expired"
    table.gateway.charge(payment.tx_ref, 4000)
    table.fire(*[partial(check, payment.tx_ref, table.gateway)] * 3)
    assert (fresh(booking).state, fates(booking), table.tickets(booking)) == ("confirmed", [("applied", None)], 1)


def expiry_and_success(table: Table) -> None:
    """R3: the second reads again under the lock; never both."""
    booking, payment = table.held()
    pass_time(booking, OVER)
    table.gateway.charge(payment.tx_ref, 4000)
    nothing = partial(check, payment.tx_ref, FakeGateway())
    table.fire(nothing, partial(expire_hold, booking.reference), partial(check, payment.tx_ref, table.gateway))
    assert (fresh(booking).state, fates(booking), table.tickets(booking)) == ("confirmed", [("applied", None)], 1)
    assert {state for _, _, state in claims_of(booking)} == {"sold"}


def five_at_once(table: Table) -> None:
    """R5: one success seen five times: one confirmation, posting, message."""
    booking, payment = table.held()
    table.gateway.charge(payment.tx_ref, 4000)
    table.fire(*[partial(check, payment.tx_ref, table.gateway)] * 5)
    assert (fates(booking), table.tickets(booking)) == ([("applied", None)], 1)
    told = text("SELECT count(*) FROM outbox WHERE kind = 'sms' AND dedupe_key LIKE :reference || '%'")
    assert db.session.scalar(told, {"reference": booking.reference}) == 1


def faster_than_our_link(table: Table) -> None:
    """R7: paid and told before we have written the link down."""
    booking = hold(table.network, table.seat, trip_id=table.trip_id)

    def pay(checkout) -> None:  # type: ignore[no-untyped-def]
        table.gateway.charge(checkout.tx_ref, 4000)
        table.fire(*[partial(check, checkout.tx_ref, table.gateway)] * 2)

    table.gateway.while_opening = pay
    start(booking, table.gateway)
    table.gateway.while_opening = lambda _: None
    assert (fresh(booking).state, fates(booking), table.tickets(booking)) == ("confirmed", [("applied", None)], 1)


def failure_after_success(table: Table) -> None:
    """R8: a try that failed, told beside and after the success: no step back."""
    booking, payment = table.held()
    failed = FakeGateway()
    failed.charge(payment.tx_ref, 4000, status="failed")
    table.gateway.charge(payment.tx_ref, 4000)
    no, yes = partial(check, payment.tx_ref, failed), partial(check, payment.tx_ref, table.gateway)
    table.fire(no, yes, no, yes)
    check(payment, failed)
    assert (fresh(booking).state, fates(booking), table.tickets(booking)) == ("confirmed", [("applied", None)], 1)


def trip_cancelled(table: Table) -> None:
    """R10: before the cancellation a sale, after it a refund, never neither."""
    table.trip_id = table.network.add_trip(table.network.trip.departs_at).id
    booking, payment = table.held()
    table.gateway.charge(payment.tx_ref, 4000)
    cancel = partial(
        change, "UPDATE trip SET state = 'cancelled', cancelled_at = now() WHERE id = :id", id=table.trip_id
    )
    table.fire(cancel, *[partial(check, payment.tx_ref, table.gateway)] * 2)
    ended = (fresh(booking).state.value, fates(booking))
    assert ended in [("confirmed", [("applied", None)]), ("expired", [("refund", "trip_cancelled")])]


def price_edited(table: Table) -> None:
    """R11: the price that was shown is the price that is paid."""
    booking = hold(table.network, table.seat, trip_id=table.trip_id)
    typed = details(booking)
    pay = partial(start_payment, booking.reference, typed, gateway=table.gateway, terms=PAYMENT_TERMS)
    payment, *_ = [
        one
        for one in table.fire(pay, partial(change, "UPDATE fare SET adult = adult + 1000 WHERE board_position = 0"))
        if one
    ]
    assert (payment.expected_amount, fresh(booking).total) == (booking.total, booking.total)
    change("UPDATE fare SET adult = adult - 1000 WHERE board_position = 0")


def last_extension(table: Table) -> None:
    """R21: 20 requests for the last extension: one wins."""
    booking = hold(table.network, table.seat, trip_id=table.trip_id)
    change("UPDATE booking SET extensions = 9 WHERE id = :id", id=booking.id)
    outcomes = table.fire(*[partial(extend_hold, booking.reference)] * 20)
    assert sum(isinstance(one, Booking) for one in outcomes) == 1
    assert fresh(booking).extensions == 10


def web_and_api(table: Table) -> None:
    """R22: the web and integrators want one seat: one has it, the others are told which seat is gone."""
    wants = [partial(hold, table.network, table.seat, trip_id=table.trip_id, holder=who) for who in (GUEST, INTEGRATOR)]
    outcomes = table.fire(*wants * 2)
    assert sum(isinstance(one, Booking) for one in outcomes) == 1
    assert sum(isinstance(one, SeatsTaken) for one in outcomes) == 3


def wrong_clocks(table: Table) -> None:
    """R23: our clock is up to two days wrong: only the database's now() decides about a hold."""
    skew = table.rng.choice([-1, 1]) * timedelta(minutes=table.rng.choice([10, 2880]))
    right = clock.now
    clock.now = lambda: right() + skew
    try:
        booking = hold(table.network, table.seat, trip_id=table.trip_id)
        other = partial(hold, table.network, table.seat, trip_id=table.trip_id)
        assert set(map(type, table.fire(other, other))) == {SeatsTaken}
        assert expire_hold(booking.reference) is False
        pass_time(booking, timedelta(minutes=16))
        outcomes = table.fire(other, other, partial(expire_hold, booking.reference))
        assert sum(isinstance(one, Booking) for one in outcomes) == 1
    finally:
        clock.now = right


def taken_over(table: Table) -> None:
    """R24: a lapsed hold is taken over while its owner pays: one wins, the other is told which seat went."""
    old = hold(table.network, table.seat, trip_id=table.trip_id)
    typed = details(old)
    pass_time(old, timedelta(minutes=16))
    owner = partial(start_payment, old.reference, typed, gateway=table.gateway, terms=PAYMENT_TERMS)
    outcomes = table.fire(owner, partial(hold, table.network, table.seat, trip_id=table.trip_id))
    assert sorted(isinstance(one, SeatsTaken) for one in outcomes) == [False, True]


MINE = [function for name, (module, function) in FORCED.items() if module == "faults.test_races"]


@pytest.mark.parametrize("name", MINE)
def test_a_race(app: Flask, name: str) -> None:
    table = Table(app, make_network())
    table.rng = random.Random(13)
    play: Callable[[Table], None] = globals()[name]
    for _ in range(ROUNDS):
        table.next_round()
        play(table)
    change("UPDATE booking SET created_at = now()")  # nobody drops the sales of a trip that raw SQL cancelled
    assert findings() == []


def test_every_race_that_exists_is_forced() -> None:
    assert sorted([*FORCED, *NOT_YET], key=lambda race: int(race[1:])) == [f"R{number}" for number in range(1, 25)]
    for race, (module, function) in FORCED.items():
        found = getattr(import_module(f"tests.{module}"), function)
        assert isinstance(found, FunctionType)
        assert race in (found.__doc__ or ""), f"{function} does not say that it is {race}"
