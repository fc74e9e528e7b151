"""Verify by id and by reference: shapes, and which attempt is shown."""

import pytest

from tests.sandbox.conftest import Merchant

NOT_FOUND = {"status": "error", "message": "No transaction was found for this id", "data": None}


def test_mobile_money_looks_as_captured(merchant: Merchant) -> None:
    charge_id = merchant.paid(phone="6 70 00 00 00", method="orange")
    answer = merchant.verify(charge_id)
    assert answer.json() == merchant.verify_by_reference().json()
    assert (answer.json()["status"], answer.json()["message"]) == ("success", "Transaction fetched successfully")
    data = answer.json()["data"]
    assert isinstance(data["id"], int)
    assert isinstance(data["account_id"], int)
    assert (data["status"], data["payment_type"], data["auth_model"]) == ("successful", "mobilemoneysn", "AUTH")
    assert (data["amount"], data["currency"], data["charged_amount"]) == (6500, "XAF", 6500)
    assert (data["app_fee"], data["merchant_fee"], data["amount_settled"]) == (130, 0, 6370)
    assert data["meta"] == {
        "booking_ref": "7K3QF9",
        "attempt": 1,
        "__CheckoutInitAddress": f"{merchant.sandbox.address}/v3/hosted/pay",
    }
    assert data["customer"]["email"].startswith("ravesb_")
    assert data["customer"]["email"].endswith("_payer@example.com")
    assert data["customer"]["phone_number"] == "237670000000"
    assert "card" not in data


def test_a_card_has_its_token_and_a_fractional_fee(merchant: Merchant) -> None:
    merchant.link(amount=6510)
    merchant.sandbox.admin.pay("AP-1", method="card", card="4187 4274 1556 4246")
    data = merchant.verify_by_reference().json()["data"]
    assert (data["payment_type"], data["app_fee"], data["amount_settled"]) == ("card", 162.75, 6347.25)
    assert (data["card"]["first_6digits"], data["card"]["last_4digits"]) == ("418742", "4246")
    assert (data["card"]["type"], data["card"]["country"]) == ("VISA", "NIGERIA NG")
    assert data["card"]["token"].startswith("flw-t1nf-")


def test_nobody_tried_means_not_found_as_400(merchant: Merchant) -> None:
    merchant.link()
    for answer in (
        merchant.verify_by_reference(),
        merchant.verify(123),
        merchant.verify("abc"),
        merchant.verify("9" * 40),
    ):
        assert (answer.status_code, answer.json()) == (400, NOT_FOUND)


def test_not_found_can_be_404(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("not_found_status", value=404, times=None)
    answer = merchant.verify_by_reference()
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_a_new_charge_can_be_invisible_for_a_while(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("invisible", seconds=6)
    charge_id = merchant.paid()
    assert merchant.verify(charge_id).status_code == 400
    assert merchant.verify_by_reference().status_code == 400
    assert merchant.get("/transactions").json()["data"] == []
    merchant.sandbox.admin.advance(6)
    assert merchant.verify(charge_id).status_code == 200


def test_each_attempt_is_a_charge_and_reference_shows_the_latest(merchant: Merchant) -> None:
    merchant.link()
    failed = merchant.sandbox.admin.pay("AP-1", outcome="refuse")["charge"]
    paid = merchant.sandbox.admin.pay("AP-1")["charge"]
    assert failed["id"] != paid["id"]
    assert failed["flw_ref"] != paid["flw_ref"]
    assert merchant.verify_by_reference().json()["data"]["id"] == paid["id"]
    merchant.sandbox.admin.fault("first_attempt")
    first = merchant.verify_by_reference().json()["data"]
    assert (first["id"], first["status"]) == (failed["id"], "failed")


def test_an_unfinished_attempt_has_no_fee_yet(merchant: Merchant) -> None:
    merchant.link()
    merchant.sandbox.admin.pay("AP-1", outcome="never")
    data = merchant.verify_by_reference().json()["data"]
    assert (data["status"], data["app_fee"], data["amount_settled"]) == ("pending", None, None)


@pytest.mark.parametrize("changes", [{"tx_ref": "OTHER"}, {"status": "cancelled"}, {"meta": None}, {"amount": None}])
def test_verify_can_be_made_to_answer_anything(merchant: Merchant, changes: dict[str, object]) -> None:
    charge_id = merchant.paid()
    merchant.sandbox.admin.fault("verify_fields", changes=changes, tx_ref="AP-1")
    assert merchant.verify(charge_id).json()["data"].items() >= changes.items()
    assert merchant.verify(charge_id).json()["data"]["tx_ref"] == "AP-1"


def test_a_tx_ref_with_signs_needs_encoding_and_is_found(merchant: Merchant) -> None:
    merchant.paid("AP 1&x=2/3")
    assert merchant.verify_by_reference("AP 1&x=2/3").json()["data"]["tx_ref"] == "AP 1&x=2/3"
