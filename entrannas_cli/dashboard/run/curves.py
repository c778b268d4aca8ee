"""The tab with the curves: a chart each for what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...charts.chart import Line
from ...watching.course import Course
from ..chart import ChartView
from ..chart_grid import ChartGrid
from .part import Seen

__all__ = ["SEARCH", "TRAIN", "Curve", "CurvesPart"]


@dataclass(frozen=True)
class Curve:
    """A chart: its title, and (kind of row, key, name) of each line."""

    title: str
    lines: Sequence[tuple[str, str, str]]
    percent: bool = False


SEARCH = (
    Curve("loss", (("step", "weight_loss", "weights"), ("step", "architecture_loss", "architecture"))),
    Curve(
        "accuracy",
        (("epoch", "supernet_accuracy", "super-net"), ("epoch", "derived_accuracy", "derived")),
        percent=True,
    ),
    Curve(
        "sparsity",
        (("step", "sparsity_normal", "normal"), ("step", "sparsity_reduce", "reduction")),
        percent=True,
    ),
    Curve("consistency gap", (("epoch", "gap", "gap"),), percent=True),
    Curve("temperature", (("step", "temperature", "temperature"),)),
)
TRAIN = (
    Curve("loss", (("step", "weight_loss", "learned"), ("epoch", "validation_loss", "held out"))),
    Curve(
        "accuracy",
        (("step", "accuracy", "learned"), ("epoch", "validation_accuracy", "held out")),
        percent=True,
    ),
    Curve("accuracy on images held out", (("epoch", "validation_accuracy", "held out"),), percent=True),
    Curve("learning rate", (("step", "learning_rate", "learning rate"),)),
)


class CurvesPart(ChartGrid):
    """The charts of a search, or of a training."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: Sequence[Curve] = ()
        self._drawn: object = None

    def show(self, seen: Seen) -> None:
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


def _lines(curve: Curve, course: Course) -> list[Line]:
    found = [(name, course.series(kind, key)) for kind, key, name in curve.lines]
    return [Line(name, series.x[: len(series)], series.y) for name, series in found if len(series)]
