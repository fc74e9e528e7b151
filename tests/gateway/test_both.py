"""The port's promises, kept by every gateway: Flutterwave against its sandbox, Stripe against a stateful fake."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Protocol

import pytest

from aurapark import clock
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.payments.gateway import (
    Gateway,
    GatewayError,
    GatewayNotNow,
    GatewayRefused,
    GatewayUncertain,
    RefundOutcome,
    ShortOfFunds,
)
from aurapark.payments.stripe import Stripe
from tests.gateway.conftest import checkout, make_client
from tests.gateway.stripe_fake import STRIPE_KEY, StripeFake, running_stripe

TX_REF = "AP-TEST-1"
DONE = ("response_lost", "truncated", "null_data")
NOT_DONE = ("request_lost", "unavailable")


class Stage(Protocol):
    """A gateway's world: our client of it, and the hands of payers, of the gateway's own staff and of the network."""

    gateway: Gateway

    def pay(self, tx_ref: str, *, approve: bool = True) -> None: ...
    def end_refunds(self) -> None: ...
    def set_balance(self, amount: int) -> None: ...
    def fault(self, name: str, call: str, *, times: int = 1) -> None: ...
    def count(self, call: str) -> int: ...
    def links(self) -> int: ...
    def stranger(self) -> Gateway: ...


class FlutterwaveStage:
    ENDPOINTS: ClassVar = {"open": "payments", "refund": "refund", "refunds": "refunds", "charges": "transactions"}

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox, self.gateway = sandbox, make_client(sandbox.base_url)

    def pay(self, tx_ref: str, *, approve: bool = True) -> None:
        self.sandbox.admin.pay(tx_ref, method="card", outcome="approve" if approve else "refuse")

    def end_refunds(self) -> None:
        self.sandbox.admin.advance(60)
        self.sandbox.admin.wait_until_idle()

    def set_balance(self, amount: int) -> None:
        self.sandbox.admin.set_balance(amount)

    def fault(self, name: str, call: str, *, times: int = 1) -> None:
        self.sandbox.admin.fault(name, endpoint=self.ENDPOINTS[call], times=times)

    def count(self, call: str) -> int:
        return len(self.sandbox.admin.requests(endpoint=self.ENDPOINTS[call]))

    def links(self) -> int:
        return len(self.sandbox.admin.links())

    def stranger(self) -> Gateway:
        return make_client(self.sandbox.base_url, secret_key="FLWSECK_TEST-wrong-X")


class StripeStage:
    CALLS: ClassVar = {
        "open": "POST /checkout/sessions",
        "refund": "POST /refunds",
        "refunds": "GET /refunds",
        "charges": "GET /checkout/sessions",
    }

    def __init__(self, fake: StripeFake) -> None:
        self.fake, self.gateway = fake, stripe_client(fake)

    def pay(self, tx_ref: str, *, approve: bool = True) -> None:
        self.fake.pay(tx_ref, status="succeeded" if approve else "failed")

    def end_refunds(self) -> None:
        self.fake.end_refunds()

    def set_balance(self, amount: int) -> None:
        self.fake.balance = amount

    def fault(self, name: str, call: str, *, times: int = 1) -> None:
        self.fake.faults += [(name, self.CALLS[call])] * times

    def count(self, call: str) -> int:
        return sum(f"{method} {path}" == self.CALLS[call] for method, path, _ in self.fake.requests)

    def links(self) -> int:
        return len(self.fake.sessions)

    def stranger(self) -> Gateway:
        return stripe_client(self.fake, secret_key="sk_test_wrong")


def stripe_client(fake: StripeFake, **changes: Any) -> Stripe:
    hosts = [fake.address.removeprefix("http://")]
    values = {"base_url": f"{fake.address}/v1", "secret_key": STRIPE_KEY, "checkout_hosts": hosts}
    return Stripe(**{**values, "timeouts": (1.0, 1.5), **changes})


@pytest.fixture(scope="module")
def quick_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("both"), refund_seconds=30) as running:
        yield running


@pytest.fixture(params=["flutterwave", "stripe"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "flutterwave":
        sandbox = request.getfixturevalue("quick_sandbox")
        sandbox.admin.reset()
        yield FlutterwaveStage(sandbox)
        return
    with running_stripe() as fake:
        yield StripeStage(fake)


@pytest.fixture
def link(stage: Stage) -> str:
    return stage.gateway.open_checkout(checkout())


@pytest.fixture
def charge_id(stage: Stage, link: str) -> str:
    stage.pay(TX_REF)
    (charge,) = stage.gateway.list_charges(TX_REF)
    return charge.gateway_tx_id


def listed(stage: Stage, charge_id: str) -> list[tuple[int, str]]:
    found = stage.gateway.list_refunds(charge_id, clock.now() - timedelta(days=1))
    return sorted((int(refund.amount), refund.outcome.value) for refund in found)


def test_a_success_is_read_in_our_words(stage: Stage, link: str) -> None:
    assert stage.gateway.list_charges(TX_REF) == []
    stage.pay(TX_REF)
    (charge,) = stage.gateway.list_charges(TX_REF)
    assert (charge.tx_ref, charge.status, charge.amount, charge.currency) == (TX_REF, "successful", 6500, "XAF")
    assert isinstance(charge.fee, Decimal)
    assert charge.settled == charge.amount - charge.fee


def test_every_try_is_seen_oldest_first_and_none_of_others(stage: Stage, link: str) -> None:
    stage.gateway.open_checkout(checkout("AP-TEST-10"))
    stage.pay("AP-TEST-10")
    stage.pay(TX_REF, approve=False)
    assert [charge.status for charge in stage.gateway.list_charges(TX_REF)] == ["failed"]
    stage.pay(TX_REF)
    charges = stage.gateway.list_charges(TX_REF)
    assert [charge.status for charge in charges] == ["failed", "successful"]
    assert len({charge.gateway_tx_id for charge in charges}) == 2


def test_a_link_is_closed_once(stage: Stage, link: str) -> None:
    stage.gateway.disable_link(link)
    with pytest.raises(GatewayRefused):
        stage.gateway.disable_link(link)


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE])
def test_an_opening_without_an_answer_is_uncertain_and_one_call(stage: Stage, fault: str) -> None:
    stage.fault(fault, "open")
    with pytest.raises(GatewayUncertain):
        stage.gateway.open_checkout(checkout())
    assert (stage.count("open"), stage.links()) == (1, 1 if fault in DONE else 0)


def test_too_many_calls_are_a_refusal_and_nothing_was_opened(stage: Stage) -> None:
    stage.fault("rate_limited", "open")
    with pytest.raises(GatewayNotNow):
        stage.gateway.open_checkout(checkout())
    assert stage.links() == 0


def test_a_wrong_key_is_a_refusal_and_never_an_empty_list(stage: Stage) -> None:
    with pytest.raises(GatewayRefused):
        stage.stranger().list_charges(TX_REF)
    with pytest.raises(GatewayRefused):
        stage.stranger().open_checkout(checkout())


@pytest.mark.parametrize("fault", ["request_lost", "response_lost", "unavailable", "rate_limited", "truncated"])
def test_a_question_is_repeated_and_then_answered(stage: Stage, link: str, fault: str) -> None:
    stage.pay(TX_REF)
    stage.fault(fault, "charges", times=2)
    assert [charge.status for charge in stage.gateway.list_charges(TX_REF)] == ["successful"]


@pytest.mark.parametrize("fault", ["request_lost", "unavailable", "rate_limited", "null_data"])
def test_a_question_without_an_answer_is_never_taken_for_nothing(stage: Stage, link: str, fault: str) -> None:
    stage.pay(TX_REF, approve=False)
    stage.fault(fault, "charges", times=9)
    with pytest.raises(GatewayError):
        stage.gateway.list_charges(TX_REF)


def test_five_failures_in_a_row_open_the_breaker(stage: Stage) -> None:
    stage.fault("unavailable", "open", times=5)
    for number in range(5):
        assert stage.gateway.is_up()
        with suppress(GatewayUncertain):
            stage.gateway.open_checkout(checkout(f"AP-TEST-{number}"))
    assert not stage.gateway.is_up()
    with pytest.raises(GatewayError):
        stage.gateway.open_checkout(checkout("AP-TEST-9"))
    assert stage.count("open") == 5


def test_a_refund_is_sent_and_later_a_success(stage: Stage, charge_id: str) -> None:
    refund = stage.gateway.refund(charge_id, 3000, "XAF", "AuraPark refund 1")
    assert (refund.charge_id, refund.amount, refund.outcome) == (charge_id, 3000, RefundOutcome.SENT)
    stage.end_refunds()
    assert stage.gateway.get_refund(refund.refund_id).outcome == RefundOutcome.SUCCEEDED
    assert listed(stage, charge_id) == [(3000, "succeeded")]


def test_two_equal_refunds_on_purpose_are_two(stage: Stage, charge_id: str) -> None:
    ids = {stage.gateway.refund(charge_id, 1000, "XAF", "AuraPark refund 1").refund_id for _ in range(2)}
    assert len(ids) == 2
    assert [amount for amount, _ in listed(stage, charge_id)] == [1000, 1000]


def test_more_than_the_charge_is_refused_for_good(stage: Stage, charge_id: str) -> None:
    stage.gateway.refund(charge_id, 6500, "XAF", "AuraPark refund 1")
    with pytest.raises(GatewayRefused) as refusal:
        stage.gateway.refund(charge_id, 1, "XAF", "AuraPark refund 2")
    assert not isinstance(refusal.value, GatewayNotNow)


def test_too_little_balance_is_its_own_error(stage: Stage, charge_id: str) -> None:
    stage.set_balance(2999)
    with pytest.raises(ShortOfFunds):
        stage.gateway.refund(charge_id, 3000, "XAF", "AuraPark refund 1")
    stage.set_balance(3000)
    assert stage.gateway.refund(charge_id, 3000, "XAF", "AuraPark refund 1").outcome == RefundOutcome.SENT


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE])
def test_a_lost_answer_to_a_refund_is_uncertain_and_the_list_tells(stage: Stage, charge_id: str, fault: str) -> None:
    stage.fault(fault, "refund")
    with pytest.raises(GatewayUncertain):
        stage.gateway.refund(charge_id, 3000, "XAF", "AuraPark refund 1")
    assert stage.count("refund") == 1
    assert [amount for amount, _ in listed(stage, charge_id)] == ([3000] if fault in DONE else [])


def test_a_refund_that_may_be_tried_again_did_not_happen(stage: Stage, charge_id: str) -> None:
    stage.fault("rate_limited", "refund")
    with pytest.raises(GatewayNotNow):
        stage.gateway.refund(charge_id, 3000, "XAF", "AuraPark refund 1")
    assert listed(stage, charge_id) == []


def test_a_long_list_of_refunds_is_read_to_its_end(stage: Stage, charge_id: str) -> None:
    for _ in range(12):
        stage.gateway.refund(charge_id, 100, "XAF", "AuraPark refund 1")
    assert [amount for amount, _ in listed(stage, charge_id)] == [100] * 12


@pytest.mark.parametrize("given", ["../balances", "12/34", "", "re_../x", "re_1?x=1", "@host"])
def test_an_id_that_is_none_goes_into_no_address(stage: Stage, given: str) -> None:
    with pytest.raises(GatewayRefused):
        stage.gateway.get_refund(given)
    with pytest.raises(GatewayRefused):
        stage.gateway.refund(given, 100, "XAF", "AuraPark")
    assert stage.count("refund") == 0
