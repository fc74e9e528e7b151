"""The API of one sale: reserve, look, extend, release, pay. A booking opens to the bearer of its token, nobody else."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import Response, request
from flask_babel import get_locale, gettext
from werkzeug.datastructures import MultiDict

from aurapark.booking.details import CheckoutDetails
from aurapark.booking.errors import BookingNotFound, SeatsTaken
from aurapark.booking.models import Booking, Channel
from aurapark.booking.queries import find_by_token, list_passengers
from aurapark.booking.service import Holder
from aurapark.checkout import hold, pay, release
from aurapark.checkout.api_shapes import booking_json, held_json, opened_json, payment_json
from aurapark.checkout.cancel import cancel_booking
from aurapark.checkout.choose import hold_best_seats, offer_instead
from aurapark.checkout.forms import CheckoutForm, HoldForm
from aurapark.checkout.gateways import gateway_for, hold_terms_for, signer_for, terms_for
from aurapark.checkout.once import with_idempotency
from aurapark.checkout.queries import get_sale, list_payments
from aurapark.payments.errors import PaymentNotFound
from aurapark.payments.idempotency import Answer
from aurapark.references import booking_token, read_reference
from aurapark.settings import current_settings
from aurapark.wake import wake
from aurapark.web import api
from aurapark.web.network import client_network

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
RESERVE = {"tripId": int, "from": str, "to": str, "seats": [str], "count": int, "preference": str}
PAYMENT = {
    "bookingRef": str,
    "contact": {"phone": str, "email": str, "name": str},
    "passengers": [{"seat": str, "name": str, "category": str, "lapChildren": int}],
}
CANCEL = {"expectedRefund": int, "seats": [str]}
HOLD_NAMES = {"seat": "seats"}
CONTACT_NAMES = {"phone": "contact.phone", "email": "contact.email", "payer_name": "contact.name", "": "passengers"}
PASSENGER_FIELDS = {"seat": "seat", "name": "name", "category": "category", "lap_children": "lapChildren"}

bp = api.blueprint("checkout_api", __name__)


@bp.post("/bookings/reserve")
def reserve() -> Response:
    """Hold the wanted seats, or the best ones for a number of people."""
    settings = current_settings()
    _, wish = api.read_body(RESERVE)
    form = HoldForm(_hold_fields(wish), max_seats=settings.max_seats)
    api.require_valid(form, HOLD_NAMES)
    if "tripId" not in wish:
        raise api.InvalidInput({"tripId": [gettext("This must be a whole number.")]})
    holder = Holder(Channel.API, _language(), network=client_network())
    terms = hold_terms_for(settings)
    leg = int(wish["tripId"]), str(form.from_code.data), str(form.to_code.data)
    if form.count.data:
        booking = hold_best_seats(*leg, form.count.data, form.preference.data, holder=holder, terms=terms)
    else:
        booking = _hold_these(*leg, form.seats.data, holder=holder, terms=terms)
    token = booking_token(settings.secret_key, booking.reference, booking.token_version)
    seats = [passenger.seat for passenger in list_passengers(booking)]
    return api.answer(held_json(booking, token, seats), 201)


@bp.get("/bookings/<reference>")
def booking(reference: str) -> Response:
    """Return the booking with its passengers, tickets and payments."""
    return _show(_get_own(reference))


@bp.post("/bookings/<reference>/extend")
def extend(reference: str) -> Response:
    """Keep the seats 5 minutes longer."""
    return _show(hold.extend_hold(_get_own(reference).reference))


@bp.post("/bookings/<reference>/release")
def let_go(reference: str) -> Response:
    """Give the seats back; the gateway is asked first when a payment is open."""
    settings, own = current_settings(), _get_own(reference)
    gateway, signer, terms = gateway_for(settings), signer_for(settings), terms_for(settings)
    return _show(release.release_hold(own.reference, gateway=gateway, signer=signer, terms=terms))


@bp.post("/bookings/<reference>/cancel")
def cancel(reference: str) -> Response:
    """Cancel the booking or some of its seats, when what comes back is what the caller expects."""
    own = _get_own(reference)
    _, wish = api.read_body(CANCEL)
    if "expectedRefund" not in wish:
        raise api.InvalidInput({"expectedRefund": [gettext("This must be a whole number.")]})
    expected, seats = int(wish["expectedRefund"]), wish.get("seats")
    cancelled = cancel_booking(own.reference, expected_refund=expected, seats=seats, actor="api")
    wake("process_refunds")
    return _show(cancelled)


@bp.post("/payments")
def start_payment() -> Response:
    """Open a payment attempt and return the address where the payer pays; the same key gives the same answer."""
    token = api.bearer_token()
    sent, wish = api.read_body(PAYMENT)
    if "bookingRef" not in wish:
        raise api.InvalidInput({"bookingRef": [gettext("This must be text.")]})
    own = _own(wish["bookingRef"], token)
    key = _idempotency_key()
    details = _read_details(wish, [passenger.seat for passenger in list_passengers(own)])
    settings = current_settings()

    def work() -> Answer:
        payment = pay.start_payment(own.reference, details, gateway=gateway_for(settings), terms=terms_for(settings))
        return Answer(201, opened_json(payment))

    lease = timedelta(seconds=settings.lease_seconds)
    answer = with_idempotency(f"booking:{own.reference}", key, sent, lease=lease, work=work)
    return api.answer(answer.data, answer.status, {"Idempotent-Replayed": "true"} if answer.replayed else None)


@bp.get("/payments/<path:tx_ref>")
def payment(tx_ref: str) -> Response:
    """Return one attempt to pay, to the bearer of its booking's token."""
    own = find_by_token(api.bearer_token())
    found = next((one for one in (list_payments(own) if own else []) if one.tx_ref == tx_ref), None)
    if own is None or found is None:
        raise PaymentNotFound
    return api.answer(payment_json(found, own.reference))


