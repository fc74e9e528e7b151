"""The fate of one verified charge: applied to its booking, refunded, or kept for people when it cannot be read.

Called inside the transaction that has locked booking and payments. Every charge gets exactly one fate; it may be judged
again while it is under review.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from aurapark import audit, states
from aurapark.booking import claims
from aurapark.booking import service as bookings
from aurapark.booking.models import Booking, BookingState, CancelledBecause, ClaimState, Passenger
from aurapark.booking.qr import TicketSigner
from aurapark.booking.queries import list_passengers
from aurapark.booking.tickets import issue_tickets
from aurapark.cases.models import CaseKind, Resolution
from aurapark.cases.service import open_case, resolve_review
from aurapark.checkout.pay_back import give_back_kept_money
from aurapark.checkout.posting import post_payment
from aurapark.checkout.seating import Seating, sell_seats
from aurapark.extensions import db
from aurapark.ledger import rules as ledger
from aurapark.ledger.models import EventType
from aurapark.ledger.service import post
from aurapark.log import log_event
from aurapark.money import Money
from aurapark.notifications.messages import Message, announce
from aurapark.payments.errors import CannotApply
from aurapark.payments.gateway import SUCCESSFUL, Charge
from aurapark.payments.models import Disposition, Payment, PaymentState
from aurapark.payments.rules import WITHDRAWN, Fate, is_readable, wrong_money
from aurapark.payments.service import is_open, record_success
from aurapark.refunds.models import RefundReason
from aurapark.timetable.models import ON_SALE_STATES, TripState
from aurapark.timetable.rules import TripLeg

UNREADABLE = "unreadable_amount"
FOR_PEOPLE = (UNREADABLE, WITHDRAWN)  # money under review that no rule settles
TRY_AGAIN = (RefundReason.SHORT, RefundReason.FOREIGN_CURRENCY)  # the hold lives on until its time
TOO_LATE = (
    RefundReason.SEATS_GONE,
    RefundReason.TRIP_DEPARTED,
    RefundReason.TRIP_CANCELLED,
    RefundReason.RELEASED,
    RefundReason.CANCELLED,
)


def record_charge(
    booking: Booking,
    payments: Sequence[Payment],
    attempt: Payment,
    charge: Charge,
    *,
    trip: TripLeg,
    signer: TicketSigner,
    next_check_at: datetime | None,
) -> Payment:
    """Record a charge that is not recorded yet, once, and do what its fate asks for.

    One that pays the booking gets its seats, when it is late equivalent ones on the same trip if they are free.
    Returns the payment that carries it.
    """
    passengers = list_passengers(booking)
    fate, seating = _judge(booking, attempt, charge, passengers, trip)
    payment = record_success(attempt, payments, charge, fate, now=trip.asked_at, next_check_at=next_check_at)
    db.session.flush()
    post_payment(booking, payment)
    if fate.disposition == Disposition.APPLIED:
        _confirm(booking, payment, passengers, trip, signer, seating)
    elif fate.disposition == Disposition.REFUND:
        _refund(booking, payments, payment, trip)
    else:
        _keep_for_review(booking, payments, payment)
    log_event(f"payment_{fate.disposition}", booking=booking.reference, tx_ref=payment.tx_ref, why=fate.reason or "-")
    return payment


def judge_again(
    booking: Booking, payments: Sequence[Payment], payment: Payment, *, trip: TripLeg, signer: TicketSigner
) -> bool:
    """Give money under review the fate its rule asks for; False when there is none and people decide."""
    if payment.disposition != Disposition.REVIEW or payment.disposition_reason in FOR_PEOPLE:
        return False
    if payment.state == PaymentState.DISPUTED:
        return False
    passengers, before = list_passengers(booking), fate_of(payment)
    fate, seating = _judge(booking, payment, _as_charge(payment), passengers, trip)
    payment.disposition, payment.disposition_reason = fate.disposition, fate.reason
    db.session.flush()
    why = "the rule for such payments"
    note_fate(payment, before, actor=audit.SYSTEM, reason=why)
    resolve_review(payment.public_id, actor=audit.SYSTEM, reason=why, resolution=Resolution.RULE)
    if fate.disposition == Disposition.APPLIED:
        _post_applied_late(booking, payment)
        _confirm(booking, payment, passengers, trip, signer, seating)
    else:
        _refund(booking, payments, payment, trip)
    return True


def apply_by_hand(booking: Booking, payment: Payment, *, trip: TripLeg, signer: TicketSigner) -> None:
    """Let money under review pay its booking after all, on its seats or equivalent ones.

    Raises CannotApply when the rules for such money say otherwise: it is too little, in another currency, too late.
    """
    passengers = list_passengers(booking)
    if reason := _hindrance(booking, payment, _as_charge(payment), trip):
        raise CannotApply(why=reason.value)
    seating = sell_seats(booking, passengers, trip)
    if seating == Seating.NONE:
        raise CannotApply(why=RefundReason.SEATS_GONE.value)
    payment.disposition = Disposition.APPLIED
    db.session.flush()
    _post_applied_late(booking, payment)
    _confirm(booking, payment, passengers, trip, signer, seating)


def fate_of(payment: Payment) -> dict[str, Any]:
    """Return a payment's fate as the audit log keeps it."""
    return {"disposition": payment.disposition and payment.disposition.value, "why": payment.disposition_reason}


