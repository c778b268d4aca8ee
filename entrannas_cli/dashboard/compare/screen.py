"""The Compare screen: tabs with the curves, the result table and the configuration differences of several runs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Footer, TabbedContent, TabPane

from ...common.text import counted, safe
from ...metrics import COMPARED
from ...store.overview import Overview
from ...store.run import Run
from ..cached_static import CachedStatic
from ..chart import ChartView
from ..keys import Place, bindings
from ..run_actions import RunActionsScreen
from ..watcher import Snapshot
from .charts_tab import CompareChartsTab, OverlayGrid
from .export import FORMATS, Export
from .export_screen import offer_export
from .grid import ComparisonTable
from .metric_reader import ComparedRun, MetricReader
from .table_tabs import DifferencesTab, ResultsTab, TableTab

__all__ = ["MAX_RUNS", "CompareScreen"]

MAX_RUNS = 20  # runs whose curves are drawn
POLL_S = 1.0  # seconds between two polls
SLOW_POLL_S = 3.0  # the same, if drawing is expensive
MAX_CPU_SHARE = 0.06  # of a core, for drawing
SLICE_S = 0.012  # seconds of reading or preparing lines at a time, so that keys don't wait
PAUSE_S = 0.003  # seconds between two slices
TABS = ("curves", "table", "differences")
MAX_NAMED = 3  # omitted runs that are listed


class CompareScreen(RunActionsScreen):
    """Compares ``runs`` in the given order. Runs that are deleted or break are listed; the others stay."""

    PLACE: ClassVar[Place] = "compare"
    BINDINGS = bindings("compare")
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    CompareScreen > #head { padding: 0 1; background: $panel; max-height: 40%; }
    """

    def __init__(self, runs: Sequence[Overview]) -> None:
        super().__init__()
        self._chosen = list(runs)
        self._reader = MetricReader([run.path for run in runs[:MAX_RUNS]], frozenset(COMPARED))
        self._names = {compared.run.id: compared.name for compared in self._reader.all}
        self._runs: list[Overview] = list(runs)  # current state, without those left out
        self._left_out: list[str] = []
        self._timer: Timer | None = None
        self._drawn_state: object = None
        self._slices = 0
        self._drawing = False
        self._drawing_since = math.inf  # thread time when drawing began

    def compose(self) -> ComposeResult:
        yield CachedStatic(id="head")
        with TabbedContent(initial=TABS[0]):
            with TabPane("1 Curves", id="curves"):
                yield CompareChartsTab()
            with TabPane("2 Table", id="table"):
                yield ResultsTab()
            with TabPane("3 Differences", id="differences"):
                yield DifferencesTab()
        yield Footer(compact=True, show_command_palette=False)

    # updates

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())  # the legend uses its colours
        self._poll()

    def on_unmount(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    @property
    def targets(self) -> Sequence[Overview]:
        return self._runs

    def take(self, snapshot: Snapshot) -> None:
        """Update the runs, and note which are deleted or broken."""
        runs, left_out = [], []
        for chosen in self._chosen:
            run = snapshot.runs.get(chosen.id, None if snapshot.complete else chosen)
            if run is None:
                left_out.append(f"{self._short(chosen)}: its folder is gone")
            elif run.problems:
                left_out.append(f"{self._short(run)}: {safe('; '.join(run.problems))}")
            else:
                runs.append(run)
        self._runs, self._left_out = runs, left_out
        self._draw()

    def _short(self, run: Overview) -> str:
        """Return the short name of ``run``, or its id if it has no curve."""
        return self._names.get(run.id, safe(run.id))

    @property
    def _shown_runs(self) -> list[ComparedRun]:
        paths = {run.path for run in self._runs}
        return [compared for compared in self._reader.all if compared.run.path in paths]

    def _poll(self) -> None:
        """Read or draw a slice of what is new, and schedule the next: at once if there is more."""
        self._timer = None
        more = False
        if not self.covered:
            self._drawing = self._drawing and self._active == "curves" and self._charts.go_on(SLICE_S)
            more = self._drawing
            if not more:
                more = self._reader.read(SLICE_S)
                self._slices += 1
                if self._active == "curves" and (
                    self._drawn_state is None or not more or self._slices.bit_count() == 1
                ):
                    more = self._start_drawing() or more
        pause = PAUSE_S
        if not more:
            pause = min(max(POLL_S, (time.thread_time() - self._drawing_since) / MAX_CPU_SHARE), SLOW_POLL_S)
            self._drawing_since = math.inf  # nothing is being drawn
        self._timer = self.set_timer(pause, self._poll)

    def _poll_soon(self) -> None:
        """Look again at once, since charts moved into or out of view."""
        if self._timer is not None:
            self._timer.stop()
            self._drawing = True
            self._timer = self.set_timer(PAUSE_S, self._poll)

    def _start_drawing(self) -> bool:
        compared = self._shown_runs
        state = (self._reader.version, [run.number for run in compared])
        if state == self._drawn_state:
            return False
        self._drawn_state = state
        self._drawing_since = time.thread_time()
        self._charts.begin(compared)
        self._drawing = True
        self.call_after_refresh(self._poll_soon)  # charts that were empty are laid out then
        return True

    # drawing

    @property
    def _active(self) -> str:
        return self.query_one(TabbedContent).active

    @property
    def _charts(self) -> CompareChartsTab:
        return self.query_one(CompareChartsTab)

    @property
    def _grid(self) -> ComparisonTable | None:
        """The table widget that is shown, if any."""
        content = self._table
        return None if content is None else content.grid

    @property
    def _table(self) -> TableTab | None:
        content = self.query_one(f"#{self._active}", TabPane).children[0]
        return content if isinstance(content, TableTab) else None

    def _draw(self) -> None:
        self._update_head()
        if table := self._table:
            table.show(self._runs, [self._short(run) for run in self._runs])
            return
        note = ""
        if len(self._chosen) > MAX_RUNS:
            note = f"the first {MAX_RUNS} of {len(self._chosen)} runs are drawn; the table has all"
        self._charts.show_legend(self._shown_runs, {run.id: run for run in self._runs}, note)
        self._charts.grid.say(self._curves_note())

    def _curves_note(self) -> str:
        if not self._runs:
            return "no runs left"
        if self._reader.version:
            return ""
        unfinished = any(run.status.state in ("running", "created") for run in self._runs)
        return (
            "no metrics yet: curves appear with the first step"
            if unfinished
            else "these runs have no metrics"
        )

    def _update_head(self) -> None:
        first: list[str | tuple[str, str]] = [("compare ", "bold $primary")]
        if self.dashboard.readonly:
            first.append(("read-only ", "bold $warning"))
        first.append(f" {counted(len(self._runs), 'run')}")
        if running := sum(run.status.state == "running" for run in self._runs):
            first.append((f" · {running} running", "$success"))
        table = self._table
        if isinstance(table, ResultsTab):
            if groups := table.request.group_by:
                first.append((f" · by {' and '.join(groups)}: mean ± deviation", "$accent"))
            if table.request.published:
                first.append((" · with published results", "$accent"))
        problems = self._left_out + [safe(text) for text in (table.problems if table else ())]
        if len(problems) > MAX_NAMED:
            problems[MAX_NAMED - 1 :] = [f"{len(problems) - MAX_NAMED + 1} more"]
        lines = [Content.assemble(*first)]
        lines += [Content.styled(f"left out: {text}", "$error") for text in problems]
        text = Content("\n").join(lines)
        self.query_one("#head", CachedStatic).show(text.markup, lambda: text)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._poll_soon)

    def on_tabbed_content_tab_activated(self) -> None:
        """Draw the new tab, which was not updated while hidden."""
        self.refresh_bindings()
        self._drawn_state = None
        self._draw()
        self._poll_soon()

    def on_screen_resume(self) -> None:
        self._poll_soon()

    def on_overlay_grid_scrolled(self, event: OverlayGrid.Scrolled) -> None:
        self._poll_soon()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether ``action`` is enabled: those of another tab are hidden."""
        if action in ("group", "published", "sort", "reverse", "open") and self.is_attached:
            return self._active == "table"
        if action == "full" and self.is_attached:
            return self._active == "curves"
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Leave the full screen first, then the comparison."""
        if self._active == "curves" and self._charts.grid.full:
            self.action_full()
        else:
            self.dismiss()

    def action_tab(self, number: int) -> None:
        self.set_focus(None)
        self.query_one(TabbedContent).active = TABS[number - 1]

    def action_full(self) -> None:
        self._toggle_full(None)

    def on_chart_view_full_screen(self, event: ChartView.FullScreen) -> None:
        self._toggle_full(event.view)

    def _toggle_full(self, chart: ChartView | None) -> None:
        self._charts.grid.toggle_full(chart)
        self.call_after_refresh(self._poll_soon)

    def action_move(self, rows: int) -> None:
        if grid := self._grid:
            grid.action_move(rows)
        else:
            self._charts.grid.scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        if grid := self._grid:
            grid.action_page(pages)
        else:
            charts = self._charts.grid
            charts.scroll_relative(y=pages * max(charts.size.height - 2, 1), animate=False)

    def action_end(self, last: bool) -> None:
        if grid := self._grid:
            grid.action_end(last)
        else:
            charts = self._charts.grid
            charts.scroll_to(y=charts.max_scroll_y if last else 0, animate=False)

    def action_shift(self, columns: int) -> None:
        if grid := self._grid:
            grid.action_shift(columns)

    def action_open(self) -> None:
        """Open the page of the run under the cursor, if the row is a single run."""
        grid = self._grid
        run = next(
            (run for run in self._runs if grid is not None and safe(safe(run.id)) == grid.current), None
        )
        if run is None:
            self._notify("this row is not one of your runs: it has no page", severity="warning")
            return
        from ..run.screen import RunScreen

        self.app.push_screen(RunScreen(Run(run.path)))

    def on_scrolling_table_row_opened(self) -> None:
        if self._active == "table":
            self.action_open()

    # the table

    def action_published(self) -> None:
        self.query_one(ResultsTab).publish()

    def action_group(self) -> None:
        self.query_one(ResultsTab).group()

    def action_sort(self) -> None:
        self.query_one(ResultsTab).sort()

    def action_reverse(self) -> None:
        """Reverse the order."""
        if not self.query_one(ResultsTab).reverse():
            self._notify("sort by a column first: press s, or click its heading", severity="warning")

    def on_table_tab_changed(self) -> None:
        self._update_head()

    # export

    def action_export(self) -> None:
        """Export what the tab shows; on the curves tab, the report is preselected."""
        if not self._runs:
            self._notify("no runs left to export", severity="warning")
            return
        export = Export(
            runs=tuple(self._runs),
            request=self.query_one(ResultsTab).request,
            differ=self._active == "differences",
        )
        offer_export(self.app, export, FORMATS[-1] if self._active == "curves" else FORMATS[0])
