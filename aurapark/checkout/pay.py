"""The way to the gateway: an attempt is committed, then the gateway is called, then its answer is written down.

A crash at any point leaves an attempt that is asked about until it is clear what became of it.
"""

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from aurapark import audit, states
from aurapark.booking import claims
from aurapark.booking import service as bookings
from aurapark.booking.details import CheckoutDetails, write_details
from aurapark.booking.errors import HoldLapsed, SeatsTaken, WrongState
from aurapark.booking.models import Booking, BookingState, Channel, ClaimState
from aurapark.booking.queries import list_passengers
from aurapark.checkout.reclaim import is_live, take_again
from aurapark.checkout.room import lock_room_to_pay
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import in_transaction, let_go
from aurapark.log import log_event
from aurapark.payments.errors import GatewayDown, PaymentNotOpened, PaymentOpening, PaymentTooLate, PaymentUncertain
from aurapark.payments.gateway import Checkout, Gateway, GatewayError, GatewayRefused, GatewayUncertain
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.service import is_open, lock_payments, open_attempt, require_another_attempt
from aurapark.timetable.errors import TripCancelled, TripClosed
from aurapark.timetable.models import ON_SALE_STATES, TripState
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg, TripLeg

SECOND_PRESS = timedelta(seconds=10)
LOOK_AGAIN = 0.25  # seconds between two looks at an attempt that another request is opening
EXTRA_TIME = timedelta(minutes=5)  # at least so long to try again after a refusal


@dataclass(frozen=True, slots=True)
class _Opening:
    """A new attempt with what the gateway is to be asked for; or, without that, the attempt that is there already."""

    payment: Payment
    checkout: Checkout | None = None
    hold_ended_at: datetime | None = None


def start_payment(reference: str, details: CheckoutDetails, *, gateway: Gateway, terms: PaymentTerms) -> Payment:
    """Store who travels and who pays, open an attempt and return it with the link of the gateway's page.

    The total is final from the first attempt on. A hold that lapsed tries its seats again first; one that was
    expired goes on as a new booking (`payment.booking_id`), for the web only. A second press within 10 seconds gets
    the same attempt, waiting for its link when the first press is still being answered.

    Raises BookingNotFound, WrongState, PassengersMismatch, CategoriesFinal, TripClosed, TripCancelled,
    PaymentTooLate, HoldLapsed; SeatsTaken (what was typed is stored); TooManyAttempts; TooManyHolds, HoldingPaused for
    the phone, and for a hold that lapsed what a new one is refused with; GatewayDown (nothing was opened);
    PaymentNotOpened, PaymentUncertain (the seats are kept, another try is possible at once); PaymentOpening.
    """
    if not gateway.is_up():
        raise GatewayDown
    give_up = time.monotonic() + SECOND_PRESS.total_seconds()
    while True:
        opening = in_transaction(lambda: _open(reference, details, gateway, terms))
        if isinstance(opening, SeatsTaken):
            raise opening
        if opening.checkout:
            return _call(opening, opening.checkout, gateway, terms)
        if opening.payment.link:
            return opening.payment
        if time.monotonic() > give_up:
            raise PaymentOpening
        let_go()
        time.sleep(LOOK_AGAIN)


def _open(reference: str, details: CheckoutDetails, gateway: Gateway, terms: PaymentTerms) -> _Opening | SeatsTaken:
    """Write down what was typed, keep the seats for the time of a payment, and commit an attempt to pay.

    Seats that are gone are returned, not raised: what was typed stays.
    """
    phone_only, room = lock_room_to_pay(reference, details.payer.phone, limited=terms.hold.limited)
    booking = bookings.lock_booking(reference)
    if booking.state not in (BookingState.HELD, BookingState.EXPIRED):
        raise WrongState
    payments = lock_payments(booking.id)
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    passengers = list_passengers(booking)
    write_details(booking, passengers, details, price_final=bool(payments))
    if fresh := _fresh_attempt(payments, trip.asked_at):
        return _Opening(fresh)
    session_ends_at = trip.asked_at + terms.session
    _require_time(trip, session_ends_at + terms.grace)
    if booking.state == BookingState.EXPIRED and booking.channel == Channel.API:
        raise HoldLapsed  # the caller's token opens this booking only
    require_another_attempt(payments)
    counted = phone_only if is_live(booking, trip.asked_at) else room
    counted.require(trip, len(passengers), except_id=booking.id)
    hold_ended_at = booking.hold_expires_at
    try:
        until = session_ends_at + terms.grace
        taken = take_again(booking, trip, passengers, until=until, state=ClaimState.PAYING, terms=terms.hold)
    except SeatsTaken as gone:
        return gone
    if taken is not booking:
        write_details(taken, list_passengers(taken), details, price_final=False)
        payments = []
    payment = open_attempt(
        taken.id,
        payments,
        provider=gateway.provider,
        amount=taken.total,
        currency=taken.currency,
        session_ends_at=session_ends_at,
        next_check_at=trip.asked_at + terms.retry_base,
    )
    audit.record("payment.start", "payment", payment.tx_ref, actor=taken.channel, after={"amount": taken.total})
    checkout = _checkout(taken, payment, trip, [passenger.seat for passenger in passengers], terms)
    return _Opening(payment, checkout, hold_ended_at)


