"""The refund calls against the sandbox: every outcome, every broken answer; one POST is one POST, whatever happens."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from aurapark import clock
from aurapark.breaker import Breaker
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.payments.flutterwave import Flutterwave
from aurapark.payments.flutterwave_refunds import outcome_of
from aurapark.payments.gateway import (
    GatewayNotNow,
    GatewayRefused,
    GatewayUncertain,
    RefundOutcome,
    ShortOfFunds,
)

PATIENCE = (2.0, 2.0)


@dataclass
class Till:
    """A sandbox with one charge of 8,000 XAF, and a client of it."""

    sandbox: RunningSandbox
    gateway: Flutterwave
    charge_id: str

    def posts(self) -> int:
        return len(self.sandbox.admin.requests(endpoint="refund"))

    def listed(self) -> list[tuple[int, str]]:
        since = clock.now() - timedelta(days=1)
        found = self.gateway.list_refunds(self.charge_id, since)
        return sorted((int(refund.amount), refund.outcome.value) for refund in found)

    def refund(self, amount: int = 3000) -> RefundOutcome:
        return self.gateway.refund(self.charge_id, amount, "XAF", "AuraPark").outcome


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), refund_seconds=0) as running:
        yield running


@pytest.fixture
def till(sandbox: RunningSandbox) -> Till:
    sandbox.admin.reset()
    gateway = Flutterwave(
        base_url=sandbox.base_url,
        secret_key=sandbox.settings.secret_key,
        checkout_hosts=[],
        mail_domain="tickets.aurapark.example",
        timeouts=PATIENCE,
        breaker=Breaker(),
    )
    charge = sandbox.admin.make_charge("AP-REFUND-1", 8000)
    return Till(sandbox, gateway, str(charge["id"]))


@pytest.mark.parametrize(
    ("status", "meta", "means"),
    [
        ("completed", {"source": "availablebalance"}, "sent"),
        ("completed", '{"disburse_status":"failed"}', "failed"),
        ("completed-momo", {"disburse_status": "failed"}, "failed"),
        ("completed", "no JSON {", "sent"),
        ("completed", None, "sent"),
        *[(word, None, "sent") for word in ("new", "pending", "processing", "pending-momo", "completed-other", "")],
        *[(word, "[]", "failed") for word in ("failed", "cancelled", "rejected")],
        *[(f"completed-{by}", None, "succeeded") for by in ("momo", "bank-transfer", "mpgs", "offline", "preauth")],
    ],
)
def test_their_words(status: str, meta: object, means: str) -> None:
    assert outcome_of(status, meta) == means


def test_a_new_refund_is_sent_and_not_yet_a_success(till: Till) -> None:
    refund = till.gateway.refund(till.charge_id, 3000, "XAF", "AuraPark 7K3QF9")
    assert (refund.outcome, refund.status, refund.charge_id) == (RefundOutcome.SENT, "completed", till.charge_id)
    till.sandbox.admin.wait_until_idle()
    assert till.gateway.get_refund(refund.refund_id).outcome == RefundOutcome.SUCCEEDED
    assert till.listed() == [(3000, "succeeded")]
    (request,) = till.sandbox.admin.requests(endpoint="refund")
    assert json.loads(request["body"]) == {"amount": 3000, "comments": "AuraPark 7K3QF9"}


@pytest.mark.parametrize(
    ("fault", "values", "means"),
    [
        ("refund_fails", {}, "failed"),
        ("refund_fails", {"status": "rejected"}, "failed"),
        ("refund_disburse_failed", {}, "failed"),
        ("refund_stays", {"status": "pending-momo"}, "sent"),
        ("refund_stays", {}, "sent"),
    ],
)
def test_every_way_a_refund_can_end(till: Till, fault: str, values: dict[str, str], means: str) -> None:
    till.sandbox.admin.fault(fault, **values)
    refund = till.gateway.refund(till.charge_id, 3000, "XAF", "AuraPark")
    till.sandbox.admin.wait_until_idle()
    assert till.gateway.get_refund(refund.refund_id).outcome == means


def test_the_old_names_are_read(till: Till) -> None:
    refund = till.gateway.refund(till.charge_id, 3000, "XAF", "AuraPark")
    till.sandbox.admin.wait_until_idle()
    till.sandbox.admin.fault("refund_old_names", times=None)
    assert till.listed() == [(3000, "succeeded")]
    assert till.gateway.get_refund(refund.refund_id).amount == 3000


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ("request_lost", False),
        ("response_lost", True),
        ("timeout_after_doing", True),
        ("unavailable", False),
        ("server_error", False),
        ("truncated", True),
        ("null_data", True),
        ("redirect", False),
    ],
)
def test_a_lost_answer_is_uncertain_and_never_repeated(till: Till, fault: str, done: bool) -> None:
    values = {"timeout_after_doing": {"seconds": 0}, "redirect": {"to": till.sandbox.address}}.get(fault, {})
    till.sandbox.admin.fault(fault, endpoint="refund", **values)
    with pytest.raises(GatewayUncertain):
        till.refund()
    assert till.posts() == 1
    till.sandbox.admin.wait_until_idle()
    assert till.listed() == ([(3000, "succeeded")] if done else [])


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refusal_that_is_not_about_the_refund_can_be_tried_again(till: Till, status: int) -> None:
    till.sandbox.admin.fault("refuse", endpoint="refund", status=status)
    with pytest.raises(GatewayNotNow):
        till.refund()
    assert till.posts() == 1
    assert till.refund() == RefundOutcome.SENT


def test_too_little_balance_is_its_own_error(till: Till) -> None:
    till.sandbox.admin.set_balance(2999)
    with pytest.raises(ShortOfFunds):
        till.refund()
    assert till.posts() == 1
    till.sandbox.admin.set_balance(3000)
    assert till.refund() == RefundOutcome.SENT


def test_too_much_is_refused_for_good(till: Till) -> None:
    till.refund(8000)
    with pytest.raises(GatewayRefused) as refusal:
        till.refund(1)
    assert not isinstance(refusal.value, GatewayNotNow)


def test_a_refusal_stands_when_the_balance_cannot_be_read(till: Till) -> None:
    till.sandbox.admin.set_balance(0)
    till.sandbox.admin.fault("server_error", endpoint="balances", times=None)
    with pytest.raises(GatewayRefused) as refusal:
        till.refund()
    assert not isinstance(refusal.value, GatewayNotNow)


@pytest.mark.parametrize("fault", ["request_lost", "response_lost", "unavailable", "rate_limited", "truncated"])
def test_reading_is_repeated(till: Till, fault: str) -> None:
    till.refund()
    till.sandbox.admin.wait_until_idle()
    till.sandbox.admin.fault(fault, endpoint="refunds")
    assert till.listed() == [(3000, "succeeded")]


def test_a_list_that_says_nothing_is_not_an_empty_list(till: Till) -> None:
    till.sandbox.admin.fault("null_data", endpoint="refunds", times=None)
    with pytest.raises(GatewayUncertain):
        till.listed()


def test_a_list_of_several_pages_is_read_to_its_end(till: Till) -> None:
    for _ in range(12):
        till.refund(100)
    till.sandbox.admin.wait_until_idle()
    assert till.listed() == [(100, "succeeded")] * 12


def test_refunds_of_other_charges_are_left_out(till: Till) -> None:
    other = till.sandbox.admin.make_charge("AP-REFUND-2", 8000)
    till.gateway.refund(str(other["id"]), 3000, "XAF", "AuraPark")
    rows = [{"id": 1, "tx_id": other["id"], "amount_refunded": 3000, "status": "completed", "meta": None}]
    body = {"status": "success", "message": "", "data": rows, "meta": {"page_info": {"total_pages": 1}}}
    till.sandbox.admin.fault("answer", endpoint="refunds", body=body)
    assert till.listed() == []


@pytest.mark.parametrize("refund_id", ["../balances", "12/34", "", "9" * 30])
def test_an_id_that_is_none_goes_into_no_address(till: Till, refund_id: str) -> None:
    with pytest.raises(GatewayRefused):
        till.gateway.get_refund(refund_id)
    with pytest.raises(GatewayRefused):
        till.gateway.refund(refund_id, 100, "XAF", "AuraPark")
    assert till.posts() == 0
