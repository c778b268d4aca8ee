"""The genotype that a search derives: for each intermediate node of a cell, the connections that it keeps.

A node may keep any number of connections, including several operations from one source (the learnable topology of
EnTranNAS-DST). The cells of the DARTS family, with two connections from two sources per node, are a special case.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .space import CELL_KINDS, INPUT_NODES, SearchSpace

__all__ = ["FORMAT", "FORMAT_VERSION", "CellGraph", "Connection", "Genotype", "GenotypeError"]

FORMAT = "entrannas-genotype"
FORMAT_VERSION = 1
# Of a cell read from a file: far above any real cell, but low enough to reject nonsense.
MAX_NODES = 1024
MAX_CONNECTIONS = 5000


class GenotypeError(ValueError):
    """An invalid genotype. ``problems`` lists each fault with its cell and node."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, order=True)
class Connection:
    """``operation`` applied to node ``source``."""

    source: int
    operation: str


@dataclass(frozen=True)
class CellGraph:
    """One cell. ``nodes[n]`` holds the connections into node n + 2, ordered by source, then operation.

    ``concat`` lists the nodes whose features form the output; by default all intermediate nodes.

    Raises ``GenotypeError`` for an invalid graph.
    """

    nodes: tuple[tuple[Connection, ...], ...]
    concat: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        nodes = tuple(tuple(sorted(connections)) for connections in self.nodes)
        object.__setattr__(self, "nodes", nodes)
        intermediate = range(INPUT_NODES, INPUT_NODES + len(nodes))
        object.__setattr__(self, "concat", tuple(sorted(self.concat)) or tuple(intermediate))
        problems = [] if nodes else ["it has no nodes"]
        for node, connections in zip(intermediate, nodes, strict=True):
            problems += _node_problems(node, connections)
        problems += [
            f"the output takes node {node}, but the intermediate nodes are {_range_text(intermediate)}"
            for node in self.concat
            if node not in intermediate
        ]
        if len(set(self.concat)) < len(self.concat):
            problems.append("the output takes a node twice")
        if problems:
            raise GenotypeError(problems)

    @property
    def connections(self) -> tuple[tuple[int, Connection], ...]:
        """All connections as (target node, connection)."""
        return tuple((n + INPUT_NODES, c) for n, connections in enumerate(self.nodes) for c in connections)


def _node_problems(node: int, connections: Sequence[Connection]) -> list[str]:
    problems = [] if connections else [f"node {node} has no input"]
    for previous, connection in zip([None, *connections], connections, strict=False):
        if not 0 <= connection.source < node:
            problems.append(
                f"node {node} reads node {connection.source}, but may read only {_range_text(range(node))}"
            )
        if connection == previous:
            problems.append(f"node {node} has {connection.operation} from node {connection.source} twice")
    return problems


