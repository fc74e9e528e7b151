"""Every commit of every money flow, cut before the server hears of it and after it did: then the flow is repeated as
people would, the sweeper works, and nothing is lost, double or untrue."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask

from aurapark.booking.queries import get_booking
from aurapark.checkout.cancel import cancel_booking
from aurapark.checkout.hold import change_seats, extend_hold
from aurapark.checkout.once import with_idempotency
from aurapark.checkout.release import release_hold
from aurapark.checkout.withdraw import withdraw_refund
from aurapark.payments.gateway import DisputeOutcome
from aurapark.payments.idempotency import Answer
from tests.faults.proxy import Cut
from tests.faults.world import FAULT_SCALE, HALF_HOUR, World, a_fault_may_stop_it
from tests.stories import GUEST, HOLD_TERMS, PAYMENT_TERMS, check, hold, signer, start

SECOND_PRESS = timedelta(seconds=11)
TOTAL = 8000


class Sale(NamedTuple):
    """A booking by its keys: they outlive the session that is cut off."""

    id: int
    reference: str
    trip_id: int


def two_seats(world: World) -> Sale:
    """A hold of two seats on a trip of its own."""
    trip = world.network.add_trip(world.network.trip.departs_at)
    booking = hold(world.network, "12", "13", trip_id=trip.id)
    return Sale(booking.id, booking.reference, booking.trip_id)


def paid(world: World, *amounts: int) -> Sale:
    """Two seats whose payer paid these amounts on one link; nobody has asked yet."""
    booking = two_seats(world)
    payment = start(get_booking(booking.reference), world.gateway)
    for amount in amounts or (TOTAL,):
        world.gateway.charge(payment.tx_ref, amount)
    world.let_pass(timedelta(minutes=2))
    return booking


def paid_late(world: World) -> Sale:
    """Two seats let go, then paid, and 500 too much."""
    booking = paid_not(world)
    world.sweep()
    assert get_booking(booking.reference).state == "expired"
    ((tx_ref,),) = world.ask_all("SELECT tx_ref FROM payment WHERE booking_id = %s", booking.id)
    world.gateway.charge(tx_ref, TOTAL + 500)
    world.let_pass(HALF_HOUR)
    return booking


def opened(world: World) -> Sale:
    """Two seats whose payment page is open."""
    booking = two_seats(world)
    press_pay(world, booking)
    return booking


def paid_not(world: World) -> Sale:
    """Two seats whose payment nobody made in time."""
    booking = two_seats(world)
    start(get_booking(booking.reference), world.gateway)
    world.let_pass(HALF_HOUR)
    return booking


def lapsed(world: World) -> Sale:
    booking = two_seats(world)
    world.let_pass(HALF_HOUR)
    return booking


def sold(world: World) -> Sale:
    booking = two_seats(world)
    payment = start(get_booking(booking.reference), world.gateway)
    world.gateway.charge(payment.tx_ref, TOTAL)
    check(payment, world.gateway)
    return booking


def given_back(world: World) -> Sale:
    booking = sold(world)
    cancel(world, booking)
    return booking


def on_its_way_back(world: World) -> Sale:
    booking = given_back(world)
    world.sweep()
    world.gateway.end_refunds()
    world.let_pass(HALF_HOUR)
    return booking


def cancel(_world: World, booking: Sale) -> None:
    cancel_booking(booking.reference, expected_refund=TOTAL)


def cancel_one(_world: World, booking: Sale) -> None:
    cancel_booking(booking.reference, expected_refund=TOTAL // 2, seats=["12"])


def change(world: World, booking: Sale) -> None:
    wanted = (booking.trip_id, "DLA", "YAO", ["14", "15"])
    change_seats(booking.reference, *wanted, holder=GUEST, terms=HOLD_TERMS)


def press_pay(world: World, booking: Sale) -> None:
    start(get_booking(booking.reference), world.gateway)


def press_with_key(world: World, booking: Sale) -> None:
    """The same press as the API's POST /api/payments: under one key of its booking, however often."""
    caller, lease = f"booking:{booking.reference}", timedelta(seconds=world.settings.lease_seconds)

    def work() -> Answer:
        return Answer(201, {"txRef": start(get_booking(booking.reference), world.gateway).tx_ref})

    with_idempotency(caller, "press", {"bookingRef": booking.reference}, lease=lease, work=work)


