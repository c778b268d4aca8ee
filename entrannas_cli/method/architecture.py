"""The architecture parameters α and β, and what is derived from them: weights, sub-graph, genotype.

Notation (docs/method.md): α[i,j,k] per edge (i, j) and operation k, held as an (edges, operations) matrix in the
order of ``SearchSpace.edges``; β[j] per intermediate node; one set per cell kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .genotype import CellGraph, Connection, Genotype
from .space import CELL_KINDS, SearchSpace

__all__ = [
    "Architecture",
    "Derivation",
    "Mixture",
    "normalised_entropy",
    "operation_weights",
    "sparsify",
    "sparsity_pressure",
    "support",
    "thresholds",
    "top2",
]

Derivation = Literal["dst", "top2"]


@dataclass(frozen=True)
class Mixture:
    """How an Engine-cell weights its operations: p (softmax) or q̂ (sparsified), (edges, operations).

    ``support`` are the connections of non-zero weight, or None when all are: what is outside of it contributes
    neither to the output nor to any gradient, and need not be computed.
    """

    weights: Tensor
    support: CellGraph | None = None


class Architecture(nn.Module):
    """α and β of both cell kinds. α starts as small noise (as in DARTS), β at ``threshold_init``."""

    def __init__(
        self, space: SearchSpace, *, threshold_init: float = 0.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.space = space
        shape = (len(space.edges), len(space.operations))
        self.alpha = nn.ParameterDict(
            {kind: nn.Parameter(1e-3 * torch.randn(shape, generator=generator)) for kind in CELL_KINDS}
        )
        self.beta = nn.ParameterDict(
            {kind: nn.Parameter(torch.full((space.nodes,), threshold_init)) for kind in CELL_KINDS}
        )

    def mixtures(self, derivation: Derivation, temperature: float) -> dict[str, Mixture]:
        """The Engine-cells' weights of both kinds, differentiable in α (and in β for "dst").

        Waits for the device ("dst"). Raises ``FloatingPointError`` if a weight is not finite.
        """
        weights = self.weights(derivation, temperature)
        return {
            kind: Mixture(w, support(w, self.space) if derivation == "dst" else None)
            for kind, w in weights.items()
        }

    def weights(self, derivation: Derivation, temperature: float | Tensor) -> dict[str, Tensor]:
        """p ("top2") or q̂ ("dst") of both kinds, (edges, operations) each, differentiable; reads nothing."""
        p = {kind: operation_weights(self.alpha[kind], temperature) for kind in CELL_KINDS}
        if derivation == "top2":
            return p
        return {kind: sparsify(p[kind], thresholds(self.beta[kind]), self.space) for kind in CELL_KINDS}

    def derive(self, derivation: Derivation, temperature: float) -> Genotype:
        """The derived cells at this temperature: the support of q̂ ("dst"), or the two strongest edges of each
        node ("top2"). Raises ``FloatingPointError`` if a weight is not finite.
        """
        return self.derive_at(derivation, [temperature])[0]

    @torch.no_grad()
    def derive_at(self, derivation: Derivation, temperatures: Sequence[float]) -> list[Genotype]:
        """The derived cells at each of ``temperatures``; waits for the device once, whatever their number."""
        weights = [w for temperature in temperatures for w in self.weights(derivation, temperature).values()]
        rule = support if derivation == "dst" else top2
        graphs = [rule(w, self.space) for w in torch.stack(weights).cpu()]
        return [
            Genotype(**dict(zip(CELL_KINDS, graphs[n : n + len(CELL_KINDS)], strict=True)))
            for n in range(0, len(graphs), len(CELL_KINDS))
        ]


def operation_weights(alpha: Tensor, temperature: float | Tensor) -> Tensor:
    """p[i,j,·] = softmax(α[i,j,·] / τ) over the operations of each edge; (edges, operations)."""
    return torch.softmax(alpha / temperature, dim=-1)


def thresholds(beta: Tensor) -> Tensor:
    """t_j = sigmoid(β_j), kept below 1 where the sigmoid rounds to it: the strongest always survives."""
    t = torch.sigmoid(beta)
    return t.clamp(max=1 - torch.finfo(t.dtype).eps)


def sparsify(p: Tensor, t: Tensor, space: SearchSpace) -> Tensor:
    """q̂ of the differentiable sparsification, (edges, operations), from p and the nodes' thresholds t.

    q[i,j,k] = ReLU(p[i,j,k] / max p[·,j,·] - t_j);  q̂[i,j,k] = q[i,j,k] / Σ_k q[i,j,k], 0 on edges with no
    survivor. The maximum runs over all edges into node j, so each node keeps at least one connection.
    """
    into_node = torch.split(p, list(space.intermediate))  # node j has j incoming edges
    q = torch.cat([torch.relu(p_j / p_j.max() - t_j) for p_j, t_j in zip(into_node, t, strict=True)])
    total = q.sum(dim=-1, keepdim=True)
    return q / torch.where(total > 0, total, torch.ones_like(total))


def sparsity_pressure(beta: Tensor) -> Tensor:
    """mean_j(-log sigmoid(β_j)), the term that λ weighs in the architecture loss; a scalar."""
    return nn.functional.softplus(-beta).mean()


def support(weights: Tensor, space: SearchSpace) -> CellGraph:
    """The connections of non-zero weight. Waits for the device. Raises ``FloatingPointError`` on NaN."""
    rows = _on_host(weights)
    chosen = [
        (j, i, name)
        for (i, j), row in zip(space.edges, rows, strict=True)
        for name, weight in zip(space.operations, row, strict=True)
        if weight != 0
    ]
    return _graph(chosen, space)


def top2(p: Tensor, space: SearchSpace) -> CellGraph:
    """DARTS' rule: per edge the best operation, per node the two edges whose best is strongest.

    Raises ``FloatingPointError`` on NaN.
    """
    best = {
        edge: max(zip(row, space.operations, strict=True), key=lambda pair: pair[0])
        for edge, row in zip(space.edges, _on_host(p), strict=True)
    }
    chosen = [
        (j, i, best[i, j][1])
        for j in space.intermediate
        for i in sorted(range(j), key=lambda i: -best[i, j][0])[:2]
    ]
    return _graph(chosen, space)


def _on_host(weights: Tensor) -> list[list[float]]:
    if not torch.isfinite(host := weights.detach().cpu()).all():
        raise FloatingPointError("the architecture weights are not finite")
    rows: list[list[float]] = host.tolist()
    return rows


def _graph(chosen: Sequence[tuple[int, int, str]], space: SearchSpace) -> CellGraph:
    return CellGraph(
        tuple(
            tuple(Connection(source, name) for target, source, name in chosen if target == j)
            for j in space.intermediate
        )
    )


def normalised_entropy(p: Tensor) -> Tensor:
    """Mean over the edges of the entropy of p[i,j,·], divided by log K: 1 undecided, 0 decided; a scalar."""
    operations = p.shape[-1]
    if operations == 1:
        return torch.zeros((), dtype=p.dtype)
    entropy: Tensor = torch.special.entr(p).sum(dim=-1).mean() / math.log(operations)
    return entropy
