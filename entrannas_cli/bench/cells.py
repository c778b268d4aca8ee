"""Architecture parameters that stand for given cells: α from which they are derived, and stay so for a while."""

from __future__ import annotations

import random

import torch

from ..method.architecture import Architecture
from ..method.genotype import CellGraph, Connection, Genotype
from ..method.published import PUBLISHED
from ..method.random_search import draw_genotype
from ..method.space import CELL_KINDS, SearchSpace

__all__ = ["draw_sparse", "lead_to", "named_cells"]

LEAD = 8.0  # α of what is chosen above the rest: p differs by a factor of 3,000
LOW_THRESHOLD = -3.0  # β: t = 0.05, so that as many as twenty operations that share an edge survive


def named_cells(name: str, space: SearchSpace, seed: int) -> tuple[str, Genotype]:
    """The published cells ``name``, or where ``space`` hasn't their operations or nodes, cells drawn at random."""
    cells = PUBLISHED[name]
    fits = all(
        len(cells.cell(kind).nodes) == space.nodes
        and {c.operation for _, c in cells.cell(kind).connections} <= set(space.operations)
        for kind in CELL_KINDS
    )
    return (name, cells) if fits else (f"drawn, seed {seed}", draw_genotype(space, seed))


def draw_sparse(space: SearchSpace, sparsity: float, seed: int) -> Genotype:
    """Cells that keep a uniform draw of 1 - ``sparsity`` of all connections, at least one a node."""
    draw = random.Random(seed)
    return Genotype(**{kind: _draw_cell(space, sparsity, draw) for kind in CELL_KINDS})


def _draw_cell(space: SearchSpace, sparsity: float, draw: random.Random) -> CellGraph:
    candidates = [(j, i, name) for i, j in space.edges for name in space.operations]
    draw.shuffle(candidates)
    first = {j: (j, i, name) for j, i, name in reversed(candidates)}  # of each node
    kept = list(first.values())
    others = [candidate for candidate in candidates if candidate not in kept]
    kept += others[: max(round((1 - sparsity) * space.connections) - len(kept), 0)]
    order = {name: k for k, name in enumerate(space.operations)}
    return CellGraph(
        tuple(
            tuple(
                Connection(i, name)
                for i, name in sorted(
                    ((i, name) for target, i, name in kept if target == j),
                    key=lambda pair: (pair[0], order[pair[1]]),
                )
            )
            for j in space.intermediate
        )
    )


@torch.no_grad()
def lead_to(architecture: Architecture, genotype: Genotype, *, sparse: bool) -> None:
    """Raises α of the connections of ``genotype`` far above the rest, so that "top2" derives it.

    With ``sparse`` the thresholds fall, so that "dst" does.
    """
    space = architecture.space
    for kind in CELL_KINDS:
        for j, connection in genotype.cell(kind).connections:
            row = space.edges.index((connection.source, j))
            architecture.alpha[kind][row, space.operations.index(connection.operation)] += LEAD
        if sparse:
            architecture.beta[kind].fill_(LOW_THRESHOLD)
