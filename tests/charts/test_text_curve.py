"""Curves drawn with characters."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from entrannas_cli.charts.text_curve import CurveBuffer, curve

VALUES = st.lists(st.floats(-1e9, 1e9), max_size=400)


def series(values: list[float], capacity: int = 1024) -> CurveBuffer:
    made = CurveBuffer(capacity)
    for value in values:
        made.add(value)
    return made


@given(VALUES, st.integers(1, 60), st.integers(1, 10), st.booleans())
def test_curve_has_the_requested_size(values: list[float], width: int, height: int, ascii_only: bool) -> None:
    lines = curve(series(values), width, height, ascii_only=ascii_only)
    assert [len(line) for line in lines] == [width] * height
    assert any(line.strip() for line in lines) == bool(values)


@given(VALUES, st.integers(1, 60), st.integers(1, 10))
def test_curve_is_unbroken(values: list[float], width: int, height: int) -> None:
    """Every column has a dot, and neighbouring columns touch."""
    if not values:
        return
    lines = curve(series(values), width, height, ascii_only=True)
    columns = [[row for row in range(height) if lines[row][column] == "*"] for column in range(width)]
    assert all(columns)
    for before, after in pairwise(columns):
        assert before[0] - 1 <= after[-1]
        assert after[0] - 1 <= before[-1]


def test_falling_line_keeps_its_peak() -> None:
    assert curve(series([3, 2, 1, 0]), 4, 4, ascii_only=True) == ["*   ", " *  ", "  * ", "   *"]
    values = [0.0] * 5000
    values[1234] = 1.0
    assert curve(series(values), 30, 3, ascii_only=True)[0].count("*") == 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3000))
def test_buffer_is_bounded_and_keeps_extremes(values: list[float]) -> None:
    made = series(values, capacity=16)
    assert len(made.points) <= 16
    assert made.span == (min(values), max(values))
    assert made.last == values[-1]
    columns = made.columns(7)
    assert len(columns) <= 7
    assert (min(low for low, _ in columns), max(high for _, high in columns)) == made.span


def test_non_numbers_are_skipped() -> None:
    made = series([1.0])
    for value in (None, "2", float("nan"), float("inf"), True, [3]):
        made.add(value)
    assert made.points == [(1.0, 1.0)]


def test_fixed_range_clips_values() -> None:
    lines = curve(series([-5, 5]), 2, 2, span=(0, 1), ascii_only=True)
    assert [line[0] for line in lines] == [" ", "*"]
    assert lines[0][1] == "*"
