"""Choosing seats for a party, and the nearest seats when some were just taken."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurapark.booking.best_available import PREFERENCES, Preference, choose_seats, nearest_seats
from aurapark.demo.source import read_grids
from aurapark.fleet.rules import Position, SeatLayout, read_grid

LAYOUTS = {code: read_grid(grid) for code, grid in read_grids().items()}
C70, V49, W33, K30, H19 = (LAYOUTS[code] for code in ("C70", "V49", "W33", "K30", "H19"))
SECONDS = 0.005


@st.composite
def buses(draw: st.DrawFn) -> tuple[SeatLayout, set[str]]:
    """One of the five buses with some of its seats free."""
    layout = draw(st.sampled_from(list(LAYOUTS.values())))
    return layout, draw(st.sets(st.sampled_from(list(layout.seats))))


def folding(layout: SeatLayout, seats: set[str] | list[str]) -> int:
    return sum(layout.seats[seat].position == Position.FOLDING for seat in seats)


def choose(layout: SeatLayout, count: int, preference: Preference = "front", taken: str = "") -> str:
    seats = choose_seats(layout, set(layout.seats) - set(taken.split()), count, preference)
    return " ".join(seats or ["none"])


@settings(deadline=None)
@given(bus=buses(), count=st.integers(1, 10), preference=st.sampled_from(PREFERENCES))
def test_a_choice_is_free_complete_and_always_the_same(
    bus: tuple[SeatLayout, set[str]], count: int, preference: Preference
) -> None:
    layout, free = bus
    seats = choose_seats(layout, free, count, preference)
    if count > len(free):
        assert seats is None
        return
    assert seats is not None
    assert len(seats) == count == len(set(seats))
    assert set(seats) <= free
    assert seats == layout.in_order(seats) == choose_seats(layout, set(sorted(free, reverse=True)), count, preference)


@settings(deadline=None)
@given(bus=buses(), count=st.integers(1, 10))
def test_folding_seats_are_taken_only_when_nothing_else_is_free(bus: tuple[SeatLayout, set[str]], count: int) -> None:
    layout, free = bus
    seats = choose_seats(layout, free, count)
    if seats:
        assert folding(layout, seats) == max(0, count - (len(free) - folding(layout, free)))


@settings(deadline=None)
@given(bus=buses(), data=st.data())
def test_replacements_are_free_and_never_the_seats_kept(bus: tuple[SeatLayout, set[str]], data: st.DataObject) -> None:
    layout, free = bus
    wanted = data.draw(st.lists(st.sampled_from(list(layout.seats)), min_size=1, max_size=6, unique=True))
    kept = data.draw(st.lists(st.sampled_from(wanted), max_size=5, unique=True))
    free = free - set(wanted)
    found = nearest_seats(layout, free, wanted, kept, 6)
    assert len(found) == len(set(found)) == min(6, len(free))
    assert set(found) <= free
    assert found == nearest_seats(layout, set(sorted(free)), wanted, kept, 6)


@pytest.mark.parametrize("count", [0, -1, 71])
def test_a_party_that_does_not_fit_gets_nothing(count: int) -> None:
    assert choose_seats(C70, set(C70.seats), count) is None


@pytest.mark.parametrize(
    ("layout", "count", "preference", "expected"),
    [
        (C70, 1, "front", "1"),
        (C70, 1, "window", "2"),
        (C70, 1, "aisle", "1"),
        (C70, 1, "door", "1"),
        (C70, 2, "front", "5 6"),
        (C70, 2, "door", "30 31"),
        (C70, 3, "front", "2 3 4"),
        (C70, 4, "front", "2 3 4 5"),
        (C70, 6, "front", "2 3 4 7 8 9"),
        (V49, 1, "aisle", "2"),
        (V49, 2, "door", "3 4"),
        (V49, 4, "front", "1 2 3 4"),
        (W33, 1, "window", "3"),
        (W33, 1, "aisle", "2"),
        (W33, 3, "front", "1 2 3"),
        (W33, 4, "front", "1 2 4 5"),
        (K30, 2, "window", "3 4"),
        (K30, 3, "front", "3 4 6"),
        (H19, 3, "front", "3 4 5"),
        (H19, 1, "door", "5"),
    ],
)
def test_an_empty_bus_fills_from_where_one_wants_to_sit(
    layout: SeatLayout, count: int, preference: Preference, expected: str
) -> None:
    assert choose(layout, count, preference) == expected


def test_a_run_that_leaves_nobody_alone_comes_before_one_nearer_the_front() -> None:
    assert choose(C70, 2, taken="5 6 10 11") == "15 16"  # not two of 2 3 4: that would leave one over


def test_one_run_comes_before_seats_across_the_aisle() -> None:
    taken = " ".join(str(seat) for seat in range(1, 65) if seat not in (4, 5, 60, 61, 62))
    assert choose(C70, 2, taken=taken) == "60 61"  # leaves 62 over, and still together


def test_one_row_across_the_aisle_comes_before_two_rows() -> None:
    taken = " ".join(str(seat) for seat in range(1, 71) if seat not in (2, 7, 44, 47, 48))
    assert choose(C70, 2, taken=taken) == "47 48"


def test_two_rows_one_behind_the_other_come_before_pieces() -> None:
    taken = " ".join(str(seat) for seat in range(1, 71) if seat not in (2, 11, 32, 37, 42))
    assert choose(C70, 2, taken=taken) == "37 42"


def test_the_back_bench_waits_until_the_rows_are_full() -> None:
    assert "65" not in choose(C70, 6).split()
    assert choose(C70, 6, taken=" ".join(map(str, range(2, 60)))) == "65 66 67 68 69 70"


def test_otherwise_the_fewest_pieces_and_the_nearest() -> None:
    taken = " ".join(str(seat) for seat in range(1, 71) if seat not in (2, 6, 50, 51, 58, 59, 64))
    assert choose(C70, 4, taken=taken) == "50 51 58 59"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_choosing_takes_less_than_five_milliseconds(layout: SeatLayout) -> None:
    free = {seat for seat in layout.seats if int(seat) % 3}
    fastest = []
    for count in range(1, 11):
        times = []
        for _ in range(5):
            started = process_time()
            choose_seats(layout, free, count, "door")
            times.append(process_time() - started)
        fastest.append(min(times))
    assert max(fastest) < SECONDS


def nearest(taken: str, wanted: str, kept: str = "", count: int = 3, layout: SeatLayout = C70) -> str:
    free = set(layout.seats) - set(taken.split()) - set(wanted.split())
    return " ".join(nearest_seats(layout, free, wanted.split(), kept.split(), count))


def test_the_seat_beside_the_one_kept_comes_first_then_the_same_kind() -> None:
    assert nearest("16", wanted="12 13", kept="13") == "14 7 17"


def test_a_whole_group_that_was_lost_is_offered_seats_together() -> None:
    assert nearest("", wanted="12 13 14") == "7 8 9"
    assert nearest("7 8 9 18", wanted="12 13 14", count=4) == "2 3 4 15"


def test_two_lost_of_three_are_offered_beside_the_third_or_else_together() -> None:
    assert nearest("", wanted="4 27 28", kept="4", count=2) == "2 3"
    assert nearest("10 11 15 16", wanted="12 13 14", kept="14", count=2) == "7 8"


def test_folding_seats_are_offered_last() -> None:
    assert nearest("3 6 10 14 18 22 26", wanted="4", layout=K30, count=40).split()[-6:] == [
        "5",
        "9",
        "13",
        "17",
        "21",
        "25",
    ]


def test_a_party_that_kept_some_seats_is_given_more_beside_them() -> None:
    assert nearest("", wanted="14", kept="14", count=2) == "13 12"
