"""A chart: its lines, and the window through which they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from .trace import Trace
from .window import Window

__all__ = ["Chart", "Line"]


@dataclass(frozen=True, eq=False)
class Line:
    """A named line through the points ``x``, ``y``, as far as both reach; points that aren't finite are dropped.

    ``style`` is a Rich style; empty for one of the look's. ``number`` selects the look's colour and marker (None:
    the line's position in the chart), so that a line looks the same in every chart; such a line has a marker even
    if it is alone. The points are copied when first drawn.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str = ""
    number: int | None = None

    @cached_property
    def trace(self) -> Trace:
        """The points as they are drawn."""
        return Trace(self.x, self.y)

    def following(self, before: Line) -> None:
        """Reuse the trace of ``before``, so that only new points cost time, and update it."""
        trace = before.trace
        trace.take(self.x, self.y)
        self.__dict__["trace"] = trace  # where cached_property stores it


@dataclass(frozen=True, eq=False)
class Chart:
    """Lines in a window, smoothed over ``smooth`` points, with an optional cross-hair at an ``x``.

    With ``percent``, values are fractions, shown in percent. ``x_name`` is what ``x`` counts.
    """

    title: str
    lines: Sequence[Line] = ()
    window: Window = field(default_factory=Window)
    crosshair: float | None = None
    smooth: int = 1
    percent: bool = False
    x_name: str = "step"

    @property
    def numbered(self) -> list[tuple[int, Line]]:
        """The lines, each with the number of its colour and marker."""
        return [(n if line.number is None else line.number, line) for n, line in enumerate(self.lines)]

    @property
    def traces(self) -> list[Trace]:
        """The points of all lines."""
        return [line.trace for line in self.lines]

    def drawn(self, line: Line) -> Trace:
        """Return the points to draw for ``line``: smoothed, on a logarithmic axis only those above 0."""
        return self._drawable(line.trace.smoothed(self.smooth))

    def behind(self, line: Line) -> Trace | None:
        """Return the raw points to draw behind a smoothed line; None without smoothing."""
        return self._drawable(line.trace) if self.smooth > 1 else None

    def _drawable(self, trace: Trace) -> Trace:
        return trace.positive() if self.window.log else trace

    @property
    def left_out(self) -> int:
        """Number of points not drawn: not finite, or visible but not above 0 on a logarithmic axis."""
        count = sum(trace.dropped for trace in self.traces)
        if self.window.log:
            for trace in self.traces:
                for part, sign in ((trace, 1), (trace.positive(), -1)):
                    start, end = part.visible(self.window.left, self.window.right)
                    count += sign * (end - start)
        return count

    def fitted(self) -> Self:
        """Return the chart with all points in its window."""
        return replace(self, window=self.window.fitted(self.traces))
