"""One step of the bilevel, first-order search: architecture on validation data, then weights on training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .architecture import Architecture, Derivation, Mixture, sparsity_pressure
from .execute import Execute, directly
from .genotype import Genotype
from .idle import IdleWeights
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

    ``genotype`` is the sub-graph that the Transit-cells pass. Under "dst" ``sparse`` says whether the Engine-cells
    compute the support of q̂ alone. It is read on the host for that, at least once a step, which is free on a CPU;
    otherwise they compute every operation, and nothing is read but in a step that derives. What is learned is the
    same to rounding. The weight optimiser must then be prepared (:func:`prepare`).
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
    sparse: bool = True
    execute: Execute = directly

    def __post_init__(self) -> None:
        self.weights = list(self.supernet.parameters())  # walking the modules anew is a tenth of a small step
        self._derived: dict[float, Genotype] = {}  # by temperature, of the architecture as it was in
        self._version: tuple[int, ...] = ()
        whole = self.derivation == "dst" and not self.sparse
        self._idle = IdleWeights(self.weights, self.weight_optimizer) if whole else None

    def step(
        self,
        training: Batch,
        validation: Batch | None,
        *,
        temperature: float,
        derive: bool = True,
        next_temperature: float | None = None,
    ) -> StepOutcome:
        """Architecture step, re-derivation (if ``derive``), weight step.

        Without a ``validation`` batch the architecture stays as it is (warm-up). Where the host must know what is
        in use at the ``next_temperature`` too, both are read at once. Raises ``FloatingPointError`` if what is
        read of the architecture is no longer finite.
        """
        reads = self.sparse and self.derivation == "dst"
        ahead = next_temperature if reads else None
        architecture_loss = None
        if validation is not None:
            support = self._derive_at(temperature) if reads else None
            architecture_loss = self.execute(
                "architecture step",
                (self.genotype, support),
                lambda images, labels, tau: self._architecture_step((images, labels), tau, support),
                *validation,
                temperature,
            ).clone()  # the weight step, if it is replayed, may take its memory
            self._derived.clear()
        derived = self._derive_at(temperature, ahead) if derive or reads else None
        if derive and derived is not None:
            self.genotype = derived
        in_use = derived if reads else None
        outcome = self.execute(
            "weight step",
            (self.genotype, in_use),
            lambda images, labels, tau: self.weight_step((images, labels), self._mixtures(tau, in_use)),
            *training,
            temperature,
        )
        return replace(outcome, architecture_loss=architecture_loss)

    def architecture_step(self, batch: Batch, temperature: float) -> Tensor:
        """Adam on L_val + λ · pressure, for α and β alone; returns the whole loss."""
        reads = self.sparse and self.derivation == "dst"
        return self._architecture_step(batch, temperature, self._derive_at(temperature) if reads else None)

    def _architecture_step(
        self, batch: Batch, temperature: float | Tensor, support: Genotype | None
    ) -> Tensor:
        images, labels = batch
        with _without_gradient(self.weights):  # cells before the first Engine-cell need no graph at all
            mixtures = self._mixtures(temperature, support)
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

    def _mixtures(self, temperature: float | Tensor, support: Genotype | None) -> dict[str, Mixture]:
        weights = self.architecture.weights(self.derivation, temperature)
        return {
            kind: Mixture(w, None if support is None else support.cell(kind)) for kind, w in weights.items()
        }

    def _derive_at(self, temperature: float, ahead: float | None = None) -> Genotype:
        """The derived cells at ``temperature``; reads them, and those ``ahead``, unless they are known."""
        version = tuple(parameter._version for parameter in self.architecture.parameters())
        if self._version != version:  # loaded, say: what was derived is of another architecture
            self._version, self._derived = version, {}
        if temperature not in self._derived:
            asked = [temperature] if ahead is None else [temperature, ahead]
            found = self.architecture.derive_at(self.derivation, asked)
            self._derived = dict(zip(asked, found, strict=True))
        return self._derived[temperature]

    def weight_step(self, batch: Batch, mixtures: Mapping[str, Mixture]) -> StepOutcome:
        """SGD with clipping on the training loss, for the super-net's weights alone.

        Operations that were not computed have no gradient (None), so the optimiser leaves them as they are:
        no momentum, no weight decay. The same holds for what an Engine-cell that is computed whole weighs with 0.
        """
        images, labels = batch
        mixtures = {kind: replace(m, weights=m.weights.detach()) for kind, m in mixtures.items()}
        with self.autocast or nullcontext():
            logits = self.supernet(images, self.genotype, mixtures)
        loss = F.cross_entropy(logits.float(), labels)
        self.weight_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.weights, self.clip)
        with nullcontext() if self._idle is None else self._idle.held():
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
