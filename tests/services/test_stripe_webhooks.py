"""Stripe's events: the signature over time and raw bytes, every shape kept, and the question they lead to."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from aurapark.booking.models import BookingState
from aurapark.checkout.gateways import gateway_for, other_gateway_for, terms_for
from aurapark.checkout.sweeps import check_open_payments, check_safely, process_events, process_refunds
from aurapark.config import Settings
from aurapark.extensions import db
from aurapark.payments.models import WebhookEvent
from aurapark.payments.stripe_events import is_authentic, read_event
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.gateway.stripe_fake import STRIPE_KEY, event_of, running_stripe, sign
from tests.gateway.test_both import stripe_client
from tests.refunding import refunds
from tests.stories import check, fresh, hold, payments_of, start

URL = "/api/payments/webhook/stripe"
SECRET = "whsec_" + "b" * 32
NOW = 1_700_000_000.0
SESSION = {"id": "cs_test_a1B2c3D4e5F6", "object": "checkout.session", "client_reference_id": "AP-1"}


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PAYMENT_GATEWAY": "stripe", "STRIPE_SECRET_KEY": STRIPE_KEY, "STRIPE_WEBHOOK_SECRET": SECRET}


def send(client: FlaskClient, raw: bytes, signature: str | None = None) -> int:
    headers = {"Stripe-Signature": sign(raw, SECRET) if signature is None else signature}
    return client.post(URL, data=raw, content_type="application/json", headers=headers).status_code


def events() -> list[WebhookEvent]:
    db.session.expire_all()
    return list(db.session.query(WebhookEvent).order_by(WebhookEvent.id))


RAW = json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": SESSION}}).encode()  # fixed
GOOD = sign(RAW, SECRET, at=NOW)
OTHER = "v1=" + "0" * 64


@pytest.mark.parametrize(
    ("header", "now", "right"),
    [
        (GOOD, NOW, True),
        (GOOD, NOW + 300, True),
        (GOOD, NOW - 300, True),
        (GOOD, NOW + 301, False),
        (GOOD, NOW - 301, False),
        (GOOD.replace("v1=", f"{OTHER},v1="), NOW, True),
        (f"{GOOD},v0=abc", NOW, True),
        (GOOD.replace("v1=", "v0="), NOW, False),
        (GOOD.replace("t=17", "t=18"), NOW, False),
        (f"t=1,{GOOD}", NOW, False),
        (GOOD.partition(",")[2], NOW, False),
        (sign(RAW + b" ", SECRET, at=NOW), NOW, False),
        (sign(RAW, "whsec_other", at=NOW), NOW, False),
        ("t=１７００００００００,v1=é", NOW, False),
        ("t=,v1=", NOW, False),
        (",=,=" * 5000, NOW, False),
        ("", NOW, False),
        (None, NOW, False),
    ],
)
def test_signatures(header: str | None, now: float, right: bool) -> None:
    assert is_authentic(RAW, header, SECRET, now=now) is right


def test_without_a_configured_secret_nothing_is_authentic() -> None:
    assert not is_authentic(RAW, sign(RAW, "", at=NOW), "", now=NOW)


@pytest.mark.parametrize(
    ("raw", "tx_ref", "refund", "charge"),
    [
        (RAW, "AP-1", None, None),
        (event_of("charge.succeeded", {"object": "charge", "metadata": {"tx_ref": "AP-2"}}), "AP-2", None, None),
        (
            event_of("refund.updated", {"id": "re_1Nispe2eZvKYlo2C", "object": "refund", "charge": "ch_1NirD8"}),
            None,
            "re_1Nispe2eZvKYlo2C",
            "ch_1NirD8",
        ),
        (event_of("customer.created", {"object": "customer"}), None, None, None),
        (b'{"id":"evt_00000001","data":{"object":{"client_reference_id":["AP-1"]}}}', None, None, None),
        (b'{"id":17,"data":[]}', None, None, None),
        (b"not json", None, None, None),
        (b"", None, None, None),
    ],
)
def test_events_of_every_shape_are_kept_and_answered(
    client: FlaskClient, settings: Settings, raw: bytes, tx_ref: str | None, refund: str | None, charge: str | None
) -> None:
    event = read_event(raw)
    assert (event.tx_ref, event.refund_id, event.charge_id) == (tx_ref, refund, charge)
    assert [send(client, raw), send(client, raw)] == [200, 200]
    (kept,) = events()
    assert (kept.provider, kept.authentic, kept.body) == ("stripe", True, raw)
    process_events(settings, 10)


def test_a_forged_or_old_event_has_no_effect(client: FlaskClient, settings: Settings) -> None:
    assert send(client, RAW, "") == 401
    assert send(client, RAW, sign(RAW, SECRET, at=time.time() - 400)) == 401
    assert send(client, b"x" * 70_000) == 413
    assert [(event.authentic, event.effect) for event in events()] == [(False, "none")]
    assert process_events(settings, 10) == 0


def test_the_way_back_and_the_form_policy_are_those_of_the_chosen_gateway(
    client: FlaskClient, settings: Settings
) -> None:
    assert terms_for(settings).return_url.endswith("/payments/stripe/return")
    page = client.get("/payments/stripe/return?tx_ref=AP-NOBODY-1")
    assert page.status_code == 200
    assert "form-action 'self' checkout.stripe.com;" in page.headers["Content-Security-Policy"]


def test_a_whole_sale_and_its_refund(
    client: FlaskClient, settings: Settings, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paid twice on two links: the events lead to one confirmation, one refund, and the end of that refund."""
    with running_stripe() as fake:
        gateway: Any = stripe_client(fake)
        monkeypatch.setattr("aurapark.checkout.sweeps.gateway_for", lambda _settings: gateway)
        booking = hold(network)
        first = start(booking, gateway)
        assert (first.provider, str(first.link).startswith(fake.address)) == ("stripe", True)
        charge = fake.pay(first.tx_ref)
        assert send(client, event_of("charge.succeeded", charge)) == 200
        process_events(settings, 10)
        check_open_payments(settings, 10)
        assert fresh(booking).state == BookingState.CONFIRMED
        fake.make_charge(fake.sessions[0], "succeeded", True)
        check(first, gateway)
        process_refunds(settings, 10)
        (refund,) = refunds()
        assert refund.state == "sent"
        fake.end_refunds()
        assert send(client, event_of("refund.updated", fake.refunds[0], number=2)) == 200
        process_events(settings, 10)
        process_refunds(settings, 10)
        assert refunds()[0].state == "succeeded"
        assert json.loads(events()[1].body)["type"] == "refund.updated"
        assert len(fake.refunds) == 1


