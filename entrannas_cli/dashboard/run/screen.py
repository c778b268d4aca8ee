"""The Run screen: head, tabs, and the timer that polls for changes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Footer, TabbedContent, TabPane

from ...monitor.cell_history import CellHistory
from ...monitor.log_tail import LogTail
from ...monitor.run_metrics import RunMetrics
from ...monitor.system_usage import SystemWatch
from ...store.overview import Overview
from ...store.run import Run
from ..background import in_background
from ..cached_static import CachedStatic
from ..chart import ChartView
from ..keys import bindings
from ..run_actions import RunActionsScreen
from ..watcher import Snapshot
from .architecture_tab import ArchitectureTab
from .cells_tab import CellsTab
from .charts_tab import ChartsTab
from .facts import RunFiles, read_run_files
from .header import head_text
from .log_tab import LogTab
from .tab import RunState
from .text_tabs import ConfigurationTab, SystemTab

__all__ = ["RunScreen"]

POLL_S = 0.5  # seconds between two polls
SLICE_S = 0.02  # seconds of reading at a time, so that keys don't wait
PAUSE_S = 0.001  # seconds between two slices
FACTS_EVERY = 2  # polls between two readings of the small files
TABS = ("curves", "cells", "architecture", "log", "configuration", "system")

Tab = ChartsTab | CellsTab | ArchitectureTab | LogTab | ConfigurationTab | SystemTab


class RunScreen(RunActionsScreen):
    """One run, live. Only the visible tab is kept up to date; a deleted run stays readable."""

    PLACE = "run"
    LAUNCHES = "train"
    BINDINGS = bindings(PLACE)
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    RunScreen > #head { padding: 0 1; background: $panel; }
    RunScreen TabPane > * { padding: 0 1; height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    RunScreen #lines { height: 1fr; scrollbar-size-vertical: 1; }
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._metrics, self._history, self._log = RunMetrics(run), CellHistory(run), LogTail(run)
        self._system = SystemWatch()
        self._facts: RunFiles | None = None
        self._gone = False
        self._reading = False  # the small files are being read
        self._polls = self._slices = 0
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield CachedStatic(id="head")
        tabs = (ChartsTab(), CellsTab(), ArchitectureTab(), LogTab(), ConfigurationTab(), SystemTab())
        with TabbedContent(initial=TABS[0]):
            for n, (name, tab) in enumerate(zip(TABS, tabs, strict=True), 1):
                with TabPane(f"{n} {name.capitalize()}", id=name):
                    yield tab
        yield Footer(compact=True, show_command_palette=False)

    # updates

    def on_mount(self) -> None:
        self.query_one("#head", CachedStatic).show("", lambda: "reading …")
        self._poll()

    def on_unmount(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._system.close()

    @property
    def targets(self) -> Sequence[Overview]:
        run = None if self._facts is None else self._facts.overview
        return [] if run is None or self._gone else [run]

    @property
    def step_shown(self) -> int | None:
        return self.query_one(CellsTab).step if self._active == "cells" else None

    def take(self, snapshot: Snapshot) -> None:
        """Read the small files, since some run has changed, perhaps this one."""
        self._read_facts()

    def _poll(self) -> None:
        """Read a slice of what is new, and schedule the next: at once if there is more."""
        self._timer = None
        more = False
        self._gone = not os.path.isdir(self._run.path)  # noqa: PTH112 (raises nothing)
        if not self._gone:
            more = self._metrics.read(SLICE_S)
            more = self._history.read(SLICE_S / 2) or more
            if self.query_one(TabbedContent).active == "log":
                self._log.read()
        self._slices += 1
        if not more:
            if self._polls % FACTS_EVERY == 0:
                self._read_facts()
            self._polls += 1
        if not more or self._slices.bit_count() == 1:  # after 1, 2, 4, 8 ... slices
            self._draw()
        self._timer = self.set_timer(PAUSE_S if more else POLL_S, self._poll)

    def _read_facts(self) -> None:
        if self._reading or self._gone:
            return
        self._reading = True
        before = self._facts
        system = self._system if self.is_attached and self._active == "system" else None
        in_background(self.app, lambda: read_run_files(self._run, before, system), self._take_facts)

    def _take_facts(self, facts: RunFiles) -> None:
        self._reading = False
        if facts.overview is not None and self.is_attached:
            self._facts = facts
            self._draw()

    # drawing

    @property
    def _active(self) -> str:
        return self.query_one(TabbedContent).active

    @property
    def _tab(self) -> Tab:
        """The content of the visible tab."""
        return self.query_one(f"#{self._active}", TabPane).children[0]  # type: ignore[return-value]

    def _draw(self) -> None:
        facts = self._facts
        if facts is None or facts.overview is None:
            if self._gone:
                self.query_one("#head", CachedStatic).show(
                    "gone", lambda: "this run is gone: its folder no longer exists"
                )
            return
        run, readonly, gone, width = facts.overview, self.dashboard.readonly, self._gone, self.size.width
        text = head_text(run, self._metrics, width, gone=gone, readonly=readonly)
        self.query_one("#head", CachedStatic).show(text.markup, lambda: text)
        self._tab.show(RunState(self._metrics, self._history, self._log, facts))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def on_tabbed_content_tab_activated(self) -> None:
        """Draw the new tab, which was not updated while hidden."""
        if self._active == "log" and not self._gone:
            self._log.read()
        if self._active == "system":
            self._read_facts()
        self._draw()
        self.call_after_refresh(self._draw)  # again, once its width is known

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether ``action`` is enabled: there may be no screen to go back to."""
        if action == "back":
            return len(self.app.screen_stack) > 1 or self._can_leave
        return super().check_action(action, parameters)

    @property
    def _can_leave(self) -> bool:
        return self.is_attached and (self.query_one(LogTab).finding or self.query_one(ChartsTab).full)

    def action_back(self) -> None:
        """Leave the search or the full screen first, then the page."""
        log, curves = self.query_one(LogTab), self.query_one(ChartsTab)
        if self._active == "log" and log.finding:
            log.unfind()
        elif self._active == "curves" and curves.full:
            curves.toggle_full()
        elif len(self.app.screen_stack) > 1:
            self.dismiss()

    def action_tab(self, number: int) -> None:
        self.set_focus(None)
        self.query_one(TabbedContent).active = TABS[number - 1]

    def action_cells(self, to: int) -> None:
        self.query_one(TabbedContent).active = "cells"
        self._draw()
        self.query_one(CellsTab).move(to)

    def action_find(self) -> None:
        self.query_one(TabbedContent).active = "log"
        self.query_one(LogTab).find()

    def action_full(self) -> None:
        self.query_one(TabbedContent).active = "curves"
        self.query_one(ChartsTab).toggle_full()

    def on_chart_view_full_screen(self, event: ChartView.FullScreen) -> None:
        self.query_one(ChartsTab).toggle_full(event.view)

    def action_down(self) -> None:
        self._scroll(1)

    def action_up(self) -> None:
        self._scroll(-1)

    def _scroll(self, lines: int) -> None:
        tab = self._tab
        scrolled = tab.query_one("#lines", VerticalScroll) if isinstance(tab, LogTab) else tab
        scrolled.scroll_relative(y=lines, animate=False)
