"""The search space of a cell: which operations an edge may carry, between which nodes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CELL_KINDS", "INPUT_NODES", "SearchSpace"]

CELL_KINDS = ("normal", "reduce")
INPUT_NODES = 2  # the outputs of the two previous cells


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
