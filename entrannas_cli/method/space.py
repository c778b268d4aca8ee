"""The search space of a cell: its nodes, edges and candidate operations."""

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
CELL_NAMES = {"normal": "normal cell", "reduce": "reduction cell"}  # for display
INPUT_NODES = 2  # the outputs of the two previous cells

EngineCells = Literal["last", "first", "middle", "all", "rotate"] | Sequence[int]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """A cell with ``nodes`` intermediate nodes, each of which may apply every operation to every node before it.

    Nodes 0 and 1 are the inputs of the cell, 2 … ``nodes`` + 1 the intermediate nodes, which the output
    concatenates. Each edge (i, j), i < j, carries all ``operations``.
    """

    name: str
    operations: tuple[str, ...]
    nodes: int = 4
    description: str = ""
    source: str = ""

    @property
    def intermediate(self) -> range:
        """The indices of the intermediate nodes."""
        return range(INPUT_NODES, INPUT_NODES + self.nodes)

    @property
    def sources(self) -> range:
        """The indices of the nodes that a later node may read."""
        return range(INPUT_NODES + self.nodes - 1)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """All edges (i, j), ordered by target node j, then by source i: 14 for four nodes."""
        return tuple((i, j) for j in self.intermediate for i in range(j))

    @property
    def connections(self) -> int:
        """Number of candidate connections per cell kind: edges x operations, 98 in the standard space."""
        return len(self.edges) * len(self.operations)


def cell_kinds(cells: int) -> tuple[str, ...]:
    """Return the kind of each of ``cells`` cells; the reduction cells are at 1/3 and 2/3 of the depth."""
    return tuple("reduce" if n in (cells // 3, 2 * cells // 3) else "normal" for n in range(cells))


def engine_positions(kinds: Sequence[str], engine_cells: EngineCells, turn: int = -1) -> frozenset[int]:
    """Return the positions of the Engine-cells among the cells of ``kinds``.

    These are the last, first or middle cell of each kind, all cells, or those listed. With "rotate" it is one cell
    of each kind: the turns 0, 1, 2, … cycle through a kind's cells from first to last.

    Raises ``ValueError`` if a listed position doesn't exist, or if a kind has no Engine-cell and would not be
    learned.
    """
    by_kind = [[n for n, kind in enumerate(kinds) if kind == each] for each in set(kinds)]
    index = {"first": 0, "last": -1, "rotate": turn}
    if engine_cells == "all":
        chosen = frozenset(range(len(kinds)))
    elif engine_cells == "middle":
        chosen = frozenset(cells[len(cells) // 2] for cells in by_kind)
    elif isinstance(engine_cells, str):
        if engine_cells not in index:
            raise ValueError(
                f"engine_cells: expected last, first, middle, all, rotate or numbers, found {engine_cells}"
            )
        chosen = frozenset(cells[index[engine_cells] % len(cells)] for cells in by_kind)
    else:
        chosen = frozenset(engine_cells)
    if not chosen <= set(range(len(kinds))):
        raise ValueError(f"engine_cells: cells are numbered 0 to {len(kinds) - 1}, found {sorted(chosen)}")
    if missing := {"normal", "reduce"} - {kinds[n] for n in chosen}:
        raise ValueError(f"engine_cells: no Engine-cell of kind {', '.join(sorted(missing))}")
    return chosen
