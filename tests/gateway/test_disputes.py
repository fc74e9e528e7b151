"""Disputes as both gateways tell them: bodies in the shapes of their public documentation, and events that name them.

Stripe: docs.stripe.com/api/disputes/object. Flutterwave: "Get all Chargebacks" of developer.flutterwave.com/reference
(endpoints/charge-backs) and its page other-features/chargebacks; the shape of its webhook is nowhere shown, so that of
the list is taken.
"""

import json
from datetime import date
from typing import Any

import pytest

from aurapark.payments import flutterwave_events, stripe_events
from aurapark.payments.flutterwave_calls import Calls
from aurapark.payments.flutterwave_lists import FlutterwaveLists
from aurapark.payments.gateway import GatewayNotNow, GatewayRefused, GatewayUncertain
from aurapark.payments.stripe import Stripe
from tests.gateway.conftest import Player, make_client
from tests.gateway.stripe_fake import STRIPE_KEY, event_of

STRIPE: dict[str, Any] = {
    "id": "du_1MtJUT2eZvKYlo2CNaw2HvEv",
    "object": "dispute",
    "amount": 1000,
    "balance_transactions": [],
    "charge": "ch_1AZtxr2eZvKYlo2CJDX8whov",
    "created": 1680651737,
    "currency": "xaf",
    "evidence": {"customer_name": None},
    "evidence_details": {"due_by": 1682294399, "has_evidence": False, "past_due": False, "submission_count": 0},
    "is_charge_refundable": True,
    "livemode": False,
    "metadata": {},
    "payment_intent": None,
    "reason": "general",
    "status": "warning_needs_response",
}
FLUTTERWAVE: dict[str, Any] = {
    "id": 2221,
    "amount": 3000,
    "flw_ref": "0550726510071683619721660",
    "status": "lost",
    "stage": "pre-arbitration",
    "comment": "Product/service not received",
    "meta": {"uploaded_proof": None, "history": [{"merchant_type": "RR", "date": "2024-08-01T04:58:20.000Z"}]},
    "due_date": "2024-08-03T15:59:59.000Z",
    "settlement_id": "N/A",
    "created_at": "2024-08-01T16:58:20.000Z",
    "transaction_id": 674630970,
    "tx_ref": "AP-TEST-1",
}
PAGE = {"total": 1, "current_page": 1, "total_pages": 1, "page_size": 20}


def stripe(player: Player, body: Any, status: int = 200) -> Stripe:
    base_url = player.base_url.replace("/v3", "")
    player.answers[f"/disputes/{STRIPE['id']}"] = (status, body)
    return Stripe(base_url=base_url, secret_key=STRIPE_KEY, checkout_hosts=[], timeouts=(1.0, 1.5))


def listed(*rows: Any) -> dict[str, Any]:
    return {"status": "success", "message": "Chargebacks fetched", "meta": {"page_info": PAGE}, "data": list(rows)}


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("warning_needs_response", "watch"),
        ("warning_under_review", "watch"),
        ("warning_closed", "watch"),
        ("needs_response", "open"),
        ("under_review", "open"),
        ("won", "won"),
        ("lost", "lost"),
        ("prevented", "watch"),
        ("something_new", "watch"),
    ],
)
def test_stripe_in_our_words(player: Player, status: str, means: str) -> None:
    seen = stripe(player, {**STRIPE, "status": status}).get_dispute(STRIPE["id"], None)
    assert seen is not None
    assert (seen.dispute_id, seen.charge_id, seen.amount, seen.currency) == (
        STRIPE["id"],
        STRIPE["charge"],
        1000,
        "XAF",
    )
    assert (seen.outcome, seen.status) == (means, status)


@pytest.mark.parametrize("changes", [{"charge": None}, {"amount": "1000"}, {"currency": None}, {"id": "du_other0000"}])
def test_stripe_answers_that_cannot_be_believed(player: Player, changes: dict[str, Any]) -> None:
    with pytest.raises(GatewayUncertain):
        stripe(player, {**STRIPE, **changes}).get_dispute(STRIPE["id"], None)


def test_stripe_knows_none_of_that_id(player: Player) -> None:
    missing = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
    assert stripe(player, missing, 404).get_dispute(STRIPE["id"], None) is None
    assert stripe(player, missing, 404).get_dispute("../x", None) is None
    with pytest.raises(GatewayNotNow):
        stripe(player, missing, 401).get_dispute(STRIPE["id"], None)


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("initiated", "open"),
        ("pending", "open"),
        ("declined", "open"),
        ("accepted", "lost"),
        ("lost", "lost"),
        ("won", "won"),
        ("reversed", "won"),
        ("arbitrated", "watch"),
    ],
)
def test_flutterwave_in_our_words(player: Player, status: str, means: str) -> None:
    player.answers["/chargebacks"] = (200, listed({**FLUTTERWAVE, "id": 1}, {**FLUTTERWAVE, "status": status}))
    seen = make_client(player.base_url).get_dispute("2221", "674630970")
    assert seen is not None
    assert (seen.dispute_id, seen.charge_id, seen.amount, seen.currency) == ("2221", "674630970", 3000, None)
    assert (seen.outcome, seen.status) == (means, status)


def test_flutterwave_knows_none_or_cannot_be_asked(player: Player) -> None:
    client = make_client(player.base_url)
    player.answers["/chargebacks"] = (200, listed())
    assert client.get_dispute("2221", None) is None
    player.answers["/chargebacks"] = (200, listed({**FLUTTERWAVE, "transaction_id": None}))
    with pytest.raises(GatewayUncertain):
        client.get_dispute("2221", None)
    player.answers["/chargebacks"] = (404, {"status": "error", "message": "no such page", "data": None})
    with pytest.raises(GatewayRefused):
        client.get_dispute("2221", None)


def test_flutterwave_lists_them_by_day(player: Player) -> None:
    player.answers["/chargebacks"] = (200, listed(FLUTTERWAVE, {**FLUTTERWAVE, "amount": None, "id": 7}))
    lists = FlutterwaveLists(Calls(player.base_url, "FLWSECK_TEST-x-X"))
    found = lists.list_disputes(date(2024, 8, 1), date(2024, 8, 1))
    assert [(one.dispute_id, one.outcome) for one in found] == [("2221", "lost")]


def test_events_name_a_dispute_and_its_charge() -> None:
    event = stripe_events.read_event(event_of("charge.dispute.created", STRIPE))
    assert (event.dispute_id, event.charge_id, event.refund_id) == (STRIPE["id"], STRIPE["charge"], None)
    raw = json.dumps({"event": "chargeback.initiated", "data": FLUTTERWAVE}).encode()
    event = flutterwave_events.read_event(raw)
    assert (event.dispute_id, event.charge_id, event.tx_ref) == ("2221", "674630970", "AP-TEST-1")
    assert event.refund_id is None
