"""Other seats for somebody who paid when theirs were gone: a pure choice, near the seats they wanted."""

from collections.abc import Sequence

from aurapark.booking.best_available import nearest_seats
from aurapark.fleet.rules import Position, SeatLayout


def equivalent_seats(layout: SeatLayout, free: set[str], wanted: Sequence[str]) -> dict[str, str] | None:
    """Return for each wanted seat that is not free another one, None when there are not enough.

    Seats of one trip have one class and one price. Nobody gets a folding seat who had not chosen one.
    """
    kept = [seat for seat in wanted if seat in free]
    lost = layout.in_order([seat for seat in wanted if seat not in free])
    lost.sort(key=lambda seat: _folds(layout, seat))  # those who had a folding seat get one last
    folding = {seat for seat in free if _folds(layout, seat)}
    fixed = nearest_seats(layout, free - folding, wanted, kept, len(lost))
    missing = len(lost) - len(fixed)
    if missing > sum(_folds(layout, seat) for seat in lost):
        return None
    folded = nearest_seats(layout, folding, wanted, kept, missing) if missing else []
    found = [*layout.in_order(fixed), *folded]
    return dict(zip(lost, found, strict=True)) if len(found) == len(lost) else None


def _folds(layout: SeatLayout, seat: str) -> bool:
    return layout.seats[seat].position == Position.FOLDING
