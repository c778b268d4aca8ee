"""The tabs with tables: each knows how its table is made, in the background, and makes it anew when it must."""

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
from .grid import ScrollingTable
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
MAX_HEADING_COLUMNS = 24  # columns, in the list of what to sort by


class TableTab(Vertical):
    """A table of ``runs``, of which each has a short name in ``names``."""

    @dataclass
    class Changed(Message):
        """Another table is shown, or will be."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: tuple[str, ...] = ()  # a line for each thing that was left out
        self._runs: Sequence[Overview] = ()
        self._names: Sequence[str] = ()
        self._made_of: object = None
        self._making = False

    def compose(self) -> ComposeResult:
        yield ScrollingTable()

    @property
    def grid(self) -> ScrollingTable:
        """The table itself."""
        return self.query_one(ScrollingTable)

    def show(self, runs: Sequence[Overview], names: Sequence[str]) -> None:
        """These runs; the table comes by itself."""
        self._runs, self._names = runs, names
        self._make()

    def _make(self) -> None:
        """Has the table made, unless it was made of the same; what changes meanwhile is looked at afterwards."""
        made_of = self._ingredients()
        if self._making or made_of == self._made_of:
            return
        self._making = True

        def take(sheaf: TableView) -> None:
            self._making, self._made_of = False, made_of
            if self.is_attached:
                self.problems = sheaf.problems
                self._take(sheaf)
                self.post_message(self.Changed())
                self._make()

        in_background(self.app, self._work(), take)

    @abstractmethod
    def _ingredients(self) -> object:
        """What the table depends on."""

    @abstractmethod
    def _work(self) -> Callable[[], TableView]:
        """What makes it, in another thread: it knows all it needs."""

    def _take(self, sheaf: TableView) -> None:
        self.grid.show(sheaf)


class DifferencesTab(TableTab):
    """What differs between the configurations."""

    def _ingredients(self) -> object:
        return tuple((run.id, run.status.attempt) for run in self._runs)

    def _work(self) -> Callable[[], TableView]:
        runs, names = list(self._runs), list(self._names)
        return lambda: difference_view(runs, names)


class ResultsTab(TableTab):
    """The result table as ``request`` has it."""

    def __init__(self) -> None:
        super().__init__()
        self.request = ComparisonRequest()
        self._made_for = self.request

    def _ingredients(self) -> object:
        return tuple(self._runs), self.request

    def _work(self) -> Callable[[], TableView]:
        self._made_for = request = self.request
        runs, names = list(self._runs), list(self._names)
        return lambda: result_view(runs, names, request)

    def _take(self, sheaf: TableView) -> None:
        key, descending = _sorting(self._made_for)
        self.grid.show(sheaf, (key, descending))

    def _ask_for(self, request: ComparisonRequest) -> None:
        self.request = request
        self.post_message(self.Changed())
        self._make()

    def publish(self) -> None:
        """With published results, or without."""
        self._ask_for(replace(self.request, published=not self.request.published))

    def group(self) -> None:
        """Asks what to group by. Groups have other columns, so what it was sorted by goes."""
        options = [("", Content("nothing: a row a run"))]
        options += [(",".join(keys), Content(" and ".join(keys))) for keys in GROUPINGS]

        def answered(key: str | None) -> None:
            if key is not None:
                self._ask_for(replace(self.request, group_by=tuple(filter(None, key.split(","))), sort=()))

        now = ",".join(self.request.group_by)
        self.app.push_screen(ChoiceScreen("Group by (mean ± deviation)", options, now), answered)

    def sort(self) -> None:
        """Asks by which of its columns to sort."""
        table = self.grid.table
        options = [("", Content("test error, then the newest"))]
        for key, title in zip(table.keys, table.titles, strict=True):
            about = COLUMNS[key].about.rstrip(".") if key in COLUMNS else ""
            options.append((key, Content.assemble(title.ljust(MAX_HEADING_COLUMNS), " ", (about, "$quiet"))))

        def answered(key: str | None) -> None:
            if key is not None:
                self._ask_for(replace(self.request, sort=(key,) if key else ()))

        self.app.push_screen(ChoiceScreen("Sort by", options, _sorting(self.request)[0]), answered)

    def reverse(self) -> bool:
        """The other way round; False where it isn't sorted by a column that was chosen."""
        key, descending = _sorting(self.request)
        if key:
            self._ask_for(replace(self.request, sort=(key if descending else f"-{key}",)))
        return bool(key)

    def on_scrolling_table_heading_clicked(self, event: ScrollingTable.HeadingClicked) -> None:
        event.stop()
        if event.key != _sorting(self.request)[0] or not self.reverse():
            self._ask_for(replace(self.request, sort=(event.key,)))


def _sorting(request: ComparisonRequest) -> tuple[str, bool]:
    """(the key of the column that was chosen to sort by, whether descending)"""
    key = next(iter(request.sort), "")
    return key.removeprefix("-"), key.startswith("-")
