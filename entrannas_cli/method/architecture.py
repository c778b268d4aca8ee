"""The architecture parameters α and β, and what is derived from them: weights, sub-graph, genotype.

Notation (docs/method.md): α[i,j,k] per edge (i, j) and operation k, held as an (edges, operations) matrix in the
order of ``SearchSpace.edges``; β[j] per intermediate node; one set per cell kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .genotype import CellGraph, Connection, Genotype
from .space import CELL_KINDS, SearchSpace

__all__ = [
    "Architecture",
    "Derivation",
    "Derived",
    "Mixture",
    "TemperatureUnit",
    "TransitCells",
    "normalised_entropy",
    "operation_weights",
    "sparsify",
    "sparsity_pressure",
    "spread",
    "strongest",
    "support",
    "thresholds",
    "top2",
]

Derivation = Literal["dst", "top2"]
TemperatureUnit = Literal["spread", "absolute"]
TransitCells = Literal["strongest", "derived"]


@dataclass(frozen=True)
class Mixture:
    """How an Engine-cell weights its operations: p (softmax) or q̂ (sparsified), (edges, operations).

    ``support`` are the connections of non-zero weight, or None when all are: what is outside of it contributes
    neither to the output nor to any gradient, and need not be computed.
    """

    weights: Tensor
    support: CellGraph | None = None


@dataclass(frozen=True)
class Derived:
    """What is derived from α and β at one temperature: the cells, and their strongest operation on each edge.

    The two are equal once no edge keeps several operations, and always under "top2".
    """

    genotype: Genotype
    strongest: Genotype

    def passed_by(self, cells: TransitCells) -> Genotype:
        """The sub-graph that the Transit-cells pass."""
        return self.strongest if cells == "strongest" else self.genotype


class Architecture(nn.Module):
    """α and β of both cell kinds. α starts as small noise (as in DARTS), β at ``threshold_init``.

    A temperature in the unit "spread" is a multiple of the spread of the kind's α (:func:`spread`): how decided p
    is then follows from the temperature alone, however far α has moved. Once cells of a kind are decided their
    temperature is held (:meth:`hold`): a lower one would make every edge equally confident, and bring back what
    was cut.
    """

    held: Tensor

    def __init__(
        self,
        space: SearchSpace,
        *,
        threshold_init: float = 0.0,
        temperature_unit: TemperatureUnit = "absolute",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.space = space
        self.temperature_unit = temperature_unit
        shape = (len(space.edges), len(space.operations))
        self.alpha = nn.ParameterDict(
            {kind: nn.Parameter(1e-3 * torch.randn(shape, generator=generator)) for kind in CELL_KINDS}
        )
        self.beta = nn.ParameterDict(
            {kind: nn.Parameter(torch.full((space.nodes,), threshold_init)) for kind in CELL_KINDS}
        )
        self.register_buffer("held", torch.zeros(len(CELL_KINDS)), persistent=False)

    @torch.no_grad()
    def hold(self, kind: str, temperature: float) -> None:
        """Keeps the temperature of ``kind`` from falling below ``temperature``."""
        self.held[CELL_KINDS.index(kind)].clamp_(min=temperature)

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
        p = self.probabilities(temperature)
        if derivation == "top2":
            return p
        return {kind: sparsify(p[kind], thresholds(self.beta[kind]), self.space) for kind in CELL_KINDS}

    def probabilities(self, temperature: float | Tensor) -> dict[str, Tensor]:
        """p of both kinds, (edges, operations) each, differentiable; reads nothing on the host."""
        found = {}
        for alpha, kind, held in zip(self.alpha.values(), CELL_KINDS, self.held, strict=True):
            unit = spread(alpha) if self.temperature_unit == "spread" else 1.0
            found[kind] = operation_weights(alpha, held.clamp(min=temperature) * unit)
        return found

    def derive(self, derivation: Derivation, temperature: float) -> Genotype:
        """The derived cells at this temperature: the support of q̂ ("dst"), or the two strongest edges of each
        node ("top2"). Raises ``FloatingPointError`` if a weight is not finite.
        """
        return self.derive_at(derivation, [temperature])[0].genotype

    @torch.no_grad()
    def derive_at(self, derivation: Derivation, temperatures: Sequence[float]) -> list[Derived]:
        """What is derived at each of ``temperatures``; waits for the device once, however many there are.

        Raises ``FloatingPointError`` if a weight is not finite.
        """
        found = [self.weights(derivation, temperature) for temperature in temperatures]
        on_host = iter(torch.stack([w for weights in found for w in weights.values()]).cpu())

        def cells(rule: Callable[[Tensor, SearchSpace], CellGraph], weights: dict[str, Tensor]) -> Genotype:
            return Genotype(**{kind: rule(w, self.space) for kind, w in weights.items()})

        derived = []
        for weights in [{kind: next(on_host) for kind in CELL_KINDS} for _ in temperatures]:
            genotype = cells(support if derivation == "dst" else top2, weights)
            derived.append(Derived(genotype, cells(strongest, weights) if derivation == "dst" else genotype))
        return derived


def operation_weights(alpha: Tensor, temperature: float | Tensor) -> Tensor:
    """p[i,j,·] = softmax(α[i,j,·] / τ) over the operations of each edge; (edges, operations)."""
    return torch.softmax(alpha / temperature, dim=-1)


@torch.no_grad()
def spread(alpha: Tensor) -> Tensor:
    """Standard deviation of α[i,j,·] around the mean of its edge, over all edges; a scalar, never 0.

    Adding a number to an edge's α changes no p, so it doesn't change the spread either. Without a gradient: what
    it scales, the temperature, is a schedule.
    """
    deviation = alpha - alpha.mean(dim=-1, keepdim=True)
    return deviation.square().mean().sqrt().clamp(min=torch.finfo(alpha.dtype).eps)


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
    several = (q > 0).sum(dim=-1, keepdim=True) > 1
    total = torch.where(several, q.sum(dim=-1, keepdim=True), torch.ones_like(q[:, :1]))
    # Alone on its edge an operation weighs 1, whatever p and t are. Dividing q by itself would leave rounding
    # errors as gradients, and Adam would turn them into full steps.
    return torch.where(several, q / total, torch.where(q > 0, torch.ones_like(q), q.detach()))


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


def strongest(weights: Tensor, space: SearchSpace) -> CellGraph:
    """The strongest connection of each edge that has one of non-zero weight; the first of equal ones.

    Waits for the device. Raises ``FloatingPointError`` on NaN.
    """
    chosen = [
        (j, i, space.operations[row.index(max(row))])
        for (i, j), row in zip(space.edges, _on_host(weights), strict=True)
        if max(row) > 0
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
