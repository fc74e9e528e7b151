"""Every gateway call of a sale and of a refund, spoiled in every way: nothing double, nothing lost, an honest state.
The short form has four faults, the long one (FAULT_SCALE above 1) all seven.

The real client, the real services and the sandbox; its lists of requests, charges and refunds are the truth.
"""

import itertools
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask

from aurapark.booking.models import Booking
from aurapark.breaker import Breaker
from aurapark.checkout.cancel import cancel_booking
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.payments.errors import PaymentNotOpened, PaymentUncertain
from aurapark.payments.flutterwave import Flutterwave
from tests.faults.world import FAULT_SCALE, HALF_HOUR, World
from tests.stories import fresh, hold, payments_of, start

EVERY = (
    "request_lost",
    "response_lost",
    "null_data",
    "rate_limited",
    "unavailable",
    "timeout_after_doing",
    "truncated",
)
FAULTS = EVERY if FAULT_SCALE > 1 else EVERY[:4]
QUESTIONS = ("verify_by_reference", "transactions", "verify")
TIMES = 4  # more than one call repeats a question
TOTAL = 4000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), refund_seconds=0) as running:
        yield running


@pytest.fixture
def sandbox(shared: RunningSandbox) -> RunningSandbox:
    shared.admin.reset()
    return shared


