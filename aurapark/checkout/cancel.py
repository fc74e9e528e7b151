"""A confirmed booking, or some of its seats, cancelled by the traveller: the amount shown is posted back."""

from collections.abc import Sequence
from dataclasses import replace

from aurapark import audit
from aurapark.booking import claims
from aurapark.booking import service as bookings
from aurapark.booking.cancellation import CancelOffer, offer_for
from aurapark.booking.errors import NotYourSeat, RefundChanged, TooLateToCancel, WrongState
from aurapark.booking.models import Booking, BookingState, CancelledBecause, Passenger, TicketState
from aurapark.booking.queries import BookingView, get_booking_view, list_passengers, list_removed_seats
from aurapark.booking.tickets import list_tickets
from aurapark.checkout.dropping import drop_passengers
from aurapark.checkout.pay_back import give_back_applied_money, list_left
from aurapark.database import in_transaction
from aurapark.log import log_event
from aurapark.money import Money
from aurapark.notifications.messages import Message, announce
from aurapark.payments.models import Payment, Provider
from aurapark.payments.service import lock_payments
from aurapark.refunds.models import Refund, RefundReason
from aurapark.timetable.errors import TripCancelled
from aurapark.timetable.models import ON_SALE_STATES, TripState
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg, TripLeg


def get_cancel_offer(reference: str, seats: Sequence[str] | None = None) -> CancelOffer:
    """Return what cancelling these seats, or all of them, would give back now.

    Raises BookingNotFound, WrongState, NotYourSeat, TripCancelled, TooLateToCancel.
    """
    return offer_of(get_booking_view(reference), seats)


def offer_of(view: BookingView, seats: Sequence[str] | None = None) -> CancelOffer:
    """Return what cancelling these seats, or all of them, of a booking that was read would give back (one statement).

    Raises WrongState, NotYourSeat, TripCancelled, TooLateToCancel.
    """
    trip = _require_cancellable(view.booking, view.trip)
    chosen = _choose(view.passengers, seats)
    return _what_is_left(view.booking, offer_for(view.booking, view.passengers, chosen, trip))


def cancel_booking(
    reference: str,
    *,
    expected_refund: int,
    seats: Sequence[str] | None = None,
    actor: str = "traveller",
    reason: str = "asked for",
) -> Booking:
    """Cancel the booking, or some of its seats: tickets void, seats free, the refund asked for, all at once.

    `expected_refund` is what was shown to the traveller, or to the staff who cancel for them (`actor`, `reason`).
    Cancelling again what is cancelled changes nothing.
    Raises what get_cancel_offer raises, and RefundChanged with the amount as it is now.
    """

    def work() -> Booking:
        booking = bookings.lock_booking(reference)
        if _is_done(booking, seats):
            return booking
        payments = lock_payments(booking.id)
        trip = _require_cancellable(booking)
        passengers = list_passengers(booking)
        chosen = _choose(passengers, seats)
        offer = _what_is_left(booking, offer_for(booking, passengers, chosen, trip))
        if offer.refund.amount != expected_refund:
            raise RefundChanged(details=_details(offer), amount=offer.refund.amount)
        payment = next(payment for payment in payments if payment.id == booking.confirming_payment_id)
        if payment.provider == Provider.CASH:
            raise WrongState  # cash goes back where it came in: at the counter
        _cancel(booking, payment, chosen, offer, trip, actor, reason)
        return booking

    return in_transaction(work)


def _require_cancellable(booking: Booking, trip: TripLeg | None = None) -> TripLeg:
    if booking.state != BookingState.CONFIRMED:
        raise WrongState
    trip = trip or get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    if trip.state == TripState.CANCELLED:
        raise TripCancelled  # everybody gets everything back without asking
    if trip.state not in ON_SALE_STATES or trip.board.at <= trip.asked_at:
        raise TooLateToCancel
    return trip


def _what_is_left(booking: Booking, offer: CancelOffer) -> CancelOffer:
    """What went back outside the policy before does not come back a second time by it."""
    left = list_left([booking.confirming_payment_id or 0]).get(booking.confirming_payment_id or 0, offer.refund.amount)
    return replace(offer, refund=Money(min(offer.refund.amount, left), offer.refund.currency))


def _is_done(booking: Booking, seats: Sequence[str] | None) -> bool:
    """Say whether the very same was cancelled before: a second press."""
    if booking.state == BookingState.CANCELLED:
        return booking.cancelled_because == CancelledBecause.TRAVELLER
    return bool(seats) and set(seats or ()) <= list_removed_seats(booking)


def _choose(passengers: Sequence[Passenger], seats: Sequence[str] | None) -> list[Passenger]:
    if seats is None:
        return list(passengers)
    known = {passenger.seat for passenger in passengers}
    if not seats or not set(seats) <= known:
        raise NotYourSeat(details={"seats": [seat for seat in seats if seat not in known]})
    return [passenger for passenger in passengers if passenger.seat in seats]


def _cancel(
    booking: Booking,
    payment: Payment,
    chosen: Sequence[Passenger],
    offer: CancelOffer,
    trip: TripLeg,
    actor: str,
    reason: str,
) -> None:
    before = {"state": booking.state, "seats": [passenger.seat for passenger in chosen]}
    claims.lock(booking)
    tickets = list_tickets(booking, chosen)
    if any(ticket.state == TicketState.BOARDED for ticket in tickets):
        raise TooLateToCancel
    because, at = CancelledBecause.TRAVELLER, trip.asked_at
    drop_passengers(booking, chosen, tickets, whole=offer.whole, because=because, at=at)
    action = "cancel:" + ",".join(str(passenger.id) for passenger in chosen)
    refund = _ask_for_refund(booking, payment, offer, action, actor) if offer.refund.amount else None
    after = {"state": booking.state, "seats": offer.seats, "refund": offer.refund.amount}
    audit.record("booking.cancel", "booking", booking.reference, actor=actor, reason=reason, before=before, after=after)
    given_back = () if offer.whole else offer.seats
    announce(Message.CANCELLED, booking, occasion=action, refund=refund.id if refund else None, seats=given_back)
    log_event("booking_cancelled", booking=booking.reference, trip=booking.trip_id, seats=",".join(offer.seats))


def _ask_for_refund(booking: Booking, payment: Payment, offer: CancelOffer, action: str, actor: str) -> Refund:
    reason = RefundReason.TRAVELLER
    return give_back_applied_money(booking, payment, action=action, reason=reason, amount=offer.refund, actor=actor)


def _details(offer: CancelOffer) -> dict[str, object]:
    return {"expectedRefund": offer.refund.amount, "currency": offer.refund.currency, "seats": offer.seats}
