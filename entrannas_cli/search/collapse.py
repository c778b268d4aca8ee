"""Warning signs of a search that collapses, as they are known from DARTS."""

from __future__ import annotations

from ..method.genotype import Genotype
from ..method.operations import get_operation, has_weights
from ..method.space import CELL_NAMES, INPUT_NODES

__all__ = ["collapse_warning"]

SKIP_SHARE = 0.5  # of the connections of a normal cell
REMEDY = (
    "Try a lower architecture.learning_rate or sparsity_weight, architecture.warmup_epochs to let the weights "
    "learn first, or another seed"
)


def collapse_warning(genotype: Genotype) -> str:
    """The signs that the cells show, with what to try; empty if they show none.

    Skip connections that take over the normal cell, and nodes that keep only parameter-free operations.
    """
    signs = []
    connections = genotype.normal.connections
    skips = sum(connection.operation == "skip_connect" for _, connection in connections)
    if skips > SKIP_SHARE * len(connections):
        signs.append(
            f"skip connections take over the normal cell ({skips} of {len(connections)} connections)"
        )
    for kind, cell in genotype.cells:
        nodes = [
            str(j)
            for j, node in enumerate(cell.nodes, start=INPUT_NODES)
            if not any(has_weights(kind, c.source, get_operation(c.operation)) for c in node)
        ]
        if nodes:
            which = f"node {nodes[0]} keeps" if len(nodes) == 1 else f"nodes {', '.join(nodes)} keep"
            signs.append(f"{which} only parameter-free operations in the {CELL_NAMES[kind]}")
    return f"signs of a collapse: {'; '.join(signs)}. {REMEDY}" if signs else ""
