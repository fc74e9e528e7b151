"""What we tell people, and by which channels. A message is announced inside the transaction that makes it true."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from aurapark import outbox
from aurapark.booking.models import Booking


class Channel(StrEnum):
    """A way to reach people; also the kind of the outbox row."""

    SMS = "sms"
    MAIL = "mail"


class Message(StrEnum):
    """An event people are told about; also the name of its templates."""

    TICKET = "ticket"
    OTHER_SEATS = "other_seats"
    CHANGED = "changed"
    PAYMENT_FAILED = "payment_failed"
    PAID_TOO_LATE = "paid_too_late"
    CANCELLED = "cancelled"
    REFUND_ASKED = "refund_asked"
    REFUND_SENT = "refund_sent"
    REFUND_FAILED = "refund_failed"
    DISPUTED = "disputed"
    REMINDER = "reminder"


CHANNELS = {
    **dict.fromkeys(Message, (Channel.SMS, Channel.MAIL)),
    Message.REMINDER: (Channel.SMS,),
}
WITH_TICKETS = (Message.TICKET, Message.OTHER_SEATS, Message.CHANGED)


def announce(
    message: Message, booking: Booking, *, occasion: str = "", refund: int | None = None, seats: Sequence[str] = ()
) -> None:
    """Write the outbox rows of a message in the transaction under way (one statement).

    The same message goes out once per booking; `occasion` (the number of the payment attempt, say) tells apart
    those that may come again. The row holds ids only: the booking's, that of a `refund`, `seats` that were given
    back. Nothing goes to an address the booking does not have.
    """
    name = f"{message}-{occasion}" if occasion else message.value
    payload: dict[str, Any] = {"booking": booking.reference, "message": message.value}
    payload |= ({"refund": refund} if refund else {}) | ({"seats": list(seats)} if seats else {})
    outbox.publish(
        (channel.value, dedupe_key(booking.reference, name, channel), payload)
        for channel in CHANNELS[message]
        if address(booking, channel)
    )


def dedupe_key(reference: str, name: str, channel: Channel) -> str:
    """Return the key under which a message of a booking is written once."""
    return f"{reference}:{name}:{channel}"


def address(booking: Booking, channel: Channel) -> str | None:
    """Return where this booking's messages go on a channel: the payer's phone or e-mail address."""
    return booking.payer_phone if channel == Channel.SMS else booking.payer_email
