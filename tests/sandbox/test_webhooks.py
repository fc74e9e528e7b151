"""Webhooks: their bodies, when they come, how often, and how they can be wrong."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Merchant, Received, Receiver

SECRET = "sandbox-webhook-secret"
HALF_HOUR = 1800


def test_mobile_money_body_as_captured(merchant: Merchant, receiver: Receiver) -> None:
    charge_id = merchant.paid()
    webhook = receiver.wait_for(1)[0]
    assert webhook.headers["verif-hash"] == SECRET
    assert webhook.headers["Content-Type"] == "application/json"
    assert set(webhook.body) == {"event", "data", "meta_data", "event.type"}
    assert (webhook.body["event"], webhook.body["event.type"]) == ("charge.completed", "MOBILEMONEYSN_TRANSACTION")
    assert webhook.body["meta_data"] == {"booking_ref": "7K3QF9", "attempt": 1}
    data = webhook.body["data"]
    assert (data["id"], data["tx_ref"], data["status"], data["amount"]) == (charge_id, "AP-1", "successful", 6500)
    assert not {"meta", "amount_settled", "card"} & set(data)


def test_card_body(merchant: Merchant, receiver: Receiver) -> None:
    merchant.paid(method="card")
    body = receiver.wait_for(1)[0].body
    assert body["event.type"] == "CARD_TRANSACTION"
    assert (body["data"]["card"]["country"], body["data"]["customer"]["phone_number"]) == ("NG", None)
    assert "token" not in body["data"]["card"]
    assert (body["data"]["auth_model"], body["data"]["payment_type"]) == ("VBVSECURECODE", "card")


def test_a_failed_attempt_is_announced_too(merchant: Merchant, receiver: Receiver) -> None:
    merchant.link()
    merchant.sandbox.admin.pay("AP-1", outcome="refuse")
    assert receiver.wait_for(1)[0].status == "failed"


@pytest.mark.parametrize("answer", [201, 204, 302, 401, 500])
def test_only_200_counts_and_three_retries_come_half_an_hour_apart(
    merchant: Merchant, receiver: Receiver, answer: int
) -> None:
    receiver.answers[:] = [answer] * 4
    admin = merchant.sandbox.admin
    merchant.paid()
    for count in (1, 2, 3, 4):
        receiver.wait_for(count)
        admin.wait_until_idle()
        admin.advance(HALF_HOUR - 1)
        assert len(receiver.received) == count
        admin.advance(1)
    admin.advance(HALF_HOUR)
    assert len(receiver.received) == 4
    delivery = admin.deliveries()[0]
    assert (delivery["state"], [trial["status"] for trial in delivery["tries"]]) == ("failed", [answer] * 4)
    assert len({webhook.raw for webhook in receiver.received}) == 1


def test_retries_end_with_the_first_200(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers[:] = [503]
    merchant.paid()
    receiver.wait_for(1)
    merchant.sandbox.admin.wait_until_idle()
    merchant.sandbox.admin.advance(HALF_HOUR)
    merchant.sandbox.admin.advance(HALF_HOUR)
    assert len(receiver.received) == 2
    assert merchant.sandbox.admin.deliveries()[0]["state"] == "delivered"


def test_retries_can_be_off(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_retries_off", times=None)
    receiver.answers[:] = [500]
    merchant.paid()
    receiver.wait_for(1)
    merchant.sandbox.admin.wait_until_idle()
    assert merchant.sandbox.admin.deliveries()[0]["state"] == "failed"


def test_a_silent_receiver_is_given_up(make_sandbox: Callable[..., Any], receiver: Receiver) -> None:
    receiver.before_answer = lambda _: time.sleep(0.4)
    with make_sandbox(webhook_timeout=0.1, webhook_retries=0) as sandbox:
        Merchant(sandbox).paid()
        receiver.wait_for(1)
        sandbox.admin.wait_until_idle()
        delivery = sandbox.admin.deliveries()[0]
    assert (delivery["state"], delivery["tries"][0]["answer"]) == ("failed", "ReadTimeout")


def test_drop(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_drop")
    merchant.paid()
    merchant.sandbox.admin.wait_until_idle()
    assert receiver.received == []
    assert merchant.sandbox.admin.deliveries()[0]["state"] == "dropped"


def test_delay(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_delay", seconds=300)
    merchant.paid()
    merchant.sandbox.admin.advance(299)
    assert receiver.received == []
    merchant.sandbox.admin.advance(1)
    receiver.wait_for(1)


def test_duplicates_one_after_the_other(merchant: Merchant, receiver: Receiver) -> None:
    running, most = [0], [0]

    def count(_: Received) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.05)
        running[0] -= 1

    receiver.before_answer = count
    merchant.sandbox.admin.fault("webhook_duplicate", count=4)
    merchant.paid()
    webhooks = receiver.wait_for(4)
    merchant.sandbox.admin.wait_until_idle()
    assert (most[0], len({webhook.raw for webhook in webhooks})) == (1, 1)


def test_duplicates_at_once(merchant: Merchant, receiver: Receiver) -> None:
    together = threading.Barrier(5)
    receiver.before_answer = lambda _: together.wait(5)  # breaks unless all five are here at the same time
    merchant.sandbox.admin.fault("webhook_duplicate", count=5, at_once=True)
    merchant.paid()
    receiver.wait_for(5)
    merchant.sandbox.admin.wait_until_idle()
    assert {delivery["state"] for delivery in merchant.sandbox.admin.deliveries()} == {"delivered"}


def test_reorder_sends_the_failure_after_the_success(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_reorder", event="charge.failed")
    merchant.link()
    merchant.sandbox.admin.pay("AP-1", outcome="refuse")
    merchant.sandbox.admin.wait_until_idle()
    assert receiver.received == []
    merchant.sandbox.admin.pay("AP-1")
    assert [webhook.status for webhook in receiver.wait_for(2)] == ["successful", "failed"]


def test_wrong_hash(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_wrong_hash")
    merchant.paid()
    assert receiver.wait_for(1)[0].headers["verif-hash"] not in ("", SECRET)


def test_no_hash(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_no_hash")
    merchant.paid()
    assert "verif-hash" not in receiver.wait_for(1)[0].headers


def test_broken_json(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_broken_json")
    merchant.paid()
    with pytest.raises(json.JSONDecodeError):
        _ = receiver.wait_for(1)[0].body


@pytest.mark.parametrize("changes", [{"amount": 65000}, {"currency": "NGN"}, {"tx_ref": "AP-2"}, {"status": "failed"}])
def test_lying_body(merchant: Merchant, receiver: Receiver, changes: dict[str, object]) -> None:
    merchant.sandbox.admin.fault("webhook_lying", changes=changes)
    truth = merchant.verify(merchant.paid()).json()["data"]
    assert receiver.wait_for(1)[0].body["data"].items() >= changes.items()
    assert (truth["amount"], truth["currency"], truth["tx_ref"], truth["status"]) == (6500, "XAF", "AP-1", "successful")


def test_unknown_tx_ref(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_unknown_tx_ref")
    merchant.paid()
    assert receiver.wait_for(1)[0].body["data"]["tx_ref"].startswith("UNKNOWN-")


def test_v2_body(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_v2")
    merchant.paid()
    body = receiver.wait_for(1)[0].body
    assert (body["txRef"], body["event.type"]) == ("AP-1", "MOBILEMONEYSN_TRANSACTION")
    assert "event" not in body


@pytest.mark.parametrize(("shape", "wrong"), [("v4", False), ("v3", False), ("v4", True)])
def test_v4_signature(merchant: Merchant, receiver: Receiver, shape: str, wrong: bool) -> None:
    merchant.sandbox.admin.fault("webhook_v4", shape=shape, wrong=wrong)
    merchant.paid()
    webhook = receiver.wait_for(1)[0]
    expected = base64.b64encode(hmac.new(SECRET.encode(), webhook.raw, hashlib.sha256).digest()).decode()
    assert (webhook.headers["flutterwave-signature"] == expected) is not wrong
    assert "verif-hash" not in webhook.headers
    data = webhook.body["data"]
    assert (data.get("reference") or data["tx_ref"], data["status"]) == (
        "AP-1",
        "succeeded" if shape == "v4" else "successful",
    )


def test_dashboard_test(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.send_webhook(test=True)
    assert receiver.wait_for(1)[0].body["event"] == "test_assess"


def test_any_body_by_hand(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.send_webhook(body={"event": "subscription.cancelled"}, hash="none")
    webhook = receiver.wait_for(1)[0]
    assert (webhook.body, "verif-hash" in webhook.headers) == ({"event": "subscription.cancelled"}, False)


def test_a_charge_announced_by_hand(merchant: Merchant, receiver: Receiver) -> None:
    charge_id = merchant.paid()
    merchant.sandbox.admin.send_webhook(charge_id=charge_id)
    first, second = receiver.wait_for(2)
    assert first.raw == second.raw


def test_the_address_can_be_changed(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.send_webhooks_to("http://localhost:9/")
    merchant.paid()
    merchant.sandbox.admin.wait_until_idle()
    assert receiver.received == []
    assert merchant.sandbox.admin.deliveries()[0]["tries"][0]["answer"] == "ConnectionError"


def test_resend_hook(merchant: Merchant, receiver: Receiver) -> None:
    charge_id = merchant.paid()
    answer = merchant.call("POST", f"/transactions/{charge_id}/resend-hook")
    assert answer.json() == {"status": "success", "message": "hook sent successfully", "data": "hook sent"}
    receiver.wait_for(2)
    waited = merchant.call("POST", f"/transactions/{charge_id}/resend-hook?wait=1")
    assert waited.json()["data"] == "noted\r\n"
    assert merchant.call("POST", "/transactions/1/resend-hook").status_code == 400


def test_webhook_before_the_answer_to_payments(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("paid_before_answer")
    asked = time.monotonic()
    receiver.before_answer = lambda _: time.sleep(0.2)
    merchant.open()
    assert time.monotonic() - asked > 0.2
    assert receiver.received[0].status == "successful"


def test_webhook_before_the_redirect(merchant: Merchant, receiver: Receiver) -> None:
    merchant.sandbox.admin.fault("webhook_before_redirect")
    receiver.before_answer = lambda _: time.sleep(0.2)
    form = {"method": "card", "card_number": "5531886652142950", "outcome": "approve"}
    asked = time.monotonic()
    answer = requests.post(merchant.link(), data=form, allow_redirects=False, timeout=5)
    assert (answer.status_code, len(receiver.received)) == (303, 1)
    assert time.monotonic() - asked > 0.2
