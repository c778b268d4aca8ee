"""The tab with the curves: one chart per metric, one line per run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from ...charts.look import marker
from ...metrics import COMPARED, metric_of
from ...store.overview import Overview
from ..cached_static import CachedStatic
from ..chart import ChartView
from ..chart_grid import ChartGrid
from ..themes import STATE_STYLES
from .metric_reader import ComparedRun
from .overlay import Overlay

__all__ = ["CompareChartsTab"]

GAP = 2  # columns between two entries of the legend


class OverlayGrid(ChartGrid):
    """Reports scrolling, which brings other charts into view."""

    class Scrolled(Message):
        """The grid was scrolled."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())


class CompareChartsTab(Vertical):
    """Legend and charts. ``go_on`` updates the charts bit by bit; those out of view wait until they are visible."""

    DEFAULT_CSS = """
    CompareChartsTab > #legend { padding: 0 1; max-height: 30%; overflow-y: auto; }
    CompareChartsTab > OverlayGrid { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._overlays = [Overlay(metric_of(key)) for key in COMPARED]
        self._stale: set[int] = set()  # charts, by index
        self._compared: Sequence[ComparedRun] = ()

    def compose(self) -> ComposeResult:
        yield CachedStatic(id="legend")
        charts = [
            ChartView(overlay.metric.label, percent=overlay.metric.share, classes="-empty")
            for overlay in self._overlays
        ]
        yield OverlayGrid(charts)

    @property
    def grid(self) -> OverlayGrid:
        """The charts."""
        return self.query_one(OverlayGrid)

    def show_legend(
        self, compared: Sequence[ComparedRun], overviews: Mapping[str, Overview], note: str
    ) -> None:
        """Show which line is which run and how that is doing, then ``note``."""
        look, width = self.grid.charts[0].look, max(self.size.width - 2, 1)
        shown = [(run, overviews[run.run.id]) for run in compared if run.run.id in overviews]
        states = [(run.number, _progress(overview)) for run, overview in shown]
        self.query_one("#legend", CachedStatic).show(
            (states, note, look.lines, width), lambda: _legend(shown, note, look.lines, width)
        )

    def begin(self, compared: Sequence[ComparedRun]) -> None:
        """Start updating the charts, since data or runs have changed."""
        self._compared = compared
        empty_before = [chart.has_class("-empty") for chart in self.grid.charts]
        for chart, overlay in zip(self.grid.charts, self._overlays, strict=True):
            chart.set_class(not overlay.has_points(compared), "-empty")
        if empty_before != [chart.has_class("-empty") for chart in self.grid.charts]:
            self.grid.fit_room()
        self._stale = set(range(len(self._overlays)))

    def go_on(self, budget: float) -> bool:
        """Update the next visible chart, or a part of it; return whether there is more to do."""
        deadline = time.monotonic() + budget
        for index in sorted(self._stale):
            chart, overlay = self.grid.charts[index], self._overlays[index]
            if not self._is_seen(chart):
                continue
            if not overlay.update(self._compared, deadline):
                return True
            chart.show(overlay.lines(self._compared))
            self._stale.discard(index)
            return True  # handle keys before the next chart
        return False

    def _is_seen(self, chart: ChartView) -> bool:
        return bool(
            chart.display
            and chart.size.height
            and chart.region.overlaps(self.grid.region)
            and self.grid.region
        )


def _legend(
    shown: Sequence[tuple[ComparedRun, Overview]], note: str, colours: Sequence[str], width: int
) -> Content:
    """Return ``● name running 3/50`` for each run, as many per line as fit completely."""
    entries = [
        Content.assemble(
            (marker(run.number), colours[run.number % len(colours)]),
            f" {run.name}",
            (_progress(overview), STATE_STYLES.get(overview.status.state, "")),
        )
        for run, overview in shown
    ]
    if note:
        entries.append(Content.styled(note, "$quiet"))
    lines: list[Content] = []
    for entry in entries:
        if lines and lines[-1].cell_length + GAP + entry.cell_length <= width:
            lines[-1] = Content.assemble(lines[-1], " " * GAP, entry)
        else:
            lines.append(entry)
    return Content("\n").join(lines)


def _progress(run: Overview) -> str:
    """Return the state and progress of ``run``; an empty text if it is completed."""
    status = run.status
    if status.state == "completed":
        return ""
    return f" {status.state} {status.epoch}/{status.epochs}" if status.epochs else f" {status.state}"
