"""One step of first-order bilevel search: architecture on validation data, then weights on training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .architecture import Architecture, Derivation, Derived, Mixture, TransitCells, sparsity_pressure
from .fast.execute import Execute, directly
from .fast.idle_weights import IdleWeights, only_where_gradient
from .genotype import Genotype
from .network import SuperNet
from .space import CELL_KINDS

__all__ = ["Batch", "BilevelSearch", "StepOutcome"]

Batch = tuple[Tensor, Tensor]  # images (N, C, H, W), labels (N,)


@dataclass(frozen=True)
class StepOutcome:
    """Scalars of one step, still on the device, and the mixtures used in its weight step."""

    weight_loss: Tensor
    accuracy: Tensor  # on the training batch, 0 to 1
    gradient_norm: Tensor  # of the weights, before clipping
    mixtures: Mapping[str, Mixture]
    architecture_loss: Tensor | None = None  # None in a warm-up step


@dataclass
class BilevelSearch:
    """The super-net, its architecture, and their two optimisers, which share no parameters.

    ``genotype`` holds the derived cells, ``passed`` the sub-graph of them that the Transit-cells run (chosen by
    ``transit_cells``). Under "dst" ``sparse`` makes the Engine-cells compute only the support of q̂. This reads the
    support on the host at least once per step, which is free on a CPU. With ``sparse`` off they compute every
    operation and synchronise only in steps that derive. Both learn the same, up to rounding. Both optimisers must
    be prepared (:func:`prepare`).
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
    transit_cells: TransitCells = "derived"
    passed: Genotype = None  # type: ignore[assignment]  # default: the genotype

    def __post_init__(self) -> None:
        self.passed = self.passed or self.genotype
        self.decided: dict[str, float] = {}  # cell kind → temperature at which it was decided
        self.weights = list(self.supernet.parameters())  # collecting them again takes a tenth of a small step
        self._derived: dict[float, Derived] = {}  # by temperature, for the architecture at
        self._version: tuple[int, ...] = ()
        dense = self.derivation == "dst" and not self.sparse
        self._idle = IdleWeights(self.weights, self.weight_optimizer) if dense else None

    def step(
        self,
        training: Batch,
        validation: Batch | None,
        *,
        temperature: float,
        derive: bool = True,
        next_temperature: float | None = None,
        turn: int = -1,
    ) -> StepOutcome:
        """Take an architecture step, re-derive the cells (if ``derive``), and take a weight step.

        Without a ``validation`` batch (warm-up) the architecture and the derived cells stay as they are. If the
        host needs the support at ``next_temperature`` too, both are read in one synchronisation. ``turn`` selects
        the Engine-cells when they rotate. Raises ``FloatingPointError`` if the architecture is read and no longer
        finite.
        """
        reads_support = self.sparse and self.derivation == "dst"
        if not reads_support:
            next_temperature = None
        architecture_loss = None
        if validation is not None:
            support = self._derive_at(temperature).genotype if reads_support else None
            architecture_loss = self.execute(
                "architecture step",
                (self.passed, support, self.supernet.engines(turn)),
                lambda images, labels, tau: self._architecture_step((images, labels), tau, support, turn),
                *validation,
                temperature,
            ).clone()  # a replayed weight step may overwrite its memory
            self._derived.clear()
        derive = derive and validation is not None
        derived = self._derive_at(temperature, next_temperature) if derive or reads_support else None
        if derive and derived is not None:
            self._set_derived(derived, temperature)
        in_use = derived.genotype if derived is not None and reads_support else None
        outcome = self.execute(
            "weight step",
            (self.passed, in_use, self.supernet.engines(turn)),
            lambda images, labels, tau: self.weight_step((images, labels), self._mixtures(tau, in_use), turn),
            *training,
            temperature,
        )
        return replace(outcome, architecture_loss=architecture_loss)

    def derive(self, temperature: float) -> None:
        """Derive the cells, and the sub-graph that the Transit-cells run, without a step."""
        self._set_derived(self._derive_at(temperature), temperature)

    def _set_derived(self, derived: Derived, temperature: float) -> None:
        self.genotype, self.passed = derived.genotype, derived.passed_by(self.transit_cells)
        if self.derivation == "dst":
            for kind, cell in derived.strongest.cells:
                if kind not in self.decided and cell == derived.genotype.cell(kind):
                    self.decide(kind, temperature)

    def decide(self, kind: str, temperature: float) -> None:
        """Hold the temperature of ``kind``, whose cells are decided: no edge keeps several operations."""
        self.decided[kind] = temperature
        self.architecture.hold(kind, temperature)

    def architecture_step(self, batch: Batch, temperature: float, turn: int = -1) -> Tensor:
        """Update α and β alone with Adam on L_val + λ · pressure; return this loss.

        Elements of α and β whose gradient is exactly 0 stay as they are.
        """
        reads_support = self.sparse and self.derivation == "dst"
        support = self._derive_at(temperature).genotype if reads_support else None
        return self._architecture_step(batch, temperature, support, turn)

    def _architecture_step(
        self, batch: Batch, temperature: float | Tensor, support: Genotype | None, turn: int
    ) -> Tensor:
        images, labels = batch
        with _without_gradient(self.weights):  # so cells before the first Engine-cell build no graph
            mixtures = self._mixtures(temperature, support)
            with self.autocast or nullcontext():
                logits = self.supernet(images, self.passed, mixtures, turn)
            loss = F.cross_entropy(logits.float(), labels)
            if self.derivation == "dst":
                pressure = [sparsity_pressure(self.architecture.beta[kind]) for kind in CELL_KINDS]
                loss = loss + self.sparsity_weight * torch.stack(pressure).mean()
            self.architecture_optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        with only_where_gradient(self.architecture_optimizer):
            self.architecture_optimizer.step()
        return loss.detach()

    def _mixtures(self, temperature: float | Tensor, support: Genotype | None) -> dict[str, Mixture]:
        weights = self.architecture.weights(self.derivation, temperature)
        return {
            kind: Mixture(w, None if support is None else support.cell(kind)) for kind, w in weights.items()
        }

    def _derive_at(self, temperature: float, next_temperature: float | None = None) -> Derived:
        """Return the cells derived at ``temperature``, reading them (and at ``next_temperature``) unless cached."""
        tensors = (*self.architecture.parameters(), self.architecture.held)
        version = tuple(tensor._version for tensor in tensors)
        if self._version != version:  # changed, for example by loading a checkpoint
            self._version, self._derived = version, {}
        if temperature not in self._derived:
            temperatures = [temperature] if next_temperature is None else [temperature, next_temperature]
            found = self.architecture.derive_at(self.derivation, temperatures)
            self._derived = dict(zip(temperatures, found, strict=True))
        return self._derived[temperature]

    def weight_step(self, batch: Batch, mixtures: Mapping[str, Mixture], turn: int = -1) -> StepOutcome:
        """Update the super-net's weights alone with SGD and gradient clipping on the training loss.

        Operations that were not computed have no gradient (None), so the optimiser skips them: no momentum, no
        weight decay. In Engine-cells that compute every operation, the same holds for operations with weight 0.
        """
        images, labels = batch
        mixtures = {kind: replace(m, weights=m.weights.detach()) for kind, m in mixtures.items()}
        with self.autocast or nullcontext():
            logits = self.supernet(images, self.passed, mixtures, turn)
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
