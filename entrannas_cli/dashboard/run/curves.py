"""The tab with the curves: a chart each for what belongs together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from ...charts.chart import Line
from ...method.space import INPUT_NODES
from ...watching.course import LONGEST_LIST, Course, Series
from ..chart import ChartView
from .part import Seen
from .sheet import Sheet

__all__ = ["SEARCH", "TRAIN", "Curve", "CurvesPart"]


@dataclass(frozen=True)
class Curve:
    """A chart: its title, and (kind of row, key, name) of each line.

    A key ``list.*`` stands for a line for each element, named after its number as ``name`` says: of a list with one
    element a node, after the nodes.
    """

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
    Curve("thresholds of the normal cell's nodes", (("step", "thresholds_normal.*", "{}"),)),
    Curve("thresholds of the reduction cell's nodes", (("step", "thresholds_reduce.*", "{}"),)),
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


class CurvesPart(VerticalScroll, can_focus=False):
    """Charts without a point are left out."""

    DEFAULT_CSS = """
    CurvesPart { layout: grid; grid-size: 1; grid-rows: 12; grid-gutter: 1 2; }
    CurvesPart.-two { grid-size: 2; }
    CurvesPart > ChartView { height: 12; }
    CurvesPart > .-empty { display: none; }
    CurvesPart > ChartView:focus { background: $surface; }
    CurvesPart.-full { layout: vertical; }
    CurvesPart.-full > ChartView { display: none; }
    CurvesPart.-full > ChartView.-chosen { display: block; height: 1fr; width: 1fr; }
    """
    TWO = 110  # columns from which two charts stand side by side

    def __init__(self) -> None:
        super().__init__()
        self._curves: Sequence[Curve] = ()
        self._charts: list[ChartView] = []
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        yield Sheet(id="no-curves")

    @property
    def _displayed(self) -> int:
        """How many charts have something to show."""
        return sum(not chart.has_class("-empty") for chart in self._charts)

    def on_resize(self) -> None:
        """One column or two; rows as high as fills the room."""
        columns = 2 if self.size.width >= self.TWO else 1
        self.set_class(columns == 2, "-two")
        rows = max(-(-self._displayed // columns), 1)
        height = max(11, (self.size.height + 1) // rows - 1) if columns == 2 else 11
        self.styles.grid_rows = str(height)
        for chart in self._charts:
            chart.styles.height = None if self.has_class("-full") else height

    def show(self, seen: Seen) -> None:
        """Draws what has changed."""
        curves = TRAIN if seen.is_training else SEARCH
        if curves is not self._curves:
            self._curves = curves
            self.query(ChartView).remove()
            charts = [ChartView(curve.title, percent=curve.percent) for curve in curves]
            self.mount(*charts)
            self._charts = charts
            self.on_resize()
        state = seen.facts.overview.status.state if seen.facts.overview else ""
        if self._drawn == (seen.course.version, state, curves):
            return
        self._drawn = seen.course.version, state, curves
        displayed = self._displayed
        for chart, curve in zip(self._charts, curves, strict=True):
            lines = _lines(curve, seen.course)
            chart.show(lines)
            chart.set_class(not lines, "-empty")
        if displayed != self._displayed:
            self.on_resize()
        note = self.query_one(Sheet)
        note.display = not self._displayed
        text = (
            "no metrics yet: curves appear with the first step"
            if state in ("running", "created")
            else "this run has no metrics"
        )
        note.show(text, lambda: text)

    def toggle_full(self, chosen: ChartView | None = None) -> None:
        """One chart alone (``chosen``, the one with the focus, or the first), or all again."""
        charts = [chart for chart in self._charts if chart.display]
        full = not self.has_class("-full") and bool(charts)
        if full:
            focused = next((chart for chart in charts if chart.has_focus), charts[0])
            chosen = chosen or focused
            chosen.focus()
        for chart in self._charts:
            chart.set_class(full and chart is chosen, "-chosen")
        self.set_class(full, "-full")
        self.on_resize()


def _lines(curve: Curve, course: Course) -> list[Line]:
    found = [line for one in curve.lines for line in _each(*one, course)]
    return [Line(name, series.x[: len(series)], series.y) for name, series in found if len(series)]


def _each(kind: str, key: str, name: str, course: Course) -> Iterator[tuple[str, Series]]:
    """The lines that ``key`` stands for."""
    if not key.endswith("*"):
        yield name, course.series(kind, key)
        return
    for n in range(LONGEST_LIST):
        series = course.series(kind, f"{key[:-1]}{n}")
        if len(series):
            yield name.format(INPUT_NODES + n), series
