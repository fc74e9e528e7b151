"""A dispute opened, won, lost: posted once, refunds of that money blocked, unused tickets void.

Called inside one transaction that has locked booking, payments and the dispute, in this order. What is final stays: a
webhook, a question and a person at once change nothing twice.
"""

from datetime import datetime

from aurapark import audit, states
from aurapark.booking import claims
from aurapark.booking.models import Booking, BookingState, CancelledBecause, TicketState
from aurapark.booking.queries import list_passengers
from aurapark.booking.service import lock_booking
from aurapark.booking.tickets import list_tickets
from aurapark.cases.models import CaseKind, Resolution
from aurapark.cases.service import open_case, resolve_dispute
from aurapark.checkout.dropping import drop_passengers
from aurapark.checkout.lost_disputes import end_review, settle_lost_money
from aurapark.disputes.errors import DisputeNotOpen, NotDisputable, WrongDisputedAmount
from aurapark.disputes.models import Dispute, DisputeState
from aurapark.disputes.queries import sum_lost
from aurapark.extensions import db
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.service import post
from aurapark.log import log_event
from aurapark.money import Money
from aurapark.notifications.messages import Message, announce
from aurapark.payments.models import Payment, PaymentState
from aurapark.payments.service import lock_payments
from aurapark.refunds.models import OPEN_STATES, RefundState
from aurapark.refunds.queries import list_refunds, total_refunded
from aurapark.timetable.models import ON_SALE_STATES
from aurapark.timetable.queries import get_booked_leg
from aurapark.timetable.rules import Leg


def lock_payment_of(payment_id: int) -> tuple[Booking, Payment]:
    """Lock the booking of a payment, then all its payments; return both as they are now."""
    payment = db.session.get_one(Payment, payment_id)
    booking = lock_booking(db.session.get_one(Booking, payment.booking_id).reference)
    return booking, next(one for one in lock_payments(booking.id) if one.id == payment_id)


def open_dispute(
    dispute: Dispute, booking: Booking, payment: Payment, amount: int, *, actor: str, reason: str, now: datetime
) -> None:
    """The gateway took this money back until the bank has decided.

    Raises NotDisputable when it is no money of a gateway or disputed already, WrongDisputedAmount.
    """
    if not states.may_move(payment, PaymentState.DISPUTED) or payment.gateway_tx_id is None:
        raise NotDisputable
    if not 0 < amount <= (payment.paid_amount or 0):
        raise WrongDisputedAmount
    dispute.payment_id, dispute.charge_id = payment.id, payment.gateway_tx_id
    dispute.amount, dispute.currency, dispute.opened_at = amount, payment.paid_currency or "", now
    states.move(dispute, DisputeState.OPEN)
    states.move(payment, PaymentState.DISPUTED)
    under_way = [one.id for one in list_refunds([payment.id]) if one.state in OPEN_STATES]
    dispute.tickets_void = _void_unused(booking, payment, amount)
    db.session.flush()
    _post(EventType.DISPUTE_OPENED, dispute, booking, _opened(payment, dispute))
    audit.record("dispute.open", "dispute", str(dispute.id), actor=actor, reason=reason, after=_told(dispute, payment))
    details = {**_told(dispute, payment), "tickets_void": dispute.tickets_void, "refunds": under_way}
    open_case(CaseKind.DISPUTE, "dispute", str(dispute.id), details)
    log_event("dispute_opened", dispute=dispute.id, booking=booking.reference, tx_ref=payment.tx_ref)


def win_dispute(
    dispute: Dispute, booking: Booking, payment: Payment, *, actor: str, reason: str, now: datetime
) -> None:
    """The money is ours again. Who lost a ticket by the dispute does not get it back: people see to them.

    Raises DisputeNotOpen, CaseInOtherHands, ReasonNeeded.
    """
    _close(dispute, DisputeState.WON, now)
    _give_back_state(payment)
    _post(
        EventType.DISPUTE_WON,
        dispute,
        booking,
        rules.postings_for_dispute_won(payment.provider, disputed=_sum(dispute)),
    )
    _finish(dispute, payment, actor, reason, needs_a_person=dispute.tickets_void)


