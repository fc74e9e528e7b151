"""Choosing seats for people: the best free ones for a party, and the nearest ones when some were just taken.

Pure and deterministic: the same map, free seats and wish always give the same seats. A run is a row of free seats side
by side; an aisle, a door, a folded seat or a taken one ends it. The order of the choices is that of a good clerk:
one run without leaving a single seat over, one run, one row across the aisle, two rows one behind the other, the
fewest pieces. The back bench comes after all of these but the last; folding seats only when nothing else is free.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, product
from typing import Literal, get_args

from aurapark.fleet.rules import AISLE, DOOR, FOLDING, Position, Seat, SeatLayout

Preference = Literal["front", "window", "aisle", "door"]
PREFERENCES: tuple[Preference, ...] = get_args(Preference)

STEP, OVER_THE_WHEEL, BACK_BENCH = 10, 5, 200  # costs of a seat: per row from where one wants to be, and on top
REAR_AXLE = 0.75  # where the wheels are, as a share of the bus's length

Run = tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a run: `count` seats of it from `start` on."""

    run: Run
    start: int
    count: int

    @property
    def seats(self) -> Run:
        """Return the seats of this part."""
        return self.run[self.start : self.start + self.count]

    @property
    def orphans(self) -> int:
        """Return how many single seats it leaves over in its run."""
        return (self.start == 1) + (len(self.run) - self.start - self.count == 1)


Choice = tuple[Piece, ...]


def choose_seats(layout: SeatLayout, free: set[str], count: int, preference: Preference = "front") -> list[str] | None:
    """Return the best `count` free seats for a party, in map order, or None when fewer are free.

    Staying together comes before the preference; a window, an aisle seat or a place by the door for one of the
    party comes before leaving no single seat over.
    """
    open_seats = [seat for seat in layout.seats.values() if seat.label in free]
    if not 1 <= count <= len(open_seats):
        return None
    fixed = [seat for seat in open_seats if seat.position != Position.FOLDING]
    if len(fixed) < count:
        return _labels(fixed + _folding_near(fixed, open_seats, count - len(fixed)))
    rank = _rank(layout, preference)
    in_rows = _runs(seat for seat in fixed if seat.position != Position.BACK_BENCH)
    everywhere = _runs(fixed)
    for runs in (in_rows, everywhere):
        for choices in (_in_one_run, _across_the_aisle, _in_two_rows):
            if best := min(choices(layout, runs, count), key=rank, default=None):
                return _labels(_seats(best))
    return _labels(
        _seats(min(_in_pieces(everywhere, count), key=lambda choice: (len(choice), _rows(choice), *rank(choice))))
    )


def nearest_seats(
    layout: SeatLayout, free: set[str], wanted: Sequence[str], kept: Sequence[str], count: int
) -> list[str]:
    """Return up to `count` free seats to offer instead of those wanted and not kept, the best first.

    The first of them, as many as were lost, sit together where that is possible; each is a good one alone too. The
    whole group together comes first, then beside the seats kept, then the same kind of seat, then few rows away.
    """
    lost = [layout.seats[seat] for seat in wanted if seat not in kept]
    stay = [layout.seats[seat] for seat in kept]
    open_seats = [seat for seat in layout.seats.values() if seat.label in free and seat.label not in kept]
    near = _nearness(lost, stay)
    groups = _in_one_run(layout, _runs(open_seats), len(lost)) if len(lost) > 1 else iter(())
    together = min((_seats(choice) for choice in groups), key=near, default=())
    alone = sorted((seat for seat in open_seats if seat not in together), key=lambda seat: near((seat,)))
    return [seat.label for seat in (*together, *alone)][:count]


def _in_one_run(_: SeatLayout, runs: list[Run], count: int) -> Iterator[Choice]:
    for run in runs:
        for start in range(len(run) - count + 1):
            yield (Piece(run, start, count),)


def _across_the_aisle(layout: SeatLayout, runs: list[Run], count: int) -> Iterator[Choice]:
    for _, of_row in groupby(runs, key=lambda run: run[0].row):
        for left, right in pairwise(of_row):
            if _only_aisle_between(layout, left[-1], right[0]):
                for here in range(max(1, count - len(right)), min(count - 1, len(left)) + 1):
                    yield (Piece(left, len(left) - here, here), Piece(right, 0, count - here))


def _in_two_rows(_: SeatLayout, runs: list[Run], count: int) -> Iterator[Choice]:
    rows = {row: list(of_row) for row, of_row in groupby(runs, key=lambda run: run[0].row)}
    for row in rows:
        for front, back in product(rows[row], rows.get(row + 1, [])):
            if front[0].side != back[0].side:
                continue
            for ahead in range(max(1, count - len(back)), min(count - 1, len(front)) + 1):
                fronts, backs = _ends(front, ahead), _ends(back, count - ahead)
                yield from ((a, b) for a, b in product(fronts, backs) if _one_behind_the_other(a.seats, b.seats))


