"""Reading a seat map's drawing: which seats there are, where each one is, and what a person would call it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

SEAT, FOLDING, AISLE, DOOR, DRIVER = "S", "J", ".", "D", "X"
MAX_ROWS, MAX_COLUMNS = 40, 8


class Position(StrEnum):
    WINDOW = "window"
    MIDDLE = "middle"
    AISLE = "aisle"
    BACK_BENCH = "back_bench"
    FOLDING = "folding"


@dataclass(frozen=True, slots=True)
class Seat:
    """One numbered seat. `place` is its rank on the map, the order in which seats are always locked."""

    label: str
    place: int
    row: int
    column: int
    position: Position
    side: str
    near_door: bool


@dataclass(frozen=True, slots=True)
class SeatLayout:
    """A drawing that was read: its rows of letters, and its seats by label in map order."""

    rows: tuple[str, ...]
    seats: dict[str, Seat]

    def at(self, row: int, column: int) -> Seat | None:
        """Return the seat drawn there, None where there is no seat."""
        return next((seat for seat in self.seats.values() if (seat.row, seat.column) == (row, column)), None)

    def in_order(self, labels: list[str]) -> list[str]:
        """Return these labels without doubles, in map order. Raises KeyError for a label not on the map."""
        return sorted(set(labels), key=lambda label: self.seats[label].place)


@lru_cache(maxsize=256)
def read_grid(grid: str) -> SeatLayout:
    """Read a drawing: `S` seat, `J` folding seat in the aisle, `.` aisle or empty, `D` door, `X` driver.

    Seats are numbered 1..N in reading order, front left first. Raises ValueError that says what is wrong with it.
    """
    rows = tuple(grid.split("\n"))
    _require_drawable(rows)
    seats: dict[str, Seat] = {}
    for r, letters in enumerate(rows):
        for c, letter in enumerate(letters):
            if letter in (SEAT, FOLDING):
                label = str(len(seats) + 1)
                seats[label] = Seat(
                    label, len(seats), r, c, _position(rows, r, c), _side(letters, c), _near_door(rows, r, c)
                )
    if not seats:
        raise ValueError("a seat map needs at least one seat")
    return SeatLayout(rows, seats)


def _require_drawable(rows: tuple[str, ...]) -> None:
    if not 1 <= len(rows) <= MAX_ROWS:
        raise ValueError(f"a seat map has 1 to {MAX_ROWS} rows")
    for number, letters in enumerate(rows, 1):
        if len(letters) != len(rows[0]) or not 1 <= len(letters) <= MAX_COLUMNS:
            raise ValueError(f"row {number} must be as wide as the first, 1 to {MAX_COLUMNS} letters")
        if strange := set(letters) - {SEAT, FOLDING, AISLE, DOOR, DRIVER}:
            raise ValueError(f"row {number} has the letter {min(strange)}; use S, J, D, X and .")


def _position(rows: tuple[str, ...], r: int, c: int) -> Position:
    letters = rows[r]
    if letters[c] == FOLDING:
        return Position.FOLDING
    if r == len(rows) - 1 and AISLE not in letters and r > 0:
        return Position.BACK_BENCH
    if not letters[:c].strip(AISLE) or not letters[c + 1 :].strip(AISLE):
        return Position.WINDOW  # nothing but empty space between the seat and the wall
    beside_passage = any(letters[n] in (AISLE, FOLDING, DOOR) for n in (c - 1, c + 1))
    return Position.AISLE if beside_passage else Position.MIDDLE


def _side(letters: str, c: int) -> str:
    aisle = next((i for i, letter in enumerate(letters) if letter in (AISLE, FOLDING)), None)
    if aisle is None or letters.startswith(DRIVER):
        return "left" if c < len(letters) / 2 else "right"
    return "left" if c < aisle else "right"


def _near_door(rows: tuple[str, ...], r: int, c: int) -> bool:
    beside = ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1))
    return any(0 <= y < len(rows) and 0 <= x < len(rows[y]) and rows[y][x] == DOOR for y, x in beside)
