"""Webhooks: stored as they came, answered at once, believed in nothing, worked off later."""

import hmac
import json
import time
from base64 import b64encode
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from aurapark.booking.models import Booking, BookingState, Ticket
from aurapark.checkout.sweeps import check_open_payments, forget_forged_events, process_events, process_refunds
from aurapark.checkout.webhooks import process_webhooks
from aurapark.config import SANDBOX_WEBHOOK_SECRET, Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.outbox import OutboxRow
from aurapark.payments.gateway import GatewayUncertain
from aurapark.payments.models import Payment, WebhookEvent
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import refunds
from tests.stories import check, fresh, hold, payments_of, race, start

URL = "/api/payments/webhook/flutterwave"
BASE = timedelta(seconds=10)
# The captured XAF delivery of flutterwave.md, section 6.
CAPTURED = {
    "event": "charge.completed",
    "data": {
        "id": 9396012,
        "tx_ref": "feab2181110b899bca3d7d748c51eefa",
        "flw_ref": "FLWTK43726MCK1748695213043",
        "device_fingerprint": "N/A",
        "amount": 1000,
        "currency": "XAF",
        "charged_amount": 1000,
        "app_fee": 20,
        "merchant_fee": 0,
        "processor_response": "Transaction Successful",
        "auth_model": "AUTH",
        "ip": "54.75.161.64",
        "narration": "<merchant>",
        "status": "successful",
        "payment_type": "mobilemoneysn",
        "created_at": "2025-05-31T12:40:12.000Z",
        "account_id": 2508541,
        "customer": {"id": 3304114, "name": "...", "phone_number": "237650650516", "email": "ravesb_x@gmail.com"},
    },
    "event.type": "MOBILEMONEYSN_TRANSACTION",
}


def body(tx_ref: str, *, charge_id: int = 9396012, **changes: Any) -> bytes:
    return json.dumps({**CAPTURED, "data": {**CAPTURED["data"], "id": charge_id, "tx_ref": tx_ref, **changes}}).encode()


def send(client: FlaskClient, raw: bytes, *, secret: str | None = SANDBOX_WEBHOOK_SECRET) -> int:
    headers = {} if secret is None else {"verif-hash": secret}
    return client.post(URL, data=raw, content_type="application/json", headers=headers).status_code


def events() -> list[WebhookEvent]:
    db.session.expire_all()
    return list(db.session.query(WebhookEvent).order_by(WebhookEvent.id))


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """A gateway that the sweeps use."""
    fake = FakeGateway()
    monkeypatch.setattr("aurapark.checkout.sweeps.gateway_for", lambda _settings: fake)
    return fake


@pytest.fixture
def booking(network: Network) -> Booking:
    return hold(network)


@pytest.fixture
def payment(booking: Booking, gateway: FakeGateway) -> Payment:
    return start(booking, gateway)


def work_off(settings: Settings) -> None:
    process_events(settings, 100)
    check_open_payments(settings, 10)


