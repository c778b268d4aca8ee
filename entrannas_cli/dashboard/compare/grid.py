"""A table that may be wider and longer than the screen; its headings and its first column stay visible."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...common.text import shortened
from ...results.formats import TextTable
from .tables import TableView

__all__ = ["ScrollingTable"]

GAP = 2
MARGIN = 2  # for the pointer
FIRST_COLUMN_SHARE = 0.45  # of the width, for the first column at most
MIN_HEADING_COLUMNS = 12  # columns that a heading keeps in a narrow table
_EMPTY = TextTable((), (), (), (), (), ())


@dataclass(frozen=True)
class _ColumnPlace:
    number: int
    start: int
    width: int


class ScrollingTable(ScrollView, can_focus=False):
    """Shows a ``TableView``. Scrolls by whole columns; only visible lines are rendered."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        "table--heading",
        "table--cursor",
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
    DEFAULT_CSS = """
    ScrollingTable { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    """

    @dataclass
    class HeadingClicked(Message):
        """The heading of column ``key`` was clicked."""

        key: str

    @dataclass
    class Opened(Message):
        """The row that begins with ``first`` was double-clicked."""

        first: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._sheaf = TableView(note="reading …")
        self._sort = ("", False)
        self._cursor = 0
        self._shifted = 0

    # what is shown

    def show(self, sheaf: TableView, sort: tuple[str, bool] = ("", False)) -> None:
        """Show ``sheaf``, sorted by a column (key, descending); the cursor stays with its row."""
        if (sheaf, sort) == (self._sheaf, self._sort):
            return
        first = self.current
        self._sheaf, self._sort = sheaf, sort
        firsts = [row[0] for row in self.table.rows]
        self._cursor = firsts.index(first) if first in firsts else min(self._cursor, max(len(firsts) - 1, 0))
        self._shifted = min(self._shifted, max(len(self.table.keys) - 2, 0))
        self._measure()
        self._reveal()
        self.refresh()

    @property
    def table(self) -> TextTable:
        """The table that is shown; empty if there is a note instead."""
        return self._sheaf.table or _EMPTY

    @property
    def current(self) -> str:
        """The first cell of the row under the cursor; empty if there is none."""
        rows = self.table.rows
        return rows[self._cursor][0] if self._cursor < len(rows) else ""

    @property
    def _above(self) -> int:
        """Number of heading lines; units have their own."""
        return 1 + any(self.table.units)

    @property
    def _room(self) -> int:
        return max(self.size.height - self._above, 1)

    def _measure(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.table.rows) + self._above)

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self._measure()
        self._reveal()

    def _placed(self) -> list[_ColumnPlace]:
        """Return the columns that fit: the first, then the others from the one scrolled to."""
        widths, room = list(self._sheaf.widths), self.scrollable_content_region.width
        if not widths:
            return []
        if not self._is_roomy:
            short = self._sheaf.short
            first = max(map(cell_len, short)) if short else widths[0]
            widths[0] = min(
                max(first, cell_len(self.table.headings[0])), max(int(room * FIRST_COLUMN_SHARE), 8)
            )
            each = max((room - MARGIN - widths[0]) // max(len(widths) - 1, 1) - GAP, MIN_HEADING_COLUMNS)
            for number in range(1, len(widths)):
                widths[number] = max(self._sheaf.least[number], min(widths[number], each))
        placed = [_ColumnPlace(0, MARGIN, widths[0])]
        for number in range(1 + self._shifted, len(widths)):
            start = placed[-1].start + placed[-1].width + GAP
            # at least one beside the first, cropped if need be
            width = min(widths[number], room - start) if len(placed) == 1 else widths[number]
            if start + width > room or width < 1:
                break
            placed.append(_ColumnPlace(number, start, width))
        return placed

    @property
    def _is_roomy(self) -> bool:
        """Whether all columns fit at full width."""
        taken = sum(self._sheaf.widths) + GAP * (len(self._sheaf.widths) - 1) + MARGIN
        return taken <= self.scrollable_content_region.width

    # moving

    def move(self, rows: int) -> None:
        """Move the cursor by ``rows``."""
        self._cursor = max(0, min(self._cursor + rows, len(self.table.rows) - 1))
        self._reveal()
        self.refresh()

    def page(self, pages: int) -> None:
        """Move the cursor by screenfuls."""
        self.move(pages * max(self._room - 1, 1))

    def end(self, *, last: bool) -> None:
        """Move the cursor to the first or the last row."""
        self.move(len(self.table.rows) * (1 if last else -1))

    def shift(self, columns: int) -> None:
        """Scroll by whole columns, to the left (-1) or right (1)."""
        wanted = self._shifted + columns
        hidden = self._placed() and self._placed()[-1].number < len(self.table.keys) - 1
        if wanted >= 0 and (columns < 0 or hidden):
            self._shifted = wanted
            self.refresh()

    def _reveal(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            top = self._cursor
        elif self._cursor >= top + self._room:
            top = self._cursor - self._room + 1
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.shift(-1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.shift(1)

    def on_click(self, event: events.Click) -> None:
        """Select the clicked row, or report a double click or a clicked heading."""
        if event.y < self._above:
            for placed in self._placed():
                if placed.start <= event.x < placed.start + placed.width + GAP:
                    self.post_message(self.HeadingClicked(self.table.keys[placed.number]))
            return
        row = self.scroll_offset.y + event.y - self._above
        if row >= len(self.table.rows):
            return
        if row == self._cursor and event.chain == 2:
            self.post_message(self.Opened(self.current))
        else:
            self.move(row - self._cursor)

    # drawing

    def render_line(self, y: int) -> Strip:
        """Return a heading line, then rows; or the note if there are no rows."""
        table, above = self.table, self._above
        row = self.scroll_offset.y + y - above
        if not table.rows:
            lines = self._sheaf.note.splitlines()
            style = self.rich_style + self.get_component_rich_style("table--note")
            strip = Strip([Segment(f"  {lines[y - 1]}" if 0 < y <= len(lines) else "", style)])
        elif y < above:
            strip = self._heading(y)
        else:
            strip = self._row(row) if row < len(table.rows) else Strip([])
        return strip.adjust_cell_length(self.scrollable_content_region.width, self.rich_style)

    def _heading(self, y: int) -> Strip:
        style = self.get_component_rich_style("table--heading")
        table, placed, room = self.table, self._placed(), self.scrollable_content_region.width
        text = "‹" if self._shifted and y == 0 else ""
        for place in placed:
            shown = table.headings[place.number] if y == 0 else table.units[place.number]
            if y == 0 and table.keys[place.number] == self._sort[0]:
                arrow = "▼" if self._sort[1] else "▲"
                shown = shortened(shown, place.width - 1, "") + arrow
            text = set_cell_size(text, place.start) + _fitted(shown, place, table)
        if y == 0 and placed[-1].number < len(table.keys) - 1:
            text = set_cell_size(text, room - 1) + "›"
        return Strip([Segment(text, style)]).adjust_cell_length(room, style)

    def _row(self, number: int) -> Strip:
        table = self.table
        base = self.rich_style
        if table.published[number]:
            base += self.get_component_rich_style("table--quiet", partial=True)
        if number == self._cursor:
            base += self.get_component_rich_style("table--cursor", partial=True) + Style(bold=True)
        segments = [Segment("›" if number == self._cursor else " ", base)]
        end = 1
        for place in self._placed():
            cell, style = table.rows[number][place.number], base
            if place.number == 0 and self._sheaf.short and not self._is_roomy:
                cell = self._sheaf.short[number]
            if table.keys[place.number] == "state" and f"state--{cell}" in self.COMPONENT_CLASSES:
                style = base + self.get_component_rich_style(f"state--{cell}", partial=True)
            segments += [
                Segment(" " * (place.start - end), base),
                Segment(_fitted(cell, place, table), style),
            ]
            end = place.start + place.width
        return Strip(segments).adjust_cell_length(self.scrollable_content_region.width, base)


def _fitted(text: str, place: _ColumnPlace, table: TextTable) -> str:
    text = shortened(text, place.width)
    if table.numeric[place.number]:
        return " " * (place.width - cell_len(text)) + text
    return set_cell_size(text, place.width)
