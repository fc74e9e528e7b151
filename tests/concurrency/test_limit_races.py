"""Twenty at once for the last use of each limit: one wins. Without the lock they have all been seen to pass."""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from aurapark.booking.errors import NetworkShareUsedUp, TooManyHolds
from aurapark.booking.models import Booking, Channel
from aurapark.booking.service import Holder
from aurapark.checkout.find import PER_REFERENCE, find_again
from aurapark.checkout.hold import hold_seats
from aurapark.checkout.pay import start_payment
from aurapark.database import in_transaction
from aurapark.errors import TooMany
from aurapark.extensions import db
from aurapark.payments.models import Payment
from tests.accounts import make_user
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import HOLD_TERMS, PAYMENT_TERMS, details, race

CLIENTS = 20
ROUNDS = max(1, int(os.environ.get("RACE_ROUNDS", "20")) // 20)
LIMITED = replace(HOLD_TERMS, limited=True)
HERE = "192.0.2.0/24"
_seats = [str(number) for number in range(10, 60)]

Works = list[Callable[[], object]]


@pytest.fixture
def environment() -> dict[str, str]:
    return {"WEB_THREADS": str(CLIENTS)}


@pytest.fixture
def no_lock(network: Network) -> None:
    """What the limits are without the lock of the holders' rows."""
    unlocked = "CREATE OR REPLACE FUNCTION lock_holders(keys text[]) RETURNS void LANGUAGE sql AS $$ $$"
    in_transaction(lambda: db.session.execute(text(unlocked)))


def keep(network: Network, seat: str, holder: Holder) -> Booking:
    return hold_seats(network.trip.id, "DLA", "YAO", [seat], holder=holder, terms=LIMITED)


def visitor(number: int, network: str | None = None) -> Holder:
    return Holder(Channel.WEB, "fr", f"{number:064}", network)


def last_of_a_visitor(network: Network) -> Works:
    keep(network, "60", visitor(1))
    return [lambda seat=seat: keep(network, seat, visitor(1)) for seat in _seats[:CLIENTS]]


def last_of_an_account(network: Network) -> Works:
    user_id = make_user().id

    def on_device(number: int) -> Holder:
        return replace(visitor(number), user_id=user_id)

    keep(network, "60", on_device(50))
    return [lambda n=n: keep(network, _seats[n], on_device(n)) for n in range(CLIENTS)]


def last_of_a_network(network: Network) -> Works:
    for number in range(20):  # 21 of 70 seats are its share
        keep(network, _seats[20 + number], visitor(100 + number, HERE))
    return [lambda n=n: keep(network, _seats[n], visitor(n, HERE)) for n in range(CLIENTS)]


def last_of_a_phone(network: Network) -> Works:
    gateway = FakeGateway()
    terms = replace(PAYMENT_TERMS, hold=LIMITED)

    def paying(booking: Booking) -> Callable[[], Payment]:
        reference, given = booking.reference, details(booking)
        return lambda: start_payment(reference, given, gateway=gateway, terms=terms)

    works = [paying(keep(network, _seats[n], visitor(n))) for n in range(CLIENTS + 1)]
    works.pop()()
    return list(works)


def last_try_of_a_reference(_network: Network) -> Works:
    def guess(number: int) -> object:
        phone = f"+2376990000{number:02}"
        return find_again("ZZZZZ2", phone, visitor_hash=f"{number:064}", network=f"10.0.{number}.0/24", limited=True)

    for number in range(PER_REFERENCE - 1):
        guess(50 + number)
    return [lambda number=number: guess(number) for number in range(CLIENTS)]


LIMITS = {
    "visitor": (last_of_a_visitor, TooManyHolds),
    "account": (last_of_an_account, TooManyHolds),
    "network": (last_of_a_network, NetworkShareUsedUp),
    "phone": (last_of_a_phone, TooManyHolds),
    "reference": (last_try_of_a_reference, TooMany),
}


def fire(app: Flask, network: Network, limit: str) -> int:
    """Return how many of twenty got the last use; all others hear of the limit."""
    prepare, refusal = LIMITS[limit]
    outcomes = race(app, *prepare(network))
    refused = [one for one in outcomes if isinstance(one, refusal)]
    others = [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, refusal)]
    assert others == []
    return len(outcomes) - len(refused)


@pytest.mark.parametrize("limit", LIMITS)
def test_one_of_twenty_has_the_last_use(app: Flask, network: Network, limit: str) -> None:
    for _round in range(ROUNDS):
        assert fire(app, network, limit) == 1
        _forget()
    assert db.session.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")) == 0


@pytest.mark.parametrize("limit", LIMITS)
def test_without_the_lock_several_have_it(app: Flask, network: Network, no_lock: None, limit: str) -> None:
    won = []
    for _round in range(5):
        won.append(fire(app, network, limit))
        if won[-1] > 1:
            break
        _forget()
    print(f"\n{limit} without the lock: {won} of {CLIENTS}")  # noqa: T201
    assert won[-1] > 1


def test_both_orders_of_visitor_and_network_meet_without_a_deadlock(app: Flask, network: Network) -> None:
    other = network.add_trip()
    trips = [network.trip.id, other.id]
    works = [
        lambda n=n: hold_seats(
            trips[n // 2 % 2], "DLA", "YAO", [_seats[n]], holder=visitor(n % 3, f"192.0.{n % 2}.0/24"), terms=LIMITED
        )
        for n in range(CLIENTS)
    ]
    outcomes = race(app, *works)
    assert sum(isinstance(one, Booking) for one in outcomes) == 6  # two for each of three visitors
    assert all(isinstance(one, Booking | TooManyHolds) for one in outcomes)


def _forget() -> None:
    """Another round: nothing was held or tried."""

    def work() -> None:
        db.session.execute(text("UPDATE seat_claim SET expires_at = now() - interval '1 s'"))
        db.session.execute(text("UPDATE booking SET hold_expires_at = now() - interval '3 h'"))
        db.session.execute(text("DELETE FROM failed_try"))

    in_transaction(work)
