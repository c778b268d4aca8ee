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

    ``support`` holds the connections with non-zero weight, or is None to compute them all. Connections outside it
    contribute neither to the output nor to any gradient, so the cell skips them.
    """

    weights: Tensor
    support: CellGraph | None = None


@dataclass(frozen=True)
class Derived:
    """The cells derived from α and β at one temperature, and the same with only the strongest operation per edge.

    The two are equal once no edge keeps several operations, and always under "top2".
    """

    genotype: Genotype
    strongest: Genotype

    def passed_by(self, cells: TransitCells) -> Genotype:
        """Return the sub-graph that the Transit-cells run."""
        return self.strongest if cells == "strongest" else self.genotype


class Architecture(nn.Module):
    """α and β of both cell kinds. α starts as small noise (as in DARTS), β at ``threshold_init``.

    With the unit "spread" a temperature is a multiple of the spread of that kind's α (:func:`spread`), so the
    temperature alone determines how decided p is, however far α has moved. Once the cells of a kind are decided,
    their temperature is held (:meth:`hold`): a lower one would make every edge equally confident and bring back
    pruned connections.
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
        """Keep the temperature of ``kind`` from falling below ``temperature``."""
        self.held[CELL_KINDS.index(kind)].clamp_(min=temperature)

    def mixtures(self, derivation: Derivation, temperature: float) -> dict[str, Mixture]:
        """Return the Engine-cells' mixtures of both kinds, differentiable in α (and in β for "dst").

        Synchronises with the device for "dst". Raises ``FloatingPointError`` if a weight is not finite.
        """
        weights = self.weights(derivation, temperature)
        return {
            kind: Mixture(w, support(w, self.space) if derivation == "dst" else None)
            for kind, w in weights.items()
        }

    def weights(self, derivation: Derivation, temperature: float | Tensor) -> dict[str, Tensor]:
        """Return p ("top2") or q̂ ("dst") of both kinds, (edges, operations) each, differentiable.

        Never synchronises with the device.
        """
        p = self.probabilities(temperature)
        if derivation == "top2":
            return p
        return {kind: sparsify(p[kind], thresholds(self.beta[kind]), self.space) for kind in CELL_KINDS}

    def probabilities(self, temperature: float | Tensor) -> dict[str, Tensor]:
        """Return p of both kinds, (edges, operations) each, differentiable.

        Never synchronises with the device.
        """
        p = {}
        for alpha, kind, held in zip(self.alpha.values(), CELL_KINDS, self.held, strict=True):
            unit = spread(alpha) if self.temperature_unit == "spread" else 1.0
            p[kind] = operation_weights(alpha, held.clamp(min=temperature) * unit)
        return p

    def derive(self, derivation: Derivation, temperature: float) -> Genotype:
        """Return the cells derived at this temperature.

        These are the support of q̂ ("dst") or the two strongest edges of each node ("top2"). Raises
        ``FloatingPointError`` if a weight is not finite.
        """
        return self.derive_at(derivation, [temperature])[0].genotype

    @torch.no_grad()
    def derive_at(self, derivation: Derivation, temperatures: Sequence[float]) -> list[Derived]:
        """Return the cells derived at each of ``temperatures``.

        Synchronises with the device once, however many temperatures there are. Raises ``FloatingPointError`` if a
        weight is not finite.
        """
        weights_at = [self.weights(derivation, temperature) for temperature in temperatures]
        on_host = iter(torch.stack([w for weights in weights_at for w in weights.values()]).cpu())

        def cells(rule: Callable[[Tensor, SearchSpace], CellGraph], weights: dict[str, Tensor]) -> Genotype:
            return Genotype(**{kind: rule(w, self.space) for kind, w in weights.items()})

        derived = []
        for weights in [{kind: next(on_host) for kind in CELL_KINDS} for _ in temperatures]:
            genotype = cells(support if derivation == "dst" else top2, weights)
            derived.append(Derived(genotype, cells(strongest, weights) if derivation == "dst" else genotype))
        return derived


def operation_weights(alpha: Tensor, temperature: float | Tensor) -> Tensor:
    """Return p[i,j,·] = softmax(α[i,j,·] / τ) over the operations of each edge; (edges, operations)."""
    return torch.softmax(alpha / temperature, dim=-1)


