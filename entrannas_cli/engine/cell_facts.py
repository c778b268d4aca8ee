"""What rows and summaries tell of derived cells."""

from __future__ import annotations

from collections import Counter

from ..method.genotype import Genotype
from .observer import Row

__all__ = ["cell_facts", "operation_facts"]


def cell_facts(genotype: Genotype) -> Row:
    """Connections of each node of the derived cells."""
    return {f"connections_{kind}": [len(node) for node in cell.nodes] for kind, cell in genotype.cells}


def operation_facts(genotype: Genotype) -> Row:
    """How often each operation occurs in the derived cells."""
    return {
        f"operations_{kind}": dict(sorted(Counter(c.operation for _, c in cell.connections).items()))
        for kind, cell in genotype.cells
    }