def _range_text(numbers: Sequence[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) else "none"


@dataclass(frozen=True)
class Genotype:
    """The normal and the reduction cell that a search derives."""

    normal: CellGraph
    reduce: CellGraph

    @property
    def cells(self) -> tuple[tuple[str, CellGraph], ...]:
        """(kind, cell) for both kinds."""
        return tuple((kind, self.cell(kind)) for kind in CELL_KINDS)

    def cell(self, kind: str) -> CellGraph:
        """Return the cell of ``kind``, "normal" or "reduce"."""
        return {"normal": self.normal, "reduce": self.reduce}[kind]

    @property
    def operations(self) -> frozenset[str]:
        """The names of all operations in use."""
        return frozenset(c.operation for _, cell in self.cells for _, c in cell.connections)

    def check(self, space: SearchSpace) -> None:
        """Raise ``GenotypeError`` unless ``space`` offers every connection."""
        problems = []
        for kind, cell in self.cells:
            if len(cell.nodes) != space.nodes:
                problems.append(
                    f"{kind} cell: {len(cell.nodes)} nodes, the space {space.name} has {space.nodes}"
                )
            problems += [
                f"{kind} cell: node {node}: the space {space.name} has no operation {connection.operation}"
                for node, connection in cell.connections
                if connection.operation not in space.operations
            ]
        if problems:
            raise GenotypeError(problems)

    # JSON

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object with the format's name and version; connections are [source, operation] pairs."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            **{
                kind: {
                    "nodes": [[[c.source, c.operation] for c in node] for node in cell.nodes],
                    "concat": list(cell.concat),
                }
                for kind, cell in self.cells
            },
        }

    def to_json(self) -> str:
        """Return the JSON text, with one line per node."""
        cells = ",\n".join(
            f'  "{kind}": {{\n    "nodes": [\n'
            + ",\n".join(
                f"      {json.dumps([[c.source, c.operation] for c in node])}" for node in cell.nodes
            )
            + f'\n    ],\n    "concat": {json.dumps(list(cell.concat))}\n  }}'
            for kind, cell in self.cells
        )
        return f'{{\n  "format": "{FORMAT}",\n  "version": {FORMAT_VERSION},\n{cells}\n}}\n'

    @classmethod
    def from_dict(cls, data: object) -> Genotype:
        """Invert :meth:`to_dict`. Raises ``GenotypeError`` that lists every fault."""
        if not isinstance(data, dict):
            raise GenotypeError([f"expected a JSON object, found {_describe(data)}"])
        if data.get("format") != FORMAT:
            raise GenotypeError([f'format: expected "{FORMAT}", found {_short_repr(data.get("format"))}'])
        if data.get("version") != FORMAT_VERSION:
            raise GenotypeError(
                [f"version: this release reads {FORMAT_VERSION}, found {_short_repr(data.get('version'))}"]
            )
        return cls._from_cells({kind: _cell_from_dict(kind, data.get(kind)) for kind in CELL_KINDS})

    @classmethod
    def from_json(cls, text: str) -> Genotype:
        """Parse the JSON text of a genotype. Raises ``GenotypeError`` if it is invalid."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GenotypeError([f"not JSON: {error}"]) from None
        return cls.from_dict(data)

    @classmethod
    def _from_cells(cls, parsed: dict[str, CellGraph | list[str]]) -> Genotype:
        problems = [problem for cell in parsed.values() if isinstance(cell, list) for problem in cell]
        if problems:
            raise GenotypeError(problems)
        return cls(**{kind: cell for kind, cell in parsed.items() if isinstance(cell, CellGraph)})

    # DARTS' text form (read by darts_text)

    def to_darts(self) -> str:
        """Return DARTS' text form, ``Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=[…], …)``.

        Raises ``GenotypeError`` unless every node has exactly two connections, which that form requires.
        """
        problems = [
            f"{kind} cell: node {n + INPUT_NODES} has {len(node)} connection{'s' * (len(node) != 1)}, "
            "DARTS' text form holds exactly two per node"
            for kind, cell in self.cells
            for n, node in enumerate(cell.nodes)
            if len(node) != 2
        ]
        if problems:
            raise GenotypeError(problems)
        fields = ", ".join(
            f"{kind}={[(c.operation, c.source) for node in cell.nodes for c in node]}, "
            f"{kind}_concat={list(cell.concat)}"
            for kind, cell in self.cells
        )
        return f"Genotype({fields})"


def _cell_from_dict(kind: str, data: object) -> CellGraph | list[str]:
    """Return the cell, or a list of its faults."""
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        return [f'{kind}: expected an object with "nodes", found {_describe(data)}']
    if len(data["nodes"]) > MAX_NODES:
        return [f"{kind}: {len(data['nodes'])} nodes, at most {MAX_NODES} are read"]
    count = sum(len(entries) for entries in data["nodes"] if isinstance(entries, list))
    if count > MAX_CONNECTIONS:
        return [f"{kind}: {count:,} connections, at most {MAX_CONNECTIONS:,} are read"]
    problems: list[str] = []
    nodes: list[list[Connection]] = []
    for n, entries in enumerate(data["nodes"]):
        nodes.append([])
        for entry in entries if isinstance(entries, list) else [entries]:
            match entry:
                case [int(source), str(operation)] if not isinstance(source, bool):
                    nodes[-1].append(Connection(source, operation))
                case _:
                    problems.append(
                        f"{kind}: node {n + INPUT_NODES}: expected [source, operation], found {_short_repr(entry)}"
                    )
    concat = data.get("concat", [])
    if not (isinstance(concat, list) and all(type(node) is int for node in concat)):
        problems.append(f"{kind}: concat: expected a list of node numbers, found {_short_repr(concat)}")
        concat = []
    return problems or _cell(kind, nodes, concat)


def _cell(kind: str, nodes: Iterable[Iterable[Connection]], concat: Iterable[int]) -> CellGraph | list[str]:
    try:
        return CellGraph(tuple(tuple(node) for node in nodes), tuple(concat))
    except GenotypeError as error:
        return [f"{kind} cell: {problem}" for problem in error.problems]


def _describe(data: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "nothing"}
    return names.get(type(data), f"the {type(data).__name__} {_short_repr(data)}")


def _short_repr(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