def lose_dispute(
    dispute: Dispute, booking: Booking, payment: Payment, *, actor: str, reason: str, now: datetime
) -> None:
    """The money went to the payer for good: refunds that were due are made by that, the agency bears the rest.

    Raises DisputeNotOpen, CaseInOtherHands, ReasonNeeded.
    """
    end_review(dispute, payment)
    _close(dispute, DisputeState.LOST, now)
    needs_a_person = settle_lost_money(dispute, booking, payment, now=now)
    _give_back_state(payment)
    _finish(dispute, payment, actor, reason, needs_a_person=needs_a_person)


def _close(dispute: Dispute, to: DisputeState, now: datetime) -> None:
    if dispute.state != DisputeState.OPEN:
        raise DisputeNotOpen
    states.move(dispute, to)
    dispute.closed_at, dispute.next_check_at = now, None
    db.session.flush()


def _give_back_state(payment: Payment) -> None:
    """Back to what its refunds, and what it lost to disputes, make of it."""
    db.session.flush()
    gone = total_refunded(payment.id, RefundState.SUCCEEDED) + sum_lost(payment.id)
    to = PaymentState.PARTIALLY_REFUNDED if gone else PaymentState.SUCCEEDED
    states.move(payment, PaymentState.REFUNDED if gone >= (payment.paid_amount or 0) else to)
    db.session.flush()


def _finish(dispute: Dispute, payment: Payment, actor: str, reason: str, *, needs_a_person: bool) -> None:
    after = _told(dispute, payment)
    action = f"dispute.{dispute.state.value}"
    audit.record(action, "dispute", str(dispute.id), actor=actor, reason=reason, after=after)
    if not needs_a_person:
        resolution = Resolution.RULE if actor == audit.SYSTEM else Resolution.NONE
        resolve_dispute(dispute.id, actor=actor, reason=reason, resolution=resolution)
    log_event(f"dispute_{dispute.state.value}", dispute=dispute.id, tx_ref=payment.tx_ref)


def _void_unused(booking: Booking, payment: Payment, amount: int) -> bool:
    """Void the tickets nobody has used, and free their seats: as long as the bus has not left, and all is disputed
    that this payment still holds. Afterwards they are what shows that somebody travelled."""
    rest = (payment.paid_amount or 0) - total_refunded(payment.id, RefundState.SUCCEEDED)
    if booking.state != BookingState.CONFIRMED or booking.confirming_payment_id != payment.id or amount < rest:
        return False
    trip = get_booked_leg(booking.trip_id, Leg(booking.board_segment, booking.alight_segment))
    if trip.state not in ON_SALE_STATES or trip.board.at <= trip.asked_at:
        return False
    passengers = list_passengers(booking)
    claims.lock(booking)
    unused = [ticket for ticket in list_tickets(booking, passengers) if ticket.state == TicketState.VALID]
    theirs = {ticket.passenger_id for ticket in unused}
    chosen = [passenger for passenger in passengers if passenger.id in theirs]
    whole = len(chosen) == len(passengers)
    if chosen:
        because = CancelledBecause.TRAVELLER  # the payer's own doing
        drop_passengers(booking, chosen, unused, whole=whole, because=because, at=trip.asked_at)
        seats = [passenger.seat for passenger in chosen]
        after = {"seats": seats, "refund": 0}
        audit.record("booking.cancel", "booking", booking.reference, reason="its money is disputed", after=after)
        announce(Message.DISPUTED, booking, occasion=payment.public_id, seats=seats)
    return bool(chosen)


def _opened(payment: Payment, dispute: Dispute) -> list[rules.Posting]:
    return rules.postings_for_dispute_opened(payment.provider, disputed=_sum(dispute))


def _post(event: EventType, dispute: Dispute, booking: Booking, postings: list[rules.Posting]) -> None:
    post(event, str(dispute.id), postings, booking_id=booking.id, agency_id=booking.agency_id)


def _sum(dispute: Dispute) -> Money:
    return Money(dispute.amount or 0, dispute.currency or "")


def _told(dispute: Dispute, payment: Payment) -> dict[str, object]:
    known = {"dispute": dispute.gateway_dispute_id, "payment": payment.public_id, "tx_ref": payment.tx_ref}
    return {**known, "amount": dispute.amount, "currency": dispute.currency}
