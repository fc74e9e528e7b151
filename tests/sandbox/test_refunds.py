"""Refunds: initiated is not returned, a repeat is a second one, and the webhook has two shapes."""

from typing import Any

import pytest

from tests.sandbox.conftest import Merchant, Receiver


@pytest.fixture
def charge_id(merchant: Merchant, receiver: Receiver) -> int:
    charge_id = merchant.paid()
    receiver.wait_for(1)
    merchant.sandbox.admin.wait_until_idle()
    receiver.clear()
    return charge_id


def read(merchant: Merchant, refund_id: int) -> dict[str, Any]:
    return merchant.get(f"/refunds/{refund_id}").json()["data"]


def test_a_refund_is_completed_at_once_and_final_later(merchant: Merchant, receiver: Receiver, charge_id: int) -> None:
    answer = merchant.refund(charge_id, amount=2000, comments="cancelled").json()
    assert (answer["status"], answer["message"]) == ("success", "Transaction refund initiated")
    made = answer["data"]
    assert (made["tx_id"], made["amount_refunded"], made["status"]) == (charge_id, 2000, "completed")
    assert made["id"] != charge_id
    assert receiver.received == []
    merchant.sandbox.admin.advance(10)
    assert read(merchant, made["id"])["status"] == "completed-momo"
    webhook = receiver.wait_for(1)[0].body
    assert (webhook["event"], webhook["data"]["id"], webhook["data"]["status"]) == (
        "refund.completed",
        made["id"],
        "completed-momo",
    )
    assert merchant.verify(charge_id).json()["data"]["status"] == "successful"


def test_a_card_refund_goes_by_its_channel(merchant: Merchant) -> None:
    refund = merchant.refund(merchant.paid("AP-2", method="card")).json()["data"]
    merchant.sandbox.admin.advance(10)
    assert (refund["amount_refunded"], read(merchant, refund["id"])["status"]) == (6500, "completed-mpgs")


def test_two_equal_calls_make_two_refunds(merchant: Merchant, charge_id: int) -> None:
    first, second = (merchant.refund(charge_id, amount=3000).json()["data"] for _ in range(2))
    assert first["id"] != second["id"]
    assert [refund["amount_refunded"] for refund in merchant.sandbox.admin.refunds()] == [3000, 3000]


def test_refunds_never_exceed_the_charge(merchant: Merchant, charge_id: int) -> None:
    assert merchant.refund(charge_id, amount=6501).status_code == 400
    assert merchant.refund(charge_id, amount=6500).status_code == 200
    assert merchant.refund(charge_id, amount=1).status_code == 400


@pytest.mark.parametrize("amount", [0, -1, "x"])
def test_a_refund_needs_an_amount_above_zero(merchant: Merchant, charge_id: int, amount: object) -> None:
    assert merchant.refund(charge_id, amount=amount).status_code == 400


def test_only_a_success_can_be_refunded(merchant: Merchant) -> None:
    merchant.link()
    failed = merchant.sandbox.admin.pay("AP-1", outcome="refuse")["charge"]["id"]
    assert merchant.refund(failed).status_code == 400
    assert merchant.refund(12).status_code == 400
    assert merchant.call("GET", f"/transactions/{failed}/refund").status_code == 405


def test_too_little_balance(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.set_balance(1000)
    refused = merchant.refund(charge_id, amount=1001)
    assert (refused.status_code, refused.json()["status"]) == (400, "error")
    assert merchant.refund(charge_id, amount=1000).status_code == 200
    assert merchant.sandbox.admin.balance()["available"] == "0"


def test_a_refund_may_fail_and_the_money_is_free_again(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("refund_fails", status="rejected")
    refund = merchant.refund(charge_id, amount=6500).json()["data"]
    before = float(merchant.sandbox.admin.balance()["available"])
    merchant.sandbox.admin.advance(10)
    assert read(merchant, refund["id"])["status"] == "rejected"
    assert float(merchant.sandbox.admin.balance()["available"]) == before + 6500
    assert merchant.refund(charge_id, amount=6500).status_code == 200


def test_disburse_failed_hides_in_meta(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("refund_disburse_failed")
    refund = merchant.refund(charge_id, amount=6500).json()["data"]
    merchant.sandbox.admin.advance(10)
    ended = read(merchant, refund["id"])
    assert (ended["status"], ended["meta"]) == ("completed", '{"disburse_status":"failed"}')
    assert merchant.refund(charge_id, amount=6500).status_code == 200


def test_a_refund_may_stay_where_it_is(merchant: Merchant, receiver: Receiver, charge_id: int) -> None:
    merchant.sandbox.admin.fault("refund_stays", status="pending-momo")
    refund = merchant.refund(charge_id).json()["data"]
    merchant.sandbox.admin.advance(86400)
    assert read(merchant, refund["id"])["status"] == "pending-momo"
    assert receiver.received == []


def test_a_refund_may_take_long(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("refund_seconds", seconds=3600)
    refund = merchant.refund(charge_id).json()["data"]
    merchant.sandbox.admin.advance(3599)
    assert read(merchant, refund["id"])["status"] == "completed"
    merchant.sandbox.admin.advance(1)
    assert read(merchant, refund["id"])["status"] == "completed-momo"


def test_flat_webhook(merchant: Merchant, receiver: Receiver, charge_id: int) -> None:
    merchant.sandbox.admin.fault("webhook_flat_refund")
    refund = merchant.refund(charge_id, amount=100).json()["data"]
    merchant.sandbox.admin.advance(10)
    assert receiver.wait_for(1)[0].body == {
        "id": refund["id"],
        "AmountRefunded": 100,
        "status": "completed-momo",
        "FlwRef": refund["flw_ref"],
        "TransactionId": charge_id,
    }


def test_old_names_when_read(merchant: Merchant, charge_id: int) -> None:
    refund = merchant.refund(charge_id, amount=100).json()["data"]
    merchant.sandbox.admin.fault("refund_old_names")
    shown = read(merchant, refund["id"])
    assert (shown["AmountRefunded"], shown["TransactionId"], "tx_id" in shown) == (100, charge_id, False)


def test_refunds_are_listed_by_charge(merchant: Merchant, charge_id: int) -> None:
    other = merchant.paid("AP-2")
    mine = [merchant.refund(charge_id, amount=amount).json()["data"]["id"] for amount in (100, 200)]
    merchant.refund(other)
    listed = merchant.get("/refunds", id=charge_id).json()
    assert [row["id"] for row in listed["data"]] == mine[::-1]
    assert listed["meta"]["page_info"] == {"total": 2, "current_page": 1, "total_pages": 1}
    assert merchant.get("/refunds", id=charge_id, status="failed").json()["data"] == []
    assert merchant.get("/refunds/1").status_code == 400
