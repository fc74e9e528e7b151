"""`POST /payments` and closing a link: what is accepted, what is refused, and in which words."""

import re

import pytest

from tests.sandbox.conftest import Merchant

UNAUTHORIZED = {"status": "error", "message": "Authorization required", "data": None}


@pytest.mark.parametrize("key", [None, "None", "FLWPUBK_TEST-5a11dbe77e57a11dbe77e57a11dbe77e-X", "wrong"])
def test_any_other_key_is_401(merchant: Merchant, key: str | None) -> None:
    merchant.key = key
    answer = merchant.open()
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert merchant.sandbox.admin.links() == []


def test_success_holds_a_link_and_nothing_else(merchant: Merchant) -> None:
    answer = merchant.open()
    body = answer.json()
    assert (answer.status_code, body["status"], body["message"]) == (200, "success", "Hosted Link")
    assert list(body["data"]) == ["link"]
    assert re.fullmatch(r"http://localhost:\d+/v3/hosted/pay/flwlnk-[0-9a-hjkmnp-tv-z]{26}", body["data"]["link"])
    assert merchant.sandbox.admin.charges() == []


@pytest.mark.parametrize("missing", ["tx_ref", "amount", "redirect_url", "customer"])
def test_a_missing_parameter_is_400_naming_none(merchant: Merchant, missing: str) -> None:
    answer = merchant.open(**{missing: None})
    expected = {"status": "error", "message": "One or more required parameters missing", "data": None}
    assert (answer.status_code, answer.json()) == (400, expected)


def test_a_body_that_is_no_json_is_400(merchant: Merchant) -> None:
    assert merchant.call("POST", "/payments", data=b"{").status_code == 400


@pytest.mark.parametrize("email", ["x@y.test", "x@y.invalid", "x@y.localhost", "no-address", "a b@c.cm", "x@nodot"])
def test_a_bad_mail_address_is_refused(merchant: Merchant, email: str) -> None:
    answer = merchant.open(customer={"email": email})
    assert answer.status_code == 400
    assert answer.json()["message"] == "customer.email: Customer email must be a valid email"


def test_example_addresses_pass_unless_switched_off(merchant: Merchant) -> None:
    order = {"customer": {"email": "7k3qf9@tickets.aurapark.example"}}
    assert merchant.open(**order).status_code == 200
    merchant.sandbox.admin.fault("refuse_example_mail", times=None)
    assert merchant.open("AP-2", **order).status_code == 400


@pytest.mark.parametrize("amount", [0, -5, "abc", True, "NaN", "Infinity", [1]])
def test_an_amount_must_be_a_number_above_zero(merchant: Merchant, amount: object) -> None:
    assert merchant.open(amount=amount).status_code == 400


def test_an_amount_may_be_a_string(merchant: Merchant) -> None:
    merchant.link(amount="7500")
    assert merchant.sandbox.admin.pay("AP-1")["charge"]["amount"] == 7500


def test_a_forgotten_currency_becomes_naira(merchant: Merchant) -> None:
    merchant.link(currency=None)
    assert merchant.sandbox.admin.pay("AP-1", method="card")["charge"]["currency"] == "NGN"
    assert "no currency: NGN" in merchant.sandbox.admin.links()[0]["flags"]


def test_an_unknown_currency_is_refused(merchant: Merchant) -> None:
    answer = merchant.open(currency="FCFA")
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid currency FCFA")


@pytest.mark.parametrize("address", ["/return", "javascript:alert(1)", "http://a b/", 'http://x";script-src *'])
def test_the_way_back_must_be_a_web_address(merchant: Merchant, address: str) -> None:
    assert merchant.open(redirect_url=address).status_code == 400


def test_unknown_fields_are_ignored(merchant: Merchant) -> None:
    assert merchant.open(colour="blue", subaccounts=[]).status_code == 200


def test_a_tx_ref_used_twice_is_accepted_unless_switched(merchant: Merchant) -> None:
    assert merchant.link() != merchant.link()
    merchant.sandbox.admin.fault("duplicate_tx_ref", tx_ref="AP-1")
    assert merchant.open("AP-1").status_code == 400
    assert merchant.open("AP-1").status_code == 200


def test_what_they_pass_over_in_silence_is_flagged(merchant: Merchant) -> None:
    merchant.link(payment_options="card, mobilemoneycm", session_duration=15)
    link = merchant.sandbox.admin.links()[0]
    assert link["methods"] == ["card"]
    assert link["flags"] == ["unknown payment option mobilemoneycm", "session_duration at top level is ignored"]


def test_a_link_can_be_disabled_once(merchant: Merchant) -> None:
    link = merchant.link()
    first = merchant.call("POST", "/payments/link/disable", json={"link": link})
    assert (first.status_code, first.json()) == (
        200,
        {"status": "success", "message": "Payment link has been disabled successfully"},
    )
    again = merchant.call("POST", "/payments/link/disable", json={"link": link})
    assert (again.status_code, again.json()["message"]) == (400, "This payment link is currently inactive")
    unknown = merchant.call("POST", "/payments/link/disable", json={"link": "flwlnk-nobody"})
    assert unknown.status_code == 400


def test_paths_that_do_not_exist_answer_with_the_envelope(merchant: Merchant) -> None:
    answer = merchant.get("/transactions/verify_by_reference/AP-1")
    assert (answer.status_code, answer.json()["status"], answer.json()["data"]) == (404, "error", None)
