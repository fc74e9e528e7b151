"""Transfers: queued is not paid, a repeat is a second one, and one event tells both endings."""

from typing import Any

import pytest

from tests.sandbox.conftest import Merchant, Receiver

WANTED = {
    "account_bank": "FMM",
    "account_number": "237670000000",
    "beneficiary_name": "Etoile du Wouri",
    "amount": 100_000,
    "currency": "XAF",
    "narration": "AuraPark 2026-10",
    "reference": "AP-P1",
}


def send(merchant: Merchant, **changes: Any) -> Any:
    return merchant.call("POST", "/transfers", json={**WANTED, **changes})


def sent(merchant: Merchant, **changes: Any) -> dict[str, Any]:
    return dict(send(merchant, **changes).json()["data"])


def read(merchant: Merchant, transfer_id: int) -> dict[str, Any]:
    return dict(merchant.get(f"/transfers/{transfer_id}").json()["data"])


def available(merchant: Merchant) -> float:
    return float(merchant.sandbox.admin.balance()["available"])


def test_a_transfer_is_new_at_first_then_pending_then_successful(merchant: Merchant, receiver: Receiver) -> None:
    before = available(merchant)
    answer = send(merchant).json()
    made = answer["data"]
    assert (answer["status"], answer["message"]) == ("success", "Transfer Queued Successfully")
    assert (made["status"], made["reference"], made["amount"], made["fee"]) == ("NEW", "AP-P1", 100_000, 100)
    assert made["full_name"] == "Etoile du Wouri"
    assert available(merchant) == before - 100_100
    merchant.sandbox.admin.advance(5)
    assert read(merchant, made["id"])["status"] == "PENDING"
    assert receiver.received == []
    merchant.sandbox.admin.advance(5)
    ended = read(merchant, made["id"])
    assert (ended["status"], ended["complete_message"]) == ("SUCCESSFUL", "Successful")
    webhook = receiver.wait_for(1)[0].body
    assert (webhook["event"], webhook["event.type"]) == ("transfer.completed", "Transfer")
    assert (webhook["data"]["id"], webhook["data"]["fullname"]) == (made["id"], "Etoile du Wouri")
    assert "full_name" not in webhook["data"]


def test_a_failure_has_the_same_event_and_gives_the_money_back(merchant: Merchant, receiver: Receiver) -> None:
    before = available(merchant)
    merchant.sandbox.admin.fault("transfer_fails", message="DISBURSE FAILED: wallet closed")
    made = sent(merchant)
    merchant.sandbox.admin.advance(10)
    webhook = receiver.wait_for(1)[0].body
    assert (webhook["event"], webhook["data"]["status"]) == ("transfer.completed", "FAILED")
    assert read(merchant, made["id"])["complete_message"] == "DISBURSE FAILED: wallet closed"
    assert available(merchant) == before


def test_a_wallet_needs_the_name_of_its_holder(merchant: Merchant) -> None:
    made = sent(merchant, beneficiary_name=None)
    merchant.sandbox.admin.advance(10)
    ended = read(merchant, made["id"])
    assert (ended["status"], ended["complete_message"]) == ("FAILED", "beneficiary_name is required")


@pytest.mark.parametrize(
    ("reference", "minutes", "ends"),
    [
        ("A_PMCK", 10, "SUCCESSFUL"),
        ("A_PMCK_ST_F", 10, "FAILED"),
        ("A_PMCKDU_1", 1, "SUCCESSFUL"),
        ("A_PMCK_ST_FDU_2", 2, "FAILED"),
    ],
)
def test_the_tricks_of_the_reference(merchant: Merchant, reference: str, minutes: int, ends: str) -> None:
    made = sent(merchant, reference=reference)
    merchant.sandbox.admin.advance(minutes * 60 - 1)
    assert read(merchant, made["id"])["status"] == "PENDING"
    merchant.sandbox.admin.advance(1)
    assert read(merchant, made["id"])["status"] == ends


