"""A metric over the course of a run: read from its rows, smoothed, thinned, averaged over runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from ..common.numbers import number
from ..metrics import Metric
from .plotted_metrics import names_in, value_in

if TYPE_CHECKING:
    import numpy as np

    from ..store.run import Run

__all__ = [
    "MAX_POINTS",
    "Axis",
    "Band",
    "RunSeries",
    "Series",
    "average",
    "read_series",
    "smoothed",
    "thinned",
]

Axis = Literal["step", "epoch", "time"]
_MAX_X = 1e15  # far beyond any step or time: larger values are corrupt
MAX_POINTS = 2000  # per line: more than a figure has columns of pixels


@dataclass(frozen=True)
class Series:
    """``y`` over ``x``, both (points,) in float64, all finite, ``x`` non-decreasing."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Band:
    """Mean and standard deviation over the runs of a group, (points,) each over ``x``.

    ``deviation`` is the sample standard deviation (n - 1); nan for a group of one.
    """

    x: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


@dataclass(frozen=True)
class RunSeries:
    """A series for each requested metric in a run's rows, and the names of all metrics in them."""

    series: Mapping[str, Series]
    names: Sequence[str]


def read_series(run: Run, metrics: Sequence[Metric], axis: Axis = "step") -> RunSeries:
    """Read ``metrics`` over the course of ``run``. Never raises because of what its files hold.

    Over steps and over time, a metric is taken from the step rows if they have it, otherwise from the epoch rows;
    over epochs from the epoch rows, otherwise as the mean of each epoch's steps. Time is the seconds for which a
    process worked on the run, without pauses before a resume and without steps that were repeated.
    """
    import numpy as np

    reader = run.metrics_reader()
    rows = reader.read_new().rows
    times = _working_times(rows, reader.attempts)
    series = {}
    for metric in metrics:
        points: dict[str, list[tuple[float, float]]] = {"step": [], "epoch": []}
        for row, time in zip(rows, times, strict=True):
            value = value_in(row, metric)
            x = time if axis == "time" else number(row.get(axis))
            if value is None or x is None or not 0 <= x < _MAX_X:
                continue
            if row.get("kind") in ("step", "epoch"):
                points[row["kind"]].append((x, value))
        if axis == "epoch":
            chosen = points["epoch"] or _means(points["step"])
        else:
            chosen = points["step"] or points["epoch"]
        if chosen:
            array = np.array(sorted(chosen, key=lambda point: point[0]), dtype=np.float64)
            series[metric.key] = Series(array[:, 0], array[:, 1])
    return RunSeries(series, names_in(rows))


def _working_times(rows: Sequence[Mapping[str, Any]], attempts: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return for each row the seconds for which a process had worked on the run by then."""
    # an attempt replaces the earlier ones that start at its first step or later, so first steps increase
    valid: list[Mapping[str, Any]] = []
    for attempt in attempts:
        while valid and valid[-1]["first_step"] >= attempt["first_step"]:
            valid.pop()
        valid.append(attempt)
    first_steps = [attempt["first_step"] for attempt in valid]
    times = []
    elapsed, previous, current = 0.0, None, -1
    for row in rows:
        index = bisect_right(first_steps, row["step"]) - 1
        if index != current and index >= 0:
            current, previous = index, number(valid[index].get("time"))
        now = number(row.get("time"))
        if now is not None:
            elapsed += max(0.0, now - previous) if previous is not None else 0.0
            previous = now
        times.append(elapsed)
    return times


def _means(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    by_x: dict[float, list[float]] = {}
    for x, value in points:
        by_x.setdefault(x, []).append(value)
    return [(x, sum(values) / len(values)) for x, values in by_x.items()]


def smoothed(series: Series, window: int) -> Series:
    """Average ``window`` points around each point; towards the ends fewer, as many on each side."""
    import numpy as np

    count = len(series.y)
    indices = np.arange(count)
    half = np.minimum(np.minimum(indices, count - 1 - indices), window // 2)
    sums = np.concatenate([[0.0], np.cumsum(series.y)])
    return Series(series.x, (sums[indices + half + 1] - sums[indices - half]) / (2 * half + 1))


def thinned(series: Series, most: int = MAX_POINTS) -> Series:
    """Keep at most ``most`` points: the minimum and maximum of each stretch, so that no peak is lost."""
    import numpy as np

    count = len(series.y)
    if count <= most:
        return series
    bounds = np.linspace(0, count, most // 2 + 1).astype(int)
    kept_indices: set[int] = set()
    for start, end in pairwise(bounds.tolist()):
        stretch = series.y[start:end]
        kept_indices |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    indices = np.array(sorted(kept_indices))
    return Series(series.x[indices], series.y[indices])


def average(members: Sequence[Series], most: int = MAX_POINTS) -> Band:
    """Average one or more series, as far as all of them reach, interpolating linearly between points."""
    import numpy as np

    start = max(one.x[0] for one in members)
    end = min(one.x[-1] for one in members)
    x = np.unique(np.concatenate([one.x for one in members]))
    x = x[(x >= start) & (x <= end)]
    if len(x) > most:
        x = np.linspace(start, end, most)
    values = (
        np.stack([np.interp(x, one.x, one.y) for one in members]) if len(x) else np.empty((len(members), 0))
    )
    deviation = values.std(axis=0, ddof=1) if len(members) > 1 else np.full(len(x), np.nan)
    return Band(x, values.mean(axis=0), deviation)
