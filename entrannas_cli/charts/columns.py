"""A line as columns of dots: the minimum and maximum of each column, so that no peak is lost."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

from .trace import Trace
from .window import Window

__all__ = ["DotColumn", "DotGrid", "columns", "spans"]

_FAR = 1e6  # in picture widths or heights: clamped there, a line's slope looks the same


@dataclass(frozen=True)
class DotGrid:
    """``across`` columns and ``down`` rows of dots over ``window``; rows count from the top."""

    window: Window
    across: int
    down: int

    def column(self, x: float) -> float:
        """Return the column of ``x``, not rounded; the middle one if the window has no width."""
        span = self.window.right - self.window.left
        share = (x - self.window.left) / span if span > 0 else 0.5
        return min(max(share, -_FAR), _FAR) * (self.across - 1)

    def x(self, column: float) -> float:
        """Return the ``x`` of a column."""
        share = column / (self.across - 1) if self.across > 1 else 0.5
        return self.window.left + share * (self.window.right - self.window.left)

    def row(self, y: float) -> float:
        """Return the row of ``y``, not rounded."""
        low, high = self.window.low, self.window.high
        if self.window.log:
            y, low, high = math.log(y), math.log(low), math.log(high)
        share = (y - low) / (high - low) if high > low else 0.5
        return (1 - min(max(share, -_FAR), _FAR)) * (self.down - 1)


@dataclass(frozen=True, slots=True)
class DotColumn:
    """The values in a column of dots: minimum, maximum, first and last."""

    low: float
    high: float
    first: float
    last: float


def columns(trace: Trace, grid: DotGrid) -> list[DotColumn | None]:
    """Return the visible points of ``trace`` by column; None for a column without any."""
    start, end = trace.visible(grid.window.left, grid.window.right)
    result: list[DotColumn | None] = [None] * grid.across
    if grid.window.right <= grid.window.left:
        if start < end:
            result[(grid.across - 1) // 2] = _column(trace, start, end)
        return result
    for column in range(grid.across):
        after = end
        if column < grid.across - 1:
            after = bisect_left(trace.x, grid.x(column + 0.5), start, end)
        if start < after:
            result[column] = _column(trace, start, after)
            start = after
    return result


def _column(trace: Trace, start: int, end: int) -> DotColumn:
    low, high = trace.extremes(start, end)
    return DotColumn(low, high, trace.y[start], trace.y[end - 1])


def spans(trace: Trace, grid: DotGrid) -> list[tuple[int, int] | None]:
    """Return, for each column, the first and last row that the connected line covers; None where it is absent.

    Between points that lie columns apart, and to those just outside the window, the line is straight. The result
    is cached with the trace: moving the cross-hair, or a point added to another line, costs nothing here.
    """
    key = (grid, trace.generation, len(trace))
    cached_key, result = trace.drawn
    if cached_key != key:
        result = _spans(trace, grid)
        trace.drawn = key, result
    return result


def _spans(trace: Trace, grid: DotGrid) -> list[tuple[int, int] | None]:
    covered: list[tuple[int, int] | None] = [None] * grid.across
    start, end = trace.visible(grid.window.left, grid.window.right)
    before: tuple[float, float] | None = None  # column and row of the line's last point
    if start and len(trace):
        before = grid.column(trace.x[start - 1]), grid.row(trace.y[start - 1])
    for place, column in enumerate(columns(trace, grid)):
        if column is None:
            continue
        first, last = grid.row(column.first), grid.row(column.last)
        if before is not None:
            _join(covered, grid.down, before, (place, first))
        _cover(covered, grid.down, place, grid.row(column.high), grid.row(column.low))
        before = place, last
    if before is not None and end < len(trace):
        _join(covered, grid.down, before, (grid.column(trace.x[end]), grid.row(trace.y[end])))
    return covered


def _join(
    covered: list[tuple[int, int] | None], down: int, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Cover a straight line in the columns between two points, without a gap at either."""
    (left, top), (right, bottom) = start, end
    if right <= left:
        return
    slope = (bottom - top) / (right - left)
    begin = max(math.floor(left) + 1, 0)
    row = top if begin - left <= 1 else top + slope * (begin - 1 - left)  # where it enters the picture
    for column in range(begin, min(math.ceil(right), len(covered) - 1) + 1):
        next_row = bottom if column >= right else top + slope * (column - left)
        first_row = _step_towards(round(row), round(next_row))
        _cover(covered, down, column, first_row, round(next_row))
        row = next_row


def _step_towards(row: int, other: int) -> int:
    """Return the row next to ``row`` on the way to ``other``."""
    return row + (other > row) - (other < row)


def _cover(covered: list[tuple[int, int] | None], down: int, column: int, start: float, end: float) -> None:
    top, bottom = sorted((round(start), round(end)))
    top, bottom = max(top, 0), min(bottom, down - 1)
    if top > bottom:
        return
    before = covered[column]
    covered[column] = (top, bottom) if before is None else (min(top, before[0]), max(bottom, before[1]))
