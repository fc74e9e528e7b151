"""The tickets of a booking sent once more, to its payer and nobody else, and not as often as somebody can press."""

from datetime import datetime, timedelta

from aurapark import audit
from aurapark.booking.errors import NobodyToSendTo, SentAMomentAgo, WrongState
from aurapark.booking.models import Booking, BookingState, TicketState
from aurapark.booking.queries import list_passengers
from aurapark.booking.service import database_now, lock_booking
from aurapark.booking.tickets import list_tickets
from aurapark.database import in_transaction
from aurapark.log import log_event
from aurapark.notifications.messages import CHANNELS, Channel, Message, address, announce

RESEND = "booking.resend"
PER_HOUR, HOUR = 3, timedelta(hours=1)
PAUSE = timedelta(minutes=2)


def resend_tickets(reference: str, *, actor: str) -> list[Channel]:
    """Send the tickets again by every way the payer can be reached; returns which. At most every two minutes, three
    times an hour, whoever asks.

    Raises BookingNotFound, WrongState, NobodyToSendTo, SentAMomentAgo.
    """

    def work() -> list[Channel]:
        booking = lock_booking(reference)
        ways = _ways_to_send(booking)
        sent, until = _sent_before(reference)
        if until:
            raise SentAMomentAgo(until)
        audit.record(RESEND, "booking", reference, actor=actor, after={"by": [way.value for way in ways]})
        announce(Message.TICKET, booking, occasion=f"again-{sent + 1}")
        log_event("tickets_resent", booking=reference)
        return ways

    return in_transaction(work)


def _ways_to_send(booking: Booking) -> list[Channel]:
    if booking.state != BookingState.CONFIRMED:
        raise WrongState
    valid = [one for one in list_tickets(booking, list_passengers(booking)) if one.state == TicketState.VALID]
    ways = [channel for channel in CHANNELS[Message.TICKET] if address(booking, channel)]
    if not valid or not ways:
        raise NobodyToSendTo
    return ways


def _sent_before(reference: str) -> tuple[int, datetime | None]:
    """Return how often they were sent again so far, and until when they cannot be; counted under the booking's lock."""
    times, now = audit.list_times([RESEND], "booking", reference), database_now()
    ends = [times[0] + PAUSE] if times else []
    ends += [times[PER_HOUR - 1] + HOUR] if len(times) >= PER_HOUR else []
    late = [end for end in ends if end > now]
    return len(times), max(late, default=None)