def _show(own: Booking) -> Response:
    return api.answer(booking_json(get_sale(own.reference)))


def _get_own(reference: str) -> Booking:
    return _own(reference, api.bearer_token())


def _own(reference: str, token: str) -> Booking:
    """Return the booking this token opens. Raises BookingNotFound, alike for a wrong token and an unknown reference."""
    found = find_by_token(token)
    if found is None or found.reference != read_reference(reference):
        raise BookingNotFound
    return found


def _hold_fields(wish: Mapping[str, Any]) -> MultiDict[str, str]:
    fields = MultiDict((name, str(wish[name])) for name in ("from", "to", "count", "preference") if name in wish)
    fields.setlist("seat", wish.get("seats", []))
    return fields


def _hold_these(trip_id: int, from_code: str, to_code: str, seats: Sequence[str], **under: Any) -> Booking:
    try:
        return hold.hold_seats(trip_id, from_code, to_code, seats, **under)
    except SeatsTaken as error:
        error.details["alternativeSeats"] = offer_instead(trip_id, from_code, to_code, seats, error.seats)
        raise


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not IDEMPOTENCY_KEY.fullmatch(key):
        message = gettext("Send an Idempotency-Key of 1 to 255 letters, digits and signs, without spaces.")
        raise api.InvalidInput({"Idempotency-Key": [message]})
    return key


def _read_details(wish: Mapping[str, Any], seats: Sequence[str]) -> CheckoutDetails:
    fields, names = _checkout_fields(wish)
    form = CheckoutForm(fields, seats=seats)
    api.require_valid(form, names)
    return form.details


def _checkout_fields(wish: Mapping[str, Any]) -> tuple[MultiDict[str, str], dict[str, str]]:
    """Return the body as the checkout form takes it, and the API's name for each of the form's fields."""
    contact, names = wish.get("contact", {}), dict(CONTACT_NAMES)
    given = {"phone": contact.get("phone", ""), "email": contact.get("email"), "payer_name": contact.get("name")}
    for place, passenger in enumerate(wish.get("passengers", [])):
        given[f"passengers-{place}-seat"] = ""
        for ours, theirs in PASSENGER_FIELDS.items():
            name = f"passengers-{place}-{ours}"
            given[name] = passenger.get(theirs, given.get(name))
            names[name] = f"passengers.{place}.{theirs}"
    return MultiDict({name: str(value) for name, value in given.items() if value is not None}), names


def _language() -> str:
    return "en" if get_locale().language == "en" else "fr"
