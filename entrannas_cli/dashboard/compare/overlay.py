"""A chart with a line a run: which metrics have one, and its lines, brought up to date a few at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...charts.chart import Line
from .metric_reader import ComparedRun

__all__ = ["METRICS", "ChartedMetric", "Overlay", "keys_of"]


@dataclass(frozen=True)
class ChartedMetric:
    """A metric by the ``kind`` of row that has it, and its ``key`` there."""

    title: str
    kind: str
    key: str
    percent: bool = False


# what a comparison is made for comes first; a search has some of them, a training others
METRICS = (
    ChartedMetric("loss", "step", "weight_loss"),
    ChartedMetric("validation accuracy", "epoch", "validation_accuracy", percent=True),
    ChartedMetric("super-net accuracy", "epoch", "supernet_accuracy", percent=True),
    ChartedMetric("derived network's accuracy", "epoch", "derived_accuracy", percent=True),
    ChartedMetric("consistency gap", "epoch", "gap", percent=True),
    ChartedMetric("sparsity, normal cell", "step", "sparsity_normal", percent=True),
    ChartedMetric("sparsity, reduction cell", "step", "sparsity_reduce", percent=True),
    ChartedMetric("architecture loss", "step", "architecture_loss"),
    ChartedMetric("validation loss", "epoch", "validation_loss"),
    ChartedMetric("training accuracy", "step", "accuracy", percent=True),
    ChartedMetric("temperature", "step", "temperature"),
    ChartedMetric("learning rate", "step", "learning_rate"),
)


def keys_of(metrics: Sequence[ChartedMetric]) -> frozenset[str]:
    """The keys of rows that are needed."""
    return frozenset(metric.key for metric in metrics)


class Overlay:
    """The lines of ``metric``. A line costs only what is new of its run."""

    def __init__(self, metric: ChartedMetric) -> None:
        self.metric = metric
        self._lines: dict[int, tuple[int, Line]] = {}  # by the run's number, with the course's version

    def has_points(self, tracks: Sequence[ComparedRun]) -> bool:
        """Whether any run has the metric."""
        return any(len(track.course.series(self.metric.kind, self.metric.key)) for track in tracks)

    def update(self, tracks: Sequence[ComparedRun], deadline: float) -> bool:
        """Takes over what is new, until ``deadline`` at most (a line at least); returns whether that was all."""
        for track in tracks:
            version, before = self._lines.get(track.number, (-1, None))
            if version == track.course.version:
                continue
            series = track.course.series(self.metric.kind, self.metric.key)
            line = Line(track.name, series.x[: len(series)], series.y, number=track.number)
            if before is not None:
                line.following(before)
            self._lines[track.number] = track.course.version, line
            if len(line.trace) and time.monotonic() > deadline:  # which takes the points over
                return False
        return True

    def lines(self, tracks: Sequence[ComparedRun]) -> list[Line]:
        """The lines of ``tracks`` that have points."""
        known = [self._lines[track.number][1] for track in tracks if track.number in self._lines]
        return [line for line in known if len(line.trace)]