def note_fate(payment: Payment, before: dict[str, Any], *, actor: str, reason: str) -> None:
    """Write into the audit log that money under review got its fate."""
    after = {**fate_of(payment), "amount": payment.paid_amount, "currency": payment.paid_currency}
    audit.record(
        "payment.resolve", "payment", payment.public_id, actor=actor, reason=reason, before=before, after=after
    )


def _judge(
    booking: Booking, attempt: Payment, charge: Charge, passengers: Sequence[Passenger], trip: TripLeg
) -> tuple[Fate, Seating]:
    """Return the fate; the seats of a charge that pays are sold with that."""
    if not is_readable(charge):
        return Fate(Disposition.REVIEW, UNREADABLE), Seating.NONE
    if reason := _hindrance(booking, attempt, charge, trip):
        return Fate(Disposition.REFUND, reason), Seating.NONE
    seating = sell_seats(booking, passengers, trip)
    if seating == Seating.NONE:
        return Fate(Disposition.REFUND, RefundReason.SEATS_GONE), seating
    return Fate(Disposition.APPLIED), seating


def _hindrance(booking: Booking, attempt: Payment, charge: Charge, trip: TripLeg) -> RefundReason | None:
    """Return why this charge cannot pay this booking, None when only the seats can still be in the way."""
    if booking.state not in (BookingState.HELD, BookingState.EXPIRED):
        return _ended(booking)
    if wrong := wrong_money(charge, expected=attempt.expected_amount, currency=attempt.currency):
        return RefundReason(wrong)
    if trip.state == TripState.CANCELLED:
        return RefundReason.TRIP_CANCELLED
    if trip.state not in ON_SALE_STATES or trip.board.at <= trip.asked_at:
        return RefundReason.TRIP_DEPARTED
    return None


def _ended(booking: Booking) -> RefundReason:
    if booking.state == BookingState.CONFIRMED:
        return RefundReason.SECOND
    if booking.cancelled_because == CancelledBecause.TRIP:
        return RefundReason.TRIP_CANCELLED
    return RefundReason.CANCELLED if booking.state == BookingState.CANCELLED else RefundReason.RELEASED


def _confirm(
    booking: Booking,
    payment: Payment,
    passengers: Sequence[Passenger],
    trip: TripLeg,
    signer: TicketSigner,
    seating: Seating,
) -> None:
    before = booking.state
    states.move(booking, BookingState.CONFIRMED)
    booking.confirmed_at, booking.confirming_payment_id = trip.asked_at, payment.id
    issue_tickets(booking, trip, passengers, signer)
    announce(Message.OTHER_SEATS if seating == Seating.OTHER else Message.TICKET, booking)
    after = {"state": booking.state, "payment": payment.public_id, "seats": [one.seat for one in passengers]}
    audit.record("booking.confirm", "booking", booking.reference, before={"state": before}, after=after)
    if (over := (payment.paid_amount or 0) - booking.total) > 0:
        refund = give_back_kept_money(payment, RefundReason.OVER, Money(over, booking.currency))
        announce(Message.REFUND_ASKED, booking, occasion=str(refund.id), refund=refund.id)


def _refund(booking: Booking, payments: Sequence[Payment], payment: Payment, trip: TripLeg) -> None:
    """Send all of it back. A hold that can be paid again lives on; one that cannot ends here."""
    reason = RefundReason(payment.disposition_reason or "")
    refund = give_back_kept_money(payment, reason, Money(payment.paid_amount or 0, payment.paid_currency or ""))
    if booking.state == BookingState.HELD:
        if reason in TRY_AGAIN:
            _keep_hold(booking, payments)
        else:
            bookings.end_hold(booking, BookingState.EXPIRED, now=trip.asked_at)
    message = Message.PAID_TOO_LATE if reason in TOO_LATE else Message.REFUND_ASKED
    announce(message, booking, occasion=str(refund.id), refund=refund.id)


def _keep_for_review(booking: Booking, payments: Sequence[Payment], payment: Payment) -> None:
    """Leave the money to people; a hold lives on until its time, so that the traveller can try again."""
    after = {"amount": payment.paid_amount, "currency": payment.paid_currency}
    audit.record("payment.review", "payment", payment.public_id, reason=payment.disposition_reason, after=after)
    known = {"tx_ref": payment.tx_ref, **after, "why": payment.disposition_reason}
    open_case(CaseKind.REVIEW, "payment", payment.public_id, known)
    if booking.state == BookingState.HELD:
        _keep_hold(booking, payments)


def _keep_hold(booking: Booking, payments: Sequence[Payment]) -> None:
    state = ClaimState.PAYING if any(is_open(other) for other in payments) else ClaimState.HELD
    claims.set_state(booking, state, booking.hold_expires_at)


def _post_applied_late(booking: Booking, payment: Payment) -> None:
    total, commission = Money(booking.total, booking.currency), Money(booking.commission, booking.currency)
    postings = ledger.postings_for_review_applied(booking.agency_id, total=total, commission=commission)
    event_id, agency_id = payment.public_id, booking.agency_id
    post(EventType.REVIEW_APPLIED, event_id, postings, booking_id=booking.id, agency_id=agency_id)


def _as_charge(payment: Payment) -> Charge:
    return Charge(
        gateway_tx_id=payment.gateway_tx_id or "",
        tx_ref=payment.tx_ref,
        status=SUCCESSFUL,
        amount=Decimal(payment.paid_amount or 0),
        currency=payment.paid_currency or "",
    )
