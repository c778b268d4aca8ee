"""The lines of a chart with one line per run, updated a few lines at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...charts.chart import Line
from ...metrics import Metric
from .metric_reader import ComparedRun

__all__ = ["Overlay"]


class Overlay:
    """The lines of ``metric``. Updating a line costs only its new points."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._lines: dict[int, tuple[int, Line]] = {}  # by the run's number, with the version of its metrics

    def has_points(self, runs: Sequence[ComparedRun]) -> bool:
        """Return whether any run has the metric."""
        return any(len(run.metrics.series(self.metric.rows, self.metric.key)) for run in runs)

    def update(self, runs: Sequence[ComparedRun], deadline: float) -> bool:
        """Update lines until ``deadline``, but at least one; return whether all are up to date."""
        for run in runs:
            version, previous = self._lines.get(run.number, (-1, None))
            if version == run.metrics.version:
                continue
            series = run.metrics.series(self.metric.rows, self.metric.key)
            line = Line(run.name, series.x[: len(series)], series.y, number=run.number)
            if previous is not None:
                line.following(previous)
            self._lines[run.number] = run.metrics.version, line
            if len(line.trace) and time.monotonic() > deadline:  # building the trace copies its points
                return False
        return True

    def lines(self, runs: Sequence[ComparedRun]) -> list[Line]:
        """Return the lines of ``runs`` that have points."""
        known = [self._lines[run.number][1] for run in runs if run.number in self._lines]
        return [line for line in known if len(line.trace)]
