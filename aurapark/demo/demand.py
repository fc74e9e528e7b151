"""How full the demo's buses are, by the calendar of the demo file, and which departures are always special. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random

from aurapark.fleet.rules import Position, SeatLayout, read_grid

FULL_DAYS = 3  # days ahead with the calendar's load; later ones fill up as their day comes nearer
THIN, THINNER_EACH_DAY = 0.4, 0.8
FRIDAY, SUNDAY = 4, 6
SEATS_TO_GO = 12
ROWS_FOR_SCENARIOS = 7  # the front of the bus stays empty for the people of scenarios.py
EVERY_OTHER_DAY = 2  # a cancelled and a delayed departure are always near, and not on every day
DELAY_MINUTES = 45


class Special(StrEnum):
    SOLD_OUT = "sold_out"
    ONE_FREE = "one_free"
    FOLDING_ONLY = "folding_only"
    TWELVE_TO_GO = "twelve_to_go"
    ROOM_IN_FRONT = "room_in_front"
    CANCELLED = "cancelled"


SPECIAL_DEPARTURES = {  # (agency, route, local time)
    ("wouri", "R01", "08:30"): Special.SOLD_OUT,
    ("wouri", "R06", "09:00"): Special.ONE_FREE,
    ("wouri", "R01", "14:00"): Special.ROOM_IN_FRONT,
    ("wouri", "R06", "10:00"): Special.ROOM_IN_FRONT,
    ("wouri", "R07", "08:30"): Special.ROOM_IN_FRONT,
    ("wouri", "R11", "14:00"): Special.ROOM_IN_FRONT,
    ("ndop", "R02", "11:00"): Special.ROOM_IN_FRONT,
    ("ndop", "R03", "12:00"): Special.ROOM_IN_FRONT,
    ("ringroad", "R04", "07:30"): Special.ROOM_IN_FRONT,
}
CANCELLED_DEPARTURE = ("wouri", "R07", "10:30")
DELAYED_DEPARTURE = ("ndop", "R02", "07:30")


@dataclass(frozen=True, slots=True, kw_only=True)
class TripToFill:
    """A trip nobody has booked yet, with all that its bookings need. `stops` are the planned times in UTC."""

    trip_id: int
    agency_id: int
    agency: str
    route_id: int
    route: str
    service_class: str
    when_full: bool
    day: date
    departs: str
    days_ahead: int
    grid: str
    stops: Sequence[datetime]
    close_minutes: int
    commission_percent: int
    refund_policy: str

    @property
    def layout(self) -> SeatLayout:
        """Return the seat map, read."""
        return read_grid(self.grid)

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what names this departure on any day."""
        return (self.agency, self.route, self.departs)

    def sales_close_at(self, board: int) -> datetime:
        """Return when sales end for a leg from this stop."""
        return self.stops[board] - timedelta(minutes=self.close_minutes)


def find_specials(trips: Sequence[TripToFill]) -> dict[int, Special]:
    """Return the special trips of one day by id: always a sold-out one, one with a single seat, and so on."""
    found: dict[int, Special] = {
        trip.trip_id: SPECIAL_DEPARTURES[trip.key] for trip in trips if trip.key in SPECIAL_DEPARTURES
    }
    for trip in trips:
        if trip.key == CANCELLED_DEPARTURE and happens_on(trip.day):
            found[trip.trip_id] = Special.CANCELLED
    rest = [trip for trip in trips if trip.trip_id not in found and trip.departs >= "09:00"]
    for special, fits in ((Special.FOLDING_ONLY, _has_folding), (Special.TWELVE_TO_GO, _leaves_when_full)):
        if trip_id := next((trip.trip_id for trip in rest if fits(trip) and trip.trip_id not in found), None):
            found[trip_id] = special
    return found


def happens_on(day: date) -> bool:
    """Say whether the cancelled and the delayed departure of the demo are on this day."""
    return day.toordinal() % EVERY_OTHER_DAY == 0


def load_factor(day: date, days_ahead: int, chance: Random) -> float:
    """Return the share of seats that are sold: by day of the week and season, thinner the farther ahead."""
    low, high = (0.35, 0.70)
    if (
        (day.month, day.day) >= (12, 18)
        or (day.month, day.day) <= (1, 6)
        or date(day.year, 8, 25) <= day <= date(day.year, 9, 15)
    ):
        low, high = (0.95, 1.0)
    elif day.weekday() in (FRIDAY, SUNDAY):
        low, high = (0.75, 0.95)
    thin = 1.0 if days_ahead <= FULL_DAYS else THIN * THINNER_EACH_DAY ** (days_ahead - FULL_DAYS)
    return chance.uniform(low, high) * thin


def seats_to_sell(trip: TripToFill, special: Special | None, chance: Random) -> list[str]:
    """Return the seats that may be sold, in map order: folding seats only where everything goes."""
    layout = trip.layout
    fixed = [seat.label for seat in layout.seats.values() if seat.position != Position.FOLDING]
    match special:
        case Special.SOLD_OUT:
            return list(layout.seats)
        case Special.ONE_FREE:
            left = chance.choice(fixed)
            return [seat for seat in layout.seats if seat != left]
        case Special.TWELVE_TO_GO:
            return layout.in_order(chance.sample(fixed, len(layout.seats) - SEATS_TO_GO))
        case Special.ROOM_IN_FRONT:
            return [seat for seat in fixed if layout.seats[seat].row >= min(ROWS_FOR_SCENARIOS, len(layout.rows) // 2)]
        case _:
            return fixed


def fills_up(special: Special | None) -> bool:
    """Say whether every seat that may be sold is sold, over the whole way."""
    return special in (Special.SOLD_OUT, Special.ONE_FREE, Special.FOLDING_ONLY, Special.TWELVE_TO_GO)


def _has_folding(trip: TripToFill) -> bool:
    return any(seat.position == Position.FOLDING for seat in trip.layout.seats.values())


def _leaves_when_full(trip: TripToFill) -> bool:
    return trip.when_full
