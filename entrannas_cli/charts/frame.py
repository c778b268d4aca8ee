"""Where the parts of a chart lie, in characters: axes and their labels around the picture."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from .chart import Chart
from .columns import DotGrid
from .scale import Tick, ticks

__all__ = ["ChartFrame", "chart_frame"]

MIN_SIZE = (24, 6)  # columns and rows; a smaller chart shows only the latest values
_LABEL_WIDTH = 7  # columns of a label on the left
_MIN_AXIS_HEIGHT = 9  # rows from which the x axis has a row of its own


@dataclass(frozen=True)
class ChartFrame:
    """A picture of ``columns`` by ``rows`` characters, ``left`` columns and ``top`` lines from the corner.

    ``y_ticks`` holds the labels by row, ``x_ticks`` by column, both counted from the picture's corner; ``grid`` the
    dots of the picture.
    """

    left: int
    top: int
    columns: int
    rows: int
    below: int
    grid: DotGrid
    y_ticks: dict[int, str]
    x_ticks: dict[int, str]
    ascii_only: bool

    def column_of(self, x: float) -> int:
        """Return the column of ``x`` in characters from the picture's left; may lie outside."""
        place = round(self.grid.column(x))
        return place if self.ascii_only else place // 2

    def row_of(self, y: float) -> int:
        """Return the row of ``y`` in characters from the picture's top; may lie outside."""
        place = round(self.grid.row(y))
        return place if self.ascii_only else place // 4

    def x_at(self, column: int) -> float | None:
        """Return the ``x`` at a column of the whole chart; None outside the picture."""
        place = column - self.left
        if not 0 <= place < self.columns:
            return None
        x = self.grid.x(place if self.ascii_only else 2 * place + 0.5)
        return min(max(x, self.grid.window.left), self.grid.window.right)


def chart_frame(
    chart: Chart, width: int, height: int, top: int, *, ascii_only: bool = False
) -> ChartFrame | None:
    """Return the frame of ``chart`` below ``top`` header lines; None if there is no room for a picture."""
    if width < MIN_SIZE[0] or height < MIN_SIZE[1]:
        return None
    window = chart.window
    below = 2 if height >= _MIN_AXIS_HEIGHT else 1
    rows = height - top - below
    label_width = min(_LABEL_WIDTH, width // 5)
    max_ticks = min(max(rows // 2, 2), 9)
    y_ticks = ticks(window.low, window.high, max_ticks, label_width, log=window.log, percent=chart.percent)
    left = max((len(tick.label) for tick in y_ticks), default=0) + 1
    columns = width - left
    across, down = (1, 1) if ascii_only else (2, 4)
    grid = DotGrid(window, columns * across, rows * down)
    frame = ChartFrame(left, top, columns, rows, below, grid, {}, {}, ascii_only)
    for tick in y_ticks:
        frame.y_ticks.setdefault(min(max(frame.row_of(tick.value), 0), rows - 1), tick.label)
    _add_x_ticks(frame, window.left, window.right)
    return frame


def _add_x_ticks(frame: ChartFrame, left: float, right: float) -> None:
    whole = right - left >= 2
    for max_ticks in range(max(frame.columns // 9, 2), 0, -1):
        labels = _x_labels(frame, ticks(left, right, max_ticks, 8, whole=whole))
        if labels is not None:
            frame.x_ticks.update(labels)
            return


def _x_labels(frame: ChartFrame, x_ticks: list[Tick]) -> dict[int, str] | None:
    """Return the labels by column, each centred under its tick where possible; None if two would touch."""
    labels: dict[int, str] = {}
    free = 0
    for tick in x_ticks:
        column = min(max(frame.column_of(tick.value), 0), frame.columns - 1)
        start = label_start(column, tick.label, frame.columns)
        if start < free:
            return None
        free = start + len(tick.label) + 2
        labels[column] = tick.label
    return labels


def label_start(column: int, label: str, columns: int) -> int:
    """Return the column where the label of ``column`` starts: centred, but within the picture."""
    return min(max(column - cell_len(label) // 2, 0), max(columns - cell_len(label), 0))
