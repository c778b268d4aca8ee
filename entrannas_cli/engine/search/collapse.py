"""Signs that a search has collapsed: operations without weights have taken over the normal cell."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

from ...method.genotype import Genotype
from ...method.operations import Operation, get_operation
from ...method.space import SearchSpace

__all__ = ["collapse_warning"]

# The limits add up to 5 %: at most that share of random cells shows a sign, for any number of connections.
SKIP_SIGNIFICANCE = 0.04
WEIGHTLESS_SIGNIFICANCE = 0.01
REMEDY = "Try --set weights.weight_decay=0.0081"  # docs/method.md says why


def collapse_warning(genotype: Genotype, space: SearchSpace) -> str:
    """Return a warning with the sign of a collapse and what to try, or an empty string.

    A sign is a normal cell of which more than half is skip connections, or operations without weights, if that many
    are improbable in a random cell of the searched ``space``.
    """
    sign = _takeover(
        genotype, space, "are skip connections", lambda o: o.name == "skip_connect", SKIP_SIGNIFICANCE
    )
    sign = sign or _takeover(
        genotype, space, "have no weights", lambda o: not o.parametric, WEIGHTLESS_SIGNIFICANCE
    )
    return f"signs of a collapse: {sign}. {REMEDY}" if sign else ""


def _takeover(
    genotype: Genotype,
    space: SearchSpace,
    what: str,
    predicate: Callable[[Operation], bool],
    significance: float,
) -> str:
    """Return a description if operations that meet ``predicate`` dominate the normal cell, else an empty string."""
    chosen = [predicate(get_operation(connection.operation)) for _, connection in genotype.normal.connections]
    offered = [predicate(get_operation(name)) for name in space.operations]
    count, connections = sum(chosen), len(chosen)
    if 2 * count <= connections or _chance(count, connections, sum(offered), len(offered)) > significance:
        return ""
    expected = connections * sum(offered) / len(offered)
    return f"{count} of {connections} connections of the normal cell {what} ({expected:.1f} in a random cell)"


def _chance(count: int, connections: int, hits: int, operations: int) -> float:
    """Return the probability that at least ``count`` of ``connections`` random operations are among ``hits``."""
    ways = range(count, connections + 1)
    cells = sum(comb(connections, n) * hits**n * (operations - hits) ** (connections - n) for n in ways)
    return float(cells / operations**connections)  # integers: exact, without overflow
