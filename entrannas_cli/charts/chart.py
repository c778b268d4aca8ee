"""What a chart shows."""

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
    """A named line through the points ``x``, ``y`` (as many as the shorter has; not finite: left out).

    ``style`` is a Rich style; empty for one of the look's. ``number`` chooses the look's colour and the marker
    (None: the line's place in the chart), so that a line looks the same in charts that have others beside it; it
    is marked even where it is alone. The points are taken over when first drawn.
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
        """Takes over ``before``'s trace, which spares what hasn't changed, and brings it up to date."""
        trace = before.trace
        trace.take(self.x, self.y)
        self.__dict__["trace"] = trace  # where cached_property looks


@dataclass(frozen=True, eq=False)
class Chart:
    """Lines in a window, with the ``x`` of a cross-hair, if there is one, and over how many points to smooth.

    With ``percent`` values are shares of 1, written in percent. ``x_name`` is what ``x`` counts.
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
        """The lines, each with the number that its colour and its marker have."""
        return [(n if line.number is None else line.number, line) for n, line in enumerate(self.lines)]

    @property
    def traces(self) -> list[Trace]:
        """The points of all lines."""
        return [line.trace for line in self.lines]

    def drawn(self, line: Line) -> Trace:
        """What is drawn of ``line`` in front: smoothed, and above 0 on a logarithmic axis."""
        return self._placed(line.trace.smoothed(self.smooth))

    def behind(self, line: Line) -> Trace | None:
        """What is drawn behind that: the points themselves, if they are smoothed."""
        return self._placed(line.trace) if self.smooth > 1 else None

    def _placed(self, trace: Trace) -> Trace:
        return trace.positive() if self.window.log else trace

    @property
    def left_out(self) -> int:
        """How many points can't be drawn: not finite, or not above 0 on a logarithmic axis and visible."""
        count = sum(trace.dropped for trace in self.traces)
        if self.window.log:
            for trace in self.traces:
                for one, sign in ((trace, 1), (trace.positive(), -1)):
                    start, end = one.visible(self.window.left, self.window.right)
                    count += sign * (end - start)
        return count

    def fitted(self) -> Self:
        """With all there is in its window."""
        return replace(self, window=self.window.fitted(self.traces))
