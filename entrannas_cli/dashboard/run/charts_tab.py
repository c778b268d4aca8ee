"""The tab with the curves: one chart per group of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...charts.chart import Line
from ...method.space import INPUT_NODES
from ...metrics import SEARCH_CHARTS, TRAIN_CHARTS, ChartGroup, Metric
from ...monitor.run_metrics import MAX_LIST_LENGTH, MetricValues, RunMetrics
from ..chart import ChartView
from ..chart_grid import ChartGrid
from .tab import RunState

__all__ = ["ChartsTab"]


class ChartsTab(ChartGrid):
    """The charts of a search or a training."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: Sequence[ChartGroup] = ()
        self._drawn: object = None

    def show(self, seen: RunState) -> None:
        """Draw what has changed."""
        curves = TRAIN_CHARTS if seen.is_training else SEARCH_CHARTS
        if curves is not self._curves:
            self._curves = curves
            self.put([ChartView(curve.title, percent=curve.share) for curve in curves])
        state = seen.facts.overview.status.state if seen.facts.overview else ""
        if self._drawn == (seen.course.version, state, curves):
            return
        self._drawn = seen.course.version, state, curves
        some = False
        for chart, curve in zip(self.charts, curves, strict=True):
            lines = _lines(curve, seen.course)
            chart.show(lines)
            chart.set_class(not lines, "-empty")
            some = some or bool(lines)
        self.fit_room()
        self.say(
            ""
            if some
            else "no metrics yet: curves appear with the first step"
            if state in ("running", "created")
            else "this run has no metrics"
        )


def _lines(group: ChartGroup, course: RunMetrics) -> list[Line]:
    found = [line for metric in group.metrics for line in _each(metric, course, per_node=group.per_node)]
    return [Line(name, series.x[: len(series)], series.y) for name, series in found if len(series)]


def _each(metric: Metric, course: RunMetrics, *, per_node: bool) -> Iterator[tuple[str, MetricValues]]:
    """Yield the lines of ``metric``, each with its name."""
    if not per_node:
        yield metric.line or metric.label, course.series(metric.rows, metric.key)
        return
    for n in range(MAX_LIST_LENGTH):
        series = course.series(metric.rows, f"{metric.key}.{n}")
        if len(series):
            yield str(INPUT_NODES + n), series
