"""Curves made of characters, and the bounded buffers that hold their values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..common.numbers import number
from .canvas import BRAILLE, DOTS

__all__ = ["CurveBuffer", "curve"]


class CurveBuffer:
    """A value over time in at most ``capacity`` points, each the minimum and maximum of a stretch.

    When it is full, neighbours are merged: a one-step peak survives however long the search runs.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._stretch = 1  # values per point
        self._count_in_last = 0
        self.points: list[tuple[float, float]] = []
        self.last: float | None = None

    def add(self, value: object) -> None:
        """Append a value; one that isn't a finite number is ignored."""
        y = number(value)
        if y is None:
            return
        self.last = y
        if self._count_in_last % self._stretch == 0:
            if len(self.points) == self._capacity:
                self._merge()
            self.points.append((y, y))
            self._count_in_last = 0
        else:
            low, high = self.points[-1]
            self.points[-1] = (min(low, y), max(high, y))
        self._count_in_last += 1

    def _merge(self) -> None:
        pairs = zip(self.points[::2], self.points[1::2], strict=True)  # the capacity is even
        self.points = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs]
        self._stretch *= 2

    @property
    def span(self) -> tuple[float, float] | None:
        """Minimum and maximum; None without values."""
        if not self.points:
            return None
        return min(low for low, _ in self.points), max(high for _, high in self.points)

    def columns(self, count: int) -> list[tuple[float, float]]:
        """Merge the points into at most ``count`` columns, each the minimum and maximum of those it covers."""
        points = self.points
        if len(points) <= count:
            return points
        cuts = [n * len(points) // count for n in range(count + 1)]
        stretches = (points[start:end] for start, end in pairwise(cuts))
        return [(min(low for low, _ in s), max(high for _, high in s)) for s in stretches]


def curve(
    series: CurveBuffer,
    width: int,
    height: int,
    *,
    span: tuple[float, float] | None = None,
    ascii_only: bool = False,
) -> list[str]:
    """Draw ``series`` as ``height`` lines of ``width`` characters, over ``span`` (default: its own).

    Few points are drawn as wide steps; many share columns. A braille character holds two columns and four rows.
    """
    across, down = (1, 1) if ascii_only else (2, 4)
    low, high = span or series.span or (0.0, 1.0)
    columns, rows = width * across, height * down
    points = series.columns(columns)
    grid = [[False] * columns for _ in range(rows)]
    previous: tuple[int, int] | None = None
    for column in range(columns if points else 0):
        top, bottom = _rows(points[column * len(points) // columns], low, high, rows)
        first, last = top, bottom
        if previous is not None:  # connect to the previous column
            first, last = min(first, previous[1] + 1), max(last, previous[0] - 1)
        for row in range(first, last + 1):
            grid[row][column] = True
        previous = (top, bottom)
    if ascii_only:
        return ["".join("*" if dot else " " for dot in row) for row in grid]
    return ["".join(_braille(grid, line, character) for character in range(width)) for line in range(height)]


def _rows(point: tuple[float, float], low: float, high: float, rows: int) -> tuple[int, int]:
    """Return the rows of a point's maximum and minimum, counted from the top."""

    def row(value: float) -> int:
        share = 0.5 if high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
        return round((1 - share) * (rows - 1))

    return row(point[1]), row(point[0])


def _braille(grid: Sequence[Sequence[bool]], line: int, character: int) -> str:
    code = sum(DOTS[y][x] for y in range(4) for x in range(2) if grid[4 * line + y][2 * character + x])
    return chr(BRAILLE + code) if code else " "
