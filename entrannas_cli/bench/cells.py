"""Architecture parameters for given cells: α from which they are derived, with a margin for some steps."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

import torch

from ..common.errors import UsageError
from ..method.architecture import Architecture
from ..method.genotype import CellGraph, Connection, Genotype
from ..method.random_search import draw_genotype
from ..method.space import CELL_KINDS, INPUT_NODES, SearchSpace
from ..spaces.published import PUBLISHED

__all__ = ["draw_sparse", "named_cells", "set_alpha_for"]

LEAD = 8.0  # added to α of the chosen connections: p differs by a factor of 3,000


def named_cells(name: str, space: SearchSpace, seed: int) -> tuple[str, Genotype]:
    """Return the published cells ``name`` or, if ``space`` lacks their operations or nodes, random cells."""
    cells = PUBLISHED[name]
    fits = all(
        len(cells.cell(kind).nodes) == space.nodes
        and {c.operation for _, c in cells.cell(kind).connections} <= set(space.operations)
        for kind in CELL_KINDS
    )
    return (name, cells) if fits else (f"drawn, seed {seed}", draw_genotype(space, seed))


def draw_sparse(space: SearchSpace, sparsity: float, seed: int) -> Genotype:
    """Draw cells that keep 1 - ``sparsity`` of all connections, uniformly, with at least one per node.

    No edge keeps all its operations: no threshold could separate it from an edge that keeps none. Raises
    ``UsageError`` if that leaves too few.
    """
    kept = max(round((1 - sparsity) * space.connections), space.nodes)
    most = (len(space.operations) - 1) * len(space.edges)
    if kept > most:
        least = math.ceil(100 * (1 - most / space.connections)) / 100
        raise UsageError(
            f"--sparsity {sparsity:g}: too low for the space {space.name}: give at least {least:g}"
        )
    draw = random.Random(seed)
    return Genotype(**{kind: _draw_cell(space, kept, draw) for kind in CELL_KINDS})


def _draw_cell(space: SearchSpace, kept: int, draw: random.Random) -> CellGraph:
    candidates = [(i, j, name) for i, j in space.edges for name in space.operations]
    draw.shuffle(candidates)
    first = {j: (i, j, name) for i, j, name in reversed(candidates)}  # one per node
    chosen = list(first.values())
    room = {edge: len(space.operations) - 1 for edge in space.edges}
    for i, j, _ in chosen:
        room[i, j] -= 1
    for i, j, name in candidates:
        if len(chosen) < kept and room[i, j] and (i, j, name) not in chosen:
            room[i, j] -= 1
            chosen.append((i, j, name))
    return CellGraph(
        tuple(
            tuple(
                Connection(i, name) for i in range(j) for name in space.operations if (i, j, name) in chosen
            )
            for j in space.intermediate
        )
    )


@torch.no_grad()
def set_alpha_for(architecture: Architecture, genotype: Genotype, *, sparse: bool) -> None:
    """Raise α of the connections of ``genotype`` far above the rest, so that "top2" derives it.

    With ``sparse``, also set the thresholds so that "dst" derives it.
    """
    space = architecture.space
    for kind in CELL_KINDS:
        cell = genotype.cell(kind)
        for j, connection in cell.connections:
            row = space.edges.index((connection.source, j))
            architecture.alpha[kind][row, space.operations.index(connection.operation)] += LEAD
        for n, connections in enumerate(cell.nodes if sparse else ()):
            t = _threshold(
                [c.source for c in connections], edges=n + INPUT_NODES, operations=len(space.operations)
            )
            architecture.beta[kind][n] = math.log(t / (1 - t))


def _threshold(sources: Sequence[int], *, edges: int, operations: int) -> float:
    """Return the threshold of a node, midway between what should survive and what should not.

    Both are relative to the strongest connection. p is 1/m where m operations share an edge, and 1/K on an edge to
    be cut, whose operations are all equal.
    """
    shared = Counter(sources)
    strongest = 1 / min(shared.values())
    weakest = 1 / max(shared.values())
    cut = 1 / operations if len(shared) < edges else 0.0
    return (weakest + cut) / 2 / strongest
