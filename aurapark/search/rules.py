"""What a search asks and what it finds: plain values, no database."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from aurapark.timetable.rules import StopOnTrip

PAGE_SIZE = 20

PartOfDay = Literal["night", "morning", "afternoon", "evening"]
Sort = Literal["departure", "price", "duration"]

PARTS_OF_DAY: dict[PartOfDay, tuple[int, int]] = {  # first hour, number of hours, by local time of departure
    "night": (20, 9),
    "morning": (5, 7),
    "afternoon": (12, 5),
    "evening": (17, 3),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A city or a stop somebody can travel from or to; `rank` 1 is offered first. A place's position is its city's."""

    code: str
    name: str
    city: str
    region: str
    kind: Literal["city", "stop"]
    rank: int | None
    city_code: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TripSearch:
    """From and to are stop or city codes, the date is the agency's; `enough_seats` leaves out what has too few.

    `leaves` "on_time" leaves out buses that wait until they are full: what the agency promises, not how it keeps it.
    """

    from_code: str
    to_code: str
    date: date
    passengers: int
    service_class: str | None = None
    agency: str | None = None
    part_of_day: PartOfDay | None = None
    leaves: Literal["on_time"] | None = None
    sort: Sort = "departure"
    enough_seats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TripOffer:
    """One trip for one leg. `adult` is the price of one seat; times are UTC with the delay in them.

    `on_sale` is False when sales have closed and the bus has not left; it says nothing about `seats_free`.
    """

    trip_id: int
    agency_code: str
    agency_name: str
    licence: str
    service_class: str
    departure_mode: str
    state: str
    delay_minutes: int
    board: StopOnTrip
    alight: StopOnTrip
    adult: int
    currency: str
    seats: int
    seats_free: int
    luggage_free_kg: int
    on_sale: bool
    timezone: str


@dataclass(frozen=True, slots=True)
class TripPage:
    """One page of offers; a page beyond the last is the last. `pages` is at least 1, `total` counts all offers."""

    trips: list[TripOffer]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class DateOffer:
    """A date on which somebody can travel: how many trips there are, and the lowest adult price of one seat."""

    date: date
    trips: int
    amount_from: int


@dataclass(frozen=True, slots=True)
class AgencyChoice:
    """An agency on sale, for the filter."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PopularLeg:
    """Two cities with many departures, and the lowest adult price between them."""

    from_code: str
    from_name: str
    to_code: str
    to_name: str
    amount_from: int
    currency: str
