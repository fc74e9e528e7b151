"""The shapes that components show: plain frozen values, so that a template starts no query.

The macros only read these attributes; another object that has them will do as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

DEFAULT_ZONE = "Africa/Douala"

CellKind = Literal["seat", "driver", "door", "aisle", "empty"]
SeatState = Literal["free", "taken", "chosen", "lost"]
Position = Literal["window", "middle", "aisle", "back_bench", "folding"]
Side = Literal["left", "right"]


@dataclass(frozen=True)
class SeatCell:
    """One place on the map. Only a `seat` has the fields below `kind`; `amount` is its price in francs.

    State `chosen` is ticked by, or kept for, this visitor; `lost` was wanted and has just been taken by another.
    """

    kind: CellKind
    seat: str = ""
    state: SeatState = "free"
    position: Position = "window"
    side: Side = "left"
    near_door: bool = False
    amount: int = 0


@dataclass(frozen=True)
class SeatMap:
    """A bus from above, front first, left to right, all rows of one length. `amount` is the usual price of a seat."""

    trip_id: int
    from_code: str
    to_code: str
    rev: str
    amount: int
    rows: Sequence[Sequence[SeatCell]]

    @property
    def seats(self) -> list[SeatCell]:
        """The seats in reading order."""
        return [cell for row in self.rows for cell in row if cell.kind == "seat"]

    @property
    def free(self) -> list[SeatCell]:
        return [cell for cell in self.seats if cell.state in ("free", "chosen")]

    @property
    def chosen(self) -> list[SeatCell]:
        return [cell for cell in self.seats if cell.state == "chosen"]


@dataclass(frozen=True)
class TripLine:
    """Which trip a page is about: places, departure at the boarding stop, class and bus in words."""

    from_place: str
    to_place: str
    departs_at: datetime
    service_class: str
    zone: str = DEFAULT_ZONE
    bus: str = ""
    agency: str = ""


@dataclass(frozen=True)
class TripCard:
    """One trip on the results page. `amount` is the total for all passengers, in francs; `included` are words.

    `on_sale` is false when it is sold out or closed: `note` then says which, and what to do.
    """

    trip_id: int
    href: str
    departs_at: datetime
    arrives_at: datetime
    from_place: str
    to_place: str
    agency: str
    licence: str
    service_class: str
    passengers: int
    amount: int
    seats_free: int
    zone: str = DEFAULT_ZONE
    included: Sequence[str] = ()
    on_sale: bool = True
    note: str = ""


@dataclass(frozen=True)
class HoldClock:
    """A hold as its holder sees it. `seconds_left` by the server's clock; `cannot_extend` says why, when it is so."""

    seats: Sequence[str]
    until: datetime
    seconds_left: int
    extend_url: str
    release_url: str
    zone: str = DEFAULT_ZONE
    cannot_extend: str = ""


@dataclass(frozen=True)
class PriceLine:
    """One line of what is paid, in francs."""

    text: str
    amount: int


@dataclass(frozen=True)
class SummaryRow:
    """One fact, and where to change it."""

    label: str
    value: str
    href: str = ""
    action: str = ""


@dataclass(frozen=True)
class RouteLink:
    """A popular route with its lowest fare in francs."""

    text: str
    href: str
    amount: int


@dataclass(frozen=True)
class TicketView:
    """One passenger's ticket. `qr` is inline SVG (Markup); `code` is the short code printed under it; times are UTC."""

    agency: str
    licence: str
    from_place: str
    to_place: str
    departs_at: datetime
    be_there_at: datetime
    seat: str
    passenger: str
    category: str
    bus: str
    code: str
    qr: str
    zone: str = DEFAULT_ZONE
    state: Literal["valid", "boarded", "void"] = "valid"
    facts: Sequence[SummaryRow] = field(default=())
    rule: str = ""
