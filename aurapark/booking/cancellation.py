"""What a traveller gets back for seats, by the rule frozen on the booking: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aurapark.booking.models import Booking, Passenger
from aurapark.fares.rules import read_refund_policy, refund_due
from aurapark.money import Money
from aurapark.timetable.rules import TripLeg

FREE_WHEN_LATER_THAN = timedelta(hours=2)  # a bus that late gives a free cancellation


@dataclass(frozen=True, slots=True)
class CancelOffer:
    """Seats that could be cancelled now, and what comes back for them. `whole`: nobody stays on the booking."""

    seats: list[str]
    paid: Money
    refund: Money
    whole: bool


def offer_for(
    booking: Booking, passengers: Sequence[Passenger], chosen: Sequence[Passenger], trip: TripLeg
) -> CancelOffer:
    """Return what cancelling these passengers gives back at `trip.asked_at`, by the departure where they board."""
    paid = Money(sum(passenger.amount for passenger in chosen), booking.currency)
    refund = paid
    if timedelta(minutes=trip.delay_minutes) <= FREE_WHEN_LATER_THAN:
        policy = read_refund_policy(booking.refund_policy)
        refund = refund_due(paid, departs_at=trip.board.at, now=trip.asked_at, policy=policy)
    return CancelOffer([passenger.seat for passenger in chosen], paid, refund, len(chosen) == len(passengers))