def _fresh_attempt(payments: list[Payment], now: datetime) -> Payment | None:
    """Return the attempt that a second press belongs to: the newest, still on its way or open, under 10 seconds old."""
    newest = payments[-1] if payments else None
    if newest and newest.state in (PaymentState.CREATED, PaymentState.PENDING):
        return newest if now - newest.created_at < SECOND_PRESS else None
    return None


def _require_time(trip: TripLeg, until: datetime) -> None:
    if trip.state == TripState.CANCELLED:
        raise TripCancelled
    if trip.state not in ON_SALE_STATES or not trip.agency.active:
        raise TripClosed
    if until > trip.board.at:
        raise PaymentTooLate


def _checkout(booking: Booking, payment: Payment, trip: TripLeg, seats: list[str], terms: PaymentTerms) -> Checkout:
    return Checkout(
        tx_ref=payment.tx_ref,
        amount=payment.expected_amount,
        currency=payment.currency,
        booking_reference=booking.reference,
        attempt=payment.attempt,
        phone=booking.payer_phone or "",
        name=booking.payer_name,
        email=booking.payer_email,
        redirect_url=terms.return_url,
        session_seconds=int(terms.session.total_seconds()),
        description=f"{trip.board.city} – {trip.alight.city}, {', '.join(seats)}",
    )


def _call(opening: _Opening, checkout: Checkout, gateway: Gateway, terms: PaymentTerms) -> Payment:
    """Ask for the page outside any transaction, then write down what came of it."""
    let_go()
    link, refused, unclear = None, None, None
    try:
        link = gateway.open_checkout(checkout)
    except GatewayRefused as error:
        refused = error
    except GatewayUncertain as error:
        unclear = error
    reference = checkout.booking_reference
    payment, wanted = in_transaction(lambda: _write_answer(opening, checkout, terms, link=link, refused=refused))
    if link and wanted:
        log_event("payment_opened", booking=reference, tx_ref=checkout.tx_ref)
        return payment
    if link:
        _close(link, gateway, checkout)
        raise WrongState
    log_event("payment_not_opened", booking=reference, tx_ref=checkout.tx_ref, why=refused or unclear)
    raise PaymentNotOpened(reference) if refused else PaymentUncertain(reference)


def _write_answer(
    opening: _Opening, checkout: Checkout, terms: PaymentTerms, *, link: str | None, refused: GatewayRefused | None
) -> tuple[Payment, bool]:
    """Write the answer down; returns the attempt, and whether its booking still wants to be paid."""
    booking = bookings.lock_booking(checkout.booking_reference)
    payments = lock_payments(booking.id)
    payment = next(payment for payment in payments if payment.tx_ref == checkout.tx_ref)
    payment.link = link
    to = PaymentState.PENDING if link else PaymentState.FAILED if refused else PaymentState.UNKNOWN
    if payment.state == PaymentState.CREATED:  # a check, or time, may have moved it on meanwhile
        states.move(payment, to)
        if refused:
            payment.failure, payment.next_check_at = "refused", None
            _keep_for_another_try(booking, payments, opening.hold_ended_at, terms)
    return payment, booking.state in (BookingState.HELD, BookingState.CONFIRMED)


def _close(link: str, gateway: Gateway, checkout: Checkout) -> None:
    """Close the page of a booking that was given back while the gateway was making it."""
    log_event("payment_not_wanted", booking=checkout.booking_reference, tx_ref=checkout.tx_ref)
    let_go()
    with contextlib.suppress(GatewayError):
        gateway.disable_link(link)


def _keep_for_another_try(
    booking: Booking, payments: list[Payment], hold_ended_at: datetime | None, terms: PaymentTerms
) -> None:
    """After a clear refusal take back the time that was given to pay, but leave enough to try again."""
    if booking.state != BookingState.HELD:
        return
    now = bookings.database_now()
    open_ends = [p.session_ends_at + terms.grace for p in payments if is_open(p) and p.session_ends_at]
    extra = min(now + EXTRA_TIME, booking.sales_close_at)
    booking.hold_expires_at = max([extra, *open_ends, *([hold_ended_at] if hold_ended_at else [])])
    state = ClaimState.PAYING if open_ends else ClaimState.HELD
    claims.set_state(booking, state, booking.hold_expires_at)
