"""Our client against the running sandbox: the calls as they should be, and every HTTP fault."""

import json
import logging
from decimal import Decimal
from typing import Any

import pytest

from aurapark.config import SANDBOX_SECRET_KEY
from aurapark.devstack.sandbox.running import RunningSandbox
from aurapark.payments.flutterwave import Flutterwave
from aurapark.payments.gateway import GatewayError, GatewayRefused, GatewayUncertain
from tests.gateway.conftest import checkout, make_client

TX_REF = "AP-TEST-1"


@pytest.fixture
def link(client: Flutterwave) -> str:
    return client.open_checkout(checkout())


def sent_body(sandbox: RunningSandbox) -> dict[str, Any]:
    """The body of the one POST /payments that came."""
    (sent,) = sandbox.admin.requests(endpoint="payments")
    body: dict[str, Any] = json.loads(sent["body"])
    return body


def calls(sandbox: RunningSandbox, endpoint: str) -> int:
    return len(sandbox.admin.requests(endpoint=endpoint))


def test_a_page_is_opened_with_all_that_it_needs(client: Flutterwave, sandbox: RunningSandbox) -> None:
    link = client.open_checkout(checkout())
    assert link.startswith(sandbox.address)
    assert sent_body(sandbox) == {
        "tx_ref": TX_REF,
        "amount": 6500,
        "currency": "XAF",
        "redirect_url": "http://localhost:8000/payments/flutterwave/return",
        "payment_options": "card, mobilemoneyfranco",
        "customer": {"email": "payer@gmail.com", "phonenumber": "237670000000", "name": "A. Ngo"},
        "customizations": {"title": "AuraPark", "description": "Yaoundé – Douala, 12"},
        "meta": {"booking_ref": "7K3QF9", "attempt": 1},
        "configurations": {"session_duration": 15, "max_retry_attempt": 3},
    }
    assert sandbox.admin.links()[0]["flags"] in ([], {})


@pytest.mark.parametrize(("seconds", "minutes"), [(900, 15), (901, 16), (59, 1), (60, 1)])
def test_their_session_is_never_shorter_than_ours(
    client: Flutterwave, sandbox: RunningSandbox, seconds: int, minutes: int
) -> None:
    client.open_checkout(checkout(session_seconds=seconds))
    assert sent_body(sandbox)["configurations"]["session_duration"] == minutes


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("awa@gmail.com", "awa@gmail.com"),
        ("awa@orange.cm", "awa@orange.cm"),
        (None, "7k3qf9@tickets.aurapark.example"),
        ("", "7k3qf9@tickets.aurapark.example"),
        ("traveller@demo.aurapark", "7k3qf9@tickets.aurapark.example"),
        ("x@y.test", "7k3qf9@tickets.aurapark.example"),
        ("x@localhost", "7k3qf9@tickets.aurapark.example"),
        ("a b@gmail.com", "7k3qf9@tickets.aurapark.example"),
    ],
)
def test_an_address_they_would_refuse_is_replaced_by_ours(
    client: Flutterwave, sandbox: RunningSandbox, given: str | None, sent: str
) -> None:
    client.open_checkout(checkout(email=given))
    assert sent_body(sandbox)["customer"]["email"] == sent


def test_nobody_has_tried_yet(client: Flutterwave, link: str) -> None:
    assert client.list_charges(TX_REF) == []


@pytest.mark.parametrize("status", [400, 404])
def test_not_found_is_no_answer_of_failure(
    client: Flutterwave, sandbox: RunningSandbox, link: str, status: int
) -> None:
    sandbox.admin.fault("not_found_status", value=status)
    assert client.list_charges(TX_REF) == []


@pytest.mark.parametrize("method", ["card", "mtn", "orange"])
def test_a_success_is_verified(client: Flutterwave, sandbox: RunningSandbox, link: str, method: str) -> None:
    paid = sandbox.admin.pay(TX_REF, method=method, outcome="approve")["charge"]
    sandbox.admin.wait_until_idle()
    (charge,) = client.list_charges(TX_REF)
    assert (charge.gateway_tx_id, charge.tx_ref, charge.status) == (str(paid["id"]), TX_REF, "successful")
    assert (charge.amount, charge.currency) == (Decimal(6500), "XAF")
    assert isinstance(charge.fee, Decimal)
    assert charge.settled == charge.amount - charge.fee


