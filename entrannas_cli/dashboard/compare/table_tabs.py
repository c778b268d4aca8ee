"""The tabs with tables, which are made in the background, and again when their inputs change."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from ...results.columns import COLUMNS
from ...results.comparison import ComparisonRequest
from ...store.overview import Overview
from ..background import in_background
from ..pickers import ChoiceScreen
from .grid import ComparisonTable
from .tables import TableView, difference_view, result_view

__all__ = ["DifferencesTab", "ResultsTab", "TableTab"]

GROUPINGS = (
    ("method",),
    ("method", "space"),
    ("method", "space", "dataset"),
    ("space",),
    ("dataset",),
    ("cells",),
    ("kind",),
    ("device",),
)
MAX_HEADING_COLUMNS = 24  # width of a heading in the sort dialog


class TableTab(Vertical):
    """A table of ``runs``, which have short ``names``."""

    @dataclass
    class Changed(Message):
        """The table has changed, or is about to."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: tuple[str, ...] = ()  # a line for each thing that was left out
        self._runs: Sequence[Overview] = ()
        self._names: Sequence[str] = ()
        self._shown_inputs: object = None
        self._making = False

    def compose(self) -> ComposeResult:
        yield ComparisonTable()

    @property
    def grid(self) -> ComparisonTable:
        """The table widget."""
        return self.query_one(ComparisonTable)

    def show(self, runs: Sequence[Overview], names: Sequence[str]) -> None:
        """Show the table of ``runs``, once it is made in the background."""
        self._runs, self._names = runs, names
        self._make()

    def _make(self) -> None:
        """Make the table in the background if its inputs have changed; changes meanwhile are handled afterwards."""
        inputs = self._inputs()
        if self._making or inputs == self._shown_inputs:
            return
        self._making = True

        def take(view: TableView) -> None:
            self._making, self._shown_inputs = False, inputs
            if self.is_attached:
                self.problems = view.problems
                self._take(view)
                self.post_message(self.Changed())
                self._make()

        in_background(self.app, self._table_maker(), take)

    @abstractmethod
    def _inputs(self) -> object:
        """Return what the table depends on."""

    @abstractmethod
    def _table_maker(self) -> Callable[[], TableView]:
        """Return a function that makes the table in another thread, independent of the widget."""

    def _take(self, view: TableView) -> None:
        self.grid.show(view)


class DifferencesTab(TableTab):
    """The differences of the configurations."""

    def _inputs(self) -> object:
        return tuple((run.id, run.status.attempt) for run in self._runs)

    def _table_maker(self) -> Callable[[], TableView]:
        runs, names = list(self._runs), list(self._names)
        return lambda: difference_view(runs, names)


class ResultsTab(TableTab):
    """The result table for ``request``."""

    def __init__(self) -> None:
        super().__init__()
        self.request = ComparisonRequest()
        self._request_made = self.request

    def _inputs(self) -> object:
        return tuple(self._runs), self.request

    def _table_maker(self) -> Callable[[], TableView]:
        self._request_made = request = self.request
        runs, names = list(self._runs), list(self._names)
        return lambda: result_view(runs, names, request)

    def _take(self, view: TableView) -> None:
        key, descending = _sorting(self._request_made)
        self.grid.show(view, (key, descending))

    def _set_request(self, request: ComparisonRequest) -> None:
        self.request = request
        self.post_message(self.Changed())
        self._make()

    def publish(self) -> None:
        """Show or hide published results."""
        self._set_request(replace(self.request, published=not self.request.published))

    def group(self) -> None:
        """Ask what to group by. Groups have other columns, so the sorting is reset."""
        options = [("", Content("nothing: one row per run"))]
        options += [(",".join(keys), Content(" and ".join(keys))) for keys in GROUPINGS]

        def answered(key: str | None) -> None:
            if key is not None:
                self._set_request(
                    replace(self.request, group_by=tuple(filter(None, key.split(","))), sort=())
                )

        now = ",".join(self.request.group_by)
        self.app.push_screen(ChoiceScreen("Group by (mean ± deviation)", options, now), answered)

    def sort(self) -> None:
        """Ask for a column to sort by."""
        table = self.grid.table
        options = [("", Content("test error, then newest first"))]
        for key, title in zip(table.keys, table.titles, strict=True):
            about = COLUMNS[key].about.rstrip(".") if key in COLUMNS else ""
            options.append((key, Content.assemble(title.ljust(MAX_HEADING_COLUMNS), " ", (about, "$quiet"))))

        def answered(key: str | None) -> None:
            if key is not None:
                self._set_request(replace(self.request, sort=(key,) if key else ()))

        self.app.push_screen(ChoiceScreen("Sort by", options, _sorting(self.request)[0]), answered)

    def reverse(self) -> bool:
        """Reverse the order; return False if no column was chosen to sort by."""
        key, descending = _sorting(self.request)
        if key:
            self._set_request(replace(self.request, sort=(key if descending else f"-{key}",)))
        return bool(key)

    def on_scrolling_table_heading_clicked(self, event: ComparisonTable.HeadingClicked) -> None:
        event.stop()
        if event.key != _sorting(self.request)[0] or not self.reverse():
            self._set_request(replace(self.request, sort=(event.key,)))


def _sorting(request: ComparisonRequest) -> tuple[str, bool]:
    """Return the key of the column chosen to sort by, and whether the order is descending."""
    key = next(iter(request.sort), "")
    return key.removeprefix("-"), key.startswith("-")