def press_with_key_again(world: World, booking: Sale) -> None:
    """The caller repeats the call, once the lease of a process that is gone is over."""
    world.let_pass(timedelta(minutes=3))
    with a_fault_may_stop_it():
        press_with_key(world, booking)
    answered = {str(row[0]) for row in world.ask_all(
        "SELECT answer ->> 'txRef' FROM idempotency_key WHERE caller = %s", f"booking:{booking.reference}"
    )}  # fmt: skip
    mine = [one.tx_ref for one in world.gateway.opened if one.booking_reference == booking.reference]
    assert answered <= set(mine)
    assert len(answered) == 1
    for tx_ref in mine:
        world.gateway.charge(tx_ref, TOTAL)


def press_pay_again(world: World, booking: Sale) -> None:
    """After the cut the traveller presses once more, and pays on every page that was ever opened."""
    world.let_pass(SECOND_PRESS)
    with a_fault_may_stop_it():
        press_pay(world, booking)
    for checkout in world.gateway.opened:
        if checkout.booking_reference == booking.reference:
            world.gateway.charge(checkout.tx_ref, TOTAL)


def release(world: World, booking: Sale) -> None:
    release_hold(booking.reference, gateway=world.gateway, signer=signer(), terms=PAYMENT_TERMS)


def deliver(world: World, booking: Sale) -> None:
    """The gateway's webhook; it is sent again while it is not answered with 200."""
    for (tx_ref,) in world.ask_all("SELECT tx_ref FROM payment WHERE booking_id = %s", booking.id):
        world.deliver(tx_ref)


def disputed(world: World, booking: Sale, outcome: DisputeOutcome) -> None:
    """The bank has spoken, and the gateway's event names the dispute."""
    for (tx_ref,) in world.ask_all("SELECT tx_ref FROM payment WHERE booking_id = %s", booking.id):
        (charge,) = world.gateway.charges[tx_ref]
        name = str(int(charge.gateway_tx_id) + 50_000_000)
        world.gateway.dispute(charge.gateway_tx_id, TOTAL, outcome, dispute_id=name)
        world.tell({"event": f"chargeback.{outcome}", "data": {
            "id": int(name), "status": outcome.value, "transaction_id": int(charge.gateway_tx_id), "tx_ref": tx_ref,
        }})  # fmt: skip


def dispute(world: World, booking: Sale) -> None:
    disputed(world, booking, DisputeOutcome.OPEN)
    world.sweep()


def win(world: World, booking: Sale) -> None:
    disputed(world, booking, DisputeOutcome.WON)
    world.sweep()


def lose(world: World, booking: Sale) -> None:
    disputed(world, booking, DisputeOutcome.LOST)
    world.sweep()


def in_dispute(world: World) -> Sale:
    booking = sold(world)
    dispute(world, booking)
    return booking


def owed_and_in_dispute(world: World) -> Sale:
    booking = given_back(world)
    dispute(world, booking)
    return booking


def withdraw(world: World, booking: Sale) -> None:
    for (refund_id,) in world.ask_all(
        "SELECT refund.id FROM refund JOIN payment ON payment.id = payment_id WHERE booking_id = %s", booking.id
    ):
        withdraw_refund(refund_id, actor="ada", reason="a mistake")


def sweep(world: World, _booking: Sale) -> None:
    world.sweep()


@dataclass(frozen=True)
class Flow:
    """What is there before, what is cut, what people do next, and how the booking must end."""

    prepare: Callable[[World], Sale]
    act: Callable[[World, Sale], Any]
    again: Callable[[World, Sale], Any]
    state: str
    kept: int


