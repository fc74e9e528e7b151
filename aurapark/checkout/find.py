"""A booking found again by reference and phone: guessing is counted, and every failure looks alike."""

from datetime import timedelta

from aurapark.booking.access import grant
from aurapark.booking.errors import BookingNotFound
from aurapark.booking.models import Booking
from aurapark.booking.queries import get_booking
from aurapark.database import in_transaction
from aurapark.limits.service import Wall, key_of, note_failure, require_tries_left

HOUR = timedelta(hours=1)
PER_REFERENCE, REFERENCE_PAUSE = 5, timedelta(minutes=15)
PER_VISITOR = 20  # an hour
PER_NETWORK = 300  # an hour: a cookie is thrown away easily, and many people sit behind one address


def find_again(reference: str, phone: str, *, visitor_hash: str, network: str, limited: bool) -> Booking | None:
    """Let a visitor in who knows reference and phone; None when they do not go together.

    The private link still opens the booking meanwhile. Raises TooMany, alike for a booking that exists.
    """
    walls = [
        Wall(key_of("find reference", reference), PER_REFERENCE, REFERENCE_PAUSE),
        Wall(key_of("find visitor", visitor_hash), PER_VISITOR, HOUR),
        Wall(key_of("find network", network), PER_NETWORK, HOUR),
    ]

    def work() -> Booking | None:
        if limited:
            require_tries_left(walls)
        booking = _look_up(reference, phone)
        if booking:
            grant(booking, visitor_hash)
        elif limited:
            note_failure(walls)
        return booking

    return in_transaction(work)


def _look_up(reference: str, phone: str) -> Booking | None:
    try:
        booking = get_booking(reference)
    except BookingNotFound:
        return None
    return booking if booking.payer_phone == phone else None
