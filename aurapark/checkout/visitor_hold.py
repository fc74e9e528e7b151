"""A visitor's one hold on a trip: pressed twice it is the same hold, with other seats it makes room for the new one."""

from collections.abc import Sequence
from dataclasses import dataclass

from aurapark.booking.access import Asker, OwnHold, find_own_hold
from aurapark.booking.errors import SeatsTaken, TooManyHolds
from aurapark.booking.service import Holder, HoldTerms
from aurapark.checkout.hold import change_seats, hold_seats
from aurapark.timetable.queries import get_trip_leg

TRIES = 3  # somebody may be faster each time


@dataclass(frozen=True, slots=True)
class Wish:
    """Seats on one leg of one trip, by codes of stops or cities."""

    trip_id: int
    from_code: str
    to_code: str
    seats: tuple[str, ...]

    def only(self, seats: Sequence[str]) -> "Wish":
        """Return the same wish for other seats."""
        return Wish(self.trip_id, self.from_code, self.to_code, tuple(seats))


def hold_for_visitor(wish: Wish, *, holder: Holder, terms: HoldTerms) -> str:
    """Hold the seats and return the booking's reference.

    Raises what hold_seats raises; a hold the visitor had before then stays as it was.
    """
    leg = wish.trip_id, wish.from_code, wish.to_code
    asker = Asker(holder.visitor_hash, holder.user_id)
    own = find_own_hold(asker, wish.trip_id)
    if own and _same(own, wish):
        return own.reference
    try:
        if own and not own.paying:
            return change_seats(own.reference, *leg, wish.seats, holder=holder, terms=terms).reference
        return hold_seats(*leg, wish.seats, holder=holder, terms=terms).reference
    except (SeatsTaken, TooManyHolds):
        own = find_own_hold(asker, wish.trip_id)
        if own and _same(own, wish):  # a second press was faster
            return own.reference
        raise


def keep_the_rest(wish: Wish, gone: Sequence[str], *, holder: Holder, terms: HoldTerms) -> list[str]:
    """Hold those of the wanted seats that are not gone, so that they wait while others are chosen for the rest.

    Returns the seats that are gone by now; all of them when nothing could be kept.
    """
    lost = list(gone)
    for _ in range(TRIES):
        rest = [seat for seat in wish.seats if seat not in lost]
        if not rest:
            break
        try:
            hold_for_visitor(wish.only(rest), holder=holder, terms=terms)
            return lost
        except SeatsTaken as taken:
            lost += taken.seats
    return list(wish.seats)


def _same(own: OwnHold, wish: Wish) -> bool:
    if sorted(own.seats) != sorted(wish.seats):
        return False
    return get_trip_leg(wish.trip_id, wish.from_code, wish.to_code).leg == own.leg