@pytest.mark.parametrize("fault", [None, "first_attempt"])
def test_all_tries_of_one_reference_are_seen(
    client: Flutterwave, sandbox: RunningSandbox, link: str, fault: str | None
) -> None:
    if fault:
        sandbox.admin.fault(fault, times=None)
    sandbox.admin.pay(TX_REF, method="card", outcome="refuse")
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["failed", "successful", "successful"]
    assert len({charge.gateway_tx_id for charge in client.list_charges(TX_REF)}) == 3


def test_tries_on_several_pages_of_the_list_are_seen(client: Flutterwave, sandbox: RunningSandbox, link: str) -> None:
    for _ in range(12):
        sandbox.admin.make_charge(TX_REF, 6500, currency="XAF", status="failed", webhook=False)
    sandbox.admin.make_charge("AP-TEST-10", 6500, currency="XAF", status="successful", webhook=False)
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["failed"] * 12


@pytest.mark.parametrize(
    ("fault", "params", "amount", "currency"),
    [
        ("underpaid", {}, None, "XAF"),
        ("amount_as_string", {}, Decimal(6500), "XAF"),
        ("amount_as_float", {}, Decimal(6500), "XAF"),
        ("charged_amount", {}, Decimal(6500), "XAF"),
        ("verify_fields", {"changes": {"currency": "NGN"}}, Decimal(6500), "NGN"),
        ("verify_fields", {"changes": {"amount": 6500.25}}, Decimal("6500.25"), "XAF"),
        ("verify_fields", {"changes": {"meta": None, "app_fee": None, "amount_settled": None}}, Decimal(6500), "XAF"),
    ],
)
def test_amounts_are_exact_however_they_are_written(
    client: Flutterwave,
    sandbox: RunningSandbox,
    link: str,
    fault: str,
    params: dict[str, Any],
    amount: Decimal | None,
    currency: str,
) -> None:
    sandbox.admin.fault(fault, times=None, **params)
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    (charge,) = client.list_charges(TX_REF)
    assert charge.currency == currency
    assert charge.amount == amount if amount is not None else charge.amount < 6500


def test_a_charge_of_another_reference_never_counts(client: Flutterwave, sandbox: RunningSandbox, link: str) -> None:
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    sandbox.admin.fault("verify_fields", times=None, changes={"tx_ref": "AP-OTHER-1"})
    with pytest.raises(GatewayUncertain):
        client.list_charges(TX_REF)


def test_a_reference_is_quoted_in_the_address(client: Flutterwave, sandbox: RunningSandbox) -> None:
    assert client.list_charges("AP-1&page=2#x/../?ü") == []
    asked = sandbox.admin.requests(endpoint="verify_by_reference")[0]
    assert "AP-1&page=2#x/../?ü" in str(asked)


def test_a_link_is_closed_once(client: Flutterwave, sandbox: RunningSandbox, link: str) -> None:
    client.disable_link(link)
    with pytest.raises(GatewayRefused):
        client.disable_link(link)
    assert sandbox.admin.links()[0]["state"].lower() != "open"


# ---- faults: what is sent once stays sent once

PASSING = ["request_lost", "response_lost", "unavailable", "server_error", "rate_limited", "truncated"]
LOST = ["request_lost", "response_lost", "unavailable", "truncated", "null_data", "redirect"]


@pytest.mark.parametrize("fault", LOST)
def test_an_opening_that_makes_no_sense_is_uncertain_and_never_repeated(
    client: Flutterwave, sandbox: RunningSandbox, fault: str
) -> None:
    sandbox.admin.fault(fault, endpoint="payments", times=None)
    with pytest.raises(GatewayUncertain):
        client.open_checkout(checkout())
    assert calls(sandbox, "payments") == 1


@pytest.mark.parametrize("done", [False, True])
def test_a_server_error_in_html_is_uncertain(client: Flutterwave, sandbox: RunningSandbox, done: bool) -> None:
    sandbox.admin.fault("server_error", endpoint="payments", done=done)
    with pytest.raises(GatewayUncertain):
        client.open_checkout(checkout())
    assert calls(sandbox, "payments") == 1


