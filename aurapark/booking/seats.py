"""The seats of one leg as somebody who wants to buy sees them: which are free, what one costs."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from aurapark.booking.queries import list_taken_seats
from aurapark.fares.queries import get_seat_prices
from aurapark.fares.rules import SeatPrices
from aurapark.timetable.queries import get_trip_leg
from aurapark.timetable.rules import TripLeg

REV_LENGTH = 12


@dataclass(frozen=True)
class SeatsForSale:
    """A leg of a trip, its prices, and the seats that somebody has on any of its segments."""

    trip: TripLeg
    prices: SeatPrices
    taken: set[str]

    @cached_property
    def free(self) -> set[str]:
        """Return the seats that can be held now."""
        return set(self.trip.layout.seats) - self.taken

    @property
    def rev(self) -> str:
        """Return an opaque word that changes with what is visible: a free seat, its price."""
        seen = f"{self.trip.trip_id} {self.prices.adult} {','.join(sorted(self.taken))}"
        return hashlib.sha256(seen.encode()).hexdigest()[:REV_LENGTH]


def get_seats(trip_id: int, from_code: str, to_code: str, *, except_booking_id: int | None = None) -> SeatsForSale:
    """Return the seats between two stops or cities (three statements); the seats of one booking count as free.

    Raises TripNotFound, FareNotFound, and TripClosed or TripCancelled when nothing is sold any more.
    """
    trip = get_trip_leg(trip_id, from_code, to_code)
    trip.require_on_sale()
    prices = get_seat_prices(trip)
    taken = list_taken_seats(trip_id, trip.leg, except_booking_id=except_booking_id)
    return SeatsForSale(trip, prices, taken)