def test_after_a_change_of_gateway_the_former_one_is_asked_about_what_it_began(
    settings: Settings, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, booking = FakeGateway(), hold(network)
    payment = start(booking, former)
    former.charge(payment.tx_ref, 4000)
    former.charge(payment.tx_ref, 4000)
    with running_stripe() as fake:
        chosen: Any = stripe_client(fake)
        check(payment, chosen)
        assert (fresh(booking).state, payments_of(booking)[0].state) == (BookingState.HELD, "pending")
        assert fake.requests == []
        monkeypatch.setattr("aurapark.checkout.sweeps.gateway_for", lambda _settings: chosen)
        monkeypatch.setattr("aurapark.checkout.sweeps.other_gateway_for", lambda _settings: former)
        check_safely(settings, payment.tx_ref)
        process_refunds(settings, 10)
        assert fake.requests == []
    assert fresh(booking).state == BookingState.CONFIRMED
    assert former.refund_posts == [(payments_of(booking)[1].gateway_tx_id, 4000)]


def test_the_gateway_not_in_use_is_there_while_its_key_is(settings: Settings) -> None:
    other = other_gateway_for(settings)
    assert (gateway_for(settings).provider, other and other.provider) == ("stripe", "flutterwave")
    assert other_gateway_for(replace(settings, flutterwave_secret_key="")) is None
    assert other_gateway_for(replace(settings, payment_gateway="flutterwave", stripe_secret_key="")) is None
