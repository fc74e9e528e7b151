"""Every route of the site with an address that exists: later routes come by themselves or fail until named."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from aurapark.booking.models import Booking
from aurapark.payments.models import Payment
from aurapark.references import booking_token
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.stories import HOLD_TERMS, hold, start

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Place:
    """A network with a trip, and on it a booking whose payment is open."""

    network: Network
    booking: Booking
    payment: Payment
    gateway: FakeGateway

    @property
    def token(self) -> str:
        """The booking's private token."""
        return booking_token(HOLD_TERMS.token_key, self.booking.reference, 1)

    def values(self) -> dict[str, Any]:
        """A value for every variable of every route. A route with a new variable names it here."""
        return {
            "trip_id": self.network.trip.id,
            "reference": self.booking.reference,
            "tx_ref": self.payment.tx_ref,
            "token": self.token,
            "name": "app.css",
            "layout": "coach",
            "row_id": 1,
            "holiday_id": 1,
            "channel": "sms",
            "message": "ticket",
            "passengers": 2,
            "job": "expire-seats",
            "kind": "email",
            "session_id": 1,
            "secret": "s" * 43,
            "credential_id": 1,
            "passkey_id": 1,
            "passenger_id": 1,
            "agency_id": 1,
            "member_id": 1,
            "invitation_id": 1,
            "user_id": 1,
            "payout_id": 1,
            "settlement_id": 1,
            "entry_id": 1,
            **dict.fromkeys(("payment_id", "event_id", "refund_id", "proposal_id", "case_id", "dispute_id"), 1),
        }


def make_place(network: Network) -> Place:
    """Hold two seats and begin to pay for them."""
    gateway = FakeGateway()
    booking = hold(network, "12", "13")
    return Place(network, booking, start(booking, gateway), gateway)


def addresses(app: Flask, place: Place, *methods: str, **changes: Any) -> Iterator[tuple[str, str, str]]:
    """Method, address and endpoint of every route that takes one of these methods; `changes` are other values."""
    for rule in app.url_map.iter_rules():
        for method in sorted(set(methods) & (rule.methods or set())):
            built = rule.build({**place.values(), **changes}, append_unknown=False)
            assert built is not None, f"{rule.rule}: name its variables in tests/security/routes.py"
            yield method, built[1], rule.endpoint
