"""What is Stripe's alone: the session we ask for, two ways to find a payment, amounts, links, and answers nobody
should believe. The recorded bodies have the shapes of its public documentation.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from aurapark import clock
from aurapark.payments.gateway import GatewayRefused, GatewayUncertain
from aurapark.payments.stripe import Stripe
from aurapark.payments.stripe_amounts import to_decimal, to_minor
from aurapark.payments.stripe_calls import form_fields
from aurapark.payments.stripe_refunds import outcome_of
from tests.gateway.conftest import Player, checkout
from tests.gateway.stripe_fake import STRIPE_KEY, StripeFake, running_stripe
from tests.gateway.test_both import stripe_client

TX_REF = "AP-TEST-1"
INTENT = "pi_3MtwBwLkdIwHu7ix28a3tqPa"
CHARGE: dict[str, Any] = {
    "id": "ch_3MmlLrLkdIwHu7ix0snN0B15",
    "object": "charge",
    "amount": 6500,
    "amount_captured": 6500,
    "amount_refunded": 0,
    "balance_transaction": {
        "id": "txn_3MmlLrLkdIwHu7ix0uke3Ezy",
        "object": "balance_transaction",
        "amount": 993,
        "currency": "eur",
        "exchange_rate": 0.001526,
        "fee": 60,
        "net": 933,
    },
    "billing_details": {"email": None, "name": None, "phone": None},
    "captured": True,
    "created": 1679090539,
    "currency": "xaf",
    "disputed": False,
    "livemode": False,
    "metadata": {"tx_ref": TX_REF, "booking_ref": "7K3QF9", "attempt": "1"},
    "outcome": {"network_status": "approved_by_network", "type": "authorized"},
    "paid": True,
    "payment_intent": INTENT,
    "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}, "type": "card"},
    "refunded": False,
    "status": "succeeded",
}
FOUND = {"object": "search_result", "has_more": False, "data": [{"id": INTENT, "object": "payment_intent"}]}
EMPTY = {"object": "list", "has_more": False, "data": []}


@pytest.fixture
def fake() -> Iterator[StripeFake]:
    with running_stripe() as running:
        yield running


@pytest.fixture
def client(fake: StripeFake) -> Stripe:
    return stripe_client(fake)


def played(player: Player, charge: Any) -> Stripe:
    """A client of a server that knows one payment with this charge."""
    player.base_url = player.base_url.replace("/v3", "")
    listed = {"object": "list", "has_more": False, "data": [charge]}
    player.answers |= {
        "/checkout/sessions": (200, EMPTY),
        "/payment_intents/search": (200, FOUND),
        "/charges": (200, listed),
    }
    return Stripe(base_url=player.base_url, secret_key=STRIPE_KEY, checkout_hosts=[], timeouts=(1.0, 1.5))


def test_the_session_has_all_that_it_needs(client: Stripe, fake: StripeFake) -> None:
    before = clock.now().timestamp()
    link = client.open_checkout(checkout())
    assert link.startswith(f"{fake.address}/c/pay/cs_test_")
    ((_, _, sent),) = fake.requests
    assert 1800 <= int(sent.pop("expires_at")) - before <= 2500
    about = {"tx_ref": TX_REF, "booking_ref": "7K3QF9", "attempt": "1"}
    back = f"http://localhost:8000/payments/flutterwave/return?tx_ref={TX_REF}"
    product = {"name": "Yaoundé – Douala, 12"}
    assert sent == {
        "mode": "payment",
        "client_reference_id": TX_REF,
        "line_items": {
            "0": {"quantity": "1", "price_data": {"currency": "xaf", "unit_amount": "6500", "product_data": product}}
        },
        "success_url": back,
        "cancel_url": f"{back}&status=cancelled",
        "customer_email": "payer@gmail.com",
        "adaptive_pricing": {"enabled": "false"},
        "metadata": about,
        "payment_intent_data": {"metadata": about, "description": "Yaoundé – Douala, 12"},
    }


@pytest.mark.parametrize("email", [None, "", "no address", "a@b"])
def test_an_address_that_is_none_is_left_out(client: Stripe, fake: StripeFake, email: str | None) -> None:
    client.open_checkout(checkout(email=email))
    assert "customer_email" not in fake.requests[0][2]


@pytest.mark.parametrize("blind", ["searchable", "listable"])
def test_a_payment_is_found_by_the_list_or_by_the_search(client: Stripe, fake: StripeFake, blind: str) -> None:
    client.open_checkout(checkout("AP-O'NEIL\\1"))
    fake.pay("AP-O'NEIL\\1")
    setattr(fake, blind, False)
    assert [charge.status for charge in client.list_charges("AP-O'NEIL\\1")] == ["successful"]


def test_recent_sessions_are_read_page_by_page(client: Stripe, fake: StripeFake) -> None:
    client.open_checkout(checkout())
    fake.pay(TX_REF)
    fake.searchable = False
    fake.sessions[:0] = [
        {**fake.sessions[0], "id": fake.new_id("cs"), "client_reference_id": f"AP-OTHER-{n}"} for n in range(130)
    ]
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["successful"]


def test_money_that_is_only_authorised_is_no_success(client: Stripe, fake: StripeFake) -> None:
    client.open_checkout(checkout())
    fake.pay(TX_REF, captured=False)
    assert [charge.status for charge in client.list_charges(TX_REF)] == ["pending"]


def test_a_closed_session_is_not_open_to_pay(client: Stripe, fake: StripeFake) -> None:
    client.disable_link(client.open_checkout(checkout()))
    assert [session["status"] for session in fake.sessions] == ["expired"]


def test_the_same_opening_twice_is_one_session(client: Stripe, fake: StripeFake) -> None:
    fake.faults = [("response_lost", "POST /checkout/sessions")]
    with pytest.raises(GatewayUncertain):
        client.open_checkout(checkout())
    with pytest.raises(GatewayUncertain):
        client.open_checkout(checkout(amount=7000))  # under the same key they refuse other fields
    assert len(fake.sessions) == 1


def test_a_list_of_refunds_of_several_pages_is_read_to_its_end(client: Stripe, fake: StripeFake) -> None:
    client.open_checkout(checkout())
    charge = fake.pay(TX_REF)
    made = client.refund(charge["id"], 1, "XAF", "AuraPark refund 1")
    fake.refunds += [{**fake.refunds[0], "id": fake.new_id("re")} for _ in range(150)]
    found = client.list_refunds(charge["id"], clock.now() - timedelta(days=1))
    assert (len(found), len({refund.refund_id for refund in found}), made in found) == (151, 151, True)


def test_the_documented_charge_settled_in_another_currency(player: Player) -> None:
    (charge,) = played(player, CHARGE).list_charges(TX_REF)
    assert (charge.gateway_tx_id, charge.status, charge.amount, charge.currency) == (
        CHARGE["id"],
        "successful",
        6500,
        "XAF",
    )
    assert (charge.fee, charge.settled) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"tx_ref": "AP-OTHER-1"}},
        {"metadata": {}},
        {"metadata": None},
        {"payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPb"},
        {"payment_intent": None},
        {"amount": "6500"},
        {"amount": None},
        {"amount": True},
        {"amount": 6500.5},
        {"currency": None},
        {"id": "../refunds"},
        {"id": 17},
    ],
)
def test_a_charge_that_cannot_be_believed_is_no_answer(player: Player, changes: dict[str, Any]) -> None:
    with pytest.raises(GatewayUncertain):
        played(player, {**CHARGE, **changes}).list_charges(TX_REF)


@pytest.mark.parametrize("answer", [None, [], {}, {"data": None}, {"data": ["x"]}, "<html></html>", {"error": {}}])
def test_a_page_that_is_none_is_no_empty_list(player: Player, answer: Any) -> None:
    client = played(player, CHARGE)
    player.answers["/charges"] = (200, answer)
    with pytest.raises(GatewayUncertain):
        client.list_charges(TX_REF)


@pytest.mark.parametrize(
    "url",
    [
        None,
        17,
        "javascript:alert(1)",
        "https://evil.example/c/pay/cs_test_a1B2c3D4e5F6",
        "https://checkout.stripe.com@evil.example/c/pay/cs_test_a1B2c3D4e5F6",
        "http://checkout.stripe.com/c/pay/cs_test_a1B2c3D4e5F6",
        "https://checkout.stripe.com/c/pay/cs_test_other000000",
        "https://checkout.stripe.com/c/pay/cs_test_a1B2c3D4e5F6?next=evil",
        "https://checkout.stripe.com/c/pay/cs_test_a1B2c3D4e5F6#<script>",
        "https://checkout.stripe.com/c/pay/",
    ],
)
def test_a_link_that_may_not_be_shown_is_an_uncertain_opening(player: Player, url: Any) -> None:
    player.answers["/checkout/sessions"] = (200, {"id": "cs_test_a1B2c3D4e5F6", "url": url})
    client = Stripe(base_url=player.base_url, secret_key=STRIPE_KEY, checkout_hosts=["checkout.stripe.com"])
    with pytest.raises(GatewayUncertain):
        client.open_checkout(checkout())


def test_the_documented_link_with_its_fragment_is_shown(player: Player) -> None:
    url = "https://checkout.stripe.com/c/pay/cs_test_a1B2c3D4e5F6#fidkdWxOYHwnPyd1blpxYHZxWjA0%2Fx"
    player.answers["/checkout/sessions"] = (200, {"id": "cs_test_a1B2c3D4e5F6", "url": url})
    client = Stripe(base_url=player.base_url, secret_key=STRIPE_KEY, checkout_hosts=["checkout.stripe.com"])
    assert client.open_checkout(checkout()) == url
    with pytest.raises(GatewayRefused):
        client.disable_link("https://evil.example/c/pay/cs_test_a1B2c3D4e5F6")


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("pending", "sent"),
        ("requires_action", "sent"),
        ("something_new", "sent"),
    ],
)
def test_their_words_for_a_refund(status: str, means: str) -> None:
    assert outcome_of(status) == means


def test_francs_have_no_smaller_unit_and_euros_do() -> None:
    assert (to_minor(6500, "XAF"), to_minor(65, "EUR")) == (6500, 6500)
    assert (to_decimal(6500, "xaf"), to_decimal(6550, "eur")) == (Decimal(6500), Decimal("65.5"))


def test_nested_fields_are_written_as_they_read_them() -> None:
    values = {"a": {"b": [{"c": 1}, {"c": True}]}, "d": None, "e": ["x"]}
    assert list(form_fields(values)) == [("a[b][0][c]", "1"), ("a[b][1][c]", "true"), ("e[0]", "x")]
