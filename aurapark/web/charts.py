"""The geometry of charts: values in, places out; no colours, no words. `components/chart.html` draws it as SVG.

Across, places are percent of the drawing and text keeps its size, so that one drawing fits a phone and a wide screen;
down they are pixels. Values are whole numbers, negative ones too. A value that is not 0 is never too small to be seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["number", "money"]

HEIGHT = 176  # pixels of the columns of a column chart
TICKS = 4  # steps of its axis, at most
AXIS_LETTERS = 36  # below it: what a phone has room for
ROW = 52  # pixels of one row of a bar chart: its label, and its bars below
BAR_TOP, BAR_HEIGHT = 22, 18  # pixels within a row
HALF_LETTER = 1.5  # percent of a phone's columns
LETTER = 2.7  # percent of a phone's width: the value of a bar is written behind its end
LONGEST_LABEL = 34  # letters above a bar, on a phone
LEAST = 1.5  # pixels of the smallest value; of a bar that lies, half as many percent
GAP = 0.24  # of a column's room that stays free


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, such as what a channel sold, one for each label of its figure."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True)
class Figure:
    """What a chart shows and its table says. `key` is its id on the page; `heading` is said above its labels.

    `brief` are shorter labels for the axis. Values side by side, unless `stacked`. The parts of money add up to a
    total, which the table shows unless `total` is False.
    """

    key: str
    title: str
    heading: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: Unit = "number"
    stacked: bool = False
    total: bool = True
    brief: Sequence[str] = field(default=())

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)

    @property
    def totals(self) -> list[int]:
        """The sum of each label's values."""
        return [sum(values) for values in zip(*(one.values for one in self.series), strict=True)]

    @property
    def highest(self) -> int:
        """The place of the label with the largest total, the first of several."""
        return max(range(len(self.labels)), key=self.totals.__getitem__)


@dataclass(frozen=True, slots=True)
class Box:
    """One value drawn: where, and which label and value it stands for."""

    x: str
    y: str
    width: str
    height: str
    place: int
    value: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the axis, or a label beside the drawing. `anchor` is the side of the text that is held."""

    at: str
    value: int = 0
    text: str = ""
    anchor: Literal["start", "middle", "end"] = "middle"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart ready to be drawn: the boxes of each series, the axis, its labels."""

    height: int
    boxes: Sequence[Sequence[Box]]
    ticks: Sequence[Mark] = ()
    zero: str = "0"
    labels: Sequence[Mark] = ()
    ends: Sequence[Mark] = ()


