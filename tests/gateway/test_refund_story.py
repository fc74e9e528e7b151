"""The whole way of a refund against the sandbox: whatever happens on the line, it is made once, and the books agree."""

from datetime import timedelta
from functools import partial

import pytest
from flask import Flask

from aurapark.booking.models import Booking
from aurapark.devstack.sandbox.running import RunningSandbox
from aurapark.payments.flutterwave import Flutterwave
from tests.factories import Network
from tests.gateway.conftest import make_client
from tests.refunding import ask, balance, drain, findings, later, refunds, states, step
from tests.stories import check, fresh, hold, payments_of, race, start

DONE = ("response_lost", "timeout_after_doing", "truncated", "null_data")
NOT_DONE = ("request_lost", "unavailable", "server_error", "redirect")
NOT_NOW = ("rate_limited",)
VALUES = {"timeout_after_doing": {"seconds": 0}, "redirect": {"to": "http://localhost:1"}}


@pytest.fixture
def gateway(sandbox: RunningSandbox) -> Flutterwave:
    return make_client(sandbox.base_url)


@pytest.fixture
def sale(network: Network, sandbox: RunningSandbox, gateway: Flutterwave) -> Booking:
    """A booking of two seats, paid at the sandbox."""
    booking = hold(network, "12", "13")
    payment = start(booking, gateway)
    sandbox.admin.pay(payment.tx_ref, method="mtn", outcome="approve")
    sandbox.admin.wait_until_idle()
    check(payment, gateway)
    assert fresh(booking).state == "confirmed"
    return booking


def finish(sandbox: RunningSandbox) -> None:
    """Let the sandbox end what it began."""
    sandbox.admin.advance(20)


def really(sandbox: RunningSandbox) -> list[int]:
    return sorted(int(one["amount_refunded"]) for one in sandbox.admin.refunds() if one["status"].startswith("compl"))


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE, *NOT_NOW])
def test_a_cut_on_the_refund_call_makes_one_refund(
    sandbox: RunningSandbox, gateway: Flutterwave, sale: Booking, fault: str
) -> None:
    ask(sale, 8000)
    sandbox.admin.fault(fault, endpoint="refund", **VALUES.get(fault, {}))
    step(gateway)
    assert states() == (["requested"] if fault in NOT_NOW else ["unknown"])
    drain(gateway, between=partial(finish, sandbox))
    assert (states(), really(sandbox), findings()) == (["succeeded"], [8000], [])
    assert len(sandbox.admin.requests(endpoint="refund")) == (1 if fault in DONE else 2)
    assert (payments_of(sale)[0].state, balance("gateway_clearing:flutterwave")) == ("refunded", 0)


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE, *NOT_NOW])
@pytest.mark.parametrize("endpoint", ["refunds", "refund_by_id"])
def test_a_cut_on_a_question_changes_nothing(
    sandbox: RunningSandbox, gateway: Flutterwave, sale: Booking, endpoint: str, fault: str
) -> None:
    ask(sale, 8000)
    sandbox.admin.fault(fault, endpoint=endpoint, times=4, **VALUES.get(fault, {}))
    drain(gateway, between=partial(finish, sandbox))
    assert (states(), really(sandbox), findings()) == (["succeeded"], [8000], [])
    assert len(sandbox.admin.requests(endpoint="refund")) == 1


@pytest.mark.parametrize(
    ("fault", "values"),
    [("refund_fails", {}), ("refund_fails", {"status": "cancelled"}), ("refund_disburse_failed", {})],
)
def test_a_refund_that_fails_there_waits_for_a_person(
    sandbox: RunningSandbox, gateway: Flutterwave, sale: Booking, fault: str, values: dict[str, str]
) -> None:
    ask(sale, 8000)
    sandbox.admin.fault(fault, **values)
    drain(gateway, between=partial(finish, sandbox))
    assert (states(), payments_of(sale)[0].state, findings()) == (["failed"], "succeeded", [])
    assert balance("refunds_payable") == -8000


def test_a_refund_that_stays_initiated_is_never_called_a_success(
    sandbox: RunningSandbox, gateway: Flutterwave, sale: Booking
) -> None:
    ask(sale, 8000)
    sandbox.admin.fault("refund_stays", status="completed")
    drain(gateway, between=partial(finish, sandbox), rounds=12)
    assert (states(), len(sandbox.admin.requests(endpoint="refund"))) == (["sent"], 1)


def test_too_little_balance_paces_and_resumes(sandbox: RunningSandbox, gateway: Flutterwave, sale: Booking) -> None:
    ask(sale, 8000)
    sandbox.admin.set_balance(7999)
    for _ in range(3):
        assert step(gateway)
        assert not step(gateway)
        assert (states(), refunds()[0].failure) == (["requested"], "ShortOfFunds")
        later(timedelta(minutes=2))
    sandbox.admin.set_balance(8000)
    drain(gateway, between=partial(finish, sandbox))
    assert (states(), really(sandbox), findings()) == (["succeeded"], [8000], [])


def test_two_equal_refunds_with_lost_answers_are_both_made_once(
    app: Flask, sandbox: RunningSandbox, gateway: Flutterwave, sale: Booking
) -> None:
    ask(sale, 4000, "first")
    ask(sale, 4000, "second")
    sandbox.admin.fault("response_lost", endpoint="refund", times=2)
    race(app, *[partial(step, gateway)] * 3)
    drain(gateway, between=partial(finish, sandbox))
    assert (states(), really(sandbox), findings()) == (["succeeded"] * 2, [4000, 4000], [])
    assert len(sandbox.admin.requests(endpoint="refund")) == 2
