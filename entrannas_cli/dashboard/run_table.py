"""The table of runs. Only visible lines are rendered, so a thousand runs cost no more than a screenful."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.message import Message

from ..common.text import safe
from ..store.find_run import short_id
from ..store.overview import Overview
from .keys import bindings
from .scrolling_table import ColumnHeading, PlacedColumn, ScrollingTable
from .table_columns import RUN, TableColumn

__all__ = ["RunTable"]

MARK = "●"
MARGIN = 2  # for the mark and the pointer
FIXED_COLUMNS = 7  # columns that are kept even if run names are cut
RUN_WIDTHS = (22, 46)  # of the run column: minimum, maximum
AGE_INTERVAL_S = 10.0  # seconds between two updates of the ages


class RunTable(ScrollingTable, can_focus=True):
    """Shows runs in the given order, one per line. The cursor and the marks belong to runs, not to lines.

    When runs come and go above the cursor, its line keeps its place on the screen.
    """

    BINDINGS = bindings("table")
    GAP = 1

    @dataclass
    class Chosen(Message):
        """The cursor is on another run, or on none."""

        run: Overview | None

    @dataclass
    class MarksChanged(Message):
        """The set of marked runs has changed."""

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.time) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._now = clock()
        self._rows: Sequence[Overview] = ()
        self._columns: Sequence[TableColumn] = ()  # the run column first
        self._longest = self._longest_short = 0  # lengths of ids, in characters
        self._cursor_id: str | None = None
        self._reported: Overview | None = None  # in the last ``Chosen``
        self._moved = False  # by the user: until then the cursor stays at the top
        self.marked: Set[str] = frozenset()
        self.show_columns((), *self._sort)

    def on_mount(self) -> None:
        """Update the ages now and then."""
        self.set_interval(AGE_INTERVAL_S, self._age)

    # what is shown

    @property
    def rows(self) -> Sequence[Overview]:
        """The runs shown."""
        return self._rows

    @property
    def _row_count(self) -> int:
        return len(self._rows)

    @property
    def current(self) -> Overview | None:
        """The run under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def chosen(self) -> list[Overview]:
        """The runs that actions apply to: the marked ones that are shown, else the one under the cursor."""
        marked = [run for run in self._rows if run.id in self.marked]
        return marked or [run for run in [self.current] if run is not None]

    def show(self, rows: Sequence[Overview], *, note: str = "") -> None:
        """Show ``rows``, or ``note`` if there are none."""
        before, self._rows, self._note = self._rows, rows, f"\n{note}"
        self._now = self._clock()
        self._longest = max((len(run.id) for run in rows), default=0)
        self._longest_short = max((len(short_id(run.id)) for run in rows), default=0)
        line = self._cursor - self.scroll_offset.y
        at_top = self.scroll_offset.y == 0
        self._cursor = self._find_cursor() if self._moved else 0
        if len(before) != len(rows):
            self._resize()
        if at_top and self._cursor < self._room:
            line = self._cursor
        self._scroll_to_row(self._cursor - line)
        self._report()
        self.refresh()

    def _find_cursor(self) -> int:
        for index, run in enumerate(self._rows):
            if run.id == self._cursor_id:
                return index
        return max(min(self._cursor, len(self._rows) - 1), 0)

    def show_columns(self, columns: Sequence[TableColumn], sort: str, descending: bool) -> None:
        """Show these columns, and an arrow at the one that the runs are sorted by."""
        self._columns, self._sort = (RUN, *columns), (sort, descending)
        self._headings = [ColumnHeading(c.key, (c.heading,), c.right) for c in self._columns]
        self._skipped = min(self._skipped, max(len(columns) - 1, 0))
        self.refresh()

    def keep_marks(self, ids: Set[str]) -> None:
        """Forget the marks of runs other than ``ids``."""
        self._mark(self.marked & ids)

    def _age(self) -> None:
        """Redraw the lines whose age text has changed."""
        now = self._clock()
        top = self.scroll_offset.y
        for index in range(top, min(top + self._room, len(self._rows))):
            run = self._rows[index]
            if any(c.show(run, now) != c.show(run, self._now) for c in self._columns if c.key == "age"):
                self._refresh_row(index)
        self._now = now

    # the cursor

    def _go(self, index: int) -> None:
        if self._rows:
            self._moved = True
            super()._go(index)
            self._report()

    def _report(self) -> None:
        """Post ``Chosen`` if the run under the cursor has changed."""
        run = self.current
        run_id = None if run is None else run.id
        if run_id != self._cursor_id or run is not self._reported:
            self._cursor_id, self._reported = run_id, run
            self.post_message(self.Chosen(run))

    def choose(self, ids: Sequence[str]) -> None:
        """Move the cursor to the first of these runs that is shown; if there are several, mark exactly them."""
        if len(ids) > 1:
            self._mark(frozenset(ids))
        for index, run in enumerate(self._rows):
            if run.id in ids:
                self._go(index)
                return

    # marking

    def _mark(self, marked: Set[str]) -> None:
        if marked != self.marked:
            self.marked = frozenset(marked)
            self.post_message(self.MarksChanged())
            self.refresh()

    def action_mark(self) -> None:
        if run := self.current:
            self._mark(self.marked ^ {run.id})
            self._go(self._cursor + 1)

    def action_mark_all(self) -> None:
        self._mark(self.marked | {run.id for run in self._rows})

    def action_unmark(self) -> None:
        self._mark(frozenset())

    # drawing

    def _placed(self) -> list[PlacedColumn]:
        free = self._width - MARGIN - RUN_WIDTHS[0] - self.GAP
        first = end = 1 + self._skipped  # the columns from first to end fit
        for column in self._columns[first:]:
            free -= column.width + self.GAP
            if free < 0:
                break
            end += 1
        taken = sum(column.width + self.GAP for column in self._columns[first:end])
        # full names are worth more than the last columns, which mostly repeat parts of them
        name_width = min(self._longest_short, RUN_WIDTHS[1])
        while end - first > FIXED_COLUMNS and self._width - MARGIN - taken - self.GAP < name_width:
            end -= 1
            taken -= self._columns[end].width + self.GAP
        width = max(min(self._width - MARGIN - taken - self.GAP, RUN_WIDTHS[1]), 1)
        placed = [PlacedColumn(0, MARGIN, width)]
        for index in range(first, end):
            start = placed[-1].start + placed[-1].width + self.GAP
            placed.append(PlacedColumn(index, start, self._columns[index].width))
        return placed

    def _margin(self, index: int, style: Style) -> list[Segment]:
        mark = MARK if self._rows[index].id in self.marked else " "
        pointer = "›" if index == self._cursor else " "
        return [Segment(mark, self._styled(style, "table--mark")), Segment(pointer, style)]

    def _cell(self, index: int, place: PlacedColumn, style: Style) -> tuple[str, Style]:
        run, column = self._rows[index], self._columns[place.index]
        if column.key == "state":
            style = self._styled(style, f"state--{run.status.state}")
        elif column.key == "age":
            style = self._styled(style, "table--quiet")
        if column is RUN and place.width < self._longest:
            return safe(short_id(run.id)), style  # the age column shows the time
        return column.show(run, self._now), style
