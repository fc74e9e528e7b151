"""Legs and the moment sales close."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aurapark.fleet.rules import SeatLayout, read_grid
from aurapark.timetable.errors import TripCancelled, TripClosed
from aurapark.timetable.models import ON_SALE_STATES, TripState

BE_THERE_BEFORE_CLOSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Leg:
    """The stretch one passenger travels: segments `[board, alight)`."""

    board: int
    alight: int

    @property
    def segments(self) -> int:
        """Return how many segments the leg has."""
        return self.alight - self.board


@dataclass(frozen=True, slots=True)
class StopOnTrip:
    """A stop as a trip passes it, with the time in UTC, delay included."""

    code: str
    name: str
    city: str
    city_code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SellingAgency:
    """What a sale needs to know of the agency; `refund_policy` is [{hours, percent}], longest notice first."""

    id: int
    code: str
    name: str
    licence: str
    timezone: str
    phone: str | None
    boarding_close_minutes: int
    max_seats: int | None
    commission_percent: int | None
    luggage_free_kg: int
    refund_policy: list[dict[str, int]]
    active: bool


@dataclass(frozen=True, slots=True)
class TripLeg:
    """One leg of one trip as somebody wants to buy it. `asked_at` is the database's clock."""

    trip_id: int
    route_id: int
    service_date: date
    service_class: str
    departure_mode: str
    state: TripState
    delay_minutes: int
    leg: Leg
    board: StopOnTrip
    alight: StopOnTrip
    agency: SellingAgency
    seat_map_name: dict[str, str]
    grid: str
    vehicle_name: str
    plate: str
    asked_at: datetime

    @property
    def layout(self) -> SeatLayout:
        """Return the trip's seat map, read."""
        return read_grid(self.grid)

    @property
    def sales_close_at(self) -> datetime:
        """Return when sales end for this leg: before departure at the boarding stop."""
        return self.board.at - timedelta(minutes=self.agency.boarding_close_minutes)

    @property
    def be_there_at(self) -> datetime:
        """Return when travellers are asked to be at the stop: a quarter of an hour before boarding closes."""
        return self.sales_close_at - BE_THERE_BEFORE_CLOSE

    def require_on_sale(self) -> None:
        """Raise TripCancelled or TripClosed when no seat of this leg may be sold now."""
        if self.state == TripState.CANCELLED:
            raise TripCancelled
        if self.state not in ON_SALE_STATES or not self.agency.active or self.asked_at >= self.sales_close_at:
            raise TripClosed
