"""Reserving, looking, extending, releasing and paying over the API, with a gateway that answers as told."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from aurapark import clock
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.payments.gateway import GatewayRefused, GatewayUncertain
from tests.api.conftest import PAYER, Api, data, refused
from tests.factories import Network
from tests.fakes import FakeGateway

BAD_PAYMENTS = [
    ({"contact": {}}, {"contact.phone"}),
    ({"contact": None}, {"contact.phone"}),
    ({"contact": {**PAYER, "phone": "12"}}, {"contact.phone"}),
    ({"contact": {**PAYER, "phone": "+33 6 12 34 56 78"}}, {"contact.phone"}),
    ({"contact": {**PAYER, "phone": 671234567}}, {"contact.phone"}),
    ({"contact": {**PAYER, "email": "awa"}}, {"contact.email"}),
    ({"contact": {**PAYER, "email": "awa@example.cm\nBcc: x@example.cm"}}, {"contact.email"}),
    ({"contact": {**PAYER, "name": "A1"}}, {"contact.name"}),
    ({"contact": "me"}, {"contact"}),
    ({"passengers": []}, {"passengers"}),
    ({"passengers": [{"seat": "13", "name": "Awa Ngo"}]}, {"passengers"}),
    ({"passengers": [{"seat": "12", "name": "Awa Ngo"}] * 2}, {"passengers"}),
    ({"passengers": [{"seat": "12", "name": "Awa Ngo"}] * 21}, {"passengers"}),
    ({"passengers": [{}]}, {"passengers", "passengers.0.name"}),
    ({"passengers": [{"seat": "12"}]}, {"passengers.0.name"}),
    ({"passengers": [{"seat": "12", "name": "\ud83d"}]}, {"passengers.0.name"}),
    ({"passengers": [{"seat": "12", "name": "<script>"}]}, {"passengers.0.name"}),
    ({"passengers": [{"seat": "12", "name": "Awa Ngo", "category": "king"}]}, {"passengers.0.category"}),
    ({"passengers": [{"seat": "12", "name": "Awa Ngo", "lapChildren": 3}]}, {"passengers.0.lapChildren"}),
    ({"passengers": ["12"]}, {"passengers.0"}),
    ({"bookingRef": None}, {"bookingRef"}),
    ({"bookingRef": 5}, {"bookingRef"}),
]
BAD_WISHES = [
    ({"seats": ["71"]}, {"seats"}),
    ({"seats": ["99Z"]}, {"seats"}),
    ({"seats": ["x" * 500]}, {"seats"}),
    ({"seats": ["12", "12"]}, {"seats"}),
    ({"seats": [str(n) for n in range(1, 8)]}, {"seats"}),
    ({"seats": [str(n) for n in range(1, 40)]}, {"seats"}),
    ({"seats": []}, {"seats"}),
    ({"seats": None}, {"seats"}),
    ({"seats": "12"}, {"seats"}),
    ({"seats": [12]}, {"seats.0"}),
    ({"seats": None, "count": 0}, {"count"}),
    ({"seats": None, "count": 99}, {"count"}),
    ({"seats": None, "count": -1}, {"count"}),
    ({"seats": None, "count": "2"}, {"count"}),
    ({"seats": None, "count": True}, {"count"}),
    ({"seats": None, "count": 2, "preference": "roof"}, {"preference"}),
    ({"count": 2}, {"count"}),
    ({"tripId": None}, {"tripId"}),
    ({"tripId": "1"}, {"tripId"}),
    ({"tripId": 1.0}, {"tripId"}),
    ({"from": 7}, {"from"}),
    ({"from": "D\0A"}, {"from"}),
    ({"from": "\ud800"}, {"from"}),
    ({"from": None, "to": {}}, {"to"}),
    ({"from": None}, {"from"}),
]


def run(sql: str, **values: Any) -> Any:
    return in_transaction(lambda: db.session.execute(text(sql), values))


def lapse() -> None:
    run("UPDATE booking SET hold_expires_at = now() - interval '1 s'")
    run("UPDATE seat_claim SET expires_at = now() - interval '1 s'")


def wish(network: Network, **changes: Any) -> dict[str, Any]:
    return {"tripId": network.trip.id, "from": "DLA", "to": "YAO", "seats": ["12", "13"], **changes}


def test_a_hold_is_answered_as_the_contract_says(api: Api, network: Network) -> None:
    held = api.reserve(network, "13", "12")
    assert (held["state"], held["seats"], held["amount"], held["currency"]) == ("held", ["12", "13"], 8000, "XAF")
    assert datetime.fromisoformat(held["holdExpiresAt"]) - clock.now() > timedelta(minutes=14)
    assert len(held["bookingToken"]) >= 22
    shown = data(api.get(f"/api/bookings/{held['bookingRef'].lower()}"))
    assert shown == {
        "bookingRef": held["bookingRef"],
        "state": "held",
        "holdExpiresAt": held["holdExpiresAt"],
        "seats": ["12", "13"],
        "amount": 8000,
        "currency": "XAF",
        "passengers": [{"seat": seat, "name": None, "category": "adult", "lapChildren": 0} for seat in ("12", "13")],
        "tickets": [],
        "payments": [],
        "refunds": [],
    }


def test_the_best_seats_are_chosen_for_a_party(api: Api, network: Network) -> None:
    held = api.reserve(network, count=3, preference="front")
    first, *others = [int(seat) for seat in held["seats"]]
    assert others == [first + 1, first + 2]


def test_unknown_fields_are_ignored(api: Api, network: Network) -> None:
    held = api.reserve(network, "12", state="confirmed", total=1, amount=1, agency_id=2, seat="70", role="admin")
    assert (held["state"], held["amount"], held["seats"]) == ("held", 4000, ["12"])


def test_taken_seats_are_named_and_others_offered(api: Api, network: Network) -> None:
    Api(api.app).reserve(network, "12")
    details = refused(api.post("/api/bookings/reserve", wish(network)), 409, "CONFLICT")
    assert details["unavailableSeats"] == ["12"]
    assert len(details["alternativeSeats"]) == 1
    assert details["alternativeSeats"][0] not in ("12", "13")
    api.reserve(network, "13", *details["alternativeSeats"])


def test_a_party_too_large_for_what_is_left_is_offered_the_rest(api: Api, network: Network) -> None:
    for first in range(1, 67, 6):
        Api(api.app).reserve(network, *[str(seat) for seat in range(first, first + 6)])
    Api(api.app).reserve(network, "67", "68")
    body = {"tripId": network.trip.id, "from": "DLA", "to": "YAO", "count": 3}
    details = refused(api.post("/api/bookings/reserve", body), 409, "CONFLICT")
    assert details == {"unavailableSeats": [], "alternativeSeats": ["69", "70"]}


def test_a_wish_that_means_nothing_is_refused_by_field(api: Api, network: Network) -> None:
    for changes, fields in BAD_WISHES:
        response = api.post("/api/bookings/reserve", wish(network, **changes))
        assert set(refused(response, 400, "VALIDATION_ERROR")) == fields, changes
    assert run("SELECT count(*) FROM booking").scalar() == 0


def test_an_unknown_trip_or_stop_is_not_found(api: Api, network: Network) -> None:
    for changes in ({"tripId": 10**30}, {"tripId": -1}, {"from": "NOWHERE"}, {"from": "YAO", "to": "DLA"}):
        refused(api.post("/api/bookings/reserve", wish(network, **changes)), 404, "NOT_FOUND")


def test_an_agency_may_allow_fewer_seats(api: Api) -> None:
    response = api.post("/api/bookings/reserve", wish(Network.make(max_seats=1)))
    assert set(refused(response, 400, "VALIDATION_ERROR")) == {"seats"}


def test_a_closed_or_cancelled_trip_is_refused(api: Api, network: Network) -> None:
    closed = network.add_trip(clock.now() + timedelta(minutes=5))
    refused(api.post("/api/bookings/reserve", wish(network, tripId=closed.id)), 409, "CONFLICT")
    run("UPDATE trip SET state = 'cancelled', cancelled_at = now()")
    refused(api.post("/api/bookings/reserve", wish(network)), 410, "GONE")


def test_a_booking_opens_to_its_token_only(api: Api, network: Network, gateway: FakeGateway) -> None:
    mine, other = api.reserve(network, "12"), Api(api.app)
    theirs = other.reserve(network, "13")
    strangers = [Api(api.app, token="x" * 23), other]
    for caller in strangers:
        for method, path in [("GET", ""), ("POST", "/extend"), ("POST", "/release")]:
            foreign = caller.call(method, f"/api/bookings/{mine['bookingRef']}{path}")
            unknown = caller.call(method, f"/api/bookings/ZZZZZZ{path}")
            refused(foreign, 404, "NOT_FOUND")
            assert foreign.data == unknown.data
        refused(caller.pay(mine), 404, "NOT_FOUND")
    nobody = Api(api.app)
    assert refused(nobody.get(f"/api/bookings/{mine['bookingRef']}"), 401, "AUTHENTICATION_REQUIRED") == {}
    refused(nobody.pay(mine), 401, "AUTHENTICATION_REQUIRED")
    refused(nobody.get("/api/payments/AP-X-1"), 401, "AUTHENTICATION_REQUIRED")
    assert data(other.get(f"/api/bookings/{theirs['bookingRef']}"))["seats"] == ["13"]
    assert gateway.opened == []


def test_a_hold_is_extended_and_given_back(api: Api, network: Network) -> None:
    held = api.reserve(network, "12")
    longer = data(api.post(f"/api/bookings/{held['bookingRef']}/extend"))
    gained = datetime.fromisoformat(longer["holdExpiresAt"]) - datetime.fromisoformat(held["holdExpiresAt"])
    assert gained == timedelta(minutes=5)
    released = data(api.post(f"/api/bookings/{held['bookingRef']}/release"))
    assert (released["state"], released["holdExpiresAt"]) == ("released", None)
    assert data(api.post(f"/api/bookings/{held['bookingRef']}/release"))["state"] == "released"
    refused(api.post(f"/api/bookings/{held['bookingRef']}/extend"), 409, "CONFLICT")
    Api(api.app).reserve(network, "12")


def test_a_lapsed_hold_reads_expired_and_cannot_be_extended(api: Api, network: Network) -> None:
    held = api.reserve(network, "12")
    lapse()
    assert data(api.get(f"/api/bookings/{held['bookingRef']}"))["state"] == "expired"
    refused(api.post(f"/api/bookings/{held['bookingRef']}/extend"), 409, "CONFLICT")


def test_a_payment_is_opened(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12", "13")
    passengers = [
        {"seat": "13", "name": "Abdoulaye", "category": "child", "lapChildren": 0},
        {"seat": "12", "name": "Aïssatou Ngo", "lapChildren": 2},
    ]
    response = api.pay(held, passengers=passengers)
    opened = data(response)
    assert response.status_code == 201
    assert (opened["amount"], opened["currency"]) == (6000, "XAF")
    assert opened["link"].startswith("http://localhost:8001/pay/")
    assert datetime.fromisoformat(opened["expiresAt"]) > clock.now()
    assert run("SELECT payment_id FROM audit.payment").scalars().all() == [opened["paymentId"]]
    assert (gateway.opened[0].phone, gateway.opened[0].name) == ("+237671234567", "Awa Ngo")
    shown = data(api.get(f"/api/bookings/{held['bookingRef']}"))
    assert shown["payments"] == [{"txRef": opened["txRef"], "state": "pending"}]
    assert [p["lapChildren"] for p in shown["passengers"]] == [2, 0]
    assert data(api.get(f"/api/payments/{opened['txRef']}")) == {
        "txRef": opened["txRef"],
        "state": "pending",
        "amount": 6000,
        "currency": "XAF",
        "bookingRef": held["bookingRef"],
    }
    stranger = Api(api.app)
    stranger.reserve(network, "20")
    for tx_ref in (opened["txRef"], "AP-UNKNOWN-1", "%00", "a/2"):
        refused(stranger.get(f"/api/payments/{tx_ref}"), 404, "NOT_FOUND")


def test_a_payment_that_means_nothing_is_refused_by_field(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    for changes, fields in BAD_PAYMENTS:
        assert set(refused(api.pay(held, **changes), 400, "VALIDATION_ERROR")) == fields, changes
    assert gateway.opened == []


def test_a_payment_needs_its_key(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    for key in (None, "", " ", "two words", "é", "x" * 256):
        assert set(refused(api.pay(held, key=key), 400, "VALIDATION_ERROR")) == {"Idempotency-Key"}, key
    assert gateway.opened == []


def test_a_gateway_that_is_down_keeps_the_seats(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    gateway.up = False
    refused(api.pay(held), 502, "GATEWAY_UNAVAILABLE")
    gateway.up = True

    def fail(error: Exception) -> Any:
        def while_opening(_: object) -> None:
            raise error

        return while_opening

    for number, error in enumerate([GatewayRefused("no"), GatewayUncertain("no answer")]):
        gateway.while_opening = fail(error)
        refused(api.pay(held, key=f"try{number}"), 502, "GATEWAY_UNAVAILABLE")
        assert data(api.get(f"/api/bookings/{held['bookingRef']}"))["state"] == "held"
    gateway.while_opening = lambda _: None
    assert data(api.pay(held, key="try1"))["link"]
    assert run("SELECT array_agg(state ORDER BY id) FROM payment").scalar() == ["failed", "unknown", "pending"]


def test_a_lapsed_hold_whose_seats_went_says_which(api: Api, network: Network) -> None:
    held = api.reserve(network, "12", "13")
    lapse()
    Api(api.app).reserve(network, "13")
    details = refused(api.pay(held), 409, "CONFLICT")
    assert details["unavailableSeats"] == ["13"]


def test_a_lapsed_hold_whose_seats_are_free_is_paid(api: Api, network: Network) -> None:
    held = api.reserve(network, "12")
    lapse()
    assert data(api.pay(held))["link"]
    assert data(api.get(f"/api/bookings/{held['bookingRef']}"))["state"] == "held"


def test_a_trip_cancelled_meanwhile_is_not_paid(api: Api, network: Network, gateway: FakeGateway) -> None:
    held = api.reserve(network, "12")
    run("UPDATE trip SET state = 'cancelled', cancelled_at = now()")
    refused(api.pay(held), 410, "GONE")
    assert gateway.opened == []


def test_a_released_booking_is_not_paid(api: Api, network: Network) -> None:
    held = api.reserve(network, "12")
    api.post(f"/api/bookings/{held['bookingRef']}/release")
    refused(api.pay(held), 409, "CONFLICT")
