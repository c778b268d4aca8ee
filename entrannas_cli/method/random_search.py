"""The baseline that a search must beat: a random genotype (Li & Talwalkar, UAI 2019)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from .genotype import CellGraph, Connection, Genotype
from .space import CELL_KINDS, INPUT_NODES, SearchSpace

__all__ = ["ATTEMPTS", "TOLERANCE", "draw_genotype", "draw_like", "draw_operations"]

TOLERANCE = 0.05  # of the multiply-adds
ATTEMPTS = 200_000  # draws, a few seconds


def draw_genotype(space: SearchSpace, seed: int) -> Genotype:
    """Draw uniformly among the cells that `top2` derives: two connections per node, from different sources.

    The same seed gives the same genotype on every machine.
    """
    return _draw(space, seed, lambda rng, sources: sorted(rng.sample(sources, 2)))


def draw_operations(space: SearchSpace, seed: int) -> Genotype:
    """Draw one operation for every edge uniformly, so that all operations are trained alike.

    The same seed gives the same genotype on every machine.
    """
    return _draw(space, seed, lambda _, sources: sources)


def _draw(
    space: SearchSpace, seed: int, pick_sources: Callable[[random.Random, range], Iterable[int]]
) -> Genotype:
    rng = random.Random(seed)
    return Genotype(
        **{
            kind: CellGraph(
                tuple(
                    tuple(Connection(i, rng.choice(space.operations)) for i in pick_sources(rng, range(j)))
                    for j in space.intermediate
                )
            )
            for kind in CELL_KINDS
        }
    )


def draw_like(
    genotype: Genotype,
    space: SearchSpace,
    seed: int,
    multiply_adds: Callable[[Genotype], int],
    *,
    tolerance: float = TOLERANCE,
) -> Genotype:
    """Draw cells as large as those of ``genotype``: the fair baseline for a learned topology.

    Each cell kind keeps its number of connections, drawn uniformly from all sets of that size that leave no node
    without an input. Draws whose ``multiply_adds`` differ by more than the fraction ``tolerance`` are rejected.
    The same seed gives the same genotype on every machine.

    Raises ``GenotypeError`` if ``genotype`` doesn't belong to ``space``, ``ValueError`` if no draw is close enough.
    """
    genotype.check(space)
    rng = random.Random(seed)
    candidates = [(j, Connection(i, name)) for i, j in space.edges for name in space.operations]
    cost = _connection_costs(space, multiply_adds)
    sizes = {kind: len(cell.connections) for kind, cell in genotype.cells}

    def total(kind: str, connections: list[tuple[int, Connection]]) -> int:
        return sum(cost[kind, c.source < INPUT_NODES, c.operation] for _, c in connections)

    target = multiply_adds(genotype)
    fixed = target - sum(total(kind, list(cell.connections)) for kind, cell in genotype.cells)
    for _ in range(ATTEMPTS):
        drawn = {kind: rng.sample(candidates, size) for kind, size in sizes.items()}
        if any(len({j for j, _ in cell}) < space.nodes for cell in drawn.values()):
            continue
        size = fixed + sum(total(kind, cell) for kind, cell in drawn.items())
        if abs(size - target) <= tolerance * target:
            return Genotype(**{kind: _cell_graph(space, cell) for kind, cell in drawn.items()})
    raise ValueError(
        f"none of {ATTEMPTS} draws of {sizes['normal']} + {sizes['reduce']} connections has "
        f"{target} multiply-adds within {100 * tolerance:g} %"
    )


def _cell_graph(space: SearchSpace, connections: list[tuple[int, Connection]]) -> CellGraph:
    return CellGraph(tuple(tuple(c for j, c in connections if j == node) for node in space.intermediate))


def _connection_costs(
    space: SearchSpace, multiply_adds: Callable[[Genotype], int]
) -> dict[tuple[str, bool, str], int]:
    """Return the multiply-adds of a connection by cell kind, whether it reads a cell input, and operation.

    These costs are additive, since a connection depends on nothing else, so small cells suffice to measure them.
    """
    first = (Connection(0, space.operations[0]),)
    smallest = CellGraph((first,) * space.nodes)
    baseline = multiply_adds(Genotype(normal=smallest, reduce=smallest))

    def added(kind: str, source: int, name: str) -> int:
        cell = CellGraph((*(first,) * (space.nodes - 1), (*first, Connection(source, name))))
        cells = {"normal": smallest, "reduce": smallest, kind: cell}
        return multiply_adds(Genotype(**cells)) - baseline

    sources = (1, INPUT_NODES) if space.nodes > 1 else (1,)
    return {
        (kind, source < INPUT_NODES, name): added(kind, source, name)
        for kind in CELL_KINDS
        for source in sources
        for name in space.operations
    }
