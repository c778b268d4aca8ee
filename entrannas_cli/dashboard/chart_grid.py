"""A grid of charts, one of which may fill the screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from .cached_static import CachedStatic
from .chart import ChartView

__all__ = ["ChartGrid"]


class ChartGrid(VerticalScroll, can_focus=False):
    """Charts without lines are hidden; if all are, ``say`` shows why."""

    DEFAULT_CSS = """
    ChartGrid { layout: grid; grid-size: 1; grid-rows: 12; grid-gutter: 1 2; }
    ChartGrid.-two { grid-size: 2; }
    ChartGrid > ChartView { height: 12; }
    ChartGrid > .-empty { display: none; }
    ChartGrid > ChartView:focus { background: $surface; }
    ChartGrid.-full { layout: vertical; }
    ChartGrid.-full > ChartView { display: none; }
    ChartGrid.-full > ChartView.-chosen { display: block; height: 1fr; width: 1fr; }
    """
    TWO = 110  # columns from which two charts are side by side

    def __init__(self, charts: Sequence[ChartView] = ()) -> None:
        super().__init__()
        self._charts = list(charts)

    def compose(self) -> ComposeResult:
        yield CachedStatic(id="no-curves")
        yield from self._charts

    @property
    def charts(self) -> Sequence[ChartView]:
        """All charts, including empty ones."""
        return self._charts

    @property
    def full(self) -> bool:
        """Whether one chart fills the grid."""
        return self.has_class("-full")

    def put(self, charts: Sequence[ChartView]) -> None:
        """Replace the charts."""
        self.query(ChartView).remove()
        self._charts = list(charts)
        self.mount(*self._charts)
        self.fit_room()

    def say(self, text: str) -> None:
        """Show ``text`` above the charts; hide it if it is empty."""
        note = self.query_one("#no-curves", CachedStatic)
        note.display = bool(text)
        note.show(text, lambda: text)

    def on_resize(self) -> None:
        self.fit_room()

    def fit_room(self) -> None:
        """Lay the charts out in one or two columns that fill the height."""
        columns = 2 if self.size.width >= self.TWO else 1
        self.set_class(columns == 2, "-two")
        shown = sum(not chart.has_class("-empty") for chart in self._charts)
        rows = max(-(-shown // columns), 1)
        height = max(11, (self.size.height + 1) // rows - 1) if columns == 2 else 11
        self.styles.grid_rows = str(height)
        for chart in self._charts:
            chart.styles.height = None if self.full else height

    def toggle_full(self, chosen: ChartView | None = None) -> None:
        """Show one chart alone (``chosen``, else the focused one, else the first), or all again."""
        charts = [chart for chart in self._charts if chart.display]
        full = not self.full and bool(charts)
        if full:
            focused = next((chart for chart in charts if chart.has_focus), charts[0])
            chosen = chosen or focused
            chosen.focus()
        for chart in self._charts:
            chart.set_class(full and chart is chosen, "-chosen")
        self.set_class(full, "-full")
        self.fit_room()
