"""The table widget of the Compare screen, for results and for differences."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from ...results.formats import TextTable
from ..scrolling_table import ColumnHeading, PlacedColumn, ScrollingTable
from .tables import TableView

__all__ = ["ComparisonTable"]

MARGIN = 2  # for the pointer
FIRST_COLUMN_SHARE = 0.45  # of the width, for the first column at most
MIN_HEADING_COLUMNS = 12  # columns that a heading keeps in a narrow table
_EMPTY = TextTable((), (), (), (), (), ())


class ComparisonTable(ScrollingTable, can_focus=False):
    """Shows a ``TableView``. The screen handles its keys."""

    GAP = 2

    def __init__(self) -> None:
        super().__init__()
        self._view = TableView()
        self._note = "reading …"

    def show(self, view: TableView, sort: tuple[str, bool] = ("", False)) -> None:
        """Show ``view``, sorted by a column (key, descending); the cursor stays with its row."""
        if (view, sort) == (self._view, self._sort):
            return
        current = self.current
        self._view, self._sort, self._note = view, sort, view.note
        table = self.table
        has_units = any(table.units)
        self._headings = [
            ColumnHeading(key, (heading, unit) if has_units else (heading,), right)
            for key, heading, unit, right in zip(
                table.keys, table.headings, table.units, table.numeric, strict=True
            )
        ]
        firsts = [row[0] for row in table.rows]
        last = max(len(firsts) - 1, 0)
        self._cursor = firsts.index(current) if current in firsts else min(self._cursor, last)
        self._skipped = min(self._skipped, max(len(table.keys) - 2, 0))
        self._resize()
        self._reveal()
        self.refresh()

    @property
    def table(self) -> TextTable:
        """The table that is shown; empty if there is a note instead."""
        return self._view.table or _EMPTY

    @property
    def current(self) -> str:
        """The first cell of the row under the cursor; empty if there is none."""
        rows = self.table.rows
        return rows[self._cursor][0] if self._cursor < len(rows) else ""

    @property
    def _row_count(self) -> int:
        return len(self.table.rows)

    @property
    def _is_roomy(self) -> bool:
        """Whether all columns fit at full width."""
        widths = self._view.widths
        return sum(widths) + self.GAP * (len(widths) - 1) + MARGIN <= self._width

    def _placed(self) -> list[PlacedColumn]:
        widths, room = list(self._view.widths), self._width
        if not widths:
            return []
        if not self._is_roomy:
            short = self._view.short
            first = max(map(cell_len, short)) if short else widths[0]
            widths[0] = min(
                max(first, cell_len(self.table.headings[0])), max(int(room * FIRST_COLUMN_SHARE), 8)
            )
            each = max((room - MARGIN - widths[0]) // max(len(widths) - 1, 1) - self.GAP, MIN_HEADING_COLUMNS)
            for n in range(1, len(widths)):
                widths[n] = max(self._view.least[n], min(widths[n], each))
        placed = [PlacedColumn(0, MARGIN, widths[0])]
        for n in range(1 + self._skipped, len(widths)):
            start = placed[-1].start + placed[-1].width + self.GAP
            # at least one beside the first, cropped if need be
            width = min(widths[n], room - start) if len(placed) == 1 else widths[n]
            if start + width > room or width < 1:
                break
            placed.append(PlacedColumn(n, start, width))
        return placed

    def _row_style(self, index: int) -> Style:
        published = self.table.published[index]
        return self._styled(self.rich_style, "table--quiet") if published else self.rich_style

    def _margin(self, index: int, style: Style) -> list[Segment]:
        return [Segment("›" if index == self._cursor else " ", style)]

    def _cell(self, index: int, place: PlacedColumn, style: Style) -> tuple[str, Style]:
        text = self.table.rows[index][place.index]
        if place.index == 0 and self._view.short and not self._is_roomy:
            text = self._view.short[index]
        if self.table.keys[place.index] == "state":
            style = self._styled(style, f"state--{text}")
        return text, style
