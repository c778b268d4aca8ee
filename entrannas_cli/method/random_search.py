"""The baseline that a search must beat: a genotype drawn at random (Li & Talwalkar, UAI 2019)."""

from __future__ import annotations

import random

from .genotype import CellGraph, Connection, Genotype
from .space import CELL_KINDS, SearchSpace

__all__ = ["draw_genotype"]


def draw_genotype(space: SearchSpace, seed: int) -> Genotype:
    """A uniform draw from the cells of two connections a node, from different sources, as `top2` derives them.

    The same seed gives the same genotype on every machine.
    """
    draw = random.Random(seed)
    return Genotype(**{kind: _draw_cell(space, draw) for kind in CELL_KINDS})


def _draw_cell(space: SearchSpace, draw: random.Random) -> CellGraph:
    return CellGraph(
        tuple(
            tuple(Connection(i, draw.choice(space.operations)) for i in sorted(draw.sample(range(j), 2)))
            for j in space.intermediate
        )
    )
