"""Metric rows: plain numbers from a step's tensors and the derived cells."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...method.architecture import Mixture, normalised_entropy, spread, thresholds
from ...method.bilevel import BilevelSearch, StepOutcome
from ...method.space import CELL_KINDS
from ..observer import Row

__all__ = ["architecture_metrics", "pack", "sparsity_metrics", "unpack"]


def pack(outcome: StepOutcome, search: BilevelSearch) -> torch.Tensor:
    """Return a step's metrics on the device as one vector, so that one copy to the host is enough."""
    architecture_loss = outcome.architecture_loss
    scalars = [
        outcome.weight_loss,
        outcome.accuracy,
        outcome.gradient_norm,
        torch.zeros_like(outcome.weight_loss) if architecture_loss is None else architecture_loss,
    ]
    betas = search.architecture.beta.values() if search.derivation == "dst" else []
    with torch.no_grad():
        return torch.cat([torch.stack([s.float() for s in scalars]), *(thresholds(b).float() for b in betas)])


def unpack(values: list[float], *, warmup: bool) -> Row:
    """Return the values of :func:`pack` by metric key."""
    weight_loss, accuracy, gradient_norm, architecture_loss, *threshold_values = values
    row: Row = {
        "weight_loss": weight_loss,
        "architecture_loss": None if warmup else architecture_loss,
        "accuracy": accuracy,
        "gradient_norm": gradient_norm,
    }
    if threshold_values:
        nodes = len(threshold_values) // len(CELL_KINDS)
        for n, kind in enumerate(CELL_KINDS):
            row[f"thresholds_{kind}"] = threshold_values[n * nodes : (n + 1) * nodes]
    return row


def sparsity_metrics(search: BilevelSearch, mixtures: Mapping[str, Mixture]) -> Row:
    """Return the share of candidate connections with zero weight in the Engine-cell: none under a softmax.

    If the step's ``mixtures`` do not hold it, it is that of the last derivation: the device is not read.
    """
    if search.derivation == "top2":
        return {f"sparsity_{kind}": 0.0 for kind in mixtures}
    candidates = search.architecture.space.connections
    graphs = {kind: mixture.support or search.genotype.cell(kind) for kind, mixture in mixtures.items()}
    return {f"sparsity_{kind}": 1 - len(graph.connections) / candidates for kind, graph in graphs.items()}


def architecture_metrics(search: BilevelSearch, temperature: float) -> Row:
    """Return operation weights p (a list per edge), their normalised entropy (1 to 0), and the spread of α."""
    row: Row = {}
    for kind, weights in search.architecture.probabilities(temperature).items():
        p = weights.detach().cpu()
        row[f"alpha_spread_{kind}"] = float(spread(search.architecture.alpha[kind]))
        row[f"entropy_{kind}"] = float(normalised_entropy(p))
        row[f"weights_{kind}"] = [[round(value, 6) for value in edge] for edge in p.tolist()]
    return row
