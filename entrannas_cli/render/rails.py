"""A cell's layout as a picture made of text: stations with rails below, and a labelled line per connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.text import Text

from ..common.text import safe, shortened
from ..figures.cell_layout import OUTPUT_NAME, CellLayout, Edge, Node, OperationLook

__all__ = ["ASCII", "UNICODE", "Glyphs", "draw_rails", "fitting_names", "rail_style"]

RAIL_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
INPUT_PITCH = 8  # columns from station 0 to station 1: no connection ends at an input
LONG_STATION = 6  # with more connections than this, the rails' numbers are repeated below the station
MIN_NAME = 4  # shortest length that a name is cut to


@dataclass(frozen=True)
class Glyphs:
    """The characters of a picture. Solid lines are operations with weights, dashed ones those without."""

    solid: str
    dashed: str
    branch_solid: str
    branch_dashed: str
    end_solid: str
    end_dashed: str
    arrow: str
    rail: str
    corners: str  # top left, top right, bottom left, bottom right
    border: str
    down: str
    join: str
    ellipsis: str

    def line(self, parametric: bool) -> str:
        """Return the character of a line."""
        return self.solid if parametric else self.dashed

    def branch(self, parametric: bool, last: bool) -> str:
        """Return the character where a line leaves a rail; ``last`` if the rail ends there."""
        if last:
            return self.end_solid if parametric else self.end_dashed
        return self.branch_solid if parametric else self.branch_dashed


UNICODE = Glyphs("━", "╌", "┝", "├", "┕", "└", "►", "│", "┌┐└┘", "─", "┬", "┴", "…")
ASCII = Glyphs("=", "-", "+", "+", "+", "+", ">", "|", "++++", "-", "+", "+", "..")


def rail_style(number: int) -> str:
    """Return the colour of a node's rail and of the lines that leave it."""
    return RAIL_COLOURS[number % len(RAIL_COLOURS)]


