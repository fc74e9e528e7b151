"""What a message is about besides its booking: money on its way back, seats given back, the next departures."""

from dataclasses import dataclass, field
from typing import Any

from aurapark.booking.models import BookingState
from aurapark.booking.queries import BookingView, list_taken_seats
from aurapark.notifications.messages import WITH_TICKETS, Channel, Message
from aurapark.refunds.models import Refund, RefundState
from aurapark.refunds.queries import get_refund
from aurapark.timetable.models import ON_SALE_STATES
from aurapark.timetable.queries import list_next_legs
from aurapark.timetable.rules import TripLeg

MOST_DEPARTURES = 3


@dataclass(frozen=True, slots=True)
class About:
    """What the templates of a message may say; empty where the message has none of it."""

    refund: Refund | None = None
    seats: list[str] = field(default_factory=list)
    departures: list[TripLeg] = field(default_factory=list)


def read_about(message: Message, view: BookingView, payload: dict[str, Any]) -> About:
    """Return what this message is about, as it is now."""
    refund = get_refund(payload["refund"]) if "refund" in payload else None
    departures = list_departures(view) if message == Message.PAID_TOO_LATE else []
    return About(refund, payload.get("seats", []), departures)


def is_true(message: Message, channel: Channel, view: BookingView, about: About) -> bool:
    """Say whether the message still holds: a ticket that is valid, a hold that lives, a bus that has not left."""
    if message in WITH_TICKETS:
        return bool(view.tickets)
    if message == Message.REMINDER:
        runs = view.trip.state in ON_SALE_STATES and view.trip.asked_at < view.trip.board.at
        return runs and view.booking.state == BookingState.CONFIRMED and bool(view.tickets)
    if message == Message.PAYMENT_FAILED:  # without the hold there is nothing to hurry for: no SMS
        unpaid = view.booking.state in (BookingState.HELD, BookingState.EXPIRED)
        return view.live or (unpaid and channel == Channel.MAIL)
    return message != Message.REFUND_FAILED or bool(about.refund and about.refund.state == RefundState.FAILED)


def list_departures(view: BookingView) -> list[TripLeg]:
    """Return the next trips between the same cities that have room for the party, soonest first."""
    party = max(len(view.seats), 1)
    legs = [leg for leg in list_next_legs(view.trip) if _has_room(leg, party)]
    return legs[:MOST_DEPARTURES]


def _has_room(leg: TripLeg, party: int) -> bool:
    return len(set(leg.layout.seats) - list_taken_seats(leg.trip_id, leg.leg)) >= party
