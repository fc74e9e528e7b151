"""The transfer calls against the sandbox: every outcome, every broken answer; one POST is one POST."""

import json
from datetime import UTC, timedelta
from typing import Any

import pytest

from aurapark import clock
from aurapark.config import SANDBOX_SECRET_KEY
from aurapark.devstack.sandbox.running import RunningSandbox
from aurapark.payments.flutterwave_transfers import FlutterwaveTransfers, read_transfer
from aurapark.payments.gateway import GatewayError, GatewayNotNow, GatewayRefused, GatewayUncertain
from aurapark.payments.transfers import Beneficiary, TransferOrder, TransferOutcome
from tests.gateway.conftest import Player

WALLET = Beneficiary(holder="Etoile du Wouri", number="+237670000000")
BANK = Beneficiary(holder="Etoile du Wouri", number="10005000110123456789012", bank="Afriland  first bank")
YESTERDAY = clock.now().astimezone(UTC).date() - timedelta(days=1)


def order(reference: str = "AP-P1", **changes: Any) -> TransferOrder:
    values = {
        "reference": reference,
        "amount": 90_000,
        "currency": "XAF",
        "to": WALLET,
        "narration": "AuraPark 2026-10",
    }
    return TransferOrder(**{**values, **changes})


@pytest.fixture
def transfers(sandbox: RunningSandbox) -> FlutterwaveTransfers:
    return FlutterwaveTransfers(sandbox.base_url, SANDBOX_SECRET_KEY, timeouts=(1.0, 1.5))


def test_a_new_transfer_is_sent_and_not_yet_a_success(sandbox: RunningSandbox, transfers: FlutterwaveTransfers) -> None:
    made = transfers.send(order())
    assert (made.outcome, made.status, made.reference, made.fee) == (TransferOutcome.SENT, "NEW", "AP-P1", 100)
    sandbox.admin.advance(10)
    ended = transfers.get_transfer(made.transfer_id)
    assert (ended.outcome, ended.why) == (TransferOutcome.SUCCEEDED, "Successful")
    assert transfers.list_transfers(YESTERDAY) == [ended]
    (request,) = sandbox.admin.requests(endpoint="transfer")
    assert json.loads(request["body"]) == {
        "account_bank": "FMM",
        "account_number": "237670000000",
        "beneficiary_name": "Etoile du Wouri",
        "amount": 90_000,
        "currency": "XAF",
        "debit_currency": "XAF",
        "reference": "AP-P1",
        "narration": "AuraPark 2026-10",
    }


def test_a_failure_says_why(sandbox: RunningSandbox, transfers: FlutterwaveTransfers) -> None:
    sandbox.admin.fault("transfer_fails", message="DISBURSE FAILED: wallet closed")
    made = transfers.send(order())
    sandbox.admin.advance(10)
    ended = transfers.get_transfer(made.transfer_id)
    assert (ended.outcome, ended.why) == (TransferOutcome.FAILED, "DISBURSE FAILED: wallet closed")


def test_a_bank_is_found_by_its_name_or_nothing_is_sent(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers
) -> None:
    assert transfers.send(order(to=BANK)).fee == 500
    with pytest.raises(GatewayRefused):
        transfers.send(order(to=Beneficiary(holder="X", number="1", bank="A bank nobody knows")))
    assert len(sandbox.admin.requests(endpoint="transfer")) == 1


def test_can_pay_counts_the_fee(sandbox: RunningSandbox, transfers: FlutterwaveTransfers) -> None:
    sandbox.admin.set_balance(90_100)
    assert transfers.can_pay(90_000, "XAF", to_bank=False)
    assert not transfers.can_pay(90_000, "XAF", to_bank=True)
    assert not transfers.can_pay(90_001, "XAF", to_bank=False)


@pytest.mark.parametrize(
    ("fault", "raised", "made"),
    [
        ("request_lost", GatewayUncertain, 0),
        ("response_lost", GatewayUncertain, 1),
        ("timeout_after_doing", GatewayUncertain, 1),
        ("unavailable", GatewayUncertain, 0),
        ("server_error", GatewayUncertain, 0),
        ("truncated", GatewayUncertain, 1),
        ("null_data", GatewayUncertain, 1),
        ("redirect", GatewayUncertain, 0),
        ("rate_limited", GatewayNotNow, 0),
        ("transfer_not_whitelisted", GatewayRefused, 0),
        ("transfer_blacklisted", GatewayRefused, 0),
    ],
)
def test_one_post_is_one_post(
    sandbox: RunningSandbox, transfers: FlutterwaveTransfers, fault: str, raised: type[GatewayError], made: int
) -> None:
    where = {} if fault.startswith("transfer") else {"endpoint": "transfer", "seconds": 0}
    sandbox.admin.fault(fault, **where)
    with pytest.raises(raised):
        transfers.send(order())
    assert len(sandbox.admin.requests(endpoint="transfer")) == 1
    assert len(sandbox.admin.transfers()) == len(transfers.list_transfers(YESTERDAY)) == made


def test_a_long_list_is_read_to_its_end(sandbox: RunningSandbox, transfers: FlutterwaveTransfers) -> None:
    for number in range(11):
        transfers.send(order(f"AP-P{number}"))
    assert [one.reference for one in transfers.list_transfers(YESTERDAY)] == [f"AP-P{number}" for number in range(11)]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"id": "../1", "reference": "a", "amount": 1},
        {"id": 1, "reference": None, "amount": 1},
        {"id": 1, "reference": "a", "amount": "much"},
    ],
)
def test_a_row_that_cannot_be_read_is_never_overlooked(row: dict[str, Any]) -> None:
    with pytest.raises(GatewayUncertain):
        read_transfer(row)


@pytest.mark.parametrize("changes", [{"amount": 90}, {"currency": "NGN"}, {"reference": "other"}])
def test_an_answer_about_something_else_is_no_answer(player: Player, changes: dict[str, Any]) -> None:
    row = {"id": 1, "reference": "AP-P1", "amount": 90_000, "currency": "XAF", "status": "NEW", **changes}
    player.answers["/transfers"] = (200, {"status": "success", "message": "", "data": row})
    with pytest.raises(GatewayUncertain):
        FlutterwaveTransfers(player.base_url, SANDBOX_SECRET_KEY, timeouts=(1.0, 1.5)).send(order())


def test_only_digits_go_into_a_path(player: Player) -> None:
    with pytest.raises(GatewayRefused):
        FlutterwaveTransfers(player.base_url, SANDBOX_SECRET_KEY).get_transfer("../balances")
    assert player.asked == []


@pytest.mark.parametrize("status", ["NEW", "PENDING", "QUEUED", "", "successful "])
def test_a_word_we_do_not_know_is_not_final(status: str) -> None:
    row = {"id": 1, "reference": "AP-P1", "amount": 1, "currency": "XAF", "status": status}
    assert read_transfer(row).outcome == TransferOutcome.SENT
