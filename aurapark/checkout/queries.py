"""Reading one sale: the booking with the attempts to pay it."""

from dataclasses import dataclass

from sqlalchemy import select

from aurapark.booking.models import Booking
from aurapark.booking.queries import BookingView, get_booking_view
from aurapark.extensions import db
from aurapark.payments.models import OPEN_STATES, Payment


@dataclass(frozen=True, slots=True)
class Sale:
    """A booking as people see it, with its payments, oldest first."""

    view: BookingView
    payments: list[Payment]

    @property
    def open_payment(self) -> Payment | None:
        """Return the newest attempt the gateway has not yet answered, None when there is none."""
        return next((payment for payment in reversed(self.payments) if payment.state in OPEN_STATES), None)


def get_sale(reference: str) -> Sale:
    """Return a booking with its payments (five statements). Raises BookingNotFound."""
    view = get_booking_view(reference)
    return Sale(view, list_payments(view.booking))


def list_payments(booking: Booking) -> list[Payment]:
    """Return all attempts to pay a booking, oldest first."""
    return list(db.session.scalars(select(Payment).where(Payment.booking_id == booking.id).order_by(Payment.id)))


def get_booking_of(payment: Payment) -> Booking:
    """Return the booking an attempt is for."""
    return db.session.get_one(Booking, payment.booking_id)