@pytest.fixture
def gateway(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Flutterwave:
    """The real client of the sandbox, used by the sweeps too; its breaker never opens, so that every fault is met."""
    for module in [module for name, module in sys.modules.items() if name.startswith("aurapark.payments.")]:
        monkeypatch.setattr(module, "RETRY_WAIT", 0.01, raising=False)
    host = sandbox.base_url.split("/")[2]
    client = Flutterwave(
        base_url=sandbox.base_url,
        secret_key=sandbox.settings.secret_key,
        checkout_hosts=[host],
        mail_domain="tickets.aurapark.example",
        timeouts=(1.0, 1.0),
        breaker=Breaker(itertools.count(0, 60).__next__),
    )
    monkeypatch.setattr("aurapark.checkout.sweeps.gateway_for", lambda *_: client)
    return client


def spoil(sandbox: RunningSandbox, fault: str, endpoint: str, times: int) -> None:
    more = {"seconds": 0} if fault == "timeout_after_doing" else {}
    sandbox.admin.fault(fault, endpoint=endpoint, times=times, **more)


def work(world: World, *, rounds: int = 10) -> None:
    """The sweeper at work while hours pass."""
    for _ in range(rounds):
        world.let_pass(timedelta(minutes=6))
        world.sweep()


def fates(booking: Booking) -> list[tuple[str, str | None]]:
    return sorted((str(p.gateway_tx_id), p.disposition) for p in payments_of(booking) if p.gateway_tx_id)


def require_true(world: World, sandbox: RunningSandbox) -> None:
    """Each charge there is one row here, each refund there one here, and the clearing account is what they hold."""
    world.require_clean(in_a_jump=True)
    charges = {str(c["id"]): Decimal(c["amount"]) for c in sandbox.admin.charges() if c["status"] == "successful"}
    ours = world.ask_all("SELECT gateway_tx_id, paid_amount FROM payment WHERE disposition IS NOT NULL")
    assert dict(ours) == charges
    assert len(ours) == len(charges)
    back = [refund for refund in sandbox.admin.refunds() if not str(refund["status"]).startswith("failed")]
    assert world.clearing() == sum(charges.values()) - sum(Decimal(refund["amount_refunded"]) for refund in back)
    known = world.ask_all("SELECT gateway_refund_id FROM refund WHERE state = 'succeeded'")
    assert sorted(row[0] for row in known) == sorted(str(refund["id"]) for refund in back)


def each_fault(sandbox: RunningSandbox) -> Iterator[tuple[str, str]]:
    """Each fault with a seat of its own to try it on, and a new list of requests; each must have been met."""
    for seat, fault in enumerate(FAULTS, 20):
        sandbox.admin.forget_faults()
        sandbox.admin.forget_requests()
        yield fault, str(seat)
        met = [one["fired"] for one in sandbox.admin.faults() if one["name"] == fault]
        assert sum(met), f"{fault} was never met"


def test_opening_the_page(app: Flask, world: World, sandbox: RunningSandbox, gateway: Flutterwave) -> None:
    """One POST a press. Every page that exists may be paid: the first money is the ticket, all other goes back."""
    for fault, seat in each_fault(sandbox):
        booking = hold(world.network, seat)
        spoil(sandbox, fault, "payments", 1)
        with pytest.raises((PaymentNotOpened, PaymentUncertain)):
            start(booking, gateway)
        (attempt,) = payments_of(booking)
        assert attempt.state == ("failed" if fault == "rate_limited" else "unknown"), fault
        assert len(sandbox.admin.requests(endpoint="payments", method="POST")) == 1
        assert fresh(booking).state == "held"
        world.let_pass(timedelta(seconds=11))
        second = start(fresh(booking), gateway)
        pages = [link["tx_ref"] for link in sandbox.admin.links() if link["tx_ref"] in (attempt.tx_ref, second.tx_ref)]
        for tx_ref in pages:
            sandbox.admin.pay(tx_ref, method="mtn", outcome="approve")
        work(world)
        assert fresh(booking).state == "confirmed", fault
        assert sorted(str(fate) for _, fate in fates(booking)) == ["applied", "refund"][: len(pages)]
        require_true(world, sandbox)
    assert world.clearing() == TOTAL * len(FAULTS)


@pytest.mark.parametrize("endpoint", QUESTIONS)
def test_asking_about_a_payment(
    app: Flask, world: World, sandbox: RunningSandbox, gateway: Flutterwave, endpoint: str
) -> None:
    """No answer is no failure: the seats stay, also past the end of the session, and the money is found later."""
    for fault, seat in each_fault(sandbox):
        booking = hold(world.network, seat)
        payment = start(booking, gateway)
        if endpoint == "verify":  # only a try that the reference does not show is asked about by its id
            sandbox.admin.fault("first_attempt", tx_ref=payment.tx_ref, times=None)
            sandbox.admin.pay(payment.tx_ref, method="mtn", outcome="refuse")
        sandbox.admin.pay(payment.tx_ref, method="mtn", outcome="approve")
        spoil(sandbox, fault, endpoint, TIMES)
        world.let_pass(HALF_HOUR)
        world.sweep()
        assert fresh(booking).state in ("held", "confirmed"), fault
        work(world, rounds=5)
        assert fresh(booking).state == "confirmed", fault
        assert [fate for _, fate in fates(booking)] == ["applied"]
        require_true(world, sandbox)


@pytest.mark.parametrize("endpoint", ["refund", "refunds", "refund_by_id"])
def test_sending_money_back(
    app: Flask, world: World, sandbox: RunningSandbox, gateway: Flutterwave, endpoint: str
) -> None:
    """One refund there, whatever became of the call; one more call only where the first was never done."""
    for number, (fault, seat) in enumerate(each_fault(sandbox), 1):
        booking = hold(world.network, seat)
        payment = start(booking, gateway)
        sandbox.admin.pay(payment.tx_ref, method="mtn", outcome="approve")
        work(world, rounds=1)
        cancel_booking(booking.reference, expected_refund=TOTAL)
        spoil(sandbox, fault, endpoint, 1 if endpoint == "refund" else TIMES)
        world.sweep()
        assert world.ask_all("SELECT count(*) FROM refund WHERE state = 'failed'") == [(0,)], fault
        world.require_clean(in_a_jump=True)
        work(world, rounds=8)
        assert [Decimal(r["amount_refunded"]) for r in sandbox.admin.refunds()] == [TOTAL] * number, fault
        assert world.ask_all("SELECT state, amount FROM refund") == [("succeeded", TOTAL)] * number
        assert len([call for call in sandbox.admin.requests(endpoint="refund") if call["done"]]) == 1, fault
        require_true(world, sandbox)
        assert world.clearing() == 0
