"""Cancelling over the API: the expected refund is posted, refused when it differs, and shown among the refunds."""

from datetime import timedelta

import pytest

from aurapark.checkout.confirm import check_payment
from tests.api.conftest import Api, data, refused
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.refunding import drain, refunds
from tests.services.test_cancel import leave_in
from tests.stories import PAYMENT_TERMS, signer


@pytest.fixture
def reference(api: Api, network: Network, gateway: FakeGateway) -> str:
    """A paid booking of seats 12 and 13, three days before departure."""
    held = api.reserve(network, "12", "13")
    tx_ref = data(api.pay(held))["txRef"]
    gateway.charge(tx_ref, held["amount"])
    check_payment(tx_ref, gateway=gateway, signer=signer(), terms=PAYMENT_TERMS)
    leave_in(timedelta(days=3))
    return str(held["bookingRef"])


def test_cancelling_shows_the_refund_on_its_way(api: Api, reference: str, gateway: FakeGateway) -> None:
    url = f"/api/bookings/{reference}/cancel"
    for _ in range(2):  # the second time changes nothing
        shown = data(api.post(url, {"expectedRefund": 8000}))
        assert (shown["state"], shown["refunds"]) == (
            "cancelled",
            [{"amount": 8000, "currency": "XAF", "state": "requested"}],
        )
        assert shown["tickets"] == []
    drain(gateway, between=gateway.end_refunds)
    shown = data(api.get(f"/api/bookings/{reference}"))
    assert shown["refunds"] == [{"amount": 8000, "currency": "XAF", "state": "succeeded"}]
    assert shown["payments"][0]["state"] == "refunded"


def test_one_seat(api: Api, reference: str) -> None:
    shown = data(api.post(f"/api/bookings/{reference}/cancel", {"expectedRefund": 4000, "seats": ["13"]}))
    assert (shown["state"], shown["seats"], len(shown["tickets"])) == ("confirmed", ["12"], 1)
    assert shown["amount"] == 8000


def test_another_amount_is_refused_with_what_it_is(api: Api, reference: str) -> None:
    answer = refused(api.post(f"/api/bookings/{reference}/cancel", {"expectedRefund": 7999}), 409, "CONFLICT")
    assert answer == {"expectedRefund": 8000, "currency": "XAF", "seats": ["12", "13"]}
    assert refunds() == []


@pytest.mark.parametrize(
    "body",
    [{}, {"expectedRefund": "8000"}, {"expectedRefund": 8000.0}, {"expectedRefund": True}, {"expectedRefund": None},
     {"expectedRefund": 8000, "seats": []}, {"expectedRefund": 8000, "seats": ["14"]},
     {"expectedRefund": 8000, "seats": "12"}, {"expectedRefund": 10**30, "seats": [12]}],
)  # fmt: skip
def test_bad_input_cancels_nothing(api: Api, reference: str, body: dict[str, object]) -> None:
    refused(api.post(f"/api/bookings/{reference}/cancel", body), 400, "VALIDATION_ERROR")
    assert refunds() == []


def test_a_wrong_token_and_a_hold(api: Api, network: Network, reference: str) -> None:
    token, api.token = api.token, "x" * 23
    refused(api.post(f"/api/bookings/{reference}/cancel", {"expectedRefund": 8000}), 404, "NOT_FOUND")
    api.token = token
    held = api.reserve(network, "20")
    refused(api.post(f"/api/bookings/{held['bookingRef']}/cancel", {"expectedRefund": 4000}), 409, "CONFLICT")
    assert refunds() == []
