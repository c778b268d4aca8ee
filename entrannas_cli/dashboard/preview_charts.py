"""The curves of the run under the cursor: loss and accuracy, read in small slices."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from ..charts.chart import Line
from ..metrics import SEARCH_CHARTS, TRAIN_CHARTS
from ..monitor.run_metrics import RunMetrics
from ..store.overview import Overview
from ..store.run import Run
from .chart import ChartView
from .run_actions import RunActionsScreen

__all__ = ["PreviewCharts"]

SLICE_S = 0.012  # seconds of reading at a time, so that keys don't wait
PAUSE_S = 0.005  # seconds between two slices
POLL_S = 1.0  # seconds between two polls of a running run
DRAWN_EVERY = 5  # slices between two drawings


class PreviewCharts(Vertical):
    """Two charts, which read nothing while they are hidden."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._run: Overview | None = None
        self._metrics: RunMetrics | None = None
        self._timer: Timer | None = None
        self._slices = 0
        self._drawn_version = -1

    def compose(self) -> ComposeResult:
        for group in SEARCH_CHARTS[:2]:  # loss and accuracy; a training has both too
            yield ChartView(group.title, percent=group.share, id=group.title)

    def show(self, run: Overview | None) -> None:
        """Show the curves of ``run``; those of another run are cleared at once."""
        is_other = run is None or self._run is None or run.path != self._run.path
        self._run = run
        self.set_class(run is not None and run.status.kind == "rank", "-none")  # only its trainings have some
        if is_other:
            self._metrics = None
            self._drawn_version = -1
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
            self._clear_charts()
        if run is not None and self._timer is None:
            self._read()

    def on_resize(self) -> None:
        """Start reading if the charts have just become visible."""
        if self._run is not None and self._timer is None:
            self._read()

    def _read(self) -> None:
        run, self._timer = self._run, None
        if run is None or not self.size:
            return
        if isinstance(self.screen, RunActionsScreen) and self.screen.covered:  # by another screen
            self._timer = self.set_timer(POLL_S, self._read)
            return
        if self._metrics is None:
            self._metrics = RunMetrics(Run(run.path))
        more = self._metrics.read(SLICE_S)
        self._slices += 1
        if not more or self._slices % DRAWN_EVERY == 1:
            self._draw(self._metrics, run)
        if more or run.status.state == "running":
            self._timer = self.set_timer(PAUSE_S if more else POLL_S, self._read)

    def _clear_charts(self) -> None:
        for chart in self.query(ChartView):
            chart.show(())
            chart.action_fit()  # the zoom was for another run

    def _draw(self, metrics: RunMetrics, run: Overview) -> None:
        if metrics.version == self._drawn_version:
            return
        self._drawn_version = metrics.version
        groups = TRAIN_CHARTS if run.status.kind == "train" else SEARCH_CHARTS
        for chart, group in zip(self.query(ChartView), groups, strict=False):
            found = [(metric, metrics.series(metric.rows, metric.key)) for metric in group.metrics]
            chart.show(Line(metric.line, series.x, series.y) for metric, series in found if series.y)