def _in_pieces(runs: list[Run], count: int) -> Iterator[Choice]:
    """Begin with each run in turn, then always take the run that seats most of the rest, the nearest of these."""
    for first in runs:
        pieces = [Piece(first, 0, min(len(first), count))]
        rest = [run for run in runs if run is not first]
        while missing := count - sum(piece.count for piece in pieces):
            take = min(rest, key=lambda run: (-min(len(run), missing), abs(run[0].row - first[0].row), run[0].place))
            rest.remove(take)
            pieces.append(Piece(take, 0, min(len(take), missing)))
        yield tuple(pieces)


def _rank(layout: SeatLayout, preference: Preference) -> Callable[[Choice], tuple[int, ...]]:
    """Return the key that orders choices: wish not met, single seats left over, people alone, place in the bus."""
    costs = {seat.label: _cost(layout, seat, preference) for seat in layout.seats.values()}
    wish: dict[Preference, Callable[[Seat], bool]] = {
        "front": lambda _: True,
        "window": lambda seat: seat.position == Position.WINDOW,
        "aisle": lambda seat: seat.position == Position.AISLE,
        "door": lambda seat: seat.near_door,
    }

    def key(choice: Choice) -> tuple[int, ...]:
        seats = _seats(choice)
        unmet = not any(wish[preference](seat) for seat in seats)
        orphans = sum(piece.orphans for piece in choice)
        alone = len(choice) > 1 and sum(_by_row(seats)[row] == 1 for row in _by_row(seats))
        return (unmet, orphans, int(alone), _rows(choice), sum(costs[seat.label] for seat in seats), seats[0].place)

    return key


def _cost(layout: SeatLayout, seat: Seat, preference: Preference) -> int:
    doors = [(r, c) for r, row in enumerate(layout.rows) for c, letter in enumerate(row) if letter == DOOR]
    cost = STEP * seat.row
    if preference == "door" and doors:
        cost = min(STEP * abs(seat.row - r) + abs(seat.column - c) for r, c in doors)
    if seat.row == round(REAR_AXLE * (len(layout.rows) - 1)):
        cost += OVER_THE_WHEEL
    return cost + BACK_BENCH * (seat.position == Position.BACK_BENCH)


def _nearness(lost: Sequence[Seat], kept: Sequence[Seat]) -> Callable[[Run], tuple[int, ...]]:
    """Return the key that orders replacements: see nearest_seats()."""
    kinds = Counter(seat.position for seat in lost)

    def key(seats: Run) -> tuple[int, ...]:
        group = sorted((*seats, *kept), key=lambda seat: seat.place)
        together = all(_side_by_side(a, b) for a, b in pairwise(group))
        beside = any(_side_by_side(a, b) or _side_by_side(b, a) for a, b in product(seats, kept))
        places = Counter(seat.position for seat in seats)
        folding = (places - kinds)[Position.FOLDING]
        rows = sum(min((abs(seat.row - other.row) for other in (*lost, *kept)), default=0) for seat in seats)
        columns = sum(min((abs(seat.column - other.column) for other in lost or kept), default=0) for seat in seats)
        same = sum((places & kinds).values())
        return (folding, not together, not beside, -same, rows, columns, seats[0].place)

    return key


def _runs(seats: Iterable[Seat]) -> list[Run]:
    runs: list[list[Seat]] = []
    for seat in seats:
        if runs and _side_by_side(runs[-1][-1], seat):
            runs[-1].append(seat)
        else:
            runs.append([seat])
    return [tuple(run) for run in runs]


def _side_by_side(left: Seat, right: Seat) -> bool:
    return left.row == right.row and right.column == left.column + 1


def _only_aisle_between(layout: SeatLayout, left: Seat, right: Seat) -> bool:
    between = layout.rows[left.row][left.column + 1 : right.column]
    return set(between) <= {AISLE, FOLDING}


def _ends(run: Run, count: int) -> list[Piece]:
    return [Piece(run, start, count) for start in sorted({0, len(run) - count})]


def _one_behind_the_other(front: Run, back: Run) -> bool:
    return front[0].column <= back[-1].column and back[0].column <= front[-1].column


def _folding_near(fixed: Sequence[Seat], open_seats: Sequence[Seat], count: int) -> list[Seat]:
    folding = [seat for seat in open_seats if seat.position == Position.FOLDING]
    return sorted(folding, key=lambda seat: sum(abs(seat.row - other.row) for other in fixed))[:count]


def _rows(choice: Choice) -> int:
    rows = [piece.run[0].row for piece in choice]
    return max(rows) - min(rows)


def _by_row(seats: Iterable[Seat]) -> Counter[int]:
    return Counter(seat.row for seat in seats)


def _seats(choice: Choice) -> Run:
    return tuple(sorted((seat for piece in choice for seat in piece.seats), key=lambda seat: seat.place))


def _labels(seats: Iterable[Seat]) -> list[str]:
    return [seat.label for seat in sorted(seats, key=lambda seat: seat.place)]
