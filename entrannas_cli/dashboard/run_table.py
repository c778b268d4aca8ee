"""The table of runs. Only visible lines are rendered, so a thousand runs cost no more than a screenful."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..common.text import safe, shortened
from ..store.find_run import short_id
from ..store.overview import Overview
from .keys import bindings
from .table_columns import RUN, TableColumn

__all__ = ["RunTable"]

MARK = "●"
MARGIN = 2  # for the mark and the pointer
GAP = 1  # between columns
FIXED_COLUMNS = 7  # columns that are kept even if run names are cut
RUN_WIDTHS = (22, 46)  # of the run column: minimum, maximum
HEADING = 1  # lines
AGE_INTERVAL_S = 10.0  # seconds between two updates of the ages


@dataclass(frozen=True)
class _Placed:
    column: TableColumn
    start: int
    width: int


class RunTable(ScrollView, can_focus=True):
    """Shows runs in the given order, one per line. The cursor and the marks belong to runs, not to lines.

    When runs come and go above the cursor, its line keeps its place on the screen.
    """

    BINDINGS = bindings("table")
    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "table--heading",
        "table--cursor",
        "table--mark",
        "table--quiet",
        "table--note",
        "state--running",
        "state--completed",
        "state--stopped",
        "state--created",
        "state--failed",
        "state--lost",
        "state--broken",
    }

    @dataclass
    class Chosen(Message):
        """The cursor is on another run, or on none."""

        run: Overview | None

    @dataclass
    class Opened(Message):
        """The page of ``run`` should be opened."""

        run: Overview

    @dataclass
    class MarksChanged(Message):
        """The set of marked runs has changed."""

    @dataclass
    class SortAsked(Message):
        """The heading of column ``key`` was clicked."""

        key: str

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.time) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._now = clock()
        self._rows: Sequence[Overview] = ()
        self._columns: Sequence[TableColumn] = ()
        self._longest = self._longest_short = 0  # lengths of ids, in characters
        self._shifted = 0
        self._sort = ("", False)
        self._cursor = 0
        self._cursor_id: str | None = None
        self._told: Overview | None = None  # in the last message
        self._moved = False  # by the user: until then the cursor stays at the top
        self._note = ""
        self.marked: Set[str] = frozenset()

    def on_mount(self) -> None:
        """Update the ages now and then."""
        self.set_interval(AGE_INTERVAL_S, self._age)

    # what is shown

    @property
    def rows(self) -> Sequence[Overview]:
        """The runs shown."""
        return self._rows

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
        before, self._rows, self._note = self._rows, rows, note
        self._now = self._clock()
        self._longest = max((len(run.id) for run in rows), default=0)
        self._longest_short = max((len(short_id(run.id)) for run in rows), default=0)
        line = self._cursor - self.scroll_offset.y
        at_top = self.scroll_offset.y == 0
        self._cursor = self._found() if self._moved else 0
        resized = len(before) != len(rows)
        if resized:
            self._resize()
        room = self._room
        if at_top and self._cursor < room:
            line = self._cursor
        self._scroll_to_line(self._cursor - line)
        self._settle()
        self.refresh()

    def _found(self) -> int:
        for index, run in enumerate(self._rows):
            if run.id == self._cursor_id:
                return index
        return max(min(self._cursor, len(self._rows) - 1), 0)

    def show_columns(self, columns: Sequence[TableColumn], sort: str, descending: bool) -> None:
        """Show these columns, and an arrow at the one that the runs are sorted by."""
        self._columns, self._sort = columns, (sort, descending)
        self._shifted = min(self._shifted, max(len(columns) - 1, 0))
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

    # moving

    @property
    def _width(self) -> int:
        """Columns left of the scroll bar."""
        return self.scrollable_content_region.width

    @property
    def _room(self) -> int:
        """Number of runs that fit."""
        return max(self.size.height - HEADING, 1)

    def _resize(self) -> None:
        self.virtual_size = Size(self._width, len(self._rows) + HEADING)

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self._resize()
        self._reveal()

    def _go(self, index: int, *, by_user: bool = True) -> None:
        if not self._rows:
            return
        index = max(0, min(index, len(self._rows) - 1))
        self._moved = self._moved or by_user
        before, self._cursor = self._cursor, index
        if before != index:
            self._refresh_row(before)
            self._refresh_row(index)
        self._reveal()
        self._settle()

    def _settle(self) -> None:
        run = self.current
        identifier = None if run is None else run.id
        if identifier != self._cursor_id or run is not self._told:
            self._cursor_id, self._told = identifier, run
            self.post_message(self.Chosen(run))

    def _reveal(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self._scroll_to_line(self._cursor)
        elif self._cursor >= top + self._room:
            self._scroll_to_line(self._cursor - self._room + 1)

    def _scroll_to_line(self, line: int) -> None:
        line = max(0, min(line, len(self._rows) - self._room))
        if line != self.scroll_offset.y:
            self.scroll_to(y=line, animate=False, force=True)

    def action_move(self, lines: int) -> None:
        self._go(self._cursor + lines)

    def action_page(self, pages: int) -> None:
        self._go(self._cursor + pages * max(self._room - 1, 1))

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._rows) - 1)

    def action_shift(self, columns: int) -> None:
        """Scroll by whole columns; the run column stays."""
        wanted = self._shifted + columns
        hidden = len(self._columns) - self._shifted > len(self._placed()) - 1
        if 0 <= wanted < len(self._columns) and (columns < 0 or hidden):
            self._shifted = wanted
            self.refresh()

    def action_open(self) -> None:
        if run := self.current:
            self.post_message(self.Opened(run))

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

    # the mouse

    def on_click(self, event: events.Click) -> None:
        """Select the clicked run, open it on a double click, or sort by the clicked heading."""
        if event.y < HEADING:
            for placed in self._placed():
                if placed.start <= event.x < placed.start + placed.width:
                    self.post_message(self.SortAsked(placed.column.key))
            return
        index = self.scroll_offset.y + event.y - HEADING
        if index >= len(self._rows):
            return
        if index == self._cursor and event.chain == 2:
            self.action_open()
        else:
            self._go(index)

    # drawing

    def _refresh_row(self, index: int) -> None:
        line = index - self.scroll_offset.y + HEADING
        if HEADING <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _placed(self) -> list[_Placed]:
        """Return the columns that fit: the run column, then the others from the one scrolled to."""
        others = self._columns[self._shifted :]
        free = self._width - MARGIN - RUN_WIDTHS[0] - GAP
        fitting: list[TableColumn] = []
        for column in others:
            free -= column.width + GAP
            if free < 0:
                break
            fitting.append(column)
        taken = sum(column.width + GAP for column in fitting)
        # full names are worth more than the last columns, which mostly repeat parts of them
        wanted = min(self._longest_short, RUN_WIDTHS[1])
        while len(fitting) > FIXED_COLUMNS and self._width - MARGIN - taken - GAP < wanted:
            taken -= fitting.pop().width + GAP
        width = max(min(self._width - MARGIN - taken - GAP, RUN_WIDTHS[1]), 1)
        placed = [_Placed(RUN, MARGIN, width)]
        for column in fitting:
            start = placed[-1].start + placed[-1].width + GAP
            placed.append(_Placed(column, start, column.width))
        return placed

    def render_line(self, y: int) -> Strip:
        """Return the heading for the first line, then the runs."""
        width = self._width
        if y < HEADING:
            strip = self._heading()
        else:
            index = self.scroll_offset.y + y - HEADING
            if index < len(self._rows):
                strip = self._row(index)
            else:
                strip = self._below(y) if not self._rows else Strip([])
        return strip.adjust_cell_length(width, self.rich_style)

    def _below(self, y: int) -> Strip:
        lines = self._note.splitlines()
        line = lines[y - HEADING - 1] if 0 <= y - HEADING - 1 < len(lines) else ""
        return Strip([Segment(f"  {line}", self.rich_style + self.get_component_rich_style("table--note"))])

    def _heading(self) -> Strip:
        style = self.get_component_rich_style("table--heading")
        placed = self._placed()
        segments = [Segment(("‹" if self._shifted else " ").ljust(MARGIN), style)]
        for n, place in enumerate(placed):
            text = place.column.heading
            if place.column.key == self._sort[0]:
                arrow = "▼" if self._sort[1] else "▲"
                text = f"{shortened(text, place.width - 1, '')}{arrow}"
            end = " " * GAP if n < len(placed) - 1 else ""
            segments.append(Segment(_fitted(text, place) + end, style))
        if len(placed) - 1 < len(self._columns) - self._shifted:
            used = sum(segment.cell_length for segment in segments)
            segments.append(Segment("›".rjust(max(self._width - used, 0)), style))
        return Strip(segments).adjust_cell_length(self._width, style)

    def _row(self, index: int) -> Strip:
        run = self._rows[index]
        base = self.rich_style
        if index == self._cursor:
            base += self.get_component_rich_style("table--cursor", partial=True)
            if self.has_focus:
                base += Style(bold=True)
        mark = base + self.get_component_rich_style("table--mark", partial=True)
        pointer = "›" if index == self._cursor else " "
        segments = [Segment(MARK if run.id in self.marked else " ", mark), Segment(pointer, base)]
        placed = self._placed()
        for place in placed:
            style = base
            if place.column.key == "state":
                style = base + self.get_component_rich_style(f"state--{run.status.state}", partial=True)
            elif place.column.key == "age":
                style = base + self.get_component_rich_style("table--quiet", partial=True)
            text = place.column.show(run, self._now)
            if place.column is RUN and place.width < self._longest:
                text = safe(short_id(run.id))  # the age column shows the time
            segments.append(Segment(_fitted(text, place), style))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(self._width, base)


def _fitted(text: str, place: _Placed) -> str:
    text = shortened(text, place.width)
    if place.column.right:
        return " " * (place.width - cell_len(text)) + text
    return set_cell_size(text, place.width)