def test_a_transfer_may_stay_where_it_is(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("transfer_stays")
    made = sent(merchant)
    merchant.sandbox.admin.advance(86_400)
    assert read(merchant, made["id"])["status"] == "PENDING"


def test_a_repeat_sends_again_unless_a_switch_forbids_it(merchant: Merchant) -> None:
    assert sent(merchant)["id"] != sent(merchant)["id"]
    merchant.sandbox.admin.fault("duplicate_reference")
    assert send(merchant).status_code == 400
    assert [one["reference"] for one in merchant.sandbox.admin.transfers()] == ["AP-P1", "AP-P1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": None},
        {"currency": None},
        {"account_number": ""},
        {"account_bank": "XX9"},
        {"narration": "x" * 101},
        {"reference": "x" * 101},
        {"destination_branch_code": "x" * 11},
    ],
)
def test_what_it_refuses(merchant: Merchant, changes: dict[str, Any]) -> None:
    refused = send(merchant, **changes)
    assert (refused.status_code, refused.json()["status"]) == (400, "error")
    assert merchant.sandbox.admin.transfers() == []


def test_too_little_balance_counts_the_fee(merchant: Merchant) -> None:
    merchant.sandbox.admin.set_balance(100_099)
    assert send(merchant).status_code == 400
    merchant.sandbox.admin.set_balance(100_100)
    assert send(merchant).status_code == 200
    assert merchant.sandbox.admin.balance()["transfers"] == "100100"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("transfer_not_whitelisted", "Please enable IP Whitelisting to access this service"),
        ("transfer_blacklisted", "Payout was made to a blacklisted account number"),
    ],
)
def test_who_may_not_send_and_who_may_not_receive(merchant: Merchant, fault: str, says: str) -> None:
    merchant.sandbox.admin.fault(fault)
    refused = send(merchant)
    assert (refused.status_code, refused.json()["message"]) == (400, says)
    assert send(merchant).status_code == 200


def test_a_transfer_may_take_long(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("transfer_seconds", seconds=3600)
    made = sent(merchant)
    merchant.sandbox.admin.advance(3599)
    assert read(merchant, made["id"])["status"] == "PENDING"
    merchant.sandbox.admin.advance(1)
    assert read(merchant, made["id"])["status"] == "SUCCESSFUL"


def test_the_list_is_newest_first_and_reference_filters_nothing(merchant: Merchant) -> None:
    made = [sent(merchant, reference=f"AP-P{number}", amount=1000)["id"] for number in range(12)]
    first = merchant.get("/transfers", reference="AP-P1").json()
    assert [row["id"] for row in first["data"]] == made[:1:-1]
    assert first["meta"]["page_info"] == {"total": 12, "current_page": 1, "total_pages": 2}
    merchant.sandbox.admin.advance(10)
    assert merchant.get("/transfers", status="FAILED").json()["data"] == []
    assert merchant.get("/transfers", to="2020-01-01").json()["data"] == []
    assert merchant.get("/transfers/7").status_code == 400


def test_a_retry_is_a_row_of_its_own(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("transfer_fails")
    made = sent(merchant)
    assert merchant.call("POST", f"/transfers/{made['id']}/retries").status_code == 400
    merchant.sandbox.admin.advance(10)
    again = merchant.call("POST", f"/transfers/{made['id']}/retries").json()["data"]
    assert (again["reference"], again["status"], again["amount"]) == ("AP-P1_RETRY_1", "NEW", 100_000)
    assert again["id"] != made["id"]


def test_banks_branches_and_fees(merchant: Merchant) -> None:
    banks = merchant.get("/banks/CM").json()["data"]
    assert {"id", "code", "name"} == set(banks[0])
    assert merchant.get("/banks/GA").json()["data"] == []
    assert merchant.get(f"/banks/{banks[0]['id']}/branches").json()["data"][0]["bank_id"] == banks[0]["id"]
    assert merchant.get("/banks/1/branches").status_code == 400
    fee = merchant.get("/transfers/fee", amount=1000, currency="XAF", type="mobilemoney").json()["data"]
    assert fee == [{"currency": "XAF", "fee_type": "value", "fee": 100}]
    assert sent(merchant, account_bank=banks[0]["code"])["fee"] == 500


def test_a_transfer_may_come_back(merchant: Merchant, receiver: Receiver) -> None:
    before, made = available(merchant), sent(merchant)
    merchant.sandbox.admin.advance(10)
    merchant.sandbox.admin.return_transfer(made["id"])
    assert [webhook.status for webhook in receiver.wait_for(2)] == ["SUCCESSFUL", "FAILED"]
    assert available(merchant) == before


def test_an_answer_may_be_lost_and_the_transfer_made(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("timeout_after_doing", endpoint="transfer", seconds=0)
    assert send(merchant).status_code == 503
    (call,) = merchant.sandbox.admin.requests(endpoint="transfer", tx_ref="AP-P1")
    assert (call["done"], len(merchant.sandbox.admin.transfers(tx_ref="AP-P1"))) == (True, 1)