@torch.no_grad()
def spread(alpha: Tensor) -> Tensor:
    """Return the standard deviation of α[i,j,·] around the mean of its edge, over all edges; a scalar, never 0.

    Adding a constant to an edge's α leaves p unchanged, and the spread too. It carries no gradient, since the
    temperature that it scales is a schedule.
    """
    deviation = alpha - alpha.mean(dim=-1, keepdim=True)
    return deviation.square().mean().sqrt().clamp(min=torch.finfo(alpha.dtype).eps)


def thresholds(beta: Tensor) -> Tensor:
    """Return t_j = sigmoid(β_j), clamped below 1, so that rounding never prunes the strongest operation."""
    t = torch.sigmoid(beta)
    return t.clamp(max=1 - torch.finfo(t.dtype).eps)


def sparsify(p: Tensor, t: Tensor, space: SearchSpace) -> Tensor:
    """Return q̂ of the differentiable sparsification, (edges, operations), from p and the nodes' thresholds t.

    q[i,j,k] = ReLU(p[i,j,k] / max p[·,j,·] - t_j);  q̂[i,j,k] = q[i,j,k] / Σ_k q[i,j,k], 0 on edges with no
    survivor. The maximum runs over all edges into node j, so each node keeps at least one connection.
    """
    into_node = torch.split(p, list(space.intermediate))  # node j has j incoming edges
    q = torch.cat([torch.relu(p_j / p_j.max() - t_j) for p_j, t_j in zip(into_node, t, strict=True)])
    several = (q > 0).sum(dim=-1, keepdim=True) > 1
    total = torch.where(several, q.sum(dim=-1, keepdim=True), torch.ones_like(q[:, :1]))
    # A single survivor of an edge has weight 1, whatever p and t are. Dividing q by itself would leave rounding
    # errors as gradients, and Adam would turn them into full steps.
    return torch.where(several, q / total, torch.where(q > 0, torch.ones_like(q), q.detach()))


def sparsity_pressure(beta: Tensor) -> Tensor:
    """Return mean_j(-log sigmoid(β_j)), the term weighted by λ in the architecture loss; a scalar."""
    return nn.functional.softplus(-beta).mean()


def support(weights: Tensor, space: SearchSpace) -> CellGraph:
    """Return the connections with non-zero weight.

    Synchronises with the device. Raises ``FloatingPointError`` if a weight is not finite.
    """
    rows = _finite_rows(weights)
    chosen = [
        (j, i, name)
        for (i, j), row in zip(space.edges, rows, strict=True)
        for name, weight in zip(space.operations, row, strict=True)
        if weight != 0
    ]
    return _cell_graph(chosen, space)


def strongest(weights: Tensor, space: SearchSpace) -> CellGraph:
    """Return the strongest connection of each edge with a non-zero weight; the first one on a tie.

    Synchronises with the device. Raises ``FloatingPointError`` if a weight is not finite.
    """
    chosen = [
        (j, i, space.operations[row.index(max(row))])
        for (i, j), row in zip(space.edges, _finite_rows(weights), strict=True)
        if max(row) > 0
    ]
    return _cell_graph(chosen, space)


def top2(p: Tensor, space: SearchSpace) -> CellGraph:
    """Apply DARTS' rule: the best operation of each edge, and the two edges per node whose best is strongest.

    Synchronises with the device. Raises ``FloatingPointError`` if a weight is not finite.
    """
    best = {
        edge: max(zip(row, space.operations, strict=True), key=lambda pair: pair[0])
        for edge, row in zip(space.edges, _finite_rows(p), strict=True)
    }
    chosen = [
        (j, i, best[i, j][1])
        for j in space.intermediate
        for i in sorted(range(j), key=lambda i: -best[i, j][0])[:2]
    ]
    return _cell_graph(chosen, space)


def _finite_rows(weights: Tensor) -> list[list[float]]:
    if not torch.isfinite(host := weights.detach().cpu()).all():
        raise FloatingPointError("the architecture weights are not finite")
    rows: list[list[float]] = host.tolist()
    return rows


def _cell_graph(chosen: Sequence[tuple[int, int, str]], space: SearchSpace) -> CellGraph:
    return CellGraph(
        tuple(
            tuple(Connection(source, name) for target, source, name in chosen if target == j)
            for j in space.intermediate
        )
    )


def normalised_entropy(p: Tensor) -> Tensor:
    """Return the entropy of p[i,j,·], averaged over edges and divided by log K; a scalar.

    1 is undecided, 0 decided.
    """
    operations = p.shape[-1]
    if operations == 1:
        return torch.zeros((), dtype=p.dtype)
    entropy: Tensor = torch.special.entr(p).sum(dim=-1).mean() / math.log(operations)
    return entropy
