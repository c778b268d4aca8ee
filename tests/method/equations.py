"""The equations of docs/method.md in plain Python, as the reference for the tensor code."""

from __future__ import annotations

import math
from collections.abc import Sequence

from entrannas_cli.method.space import INPUT_NODES, SearchSpace

__all__ = [
    "Matrix",
    "edges_into",
    "kept_by_dst",
    "kept_by_top2",
    "p",
    "pressure",
    "q_hat",
    "ratios",
    "spread",
]

Matrix = list[list[float]]  # (edges, operations)


def edges_into(j: int, space: SearchSpace) -> list[int]:
    """Return the rows of the edges into node ``j``."""
    return [n for n, (_, target) in enumerate(space.edges) if target == j]


def p(alpha: Matrix, temperature: float) -> Matrix:
    """p[i,j,k] = exp(α[i,j,k] / τ) / Σ_k exp(α[i,j,k] / τ)."""
    result = []
    for row in alpha:
        largest = max(row)
        exponentials = [math.exp((value - largest) / temperature) for value in row]
        result.append([value / sum(exponentials) for value in exponentials])
    return result


def spread(alpha: Matrix) -> float:
    """Return the standard deviation of α[i,j,k] around the mean of its edge."""
    deviations = [value - sum(row) / len(row) for row in alpha for value in row]
    return math.sqrt(sum(deviation**2 for deviation in deviations) / len(deviations))


def ratios(alpha: Matrix, temperature: float, space: SearchSpace) -> Matrix:
    """p[i,j,k] / max p[·,j,·]."""
    weights = p(alpha, temperature)
    result: Matrix = [[] for _ in weights]
    for j in space.intermediate:
        edges = edges_into(j, space)
        strongest = max(max(weights[n]) for n in edges)
        for n in edges:
            result[n] = [value / strongest for value in weights[n]]
    return result


def q_hat(alpha: Matrix, beta: Sequence[float], temperature: float, space: SearchSpace) -> Matrix:
    """Return q = ReLU(p / max p - sigmoid(β_j)), divided by its sum over the operations of the edge; 0 / 0 is 0."""
    result = []
    for (_, j), row in zip(space.edges, ratios(alpha, temperature, space), strict=True):
        t = 1 / (1 + math.exp(-beta[j - INPUT_NODES]))
        q = [max(ratio - t, 0.0) for ratio in row]
        result.append([value / sum(q) for value in q] if sum(q) else q)
    return result


def kept_by_dst(weights: Matrix, space: SearchSpace) -> set[tuple[int, int, str]]:
    """Return (source, target, operation) for all weights above 0."""
    return {
        (i, j, name)
        for (i, j), row in zip(space.edges, weights, strict=True)
        for name, weight in zip(space.operations, row, strict=True)
        if weight > 0
    }


def kept_by_top2(weights: Matrix, space: SearchSpace) -> set[tuple[int, int, str]]:
    """Return the best operation per edge, for the two edges per node whose best is strongest."""
    kept = set()
    for j in space.intermediate:
        best = sorted((max(weights[n]), n) for n in edges_into(j, space))[-2:]
        kept |= {(space.edges[n][0], j, space.operations[weights[n].index(value)]) for value, n in best}
    return kept


def pressure(betas: Sequence[Sequence[float]]) -> float:
    """Return the mean of -log sigmoid(β_j) over the nodes of both cell kinds."""
    values = [math.log1p(math.exp(-value)) for beta in betas for value in beta]
    return sum(values) / len(values)
