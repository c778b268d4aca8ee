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
        self._groups: Sequence[ChartGroup] = ()
        self._drawn: object = None

    def show(self, state: RunState) -> None:
        """Draw what has changed."""
        groups = TRAIN_CHARTS if state.is_training else SEARCH_CHARTS
        if groups is not self._groups:
            self._groups = groups
            self.put([ChartView(group.title, percent=group.share) for group in groups])
        status = state.facts.overview.status.state if state.facts.overview else ""
        if self._drawn == (state.metrics.version, status, groups):
            return
        self._drawn = state.metrics.version, status, groups
        any_lines = False
        for chart, group in zip(self.charts, groups, strict=True):
            lines = _lines(group, state.metrics)
            chart.show(lines)
            chart.set_class(not lines, "-empty")
            any_lines = any_lines or bool(lines)
        self.fit_room()
        self.say(
            ""
            if any_lines
            else "no metrics yet: curves appear with the first step"
            if status in ("running", "created")
            else "this run has no metrics"
        )


def _lines(group: ChartGroup, metrics: RunMetrics) -> list[Line]:
    found = [line for metric in group.metrics for line in _each(metric, metrics, per_node=group.per_node)]
    return [Line(name, series.x[: len(series)], series.y) for name, series in found if len(series)]


def _each(metric: Metric, metrics: RunMetrics, *, per_node: bool) -> Iterator[tuple[str, MetricValues]]:
    """Yield the lines of ``metric``, each with its name."""
    if not per_node:
        yield metric.line or metric.label, metrics.series(metric.rows, metric.key)
        return
    for n in range(MAX_LIST_LENGTH):
        series = metrics.series(metric.rows, f"{metric.key}.{n}")
        if len(series):
            yield str(INPUT_NODES + n), series
