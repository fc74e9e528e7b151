"""HTTP faults: one test each, with what was done and what was not."""

import time

import pytest
import requests

from tests.sandbox.conftest import Merchant

SUPPORT = {"status": "error", "message": "An error occurred. Please contact support", "data": None}


@pytest.fixture
def charge_id(merchant: Merchant) -> int:
    return merchant.paid()


def refunds_made(merchant: Merchant) -> int:
    return len(merchant.sandbox.admin.refunds())


def test_request_lost_does_nothing(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("request_lost", endpoint="refund")
    with pytest.raises(requests.ConnectionError):
        merchant.refund(charge_id, amount=100)
    assert refunds_made(merchant) == 0


def test_response_lost_did_it(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("response_lost", endpoint="refund")
    with pytest.raises(requests.ConnectionError):
        merchant.refund(charge_id, amount=100)
    assert refunds_made(merchant) == 1


def test_timeout_after_doing_did_it_and_answers_503(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("timeout_after_doing", endpoint="refund", seconds=0.2)
    started = time.monotonic()
    answer = merchant.refund(charge_id, amount=100)
    assert (answer.status_code, answer.json()) == (503, SUPPORT)
    assert time.monotonic() - started > 0.2
    assert refunds_made(merchant) == 1


def test_unavailable_does_nothing(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("unavailable", endpoint="refund")
    answer = merchant.refund(charge_id, amount=100)
    assert (answer.status_code, answer.json()) == (503, SUPPORT)
    assert refunds_made(merchant) == 0


@pytest.mark.parametrize("done", [False, True])
def test_server_error_is_html(merchant: Merchant, charge_id: int, done: bool) -> None:
    merchant.sandbox.admin.fault("server_error", endpoint="refund", done=done)
    answer = merchant.refund(charge_id, amount=100)
    assert (answer.status_code, answer.text[:9]) == (500, "<!doctype")
    assert refunds_made(merchant) == int(done)


def test_rate_limited(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("rate_limited", endpoint="verify")
    assert merchant.verify(charge_id).status_code == 429
    assert merchant.verify(charge_id).status_code == 200


def test_truncated_json_did_it(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("truncated", endpoint="refund")
    answer = merchant.refund(charge_id, amount=100)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert refunds_made(merchant) == 1


def test_null_data_did_it(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("null_data", endpoint="payments")
    answer = merchant.open()
    assert answer.json() == {"status": "success", "message": "Hosted Link", "data": None}
    assert len(merchant.sandbox.admin.links()) == 1


def test_slow_is_right_but_late(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("slow", endpoint="verify", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        merchant.call("GET", f"/transactions/{charge_id}/verify", timeout=0.1)
    merchant.sandbox.admin.fault("slow", endpoint="verify", seconds=0.2)
    assert merchant.verify(charge_id).json()["data"]["id"] == charge_id


def test_a_slow_answer_holds_nobody_up(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("slow", endpoint="balances", seconds=5)
    with pytest.raises(requests.ReadTimeout):
        merchant.call("GET", "/balances", timeout=0.05)
    started = time.monotonic()
    assert merchant.verify(charge_id).status_code == 200
    assert time.monotonic() - started < 1


def test_refuse(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("refuse", endpoint="payments", status=400, message="Please enable IP Whitelisting")
    answer = merchant.open()
    assert (answer.status_code, answer.json()["message"]) == (400, "Please enable IP Whitelisting")
    assert merchant.sandbox.admin.links() == []


def test_answer_anything(merchant: Merchant) -> None:
    body = {"status": "success", "message": "Hosted Link", "data": {"link": "https://elsewhere.example/pay"}}
    merchant.sandbox.admin.fault("answer", endpoint="payments", body=body)
    assert merchant.open().json() == body
    merchant.sandbox.admin.fault("answer", endpoint="payments", body="nonsense", status=202)
    assert (merchant.open("AP-2").status_code, merchant.sandbox.admin.links()[1]["tx_ref"]) == (202, "AP-2")


def test_redirect(merchant: Merchant, charge_id: int) -> None:
    merchant.sandbox.admin.fault("redirect", endpoint="verify", to="http://localhost:9/x")
    answer = merchant.verify(charge_id)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://localhost:9/x")


def test_once_n_times_always_and_skipping(merchant: Merchant) -> None:
    def outcomes(count: int) -> list[int]:
        return [merchant.get("/balances").status_code for _ in range(count)]

    admin = merchant.sandbox.admin
    admin.fault("unavailable", endpoint="balances", times=2)
    assert outcomes(3) == [503, 503, 200]
    admin.fault("rate_limited", endpoint="balances", skip=1)
    assert outcomes(3) == [200, 429, 200]
    admin.fault("unavailable", endpoint=["refunds", "balances"], times=None)
    admin.fault("rate_limited", endpoint="*")
    assert outcomes(3) == [429, 503, 503]
    assert [fault["fired"] for fault in admin.faults()] == [2, 1, 2, 1]
    admin.forget_faults()
    assert outcomes(1) == [200]


def test_a_fault_of_one_tx_ref_leaves_the_others_alone(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("unavailable", endpoint="*", tx_ref="AP-2", times=None)
    first, second = merchant.paid("AP-1"), None
    assert merchant.open("AP-2").status_code == 503
    second = merchant.sandbox.admin.make_charge("AP-2", 6500)["id"]
    assert (merchant.verify(first).status_code, merchant.verify(second).status_code) == (200, 503)
    assert (merchant.verify_by_reference("AP-2").status_code, merchant.refund(second).status_code) == (503, 503)


def test_a_call_without_the_key_takes_no_fault(merchant: Merchant) -> None:
    merchant.sandbox.admin.fault("unavailable", endpoint="balances")
    key, merchant.key = merchant.key, "wrong"
    assert merchant.get("/balances").status_code == 401
    merchant.key = key
    assert merchant.get("/balances").status_code == 503


def test_a_misspelt_fault_is_refused(merchant: Merchant) -> None:
    admin = merchant.sandbox.admin
    for wrong in ({"name": "no_such"}, {"name": "slow"}, {"name": "slow", "endpoint": "payment"}):
        with pytest.raises(requests.HTTPError, match="400"):
            admin.fault(**wrong)
