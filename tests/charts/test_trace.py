"""A trace is updated at the cost of the new points only, and forgets points that were taken back."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.charts.trace import Trace

from .strategies import POINTS, WILD, unzip

Points = list[tuple[float, float]]


def contents(trace: Trace) -> tuple[list[float], list[float], int]:
    return list(trace.x), list(trace.y), trace.dropped


@given(st.lists(st.tuples(st.integers(0, 40), POINTS | WILD), max_size=6), st.integers(1, 30))
def test_updated_trace_equals_a_fresh_one(changes: list[tuple[int, Points]], smooth: int) -> None:
    """A resume takes rows back and replaces them."""
    points: Points = []
    followed = Trace()
    for back, more in changes:
        points = points[: max(len(points) - back, 0)] + more
        followed.take(*unzip(points))
        fresh = Trace(*unzip(points))
        assert contents(followed) == contents(fresh)
        assert contents(followed.positive()) == contents(fresh.positive())
        assert list(followed.smoothed(smooth).y) == list(fresh.smoothed(smooth).y)
        for start, end in ((0, len(fresh)), (len(fresh) // 3, len(fresh) // 2 + 1)):
            if start < end <= len(fresh):
                expected = min(fresh.y[start:end]), max(fresh.y[start:end])
                assert followed.extremes(start, end) == expected
                assert fresh.extremes(start, end) == expected


def test_changes_before_the_end_are_noticed() -> None:
    trace = Trace([1.0, 2.0, 3.0], [5.0, 6.0, 7.0])
    assert not trace.take([1.0, 2.0, 3.0], [5.0, 6.0, 7.0])
    assert trace.take([1.0, 2.0, 3.0], [5.0, 0.0, 7.0])
    assert list(trace.y) == [5.0, 0.0, 7.0]
    assert trace.take([1.0], [5.0])
    assert trace.take([], [])
    assert len(trace) == 0


def test_trace_copies_its_source() -> None:
    x, y = array("d", [1.0, 2.0]), array("d", [3.0, 4.0])
    trace = Trace(x, y)
    y[0] = 99.0
    x.append(3.0)
    assert contents(trace) == ([1.0, 2.0], [3.0, 4.0], 0)


@given(WILD)
def test_points_are_finite_and_ordered_and_the_rest_are_counted(points: Points) -> None:
    trace = Trace(*unzip(points))
    assert len(trace) + trace.dropped == len(points)
    assert list(trace.x) == sorted(trace.x)
    assert all(map(math.isfinite, [*trace.x, *trace.y]))
    assert not trace.take(*unzip(points))  # NaN compares as unchanged too


@given(st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=700), st.data())
def test_extremes_of_any_range(values: list[float], data: st.DataObject) -> None:
    trace = Trace(range(len(values)), values)
    start = data.draw(st.integers(0, len(values) - 1))
    end = data.draw(st.integers(start + 1, len(values)))
    assert trace.extremes(start, end) == (min(values[start:end]), max(values[start:end]))


@given(POINTS, st.floats(-10, 410))
def test_nearest_point(points: Points, x: float) -> None:
    trace = Trace(*unzip(points))
    at = trace.nearest(x)
    if at is None:
        assert not points
    else:
        assert abs(trace.x[at] - x) == min(abs(place - x) for place, _ in points)


def test_smoothing_starts_as_the_mean_and_then_decays() -> None:
    smooth = Trace(range(4), [4.0, 2.0, 0.0, 2.0]).smoothed(1000)
    assert list(smooth.y) == pytest.approx([4.0, 3.0, 2.0, 2.0])
    step = Trace(range(2000), [0.0] * 1000 + [1.0] * 1000).smoothed(20)
    assert step.y[999] == 0.0
    assert 0.6 < step.y[1010] < 0.7
    assert step.y[-1] == pytest.approx(1.0)


def test_arrays_of_different_length_are_cut_to_the_shorter() -> None:
    """A reader may have appended to one of the two arrays only."""
    assert contents(Trace([1.0, 2.0, 3.0], [1.0])) == ([1.0], [1.0], 0)
