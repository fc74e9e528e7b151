"""What the seat page shows: the bus as rows of cells, the trip in words, and what to take instead of a lost seat."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import ngettext

from aurapark.booking.access import OwnHold
from aurapark.booking.best_available import nearest_seats
from aurapark.booking.seats import SeatsForSale
from aurapark.fleet.rules import AISLE, DOOR, DRIVER, Seat
from aurapark.timetable.rules import TripLeg
from aurapark.web import formats
from aurapark.web.formats import language
from aurapark.web.names import class_name, stop_name
from aurapark.web.views import CellKind, SeatCell, SeatMap, SeatState, TripLine

ALTERNATIVES = 3
EMPTY_KINDS: dict[str, CellKind] = {DRIVER: "driver", DOOR: "door", AISLE: "aisle"}


@dataclass(frozen=True)
class Alternative:
    """Seats to take instead: `seats` as they are sent, `text` for people."""

    seats: str
    text: str


@dataclass(frozen=True)
class Loss:
    """Seats that were just taken by somebody else, those kept meanwhile, and what to take instead."""

    seats: list[str]
    kept: list[str]
    kept_until: datetime | None
    kept_reference: str
    alternatives: list[Alternative]


def draw_map(seats: SeatsForSale, *, chosen: Collection[str] = (), lost: Collection[str] = ()) -> SeatMap:
    """Return the bus with each seat's state; `chosen` wins over everything, `lost` over taken."""
    layout, trip = seats.trip.layout, seats.trip
    at = {(seat.row, seat.column): seat for seat in layout.seats.values()}

    def cell(row: int, column: int, letter: str) -> SeatCell:
        seat = at.get((row, column))
        if seat is None:
            return SeatCell(EMPTY_KINDS[letter])
        state: SeatState = "free" if seat.label in seats.free else "taken"
        state = "chosen" if seat.label in chosen else "lost" if seat.label in lost else state
        return _seat_cell(seat, state, seats.prices.adult)

    rows = [[cell(r, c, letter) for c, letter in enumerate(letters)] for r, letters in enumerate(layout.rows)]
    return SeatMap(trip.trip_id, trip.board.code, trip.alight.code, seats.rev, seats.prices.adult, rows)


def trip_line(trip: TripLeg) -> TripLine:
    """Return the trip in words."""
    return TripLine(
        from_place=stop_name(trip.board),
        to_place=stop_name(trip.alight),
        departs_at=trip.board.at,
        service_class=class_name(trip.service_class),
        zone=trip.agency.timezone,
        bus=ngettext("%(num)d seat", "%(num)d seats", len(trip.layout.seats)),
        agency=trip.agency.name,
    )


def describe_loss(found: SeatsForSale, own: OwnHold | None, wanted: Sequence[str], lost: Sequence[str]) -> Loss:
    """Return what the conflict page says; `own` holds those of the wanted seats that were still free."""
    kept = own if own and len(lost) < len(wanted) else None
    return Loss(
        seats=found.trip.layout.in_order(list(lost)),
        kept=kept.seats if kept else [],
        kept_until=kept.until if kept else None,
        kept_reference=kept.reference if kept else "",
        alternatives=find_alternatives(found, wanted, lost),
    )


def few_left(found: SeatsForSale) -> str:
    """Return that there is no room for the party, and what to do."""
    left = len(found.free)
    if not left:
        return str(_("This bus is full. Please choose another departure."))
    return str(
        ngettext(
            "Only %(num)d seat is left on this bus. Please choose another departure.",
            "Only %(num)d seats are left on this bus. Please choose another departure.",
            left,
        )
    )


def find_alternatives(seats: SeatsForSale, wanted: Sequence[str], gone: Sequence[str]) -> list[Alternative]:
    """Return what to take instead of the seats that are gone: three single seats, or one group for several."""
    kept = [seat for seat in wanted if seat not in gone]
    count = ALTERNATIVES if len(gone) == 1 else len(gone)
    near = nearest_seats(seats.trip.layout, seats.free, wanted, kept, count)
    if len(gone) == 1:
        return [_alternative(seats, [seat], gone) for seat in near]
    return [_alternative(seats, near, gone)] if len(near) == len(gone) else []


def position_name(seat: Seat) -> str:
    """Return what kind of seat it is and on which side, in the words of the map."""
    names = {
        ("window", "left"): _("window left"),
        ("window", "right"): _("window right"),
        ("middle", "left"): _("middle left"),
        ("middle", "right"): _("middle right"),
        ("aisle", "left"): _("aisle left"),
        ("aisle", "right"): _("aisle right"),
        ("back_bench", "left"): _("back bench left"),
        ("back_bench", "right"): _("back bench right"),
        ("folding", "left"): _("folding seat left"),
        ("folding", "right"): _("folding seat right"),
    }
    return str(names[(seat.position.value, seat.side)])


def listed(seats: Sequence[str]) -> str:
    """Return seats as people list them, `12, 13 and 14`."""
    return formats.listed(seats, locale=language())


def _alternative(seats: SeatsForSale, labels: Sequence[str], gone: Sequence[str]) -> Alternative:
    layout = seats.trip.layout
    near = layout.seats[gone[0]]
    found = [layout.seats[label] for label in layout.in_order(list(labels))]
    words = _distance(found[0].row - near.row) if len({seat.row for seat in found}) == 1 else ""
    kinds = ", ".join(dict.fromkeys(position_name(seat) for seat in found)) if len(found) == 1 else ""
    said = ", ".join(part for part in (kinds, words) if part)
    text = f"{listed([seat.label for seat in found])} – {said}" if said else listed([seat.label for seat in found])
    return Alternative(" ".join(seat.label for seat in found), text)


def _distance(rows: int) -> str:
    if rows == 0:
        return str(_("same row"))
    if rows > 0:
        return str(ngettext("%(num)d row behind", "%(num)d rows behind", rows))
    return str(ngettext("%(num)d row in front", "%(num)d rows in front", -rows))


def _seat_cell(seat: Seat, state: SeatState, amount: int) -> SeatCell:
    return SeatCell(
        "seat",
        seat.label,
        state,
        seat.position.value,
        seat.side,  # type: ignore[arg-type]  # left or right
        seat.near_door,
        amount,
    )
