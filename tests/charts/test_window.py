"""The visible window of a chart: it follows the newest point until the user looks elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.charts.trace import Trace
from entrannas_cli.charts.window import Window

from .strategies import POINTS, WILD, unzip


def line(count: int, *, first: int = 1) -> Trace:
    return Trace(range(first, first + count), [float(n) for n in range(count)])


def test_window_grows_with_the_data() -> None:
    window = Window().fitted([line(10)]).updated([line(50)])
    assert (window.left, window.right) == (1, 50)
    assert window.whole
    assert window.low == 0.0  # no value is below 0, so the axis stops there
    assert window.high == pytest.approx(49 * 1.05)


def test_window_zoomed_in_at_the_end_follows_new_points() -> None:
    trace = line(100)
    window = Window().fitted([trace]).zoomed(4, None, [trace])
    assert window.right == 100
    assert window.right - window.left == pytest.approx(99 / 4)
    later = window.updated([line(130)])
    assert later.right == 130
    assert later.right - later.left == pytest.approx(99 / 4)
    assert later.follows
    assert not later.whole


def test_panned_window_stays_until_it_is_back_at_the_end() -> None:
    traces = [line(100)]
    window = Window().fitted(traces).zoomed(4, None, traces).panned(-0.5, traces)
    assert not window.follows
    later = window.updated([line(200)])
    assert (later.left, later.right) == (window.left, window.right)
    back = later.panned(99, [line(200)])
    assert back.right == 200
    assert back.updated([line(210)]).right == 210


def test_zoom_keeps_the_point_under_the_pointer() -> None:
    traces = [line(101, first=0)]
    window = Window().fitted(traces).zoomed(2, 30.0, traces)
    assert (window.left, window.right) == (15, 65)
    out = window.zoomed(0.25, 30.0, traces)
    assert out.whole


def test_height_fits_the_visible_points() -> None:
    trace = Trace(range(100), [1000.0] + [1.0 + n / 100 for n in range(99)])
    window = Window().fitted([trace])
    assert window.high > 1000
    near = window.zoomed(2, None, [trace])
    assert 1.4 < near.low < near.high < 2.1


def test_window_between_two_points_shows_the_line() -> None:
    trace = Trace([0.0, 100.0], [5.0, 7.0])
    window = Window().fitted([trace]).zoomed(10, 50.0, [trace])
    assert window.low < 5 < 7 < window.high


def test_log_scale_ignores_values_that_are_not_positive() -> None:
    trace = Trace(range(4), [-5.0, 0.0, 0.001, 100.0])
    window = Window().fitted([trace]).scaled(True, [trace])
    assert 0 < window.low < 0.001
    assert 100 < window.high < 1000
    nothing = Trace(range(2), [-5.0, 0.0])
    assert Window().fitted([nothing]).scaled(True, [nothing]).low > 0


@pytest.mark.parametrize(
    "values", [[], [3.0], [3.0] * 9, [0.0] * 9, [-2.0] * 3, [1e300, -1e300], [1e-320, 0.0], [5e-324]]
)
@pytest.mark.parametrize("log", [False, True])
def test_degenerate_data(values: list[float], log: bool) -> None:
    trace = Trace(range(len(values)), values)
    window = Window().fitted([trace]).scaled(log, [trace])
    assert window.low < window.high
    shown = [value for value in values if value > 0 or not log]
    assert all(window.low <= value <= window.high for value in shown)


STEPS = st.lists(
    st.tuples(st.sampled_from(["zoom", "pan", "log", "data", "fit"]), st.floats(-3, 3), POINTS | WILD),
    max_size=12,
)


@given(STEPS)
def test_any_sequence_of_actions_stays_within_the_data(steps: list[tuple[str, float, object]]) -> None:
    trace = Trace(range(50), range(50))
    window = Window().fitted([trace])
    for what, amount, points in steps:
        if what == "zoom":
            window = window.zoomed(2**amount, amount * 20 if amount > 0 else None, [trace])
        elif what == "pan":
            window = window.panned(amount, [trace])
        elif what == "log":
            window = window.scaled(amount > 0, [trace])
        elif what == "fit":
            window = window.fitted([trace])
        else:
            trace.take(*unzip(points))  # type: ignore[arg-type]
            window = window.updated([trace])
        assert window.left <= window.right
        assert window.low < window.high
        if len(trace):
            assert trace.x[0] <= window.left or window.left == pytest.approx(trace.x[0])
            assert window.right <= trace.x[-1]
