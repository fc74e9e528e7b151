"""Told again, nothing changes: webhooks three times and shuffled, every way back, every sweep and job three times."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask, current_app

from aurapark.booking.queries import get_booking
from aurapark.extensions import db
from aurapark.payments.errors import PaymentUncertain
from aurapark.payments.gateway import GatewayUncertain
from aurapark.payments.models import PaymentState
from tests.faults.test_commit_cuts import (
    cancel,
    cancel_one,
    given_back,
    in_dispute,
    lose,
    opened,
    owed_and_in_dispute,
    paid,
    paid_late,
    paid_not,
    press_pay,
    release,
    sold,
    win,
    withdraw,
)
from tests.faults.world import FAULT_SCALE, World
from workers.jobs import JOBS, TICKS

TIMES = 3
RETURN = "/payments/flutterwave/return"


def live_a_lot(world: World) -> None:
    """Sales that end in every way there is."""
    paid(world)
    paid(world, 8000, 8000)
    paid(world, 100)
    paid(world, 9000)
    paid_late(world)
    paid_not(world)
    cancel(world, sold(world))
    cancel_one(world, sold(world))
    for prepare, act in ((in_dispute, win), (in_dispute, lose), (owed_and_in_dispute, lose)):
        act(world, prepare(world))
    withdraw(world, given_back(world))
    late = opened(world)
    release(world, late)
    for (tx_ref,) in world.ask_all("SELECT tx_ref FROM payment WHERE booking_id = %s", late.id):
        world.gateway.charge(tx_ref, 8000)
    twice = opened(world)
    world.let_pass(timedelta(seconds=11))
    world.gateway.opening = GatewayUncertain("lost")
    with pytest.raises(PaymentUncertain):
        press_pay(world, twice)
    world.gateway.opening = None
    for (tx_ref,) in world.ask_all("SELECT tx_ref FROM payment WHERE booking_id = %s", twice.id):
        world.gateway.charge(tx_ref, 8000)
    assert get_booking(twice.reference).state == "held"


def tx_refs(world: World) -> list[str]:
    return [row[0] for row in world.ask_all("SELECT tx_ref FROM payment WHERE ordinal = 1 ORDER BY id")]


def tell(world: World, seed: int) -> None:
    """Every webhook three times, in any order."""
    told = tx_refs(world) * TIMES
    random.Random(seed).shuffle(told)
    for tx_ref in told:
        world.deliver(tx_ref)
    for dispute in [*world.gateway.disputes.values()] * TIMES:
        data = {"id": int(dispute.dispute_id), "status": dispute.status, "transaction_id": int(dispute.charge_id)}
        for said in ("initiated", dispute.status):
            world.tell({"event": f"chargeback.{said}", "data": data})


def come_back(world: World) -> None:
    browser = current_app.test_client()
    for tx_ref in tx_refs(world):
        for said in ("successful", "cancelled"):
            query = {"tx_ref": tx_ref, "status": said, "transaction_id": "17"}
            assert browser.get(RETURN, query_string=query).status_code in (200, 303)


def do_all_jobs(world: World) -> None:
    for name, job in ((name, job) for name, job in JOBS.items() if name not in TICKS):  # the sweep does those
        for ids in [(tx_ref,) for tx_ref in tx_refs(world)] if name == "check_payment" else [()]:
            job(*ids)
    world.sweep()


def views(world: World) -> Iterator[tuple[str, list[str]]]:
    """Every audit view without its log and its times."""
    names = world.ask_all("SELECT viewname FROM pg_views WHERE schemaname = 'audit' AND viewname <> 'log' ORDER BY 1")
    for (name,) in names:
        columns = world.ask_all(
            "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_schema = 'audit'"
            " AND table_name = %s AND data_type NOT LIKE 'timestamp%%' ORDER BY ordinal_position",
            name,
        )
        listed = ", ".join(column for (column,) in columns)
        rows = world.ask_all(f"SELECT {listed} FROM audit.{name}")  # noqa: S608  names of our own views
        yield name, sorted(str(row) for row in rows)


@pytest.mark.parametrize("seed", range(FAULT_SCALE))
def test_told_again_nothing_changes(app: Flask, world: World, seed: int) -> None:
    live_a_lot(world)
    tell(world, seed)
    world.drain()
    do_all_jobs(world)
    before = dict(views(world))
    states = {PaymentState(row[0]) for row in world.ask_all("SELECT DISTINCT state FROM payment")}
    assert states >= {"succeeded", "refunded", "partially_refunded", "lapsed"}
    posts, charges = list(world.gateway.refund_posts), len(world.gateway.opened)
    for _ in range(TIMES):
        tell(world, seed)
        come_back(world)
        do_all_jobs(world)
        db.session.remove()
    assert dict(views(world)) == before
    assert (world.gateway.refund_posts, len(world.gateway.opened)) == (posts, charges)
    world.require_clean(in_a_jump=True)
    world.require_true_to_the_gateway()
