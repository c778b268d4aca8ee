"""Lines as columns of dots: the picture has exactly the extremes of the data."""

from __future__ import annotations

import math
import random
from array import array
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.charts.columns import DotColumn, DotGrid, columns, spans
from entrannas_cli.charts.trace import Trace
from entrannas_cli.charts.window import Window

from .strategies import POINTS, unzip


def expected(trace: Trace, grid: DotGrid) -> list[DotColumn | None]:
    """Put each visible point into the nearest column, straight from the definition."""
    found: list[list[float]] = [[] for _ in range(grid.across)]
    for x, y in zip(trace.x, trace.y, strict=True):
        if grid.window.left <= x <= grid.window.right:
            found[min(math.floor(grid.column(x) + 0.5), grid.across - 1)].append(y)
    return [DotColumn(min(ys), max(ys), ys[0], ys[-1]) if ys else None for ys in found]


# multiples of 128 make positions between columns exact, so rounding decides nothing
EXACT = st.lists(st.tuples(st.integers(0, 1024).map(float), st.floats(-1e6, 1e6)), max_size=300).map(
    lambda points: sorted([(0.0, 1.0), *points, (1024.0, 2.0)], key=lambda point: point[0])
)


@given(EXACT, st.sampled_from([2, 3, 5, 9, 17, 33, 65]))
def test_columns_match_the_definition(points: list[tuple[float, float]], across: int) -> None:
    trace = Trace(*unzip(points))
    grid = DotGrid(Window().fitted([trace]), across, 40)
    assert columns(trace, grid) == expected(trace, grid)


@given(POINTS, st.integers(1, 150), st.integers(1, 60), st.booleans())
def test_extremes_are_kept_and_none_are_invented(
    points: list[tuple[float, float]], across: int, down: int, log: bool
) -> None:
    source = Trace(*unzip(points))
    grid = DotGrid(Window().fitted([source]).scaled(log, [source]), across, down)
    trace = source.positive() if log else source
    drawn = spans(trace, grid)
    for column, span in zip(columns(trace, grid), drawn, strict=True):
        if column is not None:
            assert span is not None
            assert span[0] <= round(grid.row(column.high)) <= round(grid.row(column.low)) <= span[1]
    covered = [span for span in drawn if span is not None]
    assert bool(covered) == bool(len(trace))
    if covered:
        assert min(top for top, _ in covered) == round(grid.row(max(trace.y)))
        assert max(bottom for _, bottom in covered) == round(grid.row(min(trace.y)))


@given(POINTS, st.integers(2, 80), st.integers(1, 40), st.integers(0, 380), st.integers(1, 100))
def test_line_is_unbroken_between_its_ends(
    points: list[tuple[float, float]], across: int, down: int, left: int, width: int
) -> None:
    trace = Trace(*unzip(points))
    window = Window().fitted([trace])
    window = Window(float(left), float(left + width), window.low, window.high, extent=window.extent)
    drawn = spans(trace, DotGrid(window, across, down))
    filled = [place for place, span in enumerate(drawn) if span is not None]
    assert all(0 <= top <= bottom < down for top, bottom in filter(None, drawn))
    for one, other in pairwise(filled):
        assert other == one + 1
        first, second = drawn[one], drawn[other]
        assert first is not None
        assert second is not None
        assert first[0] - 1 <= second[1]
        assert second[0] - 1 <= first[1]


def test_line_crosses_a_window_without_points() -> None:
    trace = Trace([0.0, 100.0], [0.0, 100.0])
    grid = DotGrid(Window(40.0, 60.0, 0.0, 100.0, extent=(0.0, 100.0)), 21, 101)
    drawn = spans(trace, grid)
    assert drawn[0] == (60, 60)
    assert drawn[20] is not None
    assert drawn[20][0] == 40


def test_single_peak_among_many_points_is_drawn() -> None:
    draws = random.Random(0)
    y = array("d", (draws.random() for _ in range(50_000)))
    y[31_234] = 40.0
    trace = Trace(range(50_000), y)
    grid = DotGrid(Window().fitted([trace]), 180, 64)
    tops = [span[0] if span else 64 for span in spans(trace, grid)]
    assert tops.index(min(tops)) == round(grid.column(31_234))
    assert sorted(tops)[1] > 60 - 3
