"""A chart as lines of text."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from .canvas import Canvas
from .chart import Chart, Line
from .columns import spans
from .frame import MIN_SIZE, ChartFrame, chart_frame, label_start
from .header import fit, header, values_only
from .look import DARK, Look, marker

__all__ = ["Drawing", "draw", "picture"]

_MARKER_SPACING = 16  # columns between two markers of a line
_LEGEND_HEIGHT = 9  # rows from which the legend may have a line of its own
_LEGEND_LINE_HEIGHT = 8  # further rows for each further line of the legend


class Drawing:
    """The ``lines`` of a chart, and the ``frame`` of its picture (None if there was no room for one)."""

    def __init__(self, lines: list[Text], frame: ChartFrame | None) -> None:
        self.lines, self.frame = lines, frame


def draw(chart: Chart, width: int, height: int, *, look: Look = DARK, ascii_only: bool = False) -> list[Text]:
    """Draw ``chart`` as ``height`` lines of exactly ``width`` columns; its window should fit its lines."""
    return picture(chart, width, height, look=look, ascii_only=ascii_only).lines


def picture(chart: Chart, width: int, height: int, *, look: Look = DARK, ascii_only: bool = False) -> Drawing:
    """Draw ``chart`` as :func:`draw` does, and return its frame too."""
    width, height = max(width, 0), max(height, 0)
    if width < MIN_SIZE[0] or height < MIN_SIZE[1]:
        return Drawing(values_only(chart, width, height, look, ascii_only=ascii_only), None)
    max_lines = 2 + (height - _LEGEND_HEIGHT) // _LEGEND_LINE_HEIGHT if height >= _LEGEND_HEIGHT else 1
    head = header(chart, width, max_lines, look, ascii_only=ascii_only)
    frame = chart_frame(chart, width, height, len(head), ascii_only=ascii_only)
    assert frame is not None
    rows = _canvas(chart, frame, look).rows()
    return Drawing([*head, *_with_y_axis(rows, frame, look), *_x_axis(frame, width, look)], frame)


def _canvas(chart: Chart, frame: ChartFrame, look: Look) -> Canvas:
    canvas = Canvas(frame.columns, frame.rows, ascii_only=frame.ascii_only)
    drawn = [
        (number, line, look.line(number, line.style), marker(number, ascii_only=frame.ascii_only))
        for number, line in chart.numbered
    ]
    for _, line, style, dot in drawn:
        behind = chart.behind(line)
        if behind is not None and not frame.ascii_only:
            canvas.line(spans(behind, frame.grid), look.faint(style), dot=dot, behind=True)
    covered = [spans(chart.drawn(line), frame.grid) for _, line, _, _ in drawn]
    for line_spans, (_, _, style, dot) in zip(covered, drawn, strict=True):
        canvas.line(line_spans, style, dot=dot)
    for index, (line_spans, (_, line, style, dot)) in enumerate(zip(covered, drawn, strict=True)):
        trace = chart.drawn(line)
        if len(trace) == 1 and chart.window.left <= trace.x[0] <= chart.window.right:
            canvas.mark(frame.column_of(trace.x[0]), frame.row_of(trace.y[0]), dot, style)
        elif (len(chart.lines) > 1 or line.number is not None) and not frame.ascii_only:
            _add_markers(canvas, line_spans, index, len(chart.lines), dot, style)
    if chart.crosshair is not None and chart.window.left <= chart.crosshair <= chart.window.right:
        _crosshair(canvas, chart, frame, look)
    dash = "." if frame.ascii_only else "┈"
    grid = Style.parse(look.grid)
    for row in frame.y_ticks:
        canvas.backdrop(((column, row) for column in range(frame.columns)), dash, grid)
    return canvas


def _add_markers(
    canvas: Canvas, covered: list[tuple[int, int] | None], index: int, lines: int, dot: str, style: Style
) -> None:
    """Put markers along a line, for each line in different columns."""
    for column in range(
        _MARKER_SPACING // 2 + index * _MARKER_SPACING // lines, canvas.width, _MARKER_SPACING
    ):
        span = covered[2 * column] or covered[2 * column + 1]
        if span is not None:
            canvas.mark(column, (span[0] + span[1]) // 8, dot, style)


def _crosshair(canvas: Canvas, chart: Chart, frame: ChartFrame, look: Look) -> None:
    """Draw a vertical line, and mark the point of each line nearest to it."""
    assert chart.crosshair is not None
    style = Style.parse(look.crosshair)
    for number, line in chart.numbered:
        point = _nearest(chart, line)
        if point is not None:
            shown = "O" if frame.ascii_only else "◉"
            at = (frame.column_of(point[0]), frame.row_of(point[1]))
            canvas.mark(*at, shown, look.line(number, line.style) + Style(bold=True))
    column = min(max(frame.column_of(chart.crosshair), 0), frame.columns - 1)
    upright = "|" if frame.ascii_only else "│"
    canvas.backdrop(((column, row) for row in range(frame.rows)), upright, style)


def _nearest(chart: Chart, line: Line) -> tuple[float, float] | None:
    assert chart.crosshair is not None
    trace = chart.drawn(line)
    at = trace.nearest(chart.crosshair)
    if at is None or not chart.window.left <= trace.x[at] <= chart.window.right:
        return None
    return trace.x[at], trace.y[at]


def _with_y_axis(rows: list[Text], frame: ChartFrame, look: Look) -> list[Text]:
    plain, tick = ("|", "+") if frame.ascii_only else ("│", "┤")
    lines = []
    for number, row in enumerate(rows):
        label = frame.y_ticks.get(number, "")
        line = Text(no_wrap=True, end="")
        line.append(label.rjust(frame.left - 1) + (tick if label else plain), look.axis)
        line.append_text(row)
        lines.append(line)
    return lines


def _x_axis(frame: ChartFrame, width: int, look: Look) -> list[Text]:
    """Return the x axis, if there is room for it, and its labels."""
    corner, dash, tick = ("+", "-", "+") if frame.ascii_only else ("└", "─", "┬")
    labels, axis = [" "] * frame.columns, [dash] * frame.columns
    for column, label in frame.x_ticks.items():
        axis[column] = tick
        start = label_start(column, label, frame.columns)
        labels[start : start + len(label)] = label
    lines: list[str] = []
    if frame.below > 1:
        lines.append(" " * (frame.left - 1) + corner + "".join(axis))
    lines.append(" " * frame.left + "".join(labels))
    return [fit(Text(no_wrap=True, end="").append(line, look.axis), width) for line in lines]
