"""The points of a line as they are drawn, updated as the line grows."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import le

__all__ = ["MAX_VALUE", "Trace"]

MAX_VALUE = 1e300  # anything larger counts as not finite: the difference of two values must not overflow
_BLOCK = 64  # points per precomputed minimum and maximum


class Trace:
    """Finite points sorted by ``x``; the minimum and maximum ``y`` of a stretch are cheap.

    Points are copied, so that the source may change meanwhile: 16 bytes per point, 32 if some had to be dropped or
    sorted. Derived traces (``smoothed``, ``positive``) grow with it.
    """

    def __init__(self, x: Sequence[float] = (), y: Sequence[float] = ()) -> None:
        self.generation = 0  # increases when earlier points change
        self.version = 0  # increases with every change
        self.dropped = 0  # points that weren't finite
        # cache of columns.spans: (what it was made of, spans)
        self.drawn: tuple[object, list[tuple[int, int] | None]] = (None, [])
        self._raw_x, self._raw_y = array("d"), array("d")
        self._clear()
        self._smoothed: _Smoothed | None = None
        self._positive: _Positive | None = None
        self.take(x, y)

    def _clear(self) -> None:
        self.x, self.y = array("d"), array("d")
        self._lows, self._highs = array("d"), array("d")
        self.generation += 1

    def __len__(self) -> int:
        return len(self.x)

    def take(self, x: Sequence[float], y: Sequence[float]) -> bool:
        """Set the points to ``x`` and ``y``, as far as both reach; return whether that changed anything.

        Points that it already has cost one comparison of bytes.
        """
        new_x, new_y = _copied(x), _copied(y)
        count = min(len(new_x), len(new_y))
        del new_x[count:], new_y[count:]
        known = len(self._raw_x)
        extends = count >= known and _starts_with(new_x, self._raw_x) and _starts_with(new_y, self._raw_y)
        if extends and count == known:
            return False
        self.version += 1
        if not extends:
            self._clear()
            self._raw_x, self._raw_y = self.x, self.y  # shared until a point is dropped or sorted
            self.dropped = known = 0
        if count > known:
            self._extend(new_x[known:], new_y[known:])
        return True

    def _extend(self, x: array[float], y: array[float]) -> None:
        before = self.x[-1] if self.x else -math.inf
        plain = _all_usable(x) and _all_usable(y)
        if plain and before <= x[0] and all(map(le, x, islice(x, 1, None))):
            if self._raw_x is not self.x:
                self._raw_x.extend(x)
                self._raw_y.extend(y)
            self.append(x, y)
            return
        if self._raw_x is self.x:
            self._raw_x, self._raw_y = self.x[:], self.y[:]
        self._raw_x.extend(x)
        self._raw_y.extend(y)
        points = [(a, b) for a, b in zip(x, y, strict=True) if abs(a) <= MAX_VALUE and abs(b) <= MAX_VALUE]
        self.dropped += len(x) - len(points)
        points.sort(key=_x_of)
        if points and points[0][0] < before:
            points = sorted([*zip(self.x, self.y, strict=True), *points], key=_x_of)
            self._clear()
        self.append(array("d", [a for a, _ in points]), array("d", [b for _, b in points]))

    def append(self, x: array[float], y: array[float]) -> None:
        """Append points that are finite and in order."""
        self.x.extend(x)
        self.y.extend(y)
        for start in range(len(self._lows) * _BLOCK, len(self.y) - _BLOCK + 1, _BLOCK):
            block = self.y[start : start + _BLOCK]
            self._lows.append(min(block))
            self._highs.append(max(block))

    def visible(self, left: float, right: float) -> tuple[int, int]:
        """Return the points from ``left`` to ``right`` inclusive: the first index, and the one past the last."""
        return bisect_left(self.x, left), bisect_right(self.x, right)

    def extremes(self, start: int, end: int) -> tuple[float, float]:
        """Return the minimum and maximum ``y`` of the points from ``start`` up to ``end``, at least one."""
        first, last = -(-start // _BLOCK), end // _BLOCK
        if first >= last:
            stretch = self.y[start:end]
            return min(stretch), max(stretch)
        ends = self.y[start : first * _BLOCK] + self.y[last * _BLOCK : end]
        return (
            min(min(self._lows[first:last]), min(ends, default=math.inf)),
            max(max(self._highs[first:last]), max(ends, default=-math.inf)),
        )

    def nearest(self, x: float) -> int | None:
        """Return the index of the point nearest to ``x``, the last of several at its place; None without points."""
        if not self.x:
            return None
        after = bisect_right(self.x, x)
        if after == 0:
            return bisect_right(self.x, self.x[0]) - 1
        if after == len(self.x) or x - self.x[after - 1] <= self.x[after] - x:
            return after - 1
        return bisect_right(self.x, self.x[after]) - 1

    def smoothed(self, points: int) -> Trace:
        """Return the exponential mean over about ``points`` points; the trace itself for 1 or less."""
        if points <= 1:
            return self
        known = self._smoothed
        if known is None or (known.points, known.generation) != (points, self.generation):
            known = self._smoothed = _Smoothed(points, self.generation)
        known.follow(self)
        return known.trace

    def positive(self) -> Trace:
        """Return the points above 0, the only ones that fit on a logarithmic axis."""
        if self._positive is None or self._positive.generation != self.generation:
            self._positive = _Positive(self.generation)
        self._positive.follow(self)
        return self._positive.trace


class _Smoothed:
    """The exponential mean of a trace; the plain mean while points are few, so that it starts unbiased."""

    def __init__(self, points: int, generation: int) -> None:
        self.points, self.generation = points, generation
        self.trace = Trace()
        self._mean = 0.0

    def follow(self, source: Trace) -> None:
        done = len(self.trace)
        if done == len(source):
            return
        share, mean, means = 2 / (self.points + 1), self._mean, array("d")
        warmup_end = max(math.floor(1 / share), done)  # up to here it is the plain mean
        for count, value in enumerate(source.y[done:warmup_end], start=done + 1):
            mean += (value - mean) / count
            means.append(mean)
        later = accumulate(
            source.y[warmup_end:], lambda mean, value: mean + (value - mean) * share, initial=mean
        )
        means.extend(islice(later, 1, None))
        self._mean = means[-1]
        self.trace.append(source.x[done:], means)


class _Positive:
    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.trace = Trace()
        self._done = 0

    def follow(self, source: Trace) -> None:
        x, y = source.x[self._done :], source.y[self._done :]
        self._done = len(source)
        if y and min(y) <= 0:
            points = [(a, b) for a, b in zip(x, y, strict=True) if b > 0]
            x, y = array("d", [a for a, _ in points]), array("d", [b for _, b in points])
        self.trace.append(x, y)


def _copied(values: Sequence[float]) -> array[float]:
    """Copy in one go: another thread may append to ``values`` meanwhile."""
    if isinstance(values, array) and values.typecode == "d":
        return values[:]
    return array("d", values)


def _starts_with(values: array[float], start: array[float]) -> bool:
    """Return whether ``values`` begins with ``start``, bit for bit: nan equals itself."""
    return _bits(values)[: len(start)] == _bits(start)


def _bits(values: array[float]) -> memoryview:
    return memoryview(values).cast("B").cast("Q")


def _all_usable(values: array[float]) -> bool:
    total = sum(values)  # faster than checking each: finite only if all of them are
    return math.isfinite(total) and min(values) >= -MAX_VALUE and max(values) <= MAX_VALUE


def _x_of(point: tuple[float, float]) -> float:
    return point[0]
