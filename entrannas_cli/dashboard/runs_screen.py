"""The Runs screen: all runs at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widgets import Footer, Input, Static

from ..common.text import counted, safe
from ..store.overview import Overview
from ..store.run import Run
from .keys import bindings
from .run_actions import RunActionsScreen
from .run_details import RunDetails
from .run_filter import parse_filter
from .run_table import RunTable
from .table_columns import RUN, TABLE, chosen, sorted_by
from .watcher import Snapshot

__all__ = ["RunsScreen"]


class FilterInput(Input):
    """The input line for the filter."""

    BINDINGS = bindings("filter")

    def action_leave(self) -> None:
        self.screen.query_one(RunTable).focus()


class RunsScreen(RunActionsScreen):
    """The table, the details of the run under the cursor, and the filter."""

    PLACE = "runs"
    BINDINGS = bindings(PLACE)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 (Textual's way)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]  # noqa: RUF012 (Textual's way)
    AUTO_FOCUS = "RunTable"

    def __init__(self) -> None:
        super().__init__()
        self._snapshot = Snapshot({}, complete=False)
        self._filter = parse_filter("")
        self._expected: tuple[str, ...] = ()  # just started, perhaps not in a snapshot yet

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Container(id="body"):
            yield RunTable(id="runs")
            yield RunDetails(id="pane")
        with Horizontal(id="filtering"):
            yield FilterInput(placeholder="words, state=running, loss<0.5, age<2h", id="filter", compact=True)
            yield Static(id="problem")
        yield Footer(compact=True, show_command_palette=False)

    @property
    def targets(self) -> Sequence[Overview]:
        return self.query_one(RunTable).chosen

    @property
    def here(self) -> Overview | None:
        """The run under the cursor, whatever is marked."""
        return self.query_one(RunTable).current

    # the runs

    def expect(self, ids: Sequence[str]) -> None:
        """Move the cursor to runs that were just started, once they appear; mark them if there are several."""
        self._expected = tuple(ids)
        self._choose_expected()

    def _choose_expected(self) -> None:
        if not self._expected or not set(self._expected) <= set(self._snapshot.runs):
            return
        ids, self._expected = self._expected, ()
        if not all(self._filter.fits(self._snapshot.runs[run_id]) for run_id in ids):
            self.query_one(FilterInput).value = ""
            self.query_one("#filtering").remove_class("used")
            self._filter = parse_filter("")
            self._update_table()
        self.query_one(RunTable).choose(ids)

    def take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.query_one(RunTable).keep_marks(frozenset(snapshot.runs))
        self._update_table()
        self._choose_expected()

    def _update_table(self) -> None:
        """Filter, sort and show the runs according to the settings."""
        settings = self.dashboard.settings.now
        table = self.query_one(RunTable)
        sort = settings.sort if settings.sort in TABLE or settings.sort == RUN.key else "age"
        table.show_columns(chosen(settings.columns), sort, settings.descending)
        matching = [run for run in self._snapshot.runs.values() if self._filter.fits(run)]
        table.show(sorted_by(sort, matching, descending=settings.descending), note=self._note())
        self._update_title()

    def _note(self) -> str:
        """Return the text to show if there is no run."""
        if not self._snapshot.complete:
            return "reading …"
        if self._snapshot.runs:
            return f"none of {counted(len(self._snapshot.runs), 'run')} matches the filter\npress esc to clear it"
        if self._snapshot.problem:
            return self._snapshot.problem
        folder = safe(self.dashboard.runs_dir)
        if self.dashboard.readonly:
            return f"no runs in {folder} yet\nruns started elsewhere appear here automatically"
        return (
            f"no runs in {folder} yet\npress n to start one; runs started elsewhere appear here automatically"
        )

    def _update_title(self) -> None:
        table = self.query_one(RunTable)
        runs: Mapping[str, Overview] = self._snapshot.runs
        parts: list[str | tuple[str, str]] = [("entrannas ", "bold $primary")]
        if self.dashboard.readonly:
            parts.append(("read-only ", "bold $warning"))
        shown = len(table.rows)
        parts.append(
            f" {counted(len(runs), 'run')}" if shown == len(runs) else f" {shown} of {len(runs)} runs"
        )
        running = sum(run.status.state == "running" for run in runs.values())
        if running:
            parts.append((f" · {running} running", "$success"))
        if table.marked:
            parts.append((f" · {len(table.marked)} marked", "$accent"))
        if not self._snapshot.complete:
            parts.append(" · reading …")
        if self._snapshot.problem:
            parts.append((f" · {self._snapshot.problem}", "$error"))
        parts.append((f"  {safe(self.dashboard.runs_dir)}", "$quiet"))
        self.query_one("#title", Static).update(Content.assemble(*parts))

    # what the table says

    def on_run_table_chosen(self, event: RunTable.Chosen) -> None:
        self.query_one(RunDetails).show(event.run)

    def on_run_table_marks_changed(self) -> None:
        self._update_title()

    def on_scrolling_table_row_opened(self) -> None:
        from .run.screen import RunScreen

        if run := self.here:
            self.app.push_screen(RunScreen(Run(run.path)))

    def on_scrolling_table_heading_clicked(self, event: RunTable.HeadingClicked) -> None:
        if event.key == self.dashboard.settings.now.sort:
            self.action_reverse()
        else:
            self._sort_by(event.key)

    def action_compare(self) -> None:
        """Compare the marked runs; if none is marked, all that are shown, unless there are too many."""
        from .compare.screen import MAX_RUNS, CompareScreen

        table = self.query_one(RunTable)
        runs = [run for run in table.rows if run.id in table.marked]
        if not runs and len(table.rows) > MAX_RUNS:
            self._notify(
                f"{len(table.rows)} runs are too many to compare: mark some with space, or filter them",
                severity="warning",
            )
            return
        runs = runs or list(table.rows)
        if runs:
            self.app.push_screen(CompareScreen(runs))
        else:
            self._notify("there is no run to compare", severity="warning")

    # filter, sort, columns

    def action_filter(self) -> None:
        self.query_one("#filtering").add_class("used")
        self.query_one(FilterInput).focus()

    def action_unfilter(self) -> None:
        """Clear the filter first, then the marks."""
        field = self.query_one(FilterInput)
        table = self.query_one(RunTable)
        if not field.value and not field.has_focus:
            table.action_unmark()
        field.value = ""
        self.query_one("#filtering").remove_class("used")
        table.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter = parse_filter(event.value)
        self.query_one("#problem", Static).update(Content(self._filter.problem))
        self._update_table()

    def action_sort(self) -> None:
        from .pickers import SortScreen

        def answered(key: str | None) -> None:
            if key is not None:
                self._sort_by(key)

        self.app.push_screen(SortScreen(self.dashboard.settings.now.sort), answered)

    def _sort_by(self, key: str) -> None:
        self.dashboard.change(replace(self.dashboard.settings.now, sort=key, descending=False))
        self._update_table()

    def action_reverse(self) -> None:
        settings = self.dashboard.settings.now
        self.dashboard.change(replace(settings, descending=not settings.descending))
        self._update_table()

    def action_columns(self) -> None:
        from .pickers import ColumnsScreen

        def answered(keys: tuple[str, ...] | None) -> None:
            if keys is not None:
                self.dashboard.change(replace(self.dashboard.settings.now, columns=keys))
                self._update_table()

        now = [column.key for column in chosen(self.dashboard.settings.now.columns)]
        self.app.push_screen(ColumnsScreen(now), answered)
