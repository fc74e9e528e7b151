"""Charges with the wrong money, and money that comes when nobody expects it."""

from typing import Any

import pytest

from tests.sandbox.conftest import Merchant, Receiver


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ("underpaid", {"amount": 100, "currency": "XAF", "charged_amount": 100}),
        ("overpaid", {"amount": 7500, "currency": "XAF", "charged_amount": 7500}),
        ("other_currency", {"amount": 6500, "currency": "NGN"}),
        ("charged_amount", {"amount": 6500, "charged_amount": 6650, "amount_settled": 6370}),
        ("payer_bears_fee", {"amount": 6500, "charged_amount": 6630, "merchant_fee": 130, "amount_settled": 6500}),
        ("amount_as_string", {"amount": "6500", "charged_amount": 6500}),
    ],
)
def test_money_fault(merchant: Merchant, receiver: Receiver, fault: str, shown: dict[str, Any]) -> None:
    merchant.sandbox.admin.fault(fault)
    data = merchant.verify(merchant.paid()).json()["data"]
    assert data.items() >= shown.items()
    assert data["status"] == "successful"
    announced = receiver.wait_for(1)[0].body["data"]
    assert (announced["amount"], announced["currency"]) == (data["amount"], data["currency"])
    assert merchant.verify(merchant.paid("AP-2")).json()["data"]["amount"] == 6500


def test_amount_with_a_decimal_point(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("amount_as_float")
    assert '"amount": 6500.0,' in merchant.verify(merchant.paid()).text


def test_money_faults_combine_and_take_their_parameters(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("underpaid", amount=6499)
    merchant.sandbox.admin.fault("other_currency", currency="XOF")
    data = merchant.verify(merchant.paid()).json()["data"]
    assert (data["amount"], data["currency"]) == (6499, "XOF")


def test_the_payer_can_pay_any_amount(merchant: Merchant) -> None:
    data = merchant.verify(merchant.paid(amount=100, currency="NGN")).json()["data"]
    assert (data["amount"], data["currency"]) == (100, "NGN")


def test_success_after_cancel(merchant: Merchant) -> None:
    merchant.link()
    admin = merchant.sandbox.admin
    admin.pay("AP-1", outcome="late", delay=60)
    left = admin.pay("AP-1", outcome="cancel")
    assert left["redirect_url"].endswith("/return?status=cancelled&tx_ref=AP-1")
    admin.advance(60)
    assert merchant.verify_by_reference().json()["data"]["status"] == "successful"


def test_success_after_the_session(merchant: Merchant, receiver: Receiver) -> None:
    merchant.link()
    admin = merchant.sandbox.admin
    admin.pay("AP-1", outcome="late", delay=1200)
    admin.advance(901)
    assert merchant.verify_by_reference().json()["data"]["status"] == "failed"
    admin.advance(300)
    assert merchant.verify_by_reference().json()["data"]["status"] == "successful"
    assert [webhook.status for webhook in receiver.wait_for(2)] == ["failed", "successful"]


def test_the_session_may_leave_attempts_pending(merchant: Merchant) -> None:
    admin = merchant.sandbox.admin
    admin.fault("session_keeps_pending")
    merchant.link()
    admin.pay("AP-1", outcome="late", delay=1200)
    admin.advance(901)
    assert merchant.verify_by_reference().json()["data"]["status"] == "pending"
    admin.advance(300)
    assert merchant.verify_by_reference().json()["data"]["status"] == "successful"


def test_a_disabled_link_does_not_recall_the_prompt(merchant: Merchant) -> None:
    link = merchant.link()
    merchant.sandbox.admin.pay("AP-1", outcome="late", delay=60)
    merchant.call("POST", "/payments/link/disable", json={"link": link})
    merchant.sandbox.admin.advance(60)
    assert merchant.verify_by_reference().json()["data"]["status"] == "successful"


def test_two_successes_under_one_tx_ref(merchant: Merchant) -> None:
    first, second = merchant.paid(), merchant.sandbox.admin.pay("AP-1")["charge"]["id"]
    rows = merchant.get("/transactions", tx_ref="AP-1", status="successful").json()["data"]
    assert [row["id"] for row in rows] == [str(second), str(first)]


def test_success_on_an_old_link(merchant: Merchant) -> None:
    merchant.link("AP-1")
    merchant.link("AP-2")
    assert merchant.sandbox.admin.pay("AP-1")["link_state"] == "paid"


def test_success_is_final_and_a_failure_is_not(merchant: Merchant, receiver: Receiver) -> None:
    merchant.link()
    admin = merchant.sandbox.admin
    failed = admin.pay("AP-1", outcome="refuse")["charge"]
    assert failed["status"] == "failed"
    assert admin.succeed(failed["id"])["status"] == "successful"
    assert admin.succeed(failed["id"])["status"] == "successful"
    assert [webhook.status for webhook in receiver.wait_for(2)] == ["failed", "successful"]
    admin.wait_until_idle()
    assert len(receiver.received) == 2


def test_a_late_refusal_does_not_undo_a_success(merchant: Merchant, receiver: Receiver) -> None:
    merchant.link()
    admin = merchant.sandbox.admin
    charge = admin.pay("AP-1", outcome="refuse", delay=60)["charge"]
    admin.succeed(charge["id"])
    admin.advance(60)
    assert merchant.verify(charge["id"]).json()["data"]["status"] == "successful"
    assert [webhook.status for webhook in receiver.wait_for(1)] == ["successful"]


def test_a_charge_out_of_the_blue(merchant: Merchant, receiver: Receiver) -> None:
    charge = merchant.sandbox.admin.make_charge("FOREIGN-1", 500, currency="NGN", created_at="2026-01-02T03:04:05Z")
    data = merchant.verify(charge["id"]).json()["data"]
    assert (data["tx_ref"], data["amount"], data["created_at"]) == ("FOREIGN-1", 500, "2026-01-02T03:04:05.000Z")
    assert receiver.wait_for(1)[0].body["data"]["tx_ref"] == "FOREIGN-1"
