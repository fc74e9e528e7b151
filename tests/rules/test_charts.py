"""The geometry of charts: axes people can read, nothing outside the drawing, nothing too small to be seen."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurapark.web.charts import (
    BAR_TOP,
    HEIGHT,
    LEAST,
    ROW,
    TICKS,
    Box,
    Figure,
    Series,
    columns,
    load_boxes,
    nice_ticks,
    rows,
)

whole = st.integers(-(10**15), 10**15)
tables = st.integers(1, 12).flatmap(
    lambda places: st.lists(st.lists(whole, min_size=places, max_size=places), min_size=1, max_size=4)
)


def figure(*series: list[int], stacked: bool = True, labels: list[str] | None = None) -> Figure:
    names = labels or [f"label {number}" for number in range(len(series[0]))]
    found = [Series(f"series {number}", values) for number, values in enumerate(series)]
    return Figure("f", "Sales", "Day", names, found, stacked=stacked)


def number(text: str) -> float:
    return float(text.removesuffix("%"))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 0, [0, 1]),
        (0, 1, [0, 1]),
        (0, 7, [0, 2, 4, 6, 8]),
        (3, 41, [0, 20, 40, 60]),
        (0, 120_000, [0, 50_000, 100_000, 150_000]),
        (-3, 10, [-5, 0, 5, 10]),
        (-5, -1, [-6, -4, -2, 0]),
    ],
)
def test_an_axis_has_steps_of_1_2_or_5(low: int, high: int, expected: list[int]) -> None:
    assert nice_ticks(low, high) == expected


@given(whole, whole)
def test_an_axis_holds_0_and_every_value_in_few_even_steps(one: int, other: int) -> None:
    low, high = sorted((one, other))
    ticks = nice_ticks(low, high)
    assert ticks[0] <= min(low, 0) <= max(high, 0) <= ticks[-1]
    assert 0 in ticks
    assert len({after - before for before, after in itertools.pairwise(ticks)}) == 1
    assert str(ticks[1] - ticks[0]).rstrip("0") in ("1", "2", "5")
    assert 2 <= len(ticks) <= TICKS + 3


@given(tables, st.booleans())
def test_columns_stay_in_the_drawing_and_every_value_is_seen(table: list[list[int]], stacked: bool) -> None:
    drawn = columns(figure(*table, stacked=stacked))
    for values, boxes in zip(table, drawn.boxes, strict=True):
        assert [(box.place, box.value) for box in boxes] == [(n, v) for n, v in enumerate(values) if v]
        for box in boxes:
            assert number(box.y) >= -LEAST
            assert number(box.y) + number(box.height) <= HEIGHT + LEAST
            assert number(box.height) >= LEAST
            assert number(box.x) >= 0
            assert number(box.x) + number(box.width) <= 100.01
    assert 0 <= number(drawn.zero) <= HEIGHT


@given(tables, st.booleans())
def test_bars_stay_in_the_drawing_and_leave_room_for_the_value(table: list[list[int]], stacked: bool) -> None:
    drawn = rows(figure(*table, stacked=stacked))
    for box in (box for boxes in drawn.boxes for box in boxes):
        assert -LEAST / 2 <= number(box.x) <= 100
        assert number(box.width) >= LEAST / 2
        assert number(box.x) + number(box.width) <= 96
        assert box.place * ROW + BAR_TOP <= number(box.y) < (box.place + 1) * ROW
    assert len(drawn.ends) == len(drawn.labels) == len(table[0])
    assert drawn.height == ROW * len(table[0])


def test_a_pile_grows_from_where_the_last_part_ended_and_shrinks_below_0() -> None:
    first, second = columns(figure([30, 0], [10, -20])).boxes  # the axis: -20, 0, 20, 40
    scale = HEIGHT / 60
    assert (number(first[0].y), number(first[0].height)) == pytest.approx((10 * scale, 30 * scale), abs=0.01)
    assert (number(second[0].y), number(second[0].height)) == pytest.approx((0, 10 * scale), abs=0.01)
    assert (number(second[1].y), number(second[1].height)) == pytest.approx((40 * scale, 20 * scale), abs=0.01)


def test_series_side_by_side_share_a_place() -> None:
    first, second = columns(figure([1, 2], [3, 4], stacked=False)).boxes
    assert number(first[0].x) + number(first[0].width) == pytest.approx(number(second[0].x), abs=0.02)
    assert number(second[0].x) + number(second[0].width) < number(first[1].x)


def test_axis_labels_are_as_many_as_a_phone_has_room_for() -> None:
    days = [f"{number} nov." for number in range(1, 31)]
    marks = columns(figure([1] * 30, labels=days)).labels
    assert [mark.text for mark in marks] == ["1 nov.", "9 nov.", "17 nov.", "25 nov."]
    long = columns(figure([1, 2, 3], labels=["dim. 1 nov. 2026", "lun. 2 nov. 2026", "mar. 3 nov. 2026"])).labels
    assert [(mark.text[:3], mark.at, mark.anchor) for mark in long] == [
        ("dim", "16.67%", "middle"),
        ("mar", "100%", "end"),
    ]
    assert rows(figure([1], labels=["Yaoundé – Ngaoundéré – Garoua – Maroua"])).labels[0].text.endswith("…")


@pytest.mark.parametrize("series", [[], [[]], [[0, 0]]], ids=["no series", "no values", "zeros"])
def test_nothing_is_empty(series: list[list[int]]) -> None:
    found = [Series("x", values) for values in series]
    assert Figure("f", "t", "h", ["a", "b"][: len(series[0]) if series else 0], found).empty


def test_a_load_never_runs_over_its_bus() -> None:
    assert load_boxes((44, 9), 70) == [
        Box("0%", "0", "62.86%", "100%", 0, 44),
        Box("62.86%", "0", "12.86%", "100%", 1, 9),
    ]
    assert [box.width for box in load_boxes((60, 20), 70)] == ["85.71%", "14.29%"]
    assert [box.width for box in load_boxes((90, 20), 70)] == ["100%"]
    assert load_boxes((0, 0), 70) == load_boxes((), 0) == load_boxes((-1,), 70) == []
