"""One step of the bilevel, first-order search: architecture on validation data, then weights on training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .architecture import Architecture, Derivation, Mixture, sparsity_pressure
from .genotype import Genotype
from .network import SuperNet
from .space import CELL_KINDS

__all__ = ["Batch", "BilevelSearch", "StepOutcome"]

Batch = tuple[Tensor, Tensor]  # images (N, C, H, W), labels (N,)


@dataclass(frozen=True)
class StepOutcome:
    """Scalars of one step, still on the device, and the mixtures of its weight step."""

    weight_loss: Tensor
    accuracy: Tensor  # share of the training batch that was right
    gradient_norm: Tensor  # of the weights, before clipping
    mixtures: Mapping[str, Mixture]
    architecture_loss: Tensor | None = None  # None in a warm-up step


@dataclass
class BilevelSearch:
    """The super-net, its architecture, and the two optimisers that never touch each other's parameters.

    ``genotype`` is the sub-graph that the Transit-cells pass.
    """

    supernet: SuperNet
    architecture: Architecture
    weight_optimizer: torch.optim.Optimizer
    architecture_optimizer: torch.optim.Optimizer
    derivation: Derivation
    genotype: Genotype
    sparsity_weight: float = 0.05  # λ
    clip: float = 5.0
    autocast: AbstractContextManager[object] | None = None

    def __post_init__(self) -> None:
        self.weights = list(self.supernet.parameters())  # walking the modules anew is a tenth of a small step

    def step(
        self, training: Batch, validation: Batch | None, *, temperature: float, derive: bool = True
    ) -> StepOutcome:
        """Architecture step, re-derivation (if ``derive``), weight step.

        Without a ``validation`` batch the architecture stays as it is (warm-up). Raises
        ``FloatingPointError`` if the architecture is no longer finite.
        """
        architecture_loss = None
        if validation is not None:
            architecture_loss = self.architecture_step(validation, temperature)
        mixtures = self.architecture.mixtures(self.derivation, temperature)
        if derive:
            self.genotype = self.architecture.derived(self.derivation, mixtures)
        return replace(self.weight_step(training, mixtures), architecture_loss=architecture_loss)

    def architecture_step(self, batch: Batch, temperature: float) -> Tensor:
        """Adam on L_val + λ · pressure, for α and β alone; returns the whole loss."""
        images, labels = batch
        with _without_gradient(self.weights):  # cells before the first Engine-cell need no graph at all
            mixtures = self.architecture.mixtures(self.derivation, temperature)
            with self.autocast or nullcontext():
                logits = self.supernet(images, self.genotype, mixtures)
            loss = F.cross_entropy(logits.float(), labels)
            if self.derivation == "dst":
                pressure = [sparsity_pressure(self.architecture.beta[kind]) for kind in CELL_KINDS]
                loss = loss + self.sparsity_weight * torch.stack(pressure).mean()
            self.architecture_optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        self.architecture_optimizer.step()
        return loss.detach()

    def weight_step(self, batch: Batch, mixtures: Mapping[str, Mixture]) -> StepOutcome:
        """SGD with clipping on the training loss, for the super-net's weights alone.

        Operations that were not computed have no gradient (None), so the optimiser leaves them as they are:
        no momentum, no weight decay.
        """
        images, labels = batch
        mixtures = {kind: replace(m, weights=m.weights.detach()) for kind, m in mixtures.items()}
        with self.autocast or nullcontext():
            logits = self.supernet(images, self.genotype, mixtures)
        loss = F.cross_entropy(logits.float(), labels)
        self.weight_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.weights, self.clip)
        self.weight_optimizer.step()
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        return StepOutcome(loss.detach(), accuracy, norm, mixtures)


@contextmanager
def _without_gradient(weights: Sequence[Tensor]) -> Iterator[None]:
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
