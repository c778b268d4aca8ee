"""The part of the data that a chart shows, and how it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from .trace import Trace

__all__ = ["Window"]

_MARGIN = 0.05  # of the height, above and below the points
_MIN_WIDTH = 1e-5  # narrowest window, as a fraction of the extent


@dataclass(frozen=True)
class Window:
    """From ``left`` to ``right`` and from ``low`` to ``high``, of data that span ``extent``.

    The height always fits the visible points. A window that ends at the newest point follows it, and one that shows
    everything keeps doing so: ``updated`` is right whatever the user did. With ``log``, only values above 0 count.
    """

    left: float = 0.0
    right: float = 0.0
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    extent: tuple[float, float] = (0.0, 0.0)

    @property
    def follows(self) -> bool:
        """Whether it moves along with the newest point."""
        return self.right >= self.extent[1]

    @property
    def whole(self) -> bool:
        """Whether it shows everything."""
        return self.follows and self.left <= self.extent[0]

    def fitted(self, traces: Sequence[Trace]) -> Self:
        """Return the window that shows all of ``traces``."""
        extent = _extent(traces)
        return replace(self, left=extent[0], right=extent[1], extent=extent)._with_fitted_height(traces)

    def updated(self, traces: Sequence[Trace]) -> Self:
        """Return the window after ``traces`` changed: it keeps following, keeps showing everything, or stays."""
        extent = _extent(traces)
        if self.whole:
            left, right = extent
        elif self.follows:
            left, right = extent[1] - (self.right - self.left), extent[1]
        else:
            left, right = self.left, self.right
        return self._clamped(left, right, extent)._with_fitted_height(traces)

    def zoomed(self, factor: float, at: float | None, traces: Sequence[Trace]) -> Self:
        """Zoom in by ``factor``; what is at ``at`` stays there (default: the middle, or the end it follows)."""
        if at is None:
            at = self.right if self.follows else (self.left + self.right) / 2
        at = min(max(at, self.left), self.right)
        closest = (self.extent[1] - self.extent[0]) * _MIN_WIDTH
        span = self.right - self.left
        new_span = max(span / factor, min(closest, span))
        share = (at - self.left) / span if span > 0 else 0.5
        left = at - share * new_span
        right = self.right if at == self.right else left + new_span  # exactly, so that it keeps following
        return self._clamped(left, right, self.extent)._with_fitted_height(traces)

    def panned(self, share: float, traces: Sequence[Trace]) -> Self:
        """Move by ``share`` of its width, to the right if above 0; stop at the ends of the data."""
        shift = share * (self.right - self.left)
        return self._clamped(self.left + shift, self.right + shift, self.extent)._with_fitted_height(traces)

    def scaled(self, log: bool, traces: Sequence[Trace]) -> Self:
        """Return the window with a logarithmic axis, or without."""
        return replace(self, log=log)._with_fitted_height(traces)

    def _clamped(self, left: float, right: float, extent: tuple[float, float]) -> Self:
        """Show the given range, moved and narrowed to lie within ``extent``."""
        span = right - left
        if span >= extent[1] - extent[0]:
            left, right = extent
        elif right >= extent[1]:
            left, right = extent[1] - span, extent[1]
        elif left <= extent[0]:
            left, right = extent[0], extent[0] + span
        return replace(self, left=left, right=right, extent=extent)

    def _with_fitted_height(self, traces: Sequence[Trace]) -> Self:
        """Fit the height to the visible points."""
        lows, highs = [], []
        for trace in traces:
            shown = trace.positive() if self.log else trace
            start, end = shown.visible(self.left, self.right)
            if start == end:  # between two points: the line crosses the window
                start, end = max(start - 1, 0), min(end + 1, len(shown))
            if start < end:
                low, high = shown.extremes(start, end)
                lows.append(low)
                highs.append(high)
        if not lows:
            low, high = (1.0, 10.0) if self.log else (0.0, 1.0)
        elif self.log:
            low, high = _log_margins(min(lows), max(highs))
        else:
            low, high = _margins(min(lows), max(highs))
        return replace(self, low=low, high=high)


def _extent(traces: Sequence[Trace]) -> tuple[float, float]:
    filled = [trace for trace in traces if len(trace)]
    if not filled:
        return 0.0, 0.0
    return min(trace.x[0] for trace in filled), max(trace.x[-1] for trace in filled)


def _margins(low: float, high: float) -> tuple[float, float]:
    margin = (high - low) * _MARGIN or abs(low) * _MARGIN or 1.0
    # no value is below 0, so the axis isn't either
    return (0.0 if 0 <= low < margin and high > 0 else low - margin), high + margin


def _log_margins(low: float, high: float) -> tuple[float, float]:
    """Add the same share of the logarithmic height, within the range of floats; both are above 0."""
    factor = max((high / low) ** _MARGIN if high / low < 1e300 else 1e15, 1.05)
    return max(low / factor, 5e-324), max(min(high * factor, 1.7e308), 1e-320)