@dataclass(frozen=True)
class _Geometry:
    """Columns of the picture: stations are ``box`` wide and ``pitch`` apart."""

    box: int
    pitch: int

    @classmethod
    def of(cls, nodes: int, width: int) -> _Geometry:
        """Return the widest pitch that ``width`` allows; may be too narrow for any name."""
        box = len(str(nodes - 1)) + 4
        tail = 4 + len(OUTPUT_NAME)
        return cls(box, (width - INPUT_PITCH - box // 2 - 1 - tail) // max(nodes - 2, 1))

    @property
    def name_room(self) -> int:
        """Columns for a name between a rail and the next station, with a bit of line at both ends."""
        return self.pitch - self.box // 2 - 1 - len("━") - len("━►")

    def narrowed(self, name: int) -> _Geometry:
        """Return the geometry no wider than the longest name, of ``name`` columns, needs."""
        return _Geometry(self.box, min(self.pitch, name + len("━━  ━►") + 1 + self.box // 2))

    def left(self, number: int) -> int:
        return INPUT_PITCH + self.pitch * (number - 1) if number else 0

    def rail(self, number: int) -> int:
        return self.left(number) + self.box // 2


class _Canvas:
    def __init__(self, rows: int) -> None:
        self.rows: list[dict[int, tuple[str, str]]] = [{} for _ in range(rows)]

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        for character in text:
            width = cell_len(character)
            if not width:  # a combining mark joins the character before it
                before, before_style = self.rows[row][column - 1]
                self.rows[row][column - 1] = (before + character, before_style)
            for n in range(width):
                self.rows[row][column + n] = (character if not n else "", style)
            column += width

    def text(self) -> Text:
        picture = Text(no_wrap=True)
        for row, cells in enumerate(self.rows):
            if row:
                picture.append("\n")
            line = [cells.get(column, (" ", "")) for column in range(max(cells, default=-1) + 1)]
            for style, stretch in groupby(line, key=itemgetter(1)):
                picture.append("".join(character for character, _ in stretch), style)
        return picture


def fitting_names(
    operations: Iterable[OperationLook], nodes: int, width: int, glyphs: Glyphs = UNICODE
) -> dict[str, str] | None:
    """Return what to write on the lines of cells with ``nodes`` nodes (inputs included) in ``width`` columns.

    The result maps operation names to full names if they fit, otherwise to labels, shortened if necessary while
    they stay distinct; None if the cell is too wide for that.
    """
    operations = list(operations)
    room = _Geometry.of(nodes, width).name_room
    for names in ([o.name for o in operations], [o.label for o in operations]):
        # a full name is for legibility, so it needs a space on either side
        if max(map(cell_len, map(safe, names))) + 2 * (names[0] == operations[0].name) <= room:
            return {o.name: safe(name) for o, name in zip(operations, names, strict=True)}
    short = {o.name: shortened(safe(o.label), room, glyphs.ellipsis) for o in operations}
    if room < MIN_NAME or len(set(short.values())) < len({o.name for o in operations}):
        return None
    return short


def draw_rails(layout: CellLayout, width: int, names: Mapping[str, str], glyphs: Glyphs = UNICODE) -> Text:
    """Draw the picture in at most ``width`` columns; ``names`` come from :func:`fitting_names` for that width."""
    geometry = _Geometry.of(len(layout.nodes), width).narrowed(max(map(cell_len, names.values())))
    canvas = _Canvas(layout.output_row + 2)
    for node in layout.nodes:
        _draw_rail(canvas, node, geometry, layout, glyphs)
    for node in layout.nodes:
        _draw_station(canvas, node, geometry, glyphs)
    for edge in layout.edges:
        _draw_edge(canvas, edge, names[edge.operation.name], geometry, layout, glyphs)
    _draw_output(canvas, layout, geometry, glyphs)
    return canvas.text()


def _canvas_row(row: int) -> int:
    return row + 1  # the inputs' names are above


def _draw_rail(canvas: _Canvas, node: Node, geometry: _Geometry, layout: CellLayout, glyphs: Glyphs) -> None:
    long_ends = {
        station.bottom for station in layout.nodes if station.bottom - station.top - 1 > LONG_STATION
    }
    for row in range(node.bottom + 1, node.rail_end):
        mark = str(node.number) if row in long_ends else glyphs.rail
        column = geometry.rail(node.number) - (len(mark) - 1) // 2
        canvas.put(_canvas_row(row), column, mark, rail_style(node.number))


def _draw_station(canvas: _Canvas, node: Node, geometry: _Geometry, glyphs: Glyphs) -> None:
    left, style, inner = geometry.left(node.number), rail_style(node.number), geometry.box - 2
    corners = glyphs.corners
    canvas.put(_canvas_row(node.top), left, corners[0] + glyphs.border * inner + corners[1], style)
    canvas.put(_canvas_row(node.bottom), left, corners[2] + glyphs.border * inner + corners[3], style)
    if node.rail_end > node.bottom:
        canvas.put(_canvas_row(node.bottom), geometry.rail(node.number), glyphs.down, style)
    for row in range(node.top + 1, node.bottom):
        canvas.put(_canvas_row(row), left, glyphs.rail + " " * inner + glyphs.rail, style)
    middle = (node.top + node.bottom) // 2
    canvas.put(_canvas_row(middle), left + 1, str(node.number).center(inner), f"bold {style}")
    if node.name:
        canvas.put(_canvas_row(node.top) - 1, left, node.name, style)


def _draw_edge(
    canvas: _Canvas, edge: Edge, name: str, geometry: _Geometry, layout: CellLayout, glyphs: Glyphs
) -> None:
    row, style = _canvas_row(edge.row), rail_style(edge.source)
    start, end = geometry.rail(edge.source), geometry.left(edge.target)
    last = layout.nodes[edge.source].rail_end == edge.row
    canvas.put(row, start, glyphs.branch(edge.parametric, last), style)
    crossed = {
        geometry.rail(node.number)
        for node in layout.nodes[edge.source + 1 : edge.target]
        if node.rail_end > edge.row
    }
    for column in range(start + 1, end - 1):
        if column not in crossed:  # the line passes behind a rail that it doesn't belong to
            canvas.put(row, column, glyphs.line(edge.parametric), style)
    canvas.put(row, end - 1, glyphs.arrow, style)
    room = end - geometry.rail(edge.target - 1) - 1 - len("━━►")
    padded = f" {name} " if cell_len(name) + 2 <= room else name
    canvas.put(row, end - 2 - cell_len(padded), padded, "bold" if edge.parametric else "")


def _draw_output(canvas: _Canvas, layout: CellLayout, geometry: _Geometry, glyphs: Glyphs) -> None:
    row, rails = _canvas_row(layout.output_row), [geometry.rail(node.number) for node in layout.outputs]
    end = max(rails[-1], geometry.rail(len(layout.nodes) - 1)) + 3
    canvas.put(row, rails[0], glyphs.border * (end - rails[0]) + glyphs.arrow + " " + OUTPUT_NAME, "dim")
    for rail in rails:
        canvas.put(row, rail, glyphs.corners[2] if rail == rails[0] else glyphs.join, "dim")
