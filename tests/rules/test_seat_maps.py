"""Reading seat maps: numbers, kinds, sides and doors of the five layouts, and drawings that are refused."""

import pytest

from aurapark.demo.source import read_demo, read_grids
from aurapark.fleet.rules import SeatLayout, read_grid

LAYOUTS = {code: read_grid(grid) for code, grid in read_grids().items()}


def kinds(layout: SeatLayout, row: int) -> str:
    """One word per seat of a drawn row: number, first letter of its kind, side, + when near the door."""
    return " ".join(
        f"{seat.label}{seat.position[0]}{seat.side[0]}{'+' if seat.near_door else ''}"
        for seat in layout.seats.values()
        if seat.row == row
    )


@pytest.mark.parametrize(("code", "seats"), [("C70", 70), ("V49", 49), ("W33", 33), ("K30", 30), ("H19", 19)])
def test_seats_are_numbered_in_reading_order(code: str, seats: int) -> None:
    layout = LAYOUTS[code]
    assert list(layout.seats) == [str(number) for number in range(1, seats + 1)]
    assert [(seat.row, seat.column) for seat in layout.seats.values()] == sorted(
        (seat.row, seat.column) for seat in layout.seats.values()
    )
    assert len(layout.seats) == read_demo()["layouts"][code]["seats"]


@pytest.mark.parametrize(
    ("code", "row", "expected"),
    [  # w window, m middle, a aisle, b back bench, f folding; l left, r right; + near the door
        ("C70", 0, "1ar+"),
        ("C70", 1, "2wl 3ml 4al 5ar 6wr+"),
        ("C70", 2, "7wl 8ml 9al 10ar 11wr"),
        ("C70", 6, "27wl 28ml 29al 30ar+ 31wr+"),
        ("C70", 7, "32wl 33ml 34al"),
        ("C70", 8, "35wl 36ml 37al 38ar+ 39wr+"),
        ("C70", 14, "65bl 66bl 67bl 68br 69br 70br"),
        ("V49", 1, "1wl 2al 3ar+ 4wr+"),
        ("V49", 12, "45bl 46bl 47bl 48br 49br"),
        ("W33", 1, "1wl 2al 3wr+"),
        ("W33", 11, "31wl 32al 33wr"),
        ("K30", 0, "1ml 2ar+"),
        ("K30", 1, "3wl 4al 5fr 6wr+"),
        ("K30", 7, "27bl 28bl 29br 30br"),
        ("H19", 0, "1ml 2wr"),
        ("H19", 1, "3wl 4ml 5ar+"),
        ("H19", 2, "6wl 7al 8fr 9wr+"),
        ("H19", 5, "17wl 18al 19wr"),
    ],
)
def test_each_seat_is_called_what_a_person_would_call_it(code: str, row: int, expected: str) -> None:
    assert kinds(LAYOUTS[code], row) == expected


def test_a_seat_is_found_by_its_place_on_the_map() -> None:
    layout = LAYOUTS["C70"]
    seat = layout.at(1, 4)
    assert seat is not None
    assert seat.label == "5"
    assert layout.at(1, 3) is None
    assert layout.in_order(["31", "4", "4", "12"]) == ["4", "12", "31"]


@pytest.mark.parametrize(
    "grid", ["", "X..D", "SS\nS", "SSQ", "S" * 9, "\n".join(["SS"] * 41), "SS\n\nSS"], ids=lambda grid: grid[:6]
)
def test_a_drawing_that_cannot_be_drawn_is_refused(grid: str) -> None:
    with pytest.raises(ValueError, match=r"seat|row"):
        read_grid(grid)
