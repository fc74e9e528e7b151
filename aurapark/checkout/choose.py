"""Choosing seats for people: the best ones for a party, held at once, and what to offer when some were just taken."""

from collections.abc import Sequence

from aurapark.booking.best_available import Preference, choose_seats, nearest_seats
from aurapark.booking.errors import NotEnoughSeats, SeatsTaken
from aurapark.booking.models import Booking
from aurapark.booking.seats import get_seats
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import hold_seats

TRIES = 3  # somebody may take the chosen seats between the look and the hold


def hold_best_seats(
    trip_id: int,
    from_code: str,
    to_code: str,
    count: int,
    preference: Preference = "front",
    *,
    holder: Holder,
    terms: HoldTerms,
) -> Booking:
    """Hold the best free seats for a party; when somebody is faster, the next best.

    Raises what get_seats and hold_seats raise, and NotEnoughSeats with the free seats that are left.
    """
    for _ in range(TRIES):
        found = get_seats(trip_id, from_code, to_code)
        layout = found.trip.layout
        seats = choose_seats(layout, found.free, count, preference)
        if seats is None:
            raise NotEnoughSeats(details={"unavailableSeats": [], "alternativeSeats": layout.in_order([*found.free])})
        try:
            return hold_seats(trip_id, from_code, to_code, seats, holder=holder, terms=terms)
        except SeatsTaken as error:
            lost = error
    raise lost


def offer_instead(trip_id: int, from_code: str, to_code: str, wanted: Sequence[str], gone: Sequence[str]) -> list[str]:
    """Return free seats to offer for those that are gone, as many, near the ones that are kept."""
    found = get_seats(trip_id, from_code, to_code)
    kept = [seat for seat in wanted if seat not in gone]
    return nearest_seats(found.trip.layout, found.free, wanted, kept, len(gone))
