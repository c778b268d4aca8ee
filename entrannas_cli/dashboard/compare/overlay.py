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

    def has_points(self, tracks: Sequence[ComparedRun]) -> bool:
        """Return whether any run has the metric."""
        return any(len(track.course.series(self.metric.rows, self.metric.key)) for track in tracks)

    def update(self, tracks: Sequence[ComparedRun], deadline: float) -> bool:
        """Update lines until ``deadline``, but at least one; return whether all are up to date."""
        for track in tracks:
            version, before = self._lines.get(track.number, (-1, None))
            if version == track.course.version:
                continue
            series = track.course.series(self.metric.rows, self.metric.key)
            line = Line(track.name, series.x[: len(series)], series.y, number=track.number)
            if before is not None:
                line.following(before)
            self._lines[track.number] = track.course.version, line
            if len(line.trace) and time.monotonic() > deadline:  # building the trace copies its points
                return False
        return True

    def lines(self, tracks: Sequence[ComparedRun]) -> list[Line]:
        """Return the lines of ``tracks`` that have points."""
        known = [self._lines[track.number][1] for track in tracks if track.number in self._lines]
        return [line for line in known if len(line.trace)]
