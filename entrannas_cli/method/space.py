"""The search space of a cell: which operations an edge may carry, between which nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CELL_KINDS",
    "CELL_NAMES",
    "INPUT_NODES",
    "EngineCells",
    "SearchSpace",
    "cell_kinds",
    "engine_positions",
]

CELL_KINDS = ("normal", "reduce")
CELL_NAMES = {"normal": "normal cell", "reduce": "reduction cell"}  # as a person says it
INPUT_NODES = 2  # the outputs of the two previous cells

EngineCells = Literal["last", "first", "all"] | Sequence[int]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """``nodes`` intermediate nodes, each of which may take every operation from every node before it.

    Nodes 0 and 1 are the inputs of the cell, 2 … ``nodes`` + 1 the intermediate ones; the output concatenates
    the latter. An edge (i, j), i < j, carries all ``operations``.
    """

    name: str
    operations: tuple[str, ...]
    nodes: int = 4
    description: str = ""
    source: str = ""

    @property
    def intermediate(self) -> range:
        """The numbers of the intermediate nodes."""
        return range(INPUT_NODES, INPUT_NODES + self.nodes)

    @property
    def sources(self) -> range:
        """The numbers of the nodes that a later node may read."""
        return range(INPUT_NODES + self.nodes - 1)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """All edges (i, j), ordered by target node j, then by source i: 14 for four nodes."""
        return tuple((i, j) for j in self.intermediate for i in range(j))

    @property
    def connections(self) -> int:
        """Candidate connections of a cell kind: edges x operations, 98 in the standard space."""
        return len(self.edges) * len(self.operations)


def cell_kinds(cells: int) -> tuple[str, ...]:
    """The kind of each of ``cells`` cells: reduction cells stand at 1/3 and 2/3 of the depth."""
    return tuple("reduce" if n in (cells // 3, 2 * cells // 3) else "normal" for n in range(cells))


def engine_positions(kinds: Sequence[str], engine_cells: EngineCells) -> frozenset[int]:
    """Which cells are Engine-cells: the last or first of each kind, all, or those listed.

    Raises ``ValueError`` if a listed one is not there, or if a kind has none: it would not be learned.
    """
    if engine_cells == "all":
        chosen = frozenset(range(len(kinds)))
    elif engine_cells in ("last", "first"):
        order = list(range(len(kinds)))
        if engine_cells == "last":
            order.reverse()
        chosen = frozenset(next(n for n in order if kinds[n] == kind) for kind in set(kinds))
    elif isinstance(engine_cells, str):
        raise ValueError(f"engine_cells: expected last, first, all or numbers, found {engine_cells}")
    else:
        chosen = frozenset(engine_cells)
    if not chosen <= set(range(len(kinds))):
        raise ValueError(f"engine_cells: cells are numbered 0 to {len(kinds) - 1}, found {sorted(chosen)}")
    if missing := {"normal", "reduce"} - {kinds[n] for n in chosen}:
        raise ValueError(f"engine_cells: no Engine-cell of kind {', '.join(sorted(missing))}")
    return chosen
