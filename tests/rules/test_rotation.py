"""The demo's buses: every departure has one, no bus is in two places, each comes home."""

from collections import defaultdict

import pytest

from aurapark.demo.rotation import DAY, TURNAROUND, WEEK, Line, plan_round_trips, plan_week

SHORT = Line("R06", "DLA", 70, 120, 240, (360, 480, 600, 720))
LONG = Line("R19", "YAO", 1311, 1445, 1565, (1200,))
AWKWARD = Line("R08", "BUE", 380, 590, 710, (390, 480))
FLEET = {"C70": 6, "V49": 3, "K30": 3}


@pytest.mark.parametrize("line", [SHORT, LONG, AWKWARD])
def test_each_departure_runs_once_on_every_day(line: Line) -> None:
    _, runs = plan_week(plan_round_trips(line, 0, 1), FLEET)
    days = defaultdict(int)
    for run in runs:
        assert days[run.back, run.departs] & run.days == 0
        days[run.back, run.departs] |= run.days
    assert dict(days) == {(back, departs): 0b1111111 for back in (False, True) for departs in line.departures}


def test_no_bus_is_in_two_places_and_each_turns_round_at_the_far_end() -> None:
    trips = [trip for line in (SHORT, LONG, AWKWARD) for trip in plan_round_trips(line, 0, 1)]
    lines = {line.route: line for line in (SHORT, LONG, AWKWARD)}
    buses, runs = plan_week(trips, FLEET)
    journeys = defaultdict(list)
    for run in runs:
        for day in range(7):
            if run.days >> day & 1:
                journeys[run.bus].append((day * DAY + run.departs, lines[run.route].minutes(run.departs), run.back))
    assert set(journeys) == set(range(len(buses)))
    for of_bus in journeys.values():
        of_bus.sort()
        for (start, minutes, back), (following, _, next_back) in zip(of_bus, of_bus[1:] + of_bus[:1], strict=True):
            assert (following - start) % WEEK >= minutes + TURNAROUND or len(of_bus) == 1
            assert next_back is not back


def test_layouts_take_turns_in_proportion_and_small_buses_stay_near() -> None:
    buses, runs = plan_week(plan_round_trips(SHORT, 0, 1), FLEET)
    assert sorted(run.layout for run in runs if not run.back) == ["C70", "C70", "K30", "V49"]
    assert all(buses[run.bus].layout == run.layout for run in runs)
    _, far = plan_week(plan_round_trips(LONG, 0, 1) * 6, {"C70": 1, "K30": 9})
    assert {run.layout for run in far} == {"C70"}


def test_two_agencies_take_alternate_departures() -> None:
    assert [trip.out for trip in plan_round_trips(SHORT, 0, 2)] == [360, 600]
    assert [trip.out for trip in plan_round_trips(SHORT, 1, 2)] == [480, 720]
