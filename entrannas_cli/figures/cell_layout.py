"""Where the parts of a cell's picture lie, whatever draws it: text, Graphviz, SVG, a screen.

The picture is a rail map. Each node is a station in a column of its own, in the order of the node numbers; its
features run down a rail below it. A connection is a horizontal line in a row of its own, from the rail of its
source to the station of its target: lines never overlap, whatever the cell, and several operations between two
nodes stay apart. ``layer`` serves drawings that place nodes in layers from left to right instead.
An animation of changing cells bundles the operations between two nodes in one row, and keeps a row for each pair
of nodes that is ever connected: nothing moves while connections come and go.

All coordinates are integers on an abstract grid: columns count nodes, rows count lines of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..method.genotype import CellGraph
from ..method.operations import get_operation, has_weights
from ..method.space import CELL_NAMES, INPUT_NODES

__all__ = [
    "INPUT_NAMES",
    "OUTPUT_NAME",
    "Bundle",
    "CellLayout",
    "Edge",
    "FrameLayout",
    "Node",
    "OperationLook",
    "animation_rows",
    "kind_title",
    "lay_out",
    "lay_out_frame",
    "look",
]

INPUT_NAMES = ("c{k-2}", "c{k-1}")
OUTPUT_NAME = "c{k}"
INPUT_ROWS = 2  # the inputs' stations span rows 0 … 2


@dataclass(frozen=True)
class OperationLook:
    """How an operation is shown: full ``name``, short ``label``, whether it has weights, whether it is known here.

    An operation unknown to this installation is labelled with its name and counts as one with weights.
    """

    name: str
    label: str
    parametric: bool
    known: bool = True


def kind_title(kind: str) -> str:
    """Return ``normal cell`` or ``reduction cell``."""
    return CELL_NAMES.get(kind, f"{kind} cell")


def look(name: str) -> OperationLook:
    """Return the look of operation ``name``; never raise."""
    try:
        operation = get_operation(name)
    except Exception:  # unknown, or its package fails to import: the cell can still be shown
        return OperationLook(name, name, True, known=False)
    return OperationLook(name, operation.label or name, operation.parametric)


@dataclass(frozen=True)
class Node:
    """A node. ``top`` and ``bottom`` are the first and last row of its station; its connections lie between them.

    Its rail runs from ``bottom`` to ``rail_end``, the last row that reads it (``bottom`` itself if nothing does).
    ``layer`` is the length of the longest path from an input.
    """

    number: int
    name: str
    top: int
    bottom: int
    rail_end: int
    in_output: bool
    layer: int

    @property
    def is_input(self) -> bool:
        return self.number < INPUT_NODES


@dataclass(frozen=True)
class Edge:
    """A connection in ``row``.

    ``parametric`` says whether it has weights in a cell of this kind.
    """

    source: int
    target: int
    operation: OperationLook
    parametric: bool
    row: int


@dataclass(frozen=True)
class CellLayout:
    """A cell's picture: nodes by number, edges by row; the output's line is in row ``output_row``."""

    kind: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    output_row: int

    @property
    def outputs(self) -> tuple[Node, ...]:
        """The nodes whose features the output concatenates."""
        return tuple(node for node in self.nodes if node.in_output)


@dataclass(frozen=True)
class Bundle:
    """The operations between two nodes in one ``row``, each with whether it has weights there."""

    source: int
    target: int
    row: int
    strands: tuple[tuple[OperationLook, bool], ...]


@dataclass(frozen=True)
class FrameLayout:
    """A frame of an animation: nodes by number, bundles by row; the output's line is in row ``output_row``."""

    kind: str
    nodes: tuple[Node, ...]
    bundles: tuple[Bundle, ...]
    output_row: int


def lay_out(kind: str, cell: CellGraph) -> CellLayout:
    """Lay out ``cell``.

    A station's last row is the next station's first, as they lie in different columns.
    """
    looks = {name: look(name) for name in {c.operation for _, c in cell.connections}}
    spans = _spans([len(connections) for connections in cell.nodes])
    edges: list[Edge] = []
    for target, connections in enumerate(cell.nodes, INPUT_NODES):
        for row, connection in enumerate(connections, spans[target][0] + 1):
            operation = looks[connection.operation]
            parametric = has_weights(kind, connection.source, operation)
            edges.append(Edge(connection.source, target, operation, parametric, row))
    output_row = spans[-1][1] + 1
    ends = {edge.source: edge.row for edge in edges}
    return CellLayout(kind, _nodes(cell, spans, ends, output_row), tuple(edges), output_row)


def animation_rows(cells: Sequence[CellGraph]) -> tuple[tuple[int, ...], ...]:
    """Return, for each intermediate node, the sources that any of ``cells`` connects to it: one row each."""
    nodes = max(len(cell.nodes) for cell in cells)
    return tuple(
        tuple(sorted({c.source for cell in cells if n < len(cell.nodes) for c in cell.nodes[n]}))
        for n in range(nodes)
    )


def lay_out_frame(kind: str, cell: CellGraph, rows: Sequence[Sequence[int]]) -> FrameLayout:
    """Lay out ``cell`` as a frame of an animation; ``rows`` come from :func:`animation_rows` of all its cells."""
    looks = {name: look(name) for name in {c.operation for _, c in cell.connections}}
    spans = _spans([len(sources) for sources in rows])
    bundles: list[Bundle] = []
    for target, connections in enumerate(cell.nodes, INPUT_NODES):
        for row, source in enumerate(rows[target - INPUT_NODES], spans[target][0] + 1):
            operations = [looks[c.operation] for c in connections if c.source == source]
            if operations:
                strands = tuple((operation, has_weights(kind, source, operation)) for operation in operations)
                bundles.append(Bundle(source, target, row, strands))
    output_row = spans[-1][1] + 1
    ends = {bundle.source: bundle.row for bundle in bundles}
    return FrameLayout(kind, _nodes(cell, spans, ends, output_row), tuple(bundles), output_row)


def _spans(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last row of each node's station, given the rows that its connections take."""
    spans = [(0, INPUT_ROWS)] * INPUT_NODES
    for count in rows:
        top = spans[-1][1]
        spans.append((top, top + count + 1))
    return spans


def _nodes(
    cell: CellGraph, spans: Sequence[tuple[int, int]], ends: dict[int, int], output_row: int
) -> tuple[Node, ...]:
    """Return the nodes; ``ends`` are the last rows that read them, apart from the output's."""
    ends = ends | dict.fromkeys(cell.concat, output_row)
    layers = [0] * INPUT_NODES
    for connections in cell.nodes:
        layers.append(1 + max(layers[connection.source] for connection in connections))
    nodes = []
    for number, (layer, (top, bottom)) in enumerate(zip(layers, spans, strict=False)):
        name = INPUT_NAMES[number] if number < INPUT_NODES else ""
        end = ends.get(number, bottom)
        nodes.append(Node(number, name, top, bottom, end, number in cell.concat, layer))
    return tuple(nodes)