@pytest.mark.parametrize("fault", ["timeout_after_doing", "slow"])
def test_an_answer_after_our_patience_is_uncertain(client: Flutterwave, sandbox: RunningSandbox, fault: str) -> None:
    sandbox.admin.fault(fault, endpoint="payments", seconds=2)
    with pytest.raises(GatewayUncertain):
        client.open_checkout(checkout())
    assert calls(sandbox, "payments") == 1


@pytest.mark.parametrize(
    ("fault", "params"), [("rate_limited", {}), ("refuse", {"status": 400}), ("refuse", {"status": 401})]
)
def test_a_clear_no_is_a_refusal(
    client: Flutterwave, sandbox: RunningSandbox, fault: str, params: dict[str, Any]
) -> None:
    sandbox.admin.fault(fault, endpoint="payments", **params)
    with pytest.raises(GatewayRefused):
        client.open_checkout(checkout())
    assert sandbox.admin.links() == []


def test_a_wrong_key_is_a_refusal_and_never_an_empty_list(sandbox: RunningSandbox) -> None:
    stranger = make_client(sandbox.base_url, secret_key="FLWSECK_TEST-wrong-X")
    with pytest.raises(GatewayRefused):
        stranger.open_checkout(checkout())
    with pytest.raises(GatewayRefused):
        stranger.list_charges(TX_REF)


@pytest.mark.parametrize("endpoint", ["verify_by_reference", "transactions", "verify"])
@pytest.mark.parametrize(
    "fault", ["request_lost", "response_lost", "unavailable", "server_error", "rate_limited", "truncated"]
)
def test_a_question_is_repeated_and_then_answered(
    client: Flutterwave, sandbox: RunningSandbox, link: str, endpoint: str, fault: str
) -> None:
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")  # two, so that one is verified by its id
    sandbox.admin.fault(fault, endpoint=endpoint, times=2)
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["successful"] * 2


@pytest.mark.parametrize("fault", [*LOST, "server_error", "rate_limited", "refuse"])
def test_a_question_without_an_answer_is_never_taken_for_nothing(
    client: Flutterwave, sandbox: RunningSandbox, link: str, fault: str
) -> None:
    sandbox.admin.pay(TX_REF, method="card", outcome="refuse")
    params = {"status": 403} if fault == "refuse" else {}
    sandbox.admin.fault(fault, endpoint="transactions", times=None, **params)
    with pytest.raises(GatewayError):
        client.list_charges(TX_REF)


def test_a_verified_success_counts_even_when_the_list_does_not_answer(
    client: Flutterwave, sandbox: RunningSandbox, link: str
) -> None:
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    sandbox.admin.fault("unavailable", endpoint="transactions", times=None)
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["successful"]


def test_a_charge_that_is_not_visible_yet_is_no_failure(
    client: Flutterwave, sandbox: RunningSandbox, link: str
) -> None:
    sandbox.admin.fault("invisible", seconds=60)
    sandbox.admin.pay(TX_REF, method="card", outcome="approve")
    assert client.list_charges(TX_REF) == []
    sandbox.admin.advance(61)
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["successful"]


def test_five_failures_in_a_row_open_the_breaker(client: Flutterwave, sandbox: RunningSandbox) -> None:
    sandbox.admin.fault("unavailable", endpoint="payments", times=None)
    for number in range(5):
        assert client.is_up()
        with pytest.raises(GatewayUncertain):
            client.open_checkout(checkout(f"AP-TEST-{number}"))
    assert not client.is_up()
    with pytest.raises(GatewayError):
        client.open_checkout(checkout("AP-TEST-9"))
    assert calls(sandbox, "payments") == 5


def test_the_log_names_calls_and_no_secret_or_person(
    client: Flutterwave, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.admin.fault("request_lost", endpoint="payments")
    with pytest.raises(GatewayUncertain) as lost:
        client.open_checkout(checkout())
    client.open_checkout(checkout("AP-TEST-2"))
    sandbox.admin.pay("AP-TEST-2", method="card", outcome="approve")
    client.list_charges("AP-TEST-2")
    written = caplog.text + str(lost.value) + repr(lost.value.__cause__)
    assert "gateway_call" in written
    for secret in (SANDBOX_SECRET_KEY, "670000000", "payer@gmail.com", "Ngo"):
        assert secret not in written
