"""What the books say of a payment: posted in the very transaction that records the money with its fate."""

from aurapark.booking.models import Booking
from aurapark.ledger import rules
from aurapark.ledger.models import EventType
from aurapark.ledger.service import post
from aurapark.money import Money
from aurapark.payments.models import Disposition, Payment


def post_payment(booking: Booking, payment: Payment) -> None:
    """Post money that a gateway took: to the agency when it pays the booking, else owed back to the payer.

    One statement. `payment` is written already and carries its fate.
    """
    paid = Money(payment.paid_amount or 0, payment.paid_currency or "")
    postings = rules.postings_for_kept_payment(payment.provider, paid=paid)
    if payment.disposition == Disposition.APPLIED:
        postings = rules.postings_for_applied_payment(
            payment.provider,
            booking.agency_id,
            paid=paid,
            total=Money(booking.total, booking.currency),
            commission=Money(booking.commission, booking.currency),
        )
    event_id, agency_id = payment.public_id, booking.agency_id
    post(EventType.PAYMENT, event_id, postings, booking_id=booking.id, agency_id=agency_id)
