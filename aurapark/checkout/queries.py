"""Reading one sale: the booking with the attempts to pay it, and what goes back of them."""

from dataclasses import dataclass, field

from sqlalchemy import select

from aurapark.booking.models import Booking
from aurapark.booking.queries import BookingView, get_booking_view
from aurapark.extensions import db
from aurapark.payments.models import OPEN_STATES, Payment
from aurapark.refunds.models import Refund
from aurapark.refunds.queries import list_refunds


@dataclass(frozen=True, slots=True)
class Sale:
    """A booking as people see it, with its payments and refunds, oldest first."""

    view: BookingView
    payments: list[Payment]
    refunds: list[Refund] = field(default_factory=list)

    @property
    def open_payment(self) -> Payment | None:
        """Return the newest attempt the gateway has not yet answered, None when there is none."""
        return next((payment for payment in reversed(self.payments) if payment.state in OPEN_STATES), None)


def get_sale(reference: str) -> Sale:
    """Return a booking with its payments and refunds (five statements, one more once it is paid).

    Raises BookingNotFound.
    """
    view = get_booking_view(reference)
    payments = list_payments(view.booking)
    paid = [payment.id for payment in payments if payment.disposition]
    return Sale(view, payments, list_refunds(paid) if paid else [])


def list_payments(booking: Booking) -> list[Payment]:
    """Return all attempts to pay a booking, oldest first."""
    return list(db.session.scalars(select(Payment).where(Payment.booking_id == booking.id).order_by(Payment.id)))


def get_booking_of(payment: Payment) -> Booking:
    """Return the booking an attempt is for."""
    return db.session.get_one(Booking, payment.booking_id)
