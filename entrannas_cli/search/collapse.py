"""Warning signs of a search that collapses, as they are known from DARTS."""

from __future__ import annotations

from ..method.genotype import Connection, Genotype
from ..method.operations import get_operation
from ..method.space import INPUT_NODES

__all__ = ["collapse_warnings"]

SKIP = "skip_connect"
SKIP_SHARE = 0.5  # of the connections of a normal cell
REMEDY = (
    "try a lower architecture.learning_rate, architecture.warmup_epochs to let the weights learn first, "
    "or another seed"
)


def collapse_warnings(genotype: Genotype) -> list[str]:
    """One text for each sign: skip connections that take over, nodes that keep only parameter-free operations.

    At stride 2, on the inputs of a reduction cell, a skip connection has weights: it is no sign there.
    """
    warnings = []
    connections = genotype.normal.connections
    skips = sum(connection.operation == SKIP for _, connection in connections)
    if skips > SKIP_SHARE * len(connections):
        warnings.append(
            f"skip connections take over the normal cell ({skips} of {len(connections)} connections): {REMEDY}"
        )
    for kind, cell in genotype.cells:
        strided = kind == "reduce"
        nodes = [n for n, node in enumerate(cell.nodes) if not any(_learns(c, strided) for c in node)]
        if nodes:
            names = ", ".join(str(node + INPUT_NODES) for node in nodes)
            warnings.append(
                f"node{'s' * (len(nodes) > 1)} {names} of the {kind} cell "
                f"keep{'s' * (len(nodes) == 1)} only parameter-free operations: {REMEDY}"
            )
    return warnings


def _learns(connection: Connection, strided: bool) -> bool:
    if strided and connection.source < INPUT_NODES and connection.operation == SKIP:
        return True
    return get_operation(connection.operation).parametric
