"""Properties of derived cells, for metric rows and summaries."""

from __future__ import annotations

from collections import Counter

from ..method.genotype import Genotype
from .observer import Row

__all__ = ["count_connections", "count_operations"]


def count_connections(genotype: Genotype) -> Row:
    """Return the number of connections of each node, per kind of cell."""
    return {f"connections_{kind}": [len(node) for node in cell.nodes] for kind, cell in genotype.cells}


def count_operations(genotype: Genotype) -> Row:
    """Return how often each operation occurs, per kind of cell."""
    return {
        f"operations_{kind}": dict(sorted(Counter(c.operation for _, c in cell.connections).items()))
        for kind, cell in genotype.cells
    }