FLOWS = {
    "extend": Flow(two_seats, lambda _, booking: extend_hold(booking.reference), sweep, "expired", 0),
    "change seats": Flow(two_seats, change, change, "released", 0),
    "start to pay": Flow(two_seats, press_pay, press_pay_again, "confirmed", TOTAL),
    "start to pay, with a key": Flow(two_seats, press_with_key, press_with_key_again, "confirmed", TOTAL),
    "webhook": Flow(paid, deliver, deliver, "confirmed", TOTAL),
    "confirm": Flow(paid, sweep, sweep, "confirmed", TOTAL),
    "confirm late, over": Flow(paid_late, sweep, sweep, "confirmed", TOTAL),
    "paid twice": Flow(lambda world: paid(world, TOTAL, TOTAL), sweep, sweep, "confirmed", TOTAL),
    "paid short": Flow(lambda world: paid(world, 100), sweep, sweep, "expired", 0),
    "expire": Flow(lapsed, sweep, sweep, "expired", 0),
    "expire, asking first": Flow(paid_not, sweep, sweep, "expired", 0),
    "release": Flow(opened, release, release, "released", 0),
    "cancel": Flow(sold, cancel, cancel, "cancelled", 0),
    "cancel one seat": Flow(sold, cancel_one, cancel_one, "confirmed", TOTAL // 2),
    "send a refund": Flow(given_back, sweep, sweep, "cancelled", 0),
    "open a dispute": Flow(sold, dispute, sweep, "cancelled", TOTAL),
    "win a dispute": Flow(in_dispute, win, sweep, "cancelled", TOTAL),
    "lose a dispute": Flow(in_dispute, lose, sweep, "cancelled", 0),
    "lose a dispute of money owed": Flow(owed_and_in_dispute, lose, sweep, "cancelled", 0),
    "withdraw a refund": Flow(given_back, withdraw, withdraw, "cancelled", TOTAL),
    "track a refund": Flow(on_its_way_back, sweep, sweep, "cancelled", 0),
}


@pytest.mark.parametrize("name", FLOWS)
def test_every_commit_of_a_flow_may_be_cut(app: Flask, world: World, name: str) -> None:
    flow = FLOWS[name]
    booking = flow.prepare(world)
    before = world.proxy.commits
    flow.act(world, booking)
    commits = world.proxy.commits - before
    assert commits > 0
    finish(world, flow, booking, name)
    for number in chosen(commits):
        for how in Cut:
            booking = flow.prepare(world)
            world.proxy.cut_at(number, how)
            cuts = world.proxy.cuts
            with a_fault_may_stop_it():
                flow.act(world, booking)
            assert world.proxy.cuts == cuts + 1, f"{name}: commit {number} was not reached"
            world.require_clean(in_a_jump=True)
            with a_fault_may_stop_it():
                flow.again(world, booking)
            finish(world, flow, booking, f"{name}: {how} commit {number} of {commits}")


def chosen(commits: int) -> list[int]:
    """Every commit in the long form; two of each flow in the short one, with that which records what came."""
    every = range(1, commits + 1)
    return list(every) if FAULT_SCALE > 1 or commits <= 2 else sorted({2, commits // 2 + 1})


def finish(world: World, flow: Flow, booking: Sale, where: str) -> None:
    not_yet_paid = not any(world.gateway.charges[c.tx_ref] for c in world.gateway.opened[-1:])
    if flow.act in (press_pay, press_with_key) and not_yet_paid:
        flow.again(world, booking)
    world.require_clean()
    world.drain()
    world.require_clean()
    world.require_true_to_the_gateway()
    assert (get_booking(booking.reference).state, world.kept_of(booking.reference)) == (flow.state, flow.kept), where


@pytest.mark.parametrize("how", Cut)
def test_the_commit_of_a_hold_may_be_cut(app: Flask, world: World, how: Cut) -> None:
    """Before: nothing happened and the second press holds. After: the seats are kept, for nobody twice, and lapse."""
    world.proxy.cut_at(1, how)
    for _press in range(2):
        with a_fault_may_stop_it():
            hold(world.network, "12", "13")
        world.require_clean()
    assert world.ask_all("SELECT count(*), count(DISTINCT booking_id) FROM seat_claim") == [(4, 1)]
    world.drain()
    world.require_clean()
    assert world.ask_all("SELECT count(*) FROM seat_claim") == [(0,)]
    assert hold(world.network, "12", "13").state == "held"