def nice_ticks(low: int, high: int, most: int = TICKS) -> list[int]:
    """Return the values of an axis that holds 0 and all between these: steps of 1, 2 or 5 and zeros."""
    low, high = min(low, 0), max(high, 0)
    least = max(1, -(-(high - low) // most))
    zeros = 10 ** (len(str(least)) - 1)
    step = next(factor * zeros for factor in (1, 2, 5, 10) if factor * zeros >= least)
    return list(range(low // step * step, max(-(-high // step), 1 if low == 0 else 0) * step + 1, step))


def columns(figure: Figure) -> Drawing:
    """Return a figure as upright columns, for days and other labels that follow each other."""
    spans = _spans(figure)
    ticks = nice_ticks(*_limits(spans))
    scale = HEIGHT / (ticks[-1] - ticks[0])

    def down(value: float) -> float:
        return (ticks[-1] - value) * scale

    slot = 100 / max(len(figure.labels), 1)
    lanes = 1 if figure.stacked else len(figure.series)
    width = slot * (1 - GAP) / lanes
    boxes = [
        [
            Box(_percent(left), _plain(top), _percent(width), _plain(height), place, value)
            for place, (start, end, value) in enumerate(row)
            if value
            for left in [slot * (place + GAP / 2) + width * (0 if figure.stacked else lane)]
            for top, height in [_seen(down(max(start, end)), abs(value) * scale, LEAST, holds_end=value > 0)]
        ]
        for lane, row in enumerate(spans)
    ]
    marks = [Mark(_plain(down(value)), value) for value in ticks]
    return Drawing(HEIGHT, boxes, marks, _plain(down(0)), list(_axis_labels(figure.brief or figure.labels)))


def rows(figure: Figure) -> Drawing:
    """Return a figure as bars that lie, one row for each label, for names; `ends` says where the total is written."""
    spans = _spans(figure)
    low, high = _limits(spans)
    scale = _reach(figure) / max(high - low, 1)
    zero = -low * scale
    lanes = 1 if figure.stacked else max(len(figure.series), 1)
    thick = BAR_HEIGHT / lanes
    boxes = [
        [
            Box(_percent(left), _plain(top), _percent(width), _plain(thick), place, value)
            for place, (start, end, value) in enumerate(row)
            if value
            for top in [place * ROW + BAR_TOP + thick * (0 if figure.stacked else lane)]
            for from_left in [zero + min(start, end) * scale]
            for left, width in [_seen(from_left, abs(value) * scale, LEAST / 2, holds_end=value < 0)]
        ]
        for lane, row in enumerate(spans)
    ]
    reached = [max([0, *(max(row[place][:2]) for row in spans)]) for place in range(len(figure.labels))]
    ends = [Mark(_percent(zero + end * scale), total) for end, total in zip(reached, figure.totals, strict=True)]
    labels = [Mark(str(place * ROW + BAR_TOP - 7), text=_short(text)) for place, text in enumerate(figure.labels)]
    return Drawing(ROW * len(figure.labels), boxes, zero=_percent(zero), labels=labels, ends=ends)


def load_boxes(parts: Sequence[int], whole: int) -> list[Box]:
    """Return the parts of a whole side by side, such as seats sold and held of those of a bus; never beyond its end."""
    found, left, room = [], 0, max(whole, 1)
    for place, value in enumerate(parts):
        end = min(left + max(value, 0), room)
        if end > left:
            width = _percent((end - left) * 100 / room)
            found.append(Box(_percent(left * 100 / room), "0", width, "100%", place, value))
        left = end
    return found


def _spans(figure: Figure) -> list[list[tuple[int, int, int]]]:
    """Each value of each series as (start, end, value); stacked, negative values pile up below 0."""
    above, below = [0] * len(figure.labels), [0] * len(figure.labels)
    found = []
    for one in figure.series:
        row = []
        for place, value in enumerate(one.values):
            pile = above if value > 0 else below
            start = pile[place] if figure.stacked else 0
            pile[place] = start + value
            row.append((start, start + value, value))
        found.append(row)
    return found


def _limits(spans: Sequence[Sequence[tuple[int, int, int]]]) -> tuple[int, int]:
    ends = [end for row in spans for _start, end, _value in row]
    return min([0, *ends]), max([0, *ends])


def _seen(start: float, length: float, least: float, *, holds_end: bool) -> tuple[float, float]:
    """Let a small value be as long as can be seen; the end that stands on 0, or on the pile, stays where it is."""
    missing = max(least - length, 0)
    return (start - missing if holds_end else start), length + missing


def _reach(figure: Figure) -> float:
    """Return how many percent the bars may take: behind each there is room for the longest value."""
    figures = max(len(str(value)) for value in figure.totals)
    letters = figures + figures // 3 + (len(" FCFA") if figure.unit == "money" else 0)
    return max(96 - letters * LETTER, 20)


def _axis_labels(texts: Sequence[str]) -> Iterator[Mark]:
    """Every so manyth label, in the middle of its column; what would stick out at the right ends there."""
    longest = max((len(text) for text in texts), default=0)
    each = -(-len(texts) // max(AXIS_LETTERS // (longest + 1), 1)) or 1
    for place in range(0, len(texts), each):
        middle = (place + 0.5) * 100 / len(texts)
        sticks_out = middle + len(texts[place]) * HALF_LETTER > 100
        yield Mark("100%" if sticks_out else _percent(middle), place, texts[place], "end" if sticks_out else "middle")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1].rstrip() + "…"


def _percent(value: float) -> str:
    return f"{_plain(value)}%"


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
