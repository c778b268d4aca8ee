"""Signs that a search has collapsed: operations without weights have taken over the normal cell."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

from ...method.genotype import Genotype
from ...method.operations import Operation, get_operation
from ...method.space import SearchSpace

__all__ = ["collapse_warning"]

# The limits add up to 5 %: at most that share of random cells shows a sign, however many connections they have.
SKIP_SIGNIFICANCE = 0.04
WEIGHTLESS_SIGNIFICANCE = 0.01
REMEDY = "Try --set weights.weight_decay=0.0081"  # docs/method.md says why


def collapse_warning(genotype: Genotype, space: SearchSpace) -> str:
    """Return the sign of a collapse that the cells show and what to try, or an empty string.

    Skip connections, or operations without weights, are more than half of the normal cell, and improbable in a cell
    that is drawn at random from ``space``, the one that was searched.
    """
    sign = _takeover(
        genotype, space, "are skip connections", lambda o: o.name == "skip_connect", SKIP_SIGNIFICANCE
    )
    sign = sign or _takeover(
        genotype, space, "have no weights", lambda o: not o.parametric, WEIGHTLESS_SIGNIFICANCE
    )
    return f"signs of a collapse: {sign}. {REMEDY}" if sign else ""


def _takeover(
    genotype: Genotype, space: SearchSpace, what: str, counts: Callable[[Operation], bool], limit: float
) -> str:
    """The sign that the operations which ``counts`` picks have taken over, or an empty string."""
    chosen = [counts(get_operation(connection.operation)) for _, connection in genotype.normal.connections]
    offered = [counts(get_operation(name)) for name in space.operations]
    count, connections = sum(chosen), len(chosen)
    if 2 * count <= connections or _chance(count, connections, sum(offered), len(offered)) > limit:
        return ""
    expected = connections * sum(offered) / len(offered)
    return f"{count} of {connections} connections of the normal cell {what} ({expected:.1f} in a random cell)"


def _chance(count: int, connections: int, hits: int, operations: int) -> float:
    """The probability that at least ``count`` uniform draws of an operation are one of ``hits`` among all."""
    ways = range(count, connections + 1)
    cells = sum(comb(connections, n) * hits**n * (operations - hits) ** (connections - n) for n in ways)
    return float(cells / operations**connections)  # of integers: exact, and nothing overflows