def test_an_event_is_stored_as_it_came_and_then_confirms(
    client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    charge = gateway.charge(payment.tx_ref, 4000)
    raw = body(payment.tx_ref, charge_id=int(charge.gateway_tx_id))
    assert send(client, raw) == 200
    (event,) = events()
    assert (event.body, event.authentic, event.processed_at, event.tx_ref) == (raw, True, None, payment.tx_ref)
    assert event.event_key == f"flutterwave:charge.completed:{charge.gateway_tx_id}:successful"
    assert gateway.asked == []
    work_off(settings)
    assert fresh(booking).state == BookingState.CONFIRMED
    (event,) = events()
    assert (event.effect, event.processed_at is not None) == ("check", True)


def test_the_same_event_five_times_at_once_is_one_event_and_one_confirmation(
    app: Flask, client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    charge = gateway.charge(payment.tx_ref, 4000)
    raw = body(payment.tx_ref, charge_id=int(charge.gateway_tx_id))
    db.session.remove()
    assert race(app, *[partial(send, app.test_client(), raw) for _ in range(5)]) == [200] * 5
    assert len(events()) == 1
    db.session.remove()
    assert race(app, *[partial(work_off, settings)] * 5) == [None] * 5
    assert fresh(booking).state == BookingState.CONFIRMED
    assert (db.session.query(Ticket).count(), db.session.query(Payment).count()) == (1, 1)
    assert sorted(row.kind for row in db.session.query(OutboxRow)) == ["mail", "sms"]


def test_an_event_known_already_makes_the_next_question_due_again(
    client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    raw = body(payment.tx_ref)
    send(client, raw)
    work_off(settings)  # too early: the gateway itself does not show the charge yet
    assert fresh(booking).state == BookingState.HELD
    gateway.charge(payment.tx_ref, 4000)
    assert send(client, raw) == 200
    work_off(settings)
    assert fresh(booking).state == BookingState.CONFIRMED
    assert len(events()) == 1


def test_a_lying_event_changes_nothing(
    client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    assert send(client, body(payment.tx_ref, amount=4000)) == 200
    work_off(settings)
    assert gateway.asked == [payment.tx_ref]
    assert fresh(booking).state == BookingState.HELD


@pytest.mark.parametrize("secret", [None, "", "wrong", SANDBOX_WEBHOOK_SECRET + "x", "é"])
def test_without_the_secret_nothing_happens(
    client: FlaskClient,
    settings: Settings,
    booking: Booking,
    payment: Payment,
    gateway: FakeGateway,
    secret: str | None,
) -> None:
    gateway.charge(payment.tx_ref, 4000)
    raw = body(payment.tx_ref, narration="x" * 5000)
    started = time.monotonic()
    assert send(client, raw, secret=secret) == 401
    assert time.monotonic() - started < 0.5
    (event,) = events()
    assert (event.authentic, event.effect, event.body) == (False, "none", raw[:1024])
    work_off(settings)
    assert gateway.asked == []
    assert events()[0].processed_at is None


def test_a_forged_event_does_not_hide_the_genuine_one(
    client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    raw = body(payment.tx_ref)
    assert send(client, raw, secret="wrong") == 401
    assert send(client, raw) == 200
    assert [event.authentic for event in events()] == [False, True]


def test_an_event_over_64_kb_is_refused(client: FlaskClient) -> None:
    assert send(client, b"{" + b" " * 70_000 + b"}") == 413
    assert send(client, b"x" * 1_000_000) == 413
    assert events() == []


@pytest.mark.parametrize(
    ("raw", "key", "tx_ref"),
    [
        (json.dumps(CAPTURED).encode(), "flutterwave:charge.completed:9396012:successful", CAPTURED["data"]["tx_ref"]),
        (
            b'{"id":99025,"AmountRefunded":100,"status":"completed","FlwRef":"4687213286","TransactionId":9231836}',
            "flutterwave::99025:completed",
            None,
        ),
        (b'{"txRef":"AP-1","flwRef":"F","event.type":"CARD_TRANSACTION","id":5,"status":"successful"}', None, "AP-1"),
        (b'{"event":"test_assess","data":{"status":"ok"}}', None, None),
        (b"not json", None, None),
        (b"[1,2]", None, None),
        (b"[" * 60_000, None, None),
        (b'{"data":{"id":"../..","tx_ref":"a\\u0000b"}}', None, None),
        (b'{"data":{"id":7,"tx_ref":["AP-1"],"status":{"a":1}}}', None, None),
        (b"\xff\xfe", None, None),
        (b"", None, None),
    ],
)
def test_events_of_every_shape_are_kept_and_answered(
    client: FlaskClient, raw: bytes, key: str | None, tx_ref: str | None
) -> None:
    assert send(client, raw) == 200
    assert send(client, raw) == 200
    (event,) = events()
    assert (event.body, event.tx_ref) == (raw, tx_ref)
    assert key is None or event.event_key == key
    process_webhooks(10, base=BASE)


def test_an_event_of_a_reference_that_is_not_ours_is_closed_after_a_while(client: FlaskClient, app: Flask) -> None:
    send(client, body("AP-NOTOURS-1"))
    assert process_webhooks(10, base=BASE) == 0
    assert events()[0].processed_at is None
    in_transaction(lambda: db.session.execute(text("UPDATE webhook_event SET received_at = now() - interval '3 min'")))
    assert process_webhooks(10, base=BASE) == 1
    assert events()[0].effect == "none"


def test_an_event_that_is_faster_than_our_own_commit_is_not_lost(
    client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway
) -> None:
    """R7."""
    tx_ref, rename = payment.tx_ref, text("UPDATE payment SET tx_ref = :to")
    in_transaction(lambda: db.session.execute(rename, {"to": "AP-HIDDEN-1"}))
    send(client, body(tx_ref))
    process_events(settings, 10)
    in_transaction(lambda: db.session.execute(rename, {"to": tx_ref}))
    gateway.charge(tx_ref, 4000)
    work_off(settings)
    assert fresh(booking).state == BookingState.CONFIRMED


def test_a_bad_event_delays_nobody(
    client: FlaskClient,
    settings: Settings,
    booking: Booking,
    payment: Payment,
    gateway: FakeGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from aurapark.checkout import webhooks

    send(client, body("AP-POISON-1", charge_id=1))
    send(client, body(payment.tx_ref, charge_id=2))
    real = webhooks.make_check_due

    def choke(tx_ref: str) -> bool:
        if tx_ref == "AP-POISON-1":
            raise RuntimeError("choked")
        return real(tx_ref)

    monkeypatch.setattr(webhooks, "make_check_due", choke)
    process_events(settings, 10)
    assert [event.effect for event in events()] == ["failed", "check"]


FLAT = {"AmountRefunded": 4000, "status": "completed", "FlwRef": "4687213286"}  # flutterwave.md, section 4.4


@pytest.mark.parametrize("shape", ["wrapped", "flat"])
def test_an_event_of_a_refund_makes_its_next_question_due(
    client: FlaskClient, settings: Settings, booking: Booking, payment: Payment, gateway: FakeGateway, shape: str
) -> None:
    charge = gateway.charge(payment.tx_ref, 4000)
    gateway.charge(payment.tx_ref, 100)
    check(payment, gateway)
    process_refunds(settings, 10)
    gateway.end_refunds()
    (refund,) = refunds()
    assert (refund.state, process_refunds(settings, 10)) == ("sent", 0)
    charge_id = int(payments_of(booking)[1].gateway_tx_id or 0)
    assert charge_id != int(charge.gateway_tx_id)
    about = {"id": int(refund.gateway_refund_id or 0), "TransactionId": charge_id, **FLAT}
    raw = json.dumps(about if shape == "flat" else {"event": "refund.completed", "data": about}).encode()
    assert send(client, raw) == 200
    process_events(settings, 10)
    assert process_refunds(settings, 10) == 1
    assert refunds()[0].state == "succeeded"
    for _ in range(3):
        assert send(client, raw) == 200
        process_events(settings, 10)
    assert process_refunds(settings, 10) == 1  # asked once more, since it may have failed afterwards, and nothing else
    assert (process_refunds(settings, 10), refunds()[0].state, len(gateway.refunds)) == (0, "succeeded", 1)
    assert {event.effect for event in events()} == {"check"}


def test_an_event_finds_a_refund_whose_answer_got_lost(
    client: FlaskClient, settings: Settings, payment: Payment, gateway: FakeGateway
) -> None:
    charge = gateway.charge(payment.tx_ref, 100)
    check(payment, gateway)
    gateway.refunding, gateway.refunding_done = GatewayUncertain("lost"), True
    process_refunds(settings, 10)
    gateway.refunding = None
    assert (refunds()[0].state, process_refunds(settings, 10)) == ("unknown", 0)
    (made,) = gateway.refunds
    raw = json.dumps({"id": int(made.refund_id), "TransactionId": int(charge.gateway_tx_id), **FLAT}).encode()
    send(client, raw)
    process_events(settings, 10)
    process_refunds(settings, 10)
    assert (refunds()[0].state, len(gateway.refund_posts)) == ("sent", 1)


def test_an_event_of_a_refund_of_somebody_else_is_kept_and_closed(client: FlaskClient, settings: Settings) -> None:
    assert send(client, json.dumps({"id": 99025, "TransactionId": 9231836, **FLAT}).encode()) == 200
    process_events(settings, 10)
    assert events()[0].processed_at is None
    in_transaction(
        lambda: db.session.execute(text("UPDATE webhook_event SET received_at = received_at - interval '3 min'"))
    )
    process_events(settings, 10)
    assert (events()[0].processed_at is not None, events()[0].effect) == (True, "none")


SIGNATURE_SECRET = "a-signature-secret"


def signed(raw: bytes, secret: str = SIGNATURE_SECRET) -> str:
    return b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()


@pytest.mark.parametrize("environment", [{"FLUTTERWAVE_SIGNATURE_SECRET": SIGNATURE_SECRET}])
def test_a_signature_over_the_raw_bytes_is_as_good_as_the_secret(client: FlaskClient, environment: object) -> None:
    raw = body("AP-1")
    for signature, status in [(signed(raw), 200), (signed(raw + b" "), 401), (signed(raw, "x"), 401), ("", 401)]:
        answer = client.post(URL, data=raw, headers={"flutterwave-signature": signature})
        assert answer.status_code == status
    assert [event.authentic for event in events()] == [True, False]


def test_without_a_configured_secret_no_signature_counts(client: FlaskClient) -> None:
    raw = body("AP-1")
    assert client.post(URL, data=raw, headers={"flutterwave-signature": signed(raw, "")}).status_code == 401


def forge(count: int, *, days: float) -> None:
    """Forged events that came so many days ago."""
    made = text("""
        INSERT INTO webhook_event (event_key, provider, authentic, body, sha256, received_at)
        SELECT 'forged:' || :days || ':' || n, 'flutterwave', false, '', '', now() - make_interval(hours => :hours)
        FROM generate_series(1, :count) AS n
    """)
    in_transaction(lambda: db.session.execute(made, {"days": str(days), "hours": int(days * 24), "count": count}))


def test_forged_events_are_forgotten_after_a_week_and_beyond_the_newest_thousand(
    client: FlaskClient, settings: Settings
) -> None:
    forge(3, days=8)
    forge(5, days=2)
    forge(998, days=1)
    send(client, body("AP-NOTOURS-1"))
    in_transaction(
        lambda: db.session.execute(
            text("UPDATE webhook_event SET received_at = now() - interval '9 d' WHERE authentic")
        )
    )
    assert forget_forged_events(settings, 4) == 4
    assert forget_forged_events(settings, 100) == 2
    assert forget_forged_events(settings, 100) == 0
    assert sorted({(event.authentic, event.event_key.split(":")[1]) for event in events()}) == [
        (False, "1"),
        (False, "2"),
        (True, "charge.completed"),
    ]
    assert len(events()) == 1001
