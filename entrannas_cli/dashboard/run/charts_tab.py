"""The tab with the curves: a chart each for what belongs together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...charts.chart import Line
from ...method.space import INPUT_NODES
from ...monitor.run_metrics import MAX_LIST_LENGTH, MetricValues, RunMetrics
from ..chart import ChartView
from ..chart_grid import ChartGrid
from .tab import RunState

__all__ = ["SEARCH", "TRAIN", "ChartSpec", "ChartsTab"]


@dataclass(frozen=True)
class ChartSpec:
    """A chart: its title, and (kind of row, key, name) of each line.

    A key ``list.*`` stands for a line for each element, named after its number as ``name`` says: of a list with one
    element a node, after the nodes.
    """

    title: str
    lines: Sequence[tuple[str, str, str]]
    percent: bool = False


SEARCH = (
    ChartSpec("loss", (("step", "weight_loss", "weights"), ("step", "architecture_loss", "architecture"))),
    ChartSpec(
        "accuracy",
        (("epoch", "supernet_accuracy", "super-net"), ("epoch", "derived_accuracy", "derived")),
        percent=True,
    ),
    ChartSpec(
        "sparsity",
        (("step", "sparsity_normal", "normal"), ("step", "sparsity_reduce", "reduction")),
        percent=True,
    ),
    ChartSpec("consistency gap", (("epoch", "gap", "gap"),), percent=True),
    ChartSpec("temperature", (("step", "temperature", "temperature"),)),
    ChartSpec("thresholds of the normal cell's nodes", (("step", "thresholds_normal.*", "{}"),)),
    ChartSpec("thresholds of the reduction cell's nodes", (("step", "thresholds_reduce.*", "{}"),)),
)
TRAIN = (
    ChartSpec("loss", (("step", "weight_loss", "learned"), ("epoch", "validation_loss", "held out"))),
    ChartSpec(
        "accuracy",
        (("step", "accuracy", "learned"), ("epoch", "validation_accuracy", "held out")),
        percent=True,
    ),
    ChartSpec("accuracy on images held out", (("epoch", "validation_accuracy", "held out"),), percent=True),
    ChartSpec("learning rate", (("step", "learning_rate", "learning rate"),)),
)


class ChartsTab(ChartGrid):
    """The charts of a search, or of a training."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: Sequence[ChartSpec] = ()
        self._drawn: object = None

    def show(self, seen: RunState) -> None:
        """Draws what has changed."""
        curves = TRAIN if seen.is_training else SEARCH
        if curves is not self._curves:
            self._curves = curves
            self.put([ChartView(curve.title, percent=curve.percent) for curve in curves])
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


def _lines(curve: ChartSpec, course: RunMetrics) -> list[Line]:
    found = [line for one in curve.lines for line in _each(*one, course)]
    return [Line(name, series.x[: len(series)], series.y) for name, series in found if len(series)]


def _each(kind: str, key: str, name: str, course: RunMetrics) -> Iterator[tuple[str, MetricValues]]:
    """The lines that ``key`` stands for."""
    if not key.endswith("*"):
        yield name, course.series(kind, key)
        return
    for n in range(MAX_LIST_LENGTH):
        series = course.series(kind, f"{key[:-1]}{n}")
        if len(series):
            yield name.format(INPUT_NODES + n), series
