"""A hold given back by choice. When somebody may be paying for it at this moment, the gateway is asked first."""

from aurapark.booking import service as bookings
from aurapark.booking.errors import WrongState
from aurapark.booking.models import Booking, BookingState
from aurapark.booking.qr import TicketSigner
from aurapark.checkout.attempts import Attempt, list_unsettled_attempts
from aurapark.checkout.confirm import ask, write_down
from aurapark.checkout.terms import PaymentTerms
from aurapark.database import in_transaction
from aurapark.log import log_event
from aurapark.payments.errors import NotLetGo
from aurapark.payments.gateway import Gateway
from aurapark.payments.service import is_open, lock_payments

ENDED = (BookingState.RELEASED, BookingState.EXPIRED)


def release_hold(reference: str, *, gateway: Gateway, signer: TicketSigner, terms: PaymentTerms) -> Booking:
    """Give the seats of a hold back; links to pay are closed. Doing it twice changes nothing more.

    Money that still comes afterwards is recorded and looked at by people.
    Raises BookingNotFound, WrongState when the booking was paid or cancelled, and NotLetGo when a payment is open
    and the gateway gave no clear answer: then the seats stay.
    """
    asked = set()
    for attempt in list_unsettled_attempts(reference):
        asked.add(attempt.tx_ref)
        if not _ask_first(attempt, gateway=gateway, signer=signer, terms=terms):
            raise NotLetGo
    return in_transaction(lambda: _release(reference, asked))


def _ask_first(attempt: Attempt, *, gateway: Gateway, signer: TicketSigner, terms: PaymentTerms) -> bool:
    """Close the link, ask, and write down what came; False when there was no clear answer."""
    charges = ask(attempt, gateway, close_link=True)
    ends_at = attempt.session_ends_at + terms.grace
    in_transaction(lambda: write_down(attempt, charges, ends_at=ends_at, base=terms.retry_base, signer=signer))
    return charges is not None


def _release(reference: str, asked: set[str]) -> Booking:
    booking = bookings.lock_booking(reference)
    if booking.state in ENDED:
        return booking
    if booking.state != BookingState.HELD:
        raise WrongState
    if any(is_open(payment) and payment.tx_ref not in asked for payment in lock_payments(booking.id)):
        raise NotLetGo  # a payment was started while we asked about the others
    bookings.end_hold(booking, BookingState.RELEASED, now=bookings.database_now())
    log_event("hold_released", booking=booking.reference, trip=booking.trip_id)
    return booking
