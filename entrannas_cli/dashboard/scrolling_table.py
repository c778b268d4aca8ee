"""A table that may be wider and longer than the screen; its headings and its first column stay visible."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..common.text import shortened
from .themes import STATE_STYLES

__all__ = ["ColumnHeading", "PlacedColumn", "ScrollingTable"]


@dataclass(frozen=True)
class ColumnHeading:
    """The heading of a column, whose texts may be aligned ``right``; a unit has a second of the ``lines``."""

    key: str
    lines: tuple[str, ...]
    right: bool = False


@dataclass(frozen=True)
class PlacedColumn:
    """A visible column: its index in the table, and where it is drawn."""

    index: int
    start: int
    width: int


class ScrollingTable(ScrollView):
    """A table with a cursor. Scrolls by whole columns; only visible lines are rendered.

    A subclass fills ``_headings``, ``_sort`` and ``_note`` (shown if there are no rows), and provides the rows.
    """

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's way)
        *("table--heading", "table--cursor", "table--mark", "table--quiet", "table--note"),
        *(f"state--{state}" for state in STATE_STYLES),
    }
    DEFAULT_CSS = """
    ScrollingTable { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    """
    GAP: ClassVar[int]  # between columns

    @dataclass
    class HeadingClicked(Message):
        """The heading of column ``key`` was clicked."""

        key: str

    class RowOpened(Message):
        """The row under the cursor should be opened."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._headings: Sequence[ColumnHeading] = ()
        self._sort = ("", False)  # key, descending
        self._note = ""
        self._cursor = 0
        self._skipped = 0  # columns scrolled out of view, after the first

    @property
    @abstractmethod
    def _row_count(self) -> int: ...

    @abstractmethod
    def _placed(self) -> list[PlacedColumn]:
        """Return the columns that fit: the first, then the others from the one scrolled to."""

    @abstractmethod
    def _margin(self, index: int, style: Style) -> list[Segment]:
        """Return what is left of the first column in row ``index``."""

    @abstractmethod
    def _cell(self, index: int, place: PlacedColumn, style: Style) -> tuple[str, Style]:
        """Return the text of a cell in row ``index``, and its style, based on that of the row."""

    def _row_style(self, index: int) -> Style:
        return self.rich_style

    # moving

    @property
    def _width(self) -> int:
        """Columns left of the scroll bar."""
        return self.scrollable_content_region.width

    @property
    def _heading_height(self) -> int:
        return len(self._headings[0].lines) if self._headings else 1

    @property
    def _room(self) -> int:
        """Number of rows that fit."""
        return max(self.size.height - self._heading_height, 1)

    def _resize(self) -> None:
        self.virtual_size = Size(self._width, self._row_count + self._heading_height)

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self._resize()
        self._reveal()

    def _go(self, index: int) -> None:
        """Move the cursor to row ``index``, or to the nearest that exists."""
        before, self._cursor = self._cursor, max(0, min(index, self._row_count - 1))
        if before != self._cursor:
            self._refresh_row(before)
            self._refresh_row(self._cursor)
        self._reveal()

    def _reveal(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self._scroll_to_row(self._cursor)
        elif self._cursor >= top + self._room:
            self._scroll_to_row(self._cursor - self._room + 1)

    def _scroll_to_row(self, index: int) -> None:
        top = max(0, min(index, self._row_count - self._room))
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)

    def action_move(self, rows: int) -> None:
        self._go(self._cursor + rows)

    def action_page(self, pages: int) -> None:
        self._go(self._cursor + pages * max(self._room - 1, 1))

    def action_end(self, last: bool) -> None:
        """Move the cursor to the first or the last row."""
        self._go(self._row_count - 1 if last else 0)

    def action_shift(self, columns: int) -> None:
        """Scroll by whole columns, to the left (-1) or right (1)."""
        skipped, placed = self._skipped + columns, self._placed()
        hidden = placed and placed[-1].index < len(self._headings) - 1
        if 0 <= skipped < len(self._headings) - 1 and (columns < 0 or hidden):
            self._skipped = skipped
            self.refresh()

    def action_open(self) -> None:
        if self._row_count:
            self.post_message(self.RowOpened())

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.action_shift(-1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.action_shift(1)

    def on_click(self, event: events.Click) -> None:
        """Select the clicked row, open it on a double click, or report a clicked heading."""
        if event.y < self._heading_height:
            for place in self._placed():
                if place.start <= event.x < place.start + place.width + self.GAP:
                    self.post_message(self.HeadingClicked(self._headings[place.index].key))
            return
        index = self.scroll_offset.y + event.y - self._heading_height
        if index >= self._row_count:
            return
        if index == self._cursor and event.chain == 2:
            self.action_open()
        else:
            self._go(index)

    # drawing

    def _refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y + self._heading_height
        if self._heading_height <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Return a heading line, then rows; or the note if there are no rows."""
        below = y - self._heading_height
        index = self.scroll_offset.y + below
        strip = Strip([])
        if below < 0:
            strip = self._heading(y)
        elif index < self._row_count:
            strip = self._row(index)
        elif not self._row_count and below < len(lines := self._note.splitlines()):
            strip = Strip([Segment(f"  {lines[below]}", self._styled(self.rich_style, "table--note"))])
        return strip.adjust_cell_length(self._width, self.rich_style)

    def _heading(self, y: int) -> Strip:
        style, placed = self.get_component_rich_style("table--heading"), self._placed()
        if not placed:
            return Strip([])
        line = "‹" if self._skipped and y == 0 else ""
        for place in placed:
            heading = self._headings[place.index]
            text = heading.lines[y]
            if y == 0 and heading.key == self._sort[0]:
                text = shortened(text, place.width - 1, "") + ("▼" if self._sort[1] else "▲")
            line = set_cell_size(line, place.start) + _fitted(text, place.width, right=heading.right)
        if y == 0 and placed[-1].index < len(self._headings) - 1:
            line = set_cell_size(line, self._width - 1) + "›"
        return Strip([Segment(line, style)]).adjust_cell_length(self._width, style)

    def _row(self, index: int) -> Strip:
        base = self._row_style(index)
        if index == self._cursor:
            base = self._styled(base, "table--cursor")
            if self.has_focus or not self.can_focus:
                base += Style(bold=True)
        segments = self._margin(index, base)
        end = sum(segment.cell_length for segment in segments)
        for place in self._placed():
            text, style = self._cell(index, place, base)
            right = self._headings[place.index].right
            segments.append(Segment(" " * (place.start - end), base))
            segments.append(Segment(_fitted(text, place.width, right=right), style))
            end = place.start + place.width
        return Strip(segments).adjust_cell_length(self._width, base)

    def _styled(self, style: Style, name: str) -> Style:
        """Return ``style`` with that of the component class ``name``, if there is one."""
        if name not in self.COMPONENT_CLASSES:
            return style
        return style + self.get_component_rich_style(name, partial=True)


def _fitted(text: str, width: int, *, right: bool) -> str:
    text = shortened(text, width)
    return " " * (width - cell_len(text)) + text if right else set_cell_size(text, width)
